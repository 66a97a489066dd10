//! What requests never hold, whatever the provider. Those that go out are shown by `lives.rs`.

use panora_catalog::AuthorizeInput;

use crate::support::{built_in, client, oauth, secret, variables};

#[test]
fn no_debug_output_holds_a_secret() {
    let provider = built_in("hubspot");
    let refresh =
        provider.refresh_request(&client(), &secret("REFRESH"), &variables(&[])).expect("it renders");
    let access = provider.access(&oauth(), &variables(&[])).expect("it renders");
    let call = provider.call(&access, "/x?key=SECRET", None).expect("it renders");
    let shown = format!("{refresh:?} {access:?} {call:?} {:?} {:?}", client(), oauth());
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
