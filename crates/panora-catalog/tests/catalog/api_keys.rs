//! Providers with an API key, or a user name and password.

use insta::assert_snapshot;
use panora_catalog::{Credential, Provider, RenderError, Variables, Verification};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{acme, carried_call, oauth, show, variables};

fn fields(pairs: &[(&str, &str)]) -> Credential {
    Credential::Fields(
        pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect(),
    )
}

fn verify(provider: &Provider, credential: &Credential, variables: &Variables) -> String {
    show(&provider.verify_request(credential, variables).expect("it renders").expect("the file has one"))
}

/// Basic made of a constant suffix and a field, as help desks like it.
const BASIC: &str = r##"
slug: acme
name: Acme
verticals: [ticketing]
colour: "#000000"
docs: https://acme.example.com/
auth: basic
variables:
  - {name: subdomain, label: Address, pattern: "[a-z0-9-]+", suffix: .acme.example.com}
credentials:
  - {name: email, label: E-mail address, secret: false}
  - {name: api_token, label: API token}
api:
  base_url: https://{subdomain}.acme.example.com/api
  basic: {user: "{email}/token", password: "{api_token}"}
verify:
  request: {url: /me}
  wrong_tenant: [404]
"##;

/// A key in the query string, and an answer that is 200 whatever the key.
const QUERY: &str = r##"
slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: api_key
credentials:
  - {name: api_key, label: Key}
api:
  base_url: https://api.acme.example.com/v1
  query: {key: "{api_key}"}
  headers: {Accept: application/vnd.acme+json}
verify:
  request: {method: POST, url: "https://keys.acme.example.com/check?deep=1", body: '{"a":{}}'}
  expect: {at: /logged_in, is: true}
"##;

#[test]
fn basic_is_made_of_the_files_template() {
    let provider = acme("basic", BASIC);
    let credential = fields(&[("email", "ada@acme.example.com"), ("api_token", "p\u{e4}ss:word")]);
    assert_snapshot!(verify(&provider, &credential, &variables(&[("subdomain", "acme")])), @r#"
    GET https://acme.acme.example.com/api/me
    Authorization: Basic YWRhQGFjbWUuZXhhbXBsZS5jb20vdG9rZW46cMOkc3M6d29yZA==
    Accept: application/json
    "#);
    assert_eq!((provider.token_type(), provider.auth_kind().as_str()), ("basic", "basic"));
}

#[test]
fn a_key_in_the_query_is_sent_and_never_shown() {
    let provider = acme("query", QUERY);
    let credential = fields(&[("api_key", "K/E Y")]);
    assert_snapshot!(verify(&provider, &credential, &variables(&[])), @r#"
    POST https://keys.acme.example.com/check?deep=1&key=K%2FE+Y
    Accept: application/vnd.acme+json
    Content-Type: application/json
    {"a":{}}
    "#);
    let call = carried_call(&provider, &credential, &variables(&[]), "/x?a=1&key=mine&b=%2F", None)
        .expect("it renders");
    assert_eq!(call.shown_url.as_str(), "https://api.acme.example.com/v1/x?a=1&b=%2F");
    assert_eq!(call.url.as_str(), "https://api.acme.example.com/v1/x?a=1&b=%2F&key=K%2FE+Y");
    assert_eq!(call.default_headers, [("Accept".to_owned(), "application/vnd.acme+json".to_owned())]);
    assert!(call.fixed_headers.is_empty());
    assert_eq!(provider.credential_query_parameters().collect::<Vec<_>>(), ["key"]);
}

#[test]
fn the_form_asks_for_the_variables_and_then_the_credential() {
    let provider = acme("form", BASIC);
    let asked: Vec<_> =
        provider.questions().iter().map(|it| (it.name(), it.is_credential(), it.is_secret())).collect();
    assert_eq!(asked, [("subdomain", false, false), ("email", true, false), ("api_token", true, true)]);
}

#[test]
fn a_tried_key_says_which_thing_is_wrong() {
    let provider = acme("verdicts", BASIC);
    for (status, verdict) in [
        (200, Verification::Good),
        (401, Verification::WrongKey),
        (403, Verification::MissingPermission),
        (404, Verification::WrongTenant),
        (429, Verification::TryLater),
        (502, Verification::TryLater),
        (302, Verification::Unexplained),
    ] {
        assert_eq!(provider.read_verification(status, &Value::Null), verdict, "{status}");
    }
}

#[test]
fn a_good_status_is_not_enough_where_the_file_expects_more() {
    let provider = acme("expect", QUERY);
    assert_eq!(provider.read_verification(200, &json!({"logged_in": true})), Verification::Good);
    assert_eq!(provider.read_verification(200, &json!({"logged_in": false})), Verification::WrongKey);
    assert_eq!(provider.read_verification(200, &Value::Null), Verification::WrongKey);
}

#[test]
fn a_credential_of_another_kind_is_refused() {
    let provider = acme("kinds", QUERY);
    assert_eq!(provider.verify_request(&oauth(), &variables(&[])), Err(RenderError::WrongCredential));
    let missing = provider.verify_request(&fields(&[]), &variables(&[]));
    assert_eq!(missing, Err(RenderError::MissingVariable("api_key".to_owned())));
}
