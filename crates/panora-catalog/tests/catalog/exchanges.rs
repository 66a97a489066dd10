//! What goes beyond one exchange of a code: tokens that say their own end, a second exchange, signed callbacks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{acme, client, life, oauth_file, secret, show, variables};

const AT: i64 = 1_700_000_000_000;
const SIGNATURE: &str = "21b9dc72a4ab58fcde80b81fcef70bc9480283096d446066f4f925561044625f";

#[test]
fn a_jwt_says_when_it_ends_and_whose_it_is() {
    let file = oauth_file(
        r"
variables:
  - {name: company, from: {claim: /org/id}, pattern: '[0-9]+'}
authorization: {url: https://acme.example.com/authorize}
token:
  url: https://acme.example.com/token
  answers: [{access_token: /access_token, expires: {jwt: exp}}]
scopes: {default: []}
",
    );
    let provider = acme("jwt", &file);
    let token = |claims: &str| json!({"access_token": format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))});
    let grant = provider.read_token_answer(200, &token(r#"{"exp": 1700003600, "org": {"id": 7}}"#), AT);
    let grant = grant.expect("it is a grant");
    assert_eq!((grant.expires_at_ms, grant.kept["company"].as_str()), (Some(AT + 3_600_000), "7"));
    let opaque =
        provider.read_token_answer(200, &json!({"access_token": "opaque"}), AT).expect("it is a grant");
    assert_eq!(opaque.expires_at_ms, None);
    assert!(provider.read_token_answer(200, &token(r#"{"org": {"id": "evil.example"}}"#), AT).is_err());
}

#[test]
fn constants_of_any_type_are_sent_where_the_encoding_has_types() {
    let file = oauth_file(
        r"
authorization: {url: https://acme.example.com/authorize}
token: {url: https://acme.example.com/token, encoding: json, constants: {expiring: true, days: 30}}
refresh: {encoding: form, constants: {expiring: true}}
scopes: {default: []}
",
    );
    assert_snapshot!(life(&acme("constants", &file), &variables(&[])), @r#"
    GET https://acme.example.com/authorize?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256

    POST https://acme.example.com/token
    Accept: application/json
    Content-Type: application/json
    {"client_id":"client-id","client_secret":"client secret","code":"CODE","code_verifier":"VERIFIER","days":30,"expiring":true,"grant_type":"authorization_code","redirect_uri":"http://127.0.0.1:3000/connections/oauth/callback"}

    POST https://acme.example.com/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH&client_id=client-id&client_secret=client+secret&expiring=true

    ANY https://api.acme.example.com/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn a_first_token_may_be_exchanged_for_a_second() {
    let file = oauth_file(
        r#"
authorization: {url: https://acme.example.com/authorize}
token:
  url: https://acme.example.com/token
  then:
    method: GET
    url: https://graph.acme.example.com/access_token
    encoding: query
    parameters: {grant_type: longer, access_token: "{access_token}", client_secret: "{client_secret}"}
scopes: {default: []}
"#,
    );
    let provider = acme("then", &file);
    let request = provider.then_exchange(&client(), &secret("SHORT"), &variables(&[])).expect("it renders");
    assert_snapshot!(show(&request.expect("there is one")), @r#"
    GET https://graph.acme.example.com/access_token?access_token=SHORT&client_secret=client+secret&grant_type=longer
    Accept: application/json
    "#);
}

#[test]
fn a_signed_callback_is_believed_only_as_it_was_signed() {
    let file = oauth_file(
        r"
authorization: {url: https://acme.example.com/authorize, signature: {parameter: hmac}}
token: {url: https://acme.example.com/token}
scopes: {default: []}
",
    );
    let provider = acme("signed", &file);
    // echo -n 'code=C&host=aGk%3D&shop=north.acme.example.com' | openssl dgst -sha256 -hmac 'client secret'
    let signed = [("code", "C"), ("host", "aGk="), ("shop", "north.acme.example.com"), ("hmac", SIGNATURE)];
    let genuine = |pairs: &[(&str, &str)]| provider.callback_is_genuine(&client(), &variables(pairs));
    assert!(genuine(&signed));
    assert!(!genuine(&signed[..3]), "without a signature");
    assert!(!genuine(&[("code", "D"), signed[1], signed[2], signed[3]]), "with another code");
    assert!(
        !genuine(&[signed[0], signed[1], signed[2], signed[3], ("more", "1")]),
        "with one parameter more"
    );
    assert!(!genuine(&[signed[0], signed[1], signed[2], ("hmac", "zz")]), "with no hexadecimal number");
}
