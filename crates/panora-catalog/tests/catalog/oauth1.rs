//! OAuth 1.0a: what its files may say, and which answers give tokens. Signatures are tried beside the code that makes them.

use insta::assert_snapshot;
use panora_catalog::{RefusalKind, read_form};
use secrecy::ExposeSecret;

use crate::support::{acme, problems, variables};

const FILE: &str = r##"slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth1
oauth1: {request_token_url: https://acme.example.com/request, access_token_url: https://acme.example.com/access}
authorization: {url: https://acme.example.com/authorize}
scopes: {default: []}
variables: [{name: user, from: {token: /screen_name}, pattern: "[a-z]+"}]
api: {base_url: https://acme.example.com}
"##;

#[test]
fn a_file_of_this_kind_says_nothing_that_would_not_be_heeded() {
    let broken = [
        ("oauth1: {", "token: {url: https://acme.example.com/}\noauth1: {"),
        ("scopes: {default: []}\n", ""),
        ("authorize}", "authorize, code_parameter: oauth_verifier}"),
        ("authorize}", "authorize, pkce: {off: none}}"),
        ("access}", "access, signature: RSA-SHA1}"),
        ("access}", "access, realm: \"{company}\"}"),
        ("https://acme.example.com/access", "\"https://{user}/access\""),
        ("auth: oauth1", "auth: oauth2_code"),
        (
            "scopes:",
            "revocation: {requests: [{url: https://acme.example.com/r, client_auth: body}]}\nscopes:",
        ),
        ("base_url:", "headers: {X: \"{access_token}\"}, base_url:"),
    ];
    let problems = problems("oauth1_", FILE, &broken);
    assert_snapshot!(problems.join("\n"), @"
    1: oauth1 takes no `token`: its URLs are in the section `oauth1`
    1: oauth1 needs `scopes` (`default: []` for none)
    8: the authorization of oauth1 has `url`, `parameters` and `names` only
    8: the authorization of oauth1 has `url`, `parameters` and `names` only
    7: `oauth1.signature` must be HMAC-SHA1, HMAC-SHA256 or PLAINTEXT, not `RSA-SHA1`
    7: `{company}` is not known here; known are {public_url}, {user}: declare others under `variables`
    7: `{user}` must be followed by the provider's domain, like .acme.com
    1: oauth2_code needs `token`
    1: oauth2_code takes no `oauth1`
    9: requests of oauth1 are signed: no `client_auth`
    11: `{access_token}` is not known here; known are {public_url}, {user}: declare others under `variables`
    ");
}

#[test]
fn a_request_token_that_is_not_bound_to_our_callback_is_none() {
    let provider = acme("oauth1_request", FILE);
    let read = |status, body: &str| provider.read_request_token(status, &read_form(body.as_bytes()));
    let token = read(200, "oauth_token=a%2Fb&oauth_token_secret=c%20d+e&oauth_callback_confirmed=true");
    let token = token.expect("it is whole");
    assert_eq!((token.token.as_str(), token.secret.expose_secret()), ("a/b", "c d e"));
    let kind = |status, body: &str| read(status, body).expect_err("it is refused").kind;
    assert_eq!(kind(200, "oauth_token=a&oauth_token_secret=b"), RefusalKind::Unusable);
    assert_eq!(kind(200, "oauth_token=a&oauth_callback_confirmed=true"), RefusalKind::Unusable);
    assert_eq!(
        kind(401, "oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true"),
        RefusalKind::ClientRefused
    );
    assert_eq!(kind(503, ""), RefusalKind::TryLater);
    assert_eq!(kind(302, "<html>"), RefusalKind::Unusable);
}

#[test]
fn an_access_token_comes_with_its_secret_and_what_the_file_keeps() {
    let provider = acme("oauth1_access", FILE);
    let read = |status, body: &str| provider.read_access_token(status, &read_form(body.as_bytes()));
    let grant = read(200, "oauth_token=a&oauth_token_secret=&screen_name=ada").expect("it is whole");
    assert_eq!(grant.access_token.expose_secret(), "a");
    assert_eq!(grant.token_secret.as_ref().map(ExposeSecret::expose_secret), Some(""));
    assert_eq!((grant.kept, grant.expires_at_ms), (variables(&[("user", "ada")]), None));
    let error = |status, body: &str| read(status, body).expect_err("it is refused").to_string();
    assert_eq!(error(401, "oauth_problem=token_expired"), "the provider refused: token_expired");
    assert_eq!(error(401, "Invalid token abc=1"), "the provider refused: http_401");
    assert_eq!(
        error(200, "oauth_token=a&oauth_token_secret=b&screen_name=A1"),
        "the provider refused: value_not_allowed"
    );
    let long = format!("oauth_token={}&oauth_token_secret=b", "a".repeat(20_000));
    assert_eq!(error(200, &long), "the provider refused: http_200");
}
