//! Kinds where what a person pastes is exchanged for a token.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use panora_catalog::{Credential, Provider, RefusalKind, Renewal};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{acme, built_in, carried_call, problems, secret, show, variables};

const FILE: &str = r##"slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth2_client_credentials
credentials:
  - {name: client_id, label: Client ID, secret: false}
  - {name: client_secret, label: Client secret}
token: {url: https://acme.example.com/token, client_auth: basic}
scopes: {default: [{name: people.read}, {name: teams.read}]}
api: {base_url: https://acme.example.com/api}
"##;

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), secret(value))).collect()
}

fn login(provider: &Provider, pairs: &[(&str, &str)]) -> String {
    let fields = fields(pairs);
    show(&provider.renewal_request(Renewal::Login(&fields), &variables(&[])).expect("it renders"))
}

#[test]
fn pasted_client_credentials_ask_for_a_token() {
    let provider = acme("client_credentials", FILE);
    assert_eq!(provider.token_type(), "oauth2");
    assert_snapshot!(login(&provider, &[("client_id", "me"), ("client_secret", "hush")]), @r#"
    POST https://acme.example.com/token
    Accept: application/json
    Authorization: Basic bWU6aHVzaA==
    Content-Type: application/x-www-form-urlencoded
    grant_type=client_credentials&scope=people.read+teams.read
    "#);
}

#[test]
fn calls_carry_the_token_and_never_the_client_secret() {
    let provider = acme("client_credentials_call", FILE);
    let typed = fields(&[("client_id", "me"), ("client_secret", "hush")]);
    let session = Credential::Session { access_token: secret("ACCESS"), fields: typed };
    let call = carried_call(&provider, &session, &variables(&[]), "/people", None).expect("it renders");
    assert_eq!(call.fixed_headers, [("Authorization".to_owned(), "Bearer ACCESS".to_owned())]);
    let fields = Credential::Fields(BTreeMap::new());
    assert!(
        carried_call(&provider, &fields, &variables(&[]), "/people", None).is_err(),
        "without a token there is no call"
    );
}

#[test]
fn a_refused_login_is_for_the_person_to_mend_and_trouble_is_not() {
    let provider = acme("refused_login", FILE);
    let kind =
        |status, body: Value| provider.read_token_answer(status, &body, 0).expect_err("it is refused").kind;
    assert_eq!(kind(401, json!({"error": "invalid_client"})), RefusalKind::GrantLost);
    assert_eq!(kind(401, Value::Null), RefusalKind::GrantLost);
    assert_eq!(kind(503, Value::Null), RefusalKind::TryLater);
}

#[test]
fn each_kind_is_renewed_in_its_own_way_only() {
    let nobody = fields(&[]);
    let renewed = built_in("hubspot").renewal_request(Renewal::Login(&nobody), &variables(&[]));
    assert!(renewed.is_err(), "a code cannot be logged in with");
    let renewed = acme("no_fields", FILE).renewal_request(Renewal::Login(&nobody), &variables(&[]));
    assert!(renewed.is_err(), "without the client nothing can be asked for");
}

#[test]
fn a_login_that_lacks_a_part_or_has_a_foreign_one_is_refused() {
    let broken = [
        ("token: {url: https://acme.example.com/token, client_auth: basic}\n", ""),
        ("scopes: {default: [{name: people.read}, {name: teams.read}]}\n", ""),
        ("  - {name: client_secret, label: Client secret}\n", ""),
        ("oauth2_client_credentials", "two_step"),
        ("oauth2_client_credentials", "api_key"),
        ("api: {", "revocation: {requests: []}\napi: {"),
        ("client_auth: basic", "parameters: {x: \"{password}\"}"),
    ];
    let problems = problems("login", FILE, &broken);
    assert_snapshot!(problems.join("\n"), @r#"
    1: oauth2_client_credentials needs `token`
    1: oauth2_client_credentials needs `scopes` (`default: []` for none)
    8: the credentials of oauth2_client_credentials need `client_secret`
    1: two_step takes no `scopes`
    8: credential `client_id` is sent nowhere: name it in api.headers, api.query or api.basic
    8: variable `client_id`: take a name of a-z, 0-9, _ that is none of ["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"]
    9: variable `client_secret`: take a name of a-z, 0-9, _ that is none of ["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"]
    1: api_key takes no `token` and no `scopes`
    8: credential `client_id` is sent nowhere: name it in api.headers, api.query or api.basic
    8: variable `client_id`: take a name of a-z, 0-9, _ that is none of ["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"]
    9: variable `client_secret`: take a name of a-z, 0-9, _ that is none of ["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"]
    1: oauth2_client_credentials takes no `revocation`
    10: `{password}` is not known here; known are {client_id}, {client_secret}, {public_url}: declare others under `variables`
    "#);
}
