//! Departures from RFC 6749 that providers are known for, each said by a file.

use insta::assert_snapshot;

use crate::support::{acme, life, oauth_file, problem, variables};

#[test]
fn parameters_may_have_other_names_and_other_values_or_be_left_out() {
    let file = oauth_file(
        r#"
variables:
  - {name: ru_name, from: app, label: RuName}
authorization:
  url: https://acme.example.com/#oauth/authorize
  names: {client_id: applicationId}
  parameters: {redirect_uri: "{ru_name}", response_type: null, audience: "for {client_id}"}
  pkce: {off: breaks}
token:
  url: https://acme.example.com/token
  encoding: json
  names: {client_id: applicationId, client_secret: applicationSecret, code: authorization_code}
  headers: {X-Version: "2"}
  parameters: {redirect_uri: "{ru_name}", grant_type: null}
scopes: {parameter: null, default: []}
"#,
    );
    assert_snapshot!(life(&acme("names", &file), &variables(&[("ru_name", "Acme-Ru")])), @r#"
    GET https://acme.example.com/#oauth/authorize?applicationId=client-id&state=STATE&audience=for+client-id&redirect_uri=Acme-Ru

    POST https://acme.example.com/token
    Accept: application/json
    X-Version: 2
    Content-Type: application/json
    {"applicationId":"client-id","applicationSecret":"client secret","authorization_code":"CODE","redirect_uri":"Acme-Ru"}

    POST https://acme.example.com/token
    Accept: application/json
    X-Version: 2
    Content-Type: application/json
    {"applicationId":"client-id","applicationSecret":"client secret","grant_type":"refresh_token","refresh_token":"REFRESH"}

    ANY https://api.acme.example.com/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn a_client_may_prove_itself_by_its_secret_alone_and_hidden_scopes_go_along() {
    let file = oauth_file(
        r#"
authorization: {url: "https://acme.example.com/authorize?prompt=login"}
token: {url: https://acme.example.com/token, client_auth: secret_as_user}
refresh: {client_auth: body, encoding: query, url: https://acme.example.com/refresh}
scopes:
  separator: ","
  default: [{name: read}, {name: write}]
  always: [offline_access, read]
  more: {user_scope: [admin], optional_scope: [read]}
"#,
    );
    assert_snapshot!(life(&acme("secret_as_user", &file), &variables(&[])), @r#"
    GET https://acme.example.com/authorize?prompt=login&response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256&scope=read%2Cwrite%2Coffline_access&user_scope=admin

    POST https://acme.example.com/token
    Accept: application/json
    Authorization: Basic Y2xpZW50IHNlY3JldDo=
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER

    POST https://acme.example.com/refresh?grant_type=refresh_token&refresh_token=REFRESH&client_id=client-id&client_secret=client+secret
    Accept: application/json

    ANY https://api.acme.example.com/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn a_token_may_be_renewed_by_itself() {
    let file = oauth_file(
        r#"
authorization: {url: https://acme.example.com/authorize}
token:
  url: https://acme.example.com/token
  answers: [{access_token: /access_token, refresh_token: /access_token}]
refresh:
  method: GET
  encoding: query
  parameters: {grant_type: exchange_token, refresh_token: null, exchange_token: "{refresh_token}"}
scopes: {default: []}
revocation:
  requests:
    - {url: https://acme.example.com/one, parameters: {token: "{refresh_token}"}}
    - {url: https://acme.example.com/two, client_auth: basic, parameters: {token: "{access_token}"}}
"#,
    );
    assert_snapshot!(life(&acme("itself", &file), &variables(&[])), @r#"
    GET https://acme.example.com/authorize?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256

    POST https://acme.example.com/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER&client_id=client-id&client_secret=client+secret

    GET https://acme.example.com/token?exchange_token=REFRESH&grant_type=exchange_token&client_id=client-id&client_secret=client+secret
    Accept: application/json

    POST https://acme.example.com/one
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    token=REFRESH

    POST https://acme.example.com/two
    Accept: application/json
    Authorization: Basic Y2xpZW50LWlkOmNsaWVudCtzZWNyZXQ=
    Content-Type: application/x-www-form-urlencoded
    token=ACCESS

    ANY https://api.acme.example.com/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn one_choice_may_swap_several_hosts() {
    let file = oauth_file(
        r"
variables:
  - {name: environment, from: app, label: Environment, one_of: [production, sandbox], default: production}
  - {name: host, from: {choice: environment}, values: {production: acme.example.com, sandbox: box.example.com}}
authorization: {url: 'https://{host}/authorize'}
token: {url: 'https://login.{host}/token'}
scopes: {default: []}
",
    );
    let provider = acme("choice", &file);
    let host = |pairs: &[(&str, &str)]| provider.authorization_host(&variables(pairs));
    assert_eq!(host(&[]).as_deref(), Some("acme.example.com"));
    assert_eq!(host(&[("environment", "sandbox")]).as_deref(), Some("box.example.com"));
    assert_eq!(host(&[("environment", "evil")]), None);
    assert_eq!(host(&[("host", "evil.example")]).as_deref(), Some("acme.example.com"));
    let lacking = file.replace(", sandbox: box.example.com", "");
    assert_snapshot!(problem("choice_lacks", &lacking), @r#"
    11: variable `host` needs one of `values` for each `one_of`, or each host, of a variable `environment`
    "#);
    let bad_host = file.replace("box.example.com", "box.example.com/x");
    assert_snapshot!(problem("choice_bad_host", &bad_host), @"11: `host` stands in a host, which `box.example.com/x` cannot be a part of");
}
