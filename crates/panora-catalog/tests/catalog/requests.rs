//! Every request that the built-in files make, as it goes out: authorization, exchange, identity, refresh,
//! revocation, call.

use insta::assert_snapshot;
use panora_catalog::AuthorizeInput;

use crate::support::{built_in, client, life, oauth, secret, variables};

#[test]
fn requests_to_sandbox() {
    assert_snapshot!(life(&built_in("sandbox"), &variables(&[])), @r#"
    GET http://127.0.0.1:3000/sandbox/oauth/authorize?response_type=code&client_id=sandbox&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256&scope=contacts.read+contacts.write+profile

    POST http://127.0.0.1:3000/sandbox/oauth/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER&client_id=sandbox

    GET http://127.0.0.1:3000/sandbox/api/me
    Authorization: Bearer ACCESS
    Accept: application/json

    POST http://127.0.0.1:3000/sandbox/oauth/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH&client_id=sandbox

    POST http://127.0.0.1:3000/sandbox/oauth/revoke
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    token=REFRESH&client_id=sandbox

    ANY http://127.0.0.1:3000/sandbox/api/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn requests_to_hubspot() {
    assert_snapshot!(life(&built_in("hubspot"), &variables(&[])), @r#"
    GET https://app.hubspot.com/oauth/authorize?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256&scope=oauth+crm.objects.contacts.read+crm.objects.contacts.write+crm.objects.companies.read+crm.objects.companies.write+crm.objects.deals.read+crm.objects.deals.write&optional_scope=crm.objects.owners.read

    POST https://api.hubapi.com/oauth/2026-03/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER&client_id=client-id&client_secret=client+secret

    GET https://api.hubapi.com/account-info/v3/details
    Authorization: Bearer ACCESS
    Accept: application/json

    POST https://api.hubapi.com/oauth/2026-03/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH&client_id=client-id&client_secret=client+secret

    POST https://api.hubapi.com/oauth/2026-03/token/revoke
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    token=REFRESH&token_type_hint=refresh_token&client_id=client-id&client_secret=client+secret

    ANY https://api.hubapi.com/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn requests_to_github() {
    assert_snapshot!(life(&built_in("github"), &variables(&[])), @r#"
    GET https://github.com/login/oauth/authorize?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256&scope=repo+read%3Aorg+read%3Auser+user%3Aemail

    POST https://github.com/login/oauth/access_token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER&client_id=client-id&client_secret=client+secret

    GET https://api.github.com/user
    Accept: application/vnd.github+json
    X-GitHub-Api-Version: 2022-11-28
    Authorization: Bearer ACCESS

    POST https://github.com/login/oauth/access_token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH&client_id=client-id&client_secret=client+secret

    DELETE https://api.github.com/applications/client-id/grant
    Accept: application/vnd.github+json
    X-GitHub-Api-Version: 2022-11-28
    Authorization: Basic Y2xpZW50LWlkOmNsaWVudCtzZWNyZXQ=
    Content-Type: application/json
    {"access_token":"ACCESS"}

    ANY https://api.github.com/things?limit=2
    Authorization: Bearer ACCESS
    Accept: application/vnd.github+json
    X-GitHub-Api-Version: 2022-11-28
    "#);
}

#[test]
fn requests_to_google_drive() {
    assert_snapshot!(life(&built_in("google_drive"), &variables(&[])), @r#"
    GET https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256&access_type=offline&prompt=consent&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdrive

    POST https://oauth2.googleapis.com/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER&client_id=client-id&client_secret=client+secret

    GET https://www.googleapis.com/drive/v3/about?fields=user
    Authorization: Bearer ACCESS
    Accept: application/json

    POST https://oauth2.googleapis.com/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH&client_id=client-id&client_secret=client+secret

    POST https://oauth2.googleapis.com/revoke
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    token=REFRESH

    ANY https://www.googleapis.com/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn requests_to_zendesk() {
    assert_snapshot!(life(&built_in("zendesk"), &variables(&[("subdomain", "acme")])), @r#"
    GET https://acme.zendesk.com/oauth/authorizations/new?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256&scope=read+write

    POST https://acme.zendesk.com/oauth/tokens
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER&expires_in=1800&client_id=client-id&client_secret=client+secret

    GET https://acme.zendesk.com/api/v2/users/me.json
    Authorization: Bearer ACCESS
    Accept: application/json

    POST https://acme.zendesk.com/oauth/tokens
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH&expires_in=1800&client_id=client-id&client_secret=client+secret

    DELETE https://acme.zendesk.com/api/v2/oauth/tokens/current.json
    Authorization: Bearer ACCESS
    Accept: application/json

    ANY https://acme.zendesk.com/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn requests_to_slack() {
    assert_snapshot!(life(&built_in("slack"), &variables(&[])), @r#"
    GET https://slack.com/oauth/v2/authorize?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&scope=channels%3Aread%2Cchannels%3Ahistory%2Cchat%3Awrite%2Cusers%3Aread

    POST https://slack.com/api/oauth.v2.access
    Accept: application/json
    Authorization: Basic Y2xpZW50LWlkOmNsaWVudCtzZWNyZXQ=
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback

    POST https://slack.com/api/auth.test
    Authorization: Bearer ACCESS
    Accept: application/json

    POST https://slack.com/api/oauth.v2.access
    Accept: application/json
    Authorization: Basic Y2xpZW50LWlkOmNsaWVudCtzZWNyZXQ=
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH

    POST https://slack.com/api/auth.revoke
    Authorization: Bearer ACCESS
    Accept: application/json

    ANY https://slack.com/api/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn requests_to_linear() {
    assert_snapshot!(life(&built_in("linear"), &variables(&[])), @r#"
    GET https://linear.app/oauth/authorize?response_type=code&client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&state=STATE&code_challenge=CHALLENGE&code_challenge_method=S256&prompt=consent&scope=read%2Cwrite

    POST https://api.linear.app/oauth/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=authorization_code&code=CODE&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fconnections%2Foauth%2Fcallback&code_verifier=VERIFIER&client_id=client-id&client_secret=client+secret

    POST https://api.linear.app/graphql
    Authorization: Bearer ACCESS
    Accept: application/json
    Content-Type: application/json
    {"query":"{ viewer { id name email } organization { id name } }"}

    POST https://api.linear.app/oauth/token
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    grant_type=refresh_token&refresh_token=REFRESH&client_id=client-id&client_secret=client+secret

    POST https://api.linear.app/oauth/revoke
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    token=REFRESH&client_id=client-id&client_secret=client+secret

    ANY https://api.linear.app/things?limit=2
    Authorization: Bearer ACCESS
    "#);
}

#[test]
fn no_debug_output_holds_a_secret() {
    let provider = built_in("hubspot");
    let refresh =
        provider.refresh_request(&client(), &secret("REFRESH"), &variables(&[])).expect("it renders");
    let call = provider.call(&oauth(), &variables(&[]), "/x?key=SECRET", None).expect("it renders");
    let shown = format!("{refresh:?} {call:?} {:?} {:?}", client(), oauth());
    for hidden in ["REFRESH", "ACCESS", "SECRET", "client secret"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn a_person_is_never_asked_for_scopes_that_the_project_did_not_choose() {
    let provider = built_in("linear");
    let input = AuthorizeInput {
        client_id: "id",
        redirect_uri: "http://127.0.0.1:3000/back",
        state: "STATE",
        code_challenge: None,
        scopes: &["read".to_owned()],
        variables: &variables(&[]),
    };
    let url = provider.authorization_url(&input).expect("it renders");
    assert!(url.query_pairs().any(|pair| pair == ("scope".into(), "read".into())));
    assert!(!url.query_pairs().any(|(name, _)| name == "code_challenge"));
}

#[test]
fn a_revocation_that_needs_a_refresh_token_uses_the_access_token_where_there_is_none() {
    let provider = built_in("google_drive");
    let requests = provider.revocation_requests(&client(), &secret("ACCESS"), None, &variables(&[]));
    let body = requests.expect("it renders").remove(0).body.expect("it has one");
    assert_eq!(body, b"token=ACCESS");
}
