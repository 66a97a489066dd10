//! What works goes on working: neither a late job, nor a failed flow, nor an old token ends a connection that
//! stands.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Browser, Road, TestServer, Trouble, an_import, eventually, text};

const CONTACTS: &str = "/sandbox/api/contacts";
const ME: &str = "/sandbox/api/me";
const REVOKE: &str = "/sandbox/oauth/revoke";
const TOKEN: &str = "/sandbox/oauth/token";

async fn given() -> (Road, TestServer) {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    (road, server)
}

/// The tokens that the provider gave last.
fn last_grant(road: &Road) -> Value {
    let exchange = road.passed(TOKEN).pop().expect("an exchange");
    serde_json::from_slice(&exchange.answer).expect("JSON")
}

/// How often the provider was asked to end this grant.
fn times_given_back(road: &Road, grant: &Value) -> usize {
    let tokens = [text(&grant["access_token"]), text(&grant["refresh_token"])];
    let asks = |body: &[u8]| {
        let body = String::from_utf8_lossy(body);
        tokens.iter().any(|token| body.contains(token))
    };
    road.passed(REVOKE).iter().filter(|it| asks(&it.body)).count()
}

async fn is_given_back(road: &Road, grant: &Value) {
    let asked = || async { (times_given_back(road, grant) > 0).then_some(()) };
    eventually("a grant to be given back", asked).await;
}

/// Waits until every job promised so far has had its turn: jobs that are due are taken together, so when the
/// second of two later ones is done, all earlier ones are.
async fn jobs_have_run(road: &Road, server: &TestServer) {
    for _ in 0..2 {
        let later = server.connect_as("somebody-else", "initech").await;
        let grant = last_grant(road);
        server.delete(&format!("/connections/{}", later.id)).await.expect(200);
        is_given_back(road, &grant).await;
    }
}

/// Which token the provider saw in the last call of contacts.
fn last_used(road: &Road) -> String {
    let call = road.passed(CONTACTS).pop().expect("a call");
    call.headers["authorization"].to_str().expect("text").trim_start_matches("Bearer ").to_owned()
}

async fn status_of(server: &TestServer, id: &str) -> String {
    text(&server.get(&format!("/connections/{id}")).await.expect(200)["status"])
}

#[tokio::test]
async fn a_refresh_never_overwrites_a_renewal() {
    let (road, server) = given().await;
    let connected = server.connect("user-1").await;
    server.advance(Duration::from_mins(61));
    road.block_once(TOKEN, Trouble::Late);
    let call = json!({"method": "GET", "path": "/contacts?limit=1"});
    let renewal = async {
        road.holds_an_answer().await;
        assert_eq!(server.connect("user-1").await.token, connected.token);
        let granted = last_grant(&road);
        road.open(TOKEN);
        granted
    };
    let (answer, granted) = tokio::join!(server.passthrough(&connected.token, &call), renewal);
    answer.expect(200);
    assert_eq!(road.passed(TOKEN).len(), 3, "the refresh was answered last");
    server.passthrough(&connected.token, &call).await.expect(200);
    assert_eq!(last_used(&road), text(&granted["access_token"]));
}

#[tokio::test]
async fn a_revocation_that_comes_late_spares_the_account_connected_again() {
    let (road, server) = given().await;
    road.block(REVOKE, Trouble::Answer(503, &[], ""));
    let first = server.connect("user-1").await;
    let grant = last_grant(&road);
    server.delete(&format!("/connections/{}", first.id)).await.expect(200);
    is_given_back(&road, &grant).await;
    server.connect("user-1").await;
    road.open(REVOKE);
    server.advance(Duration::from_secs(15));
    jobs_have_run(&road, &server).await;
    assert_eq!(times_given_back(&road, &grant), 1, "only the try that the provider missed");
}

#[tokio::test]
async fn a_failed_identity_call_spares_the_standing_connection() {
    let (road, server) = given().await;
    server.connect("user-1").await;
    road.block(ME, Trouble::Answer(500, &[], "{}"));
    let page = Browser::new().connect(&server.link("user-1").await).await;
    page.assert_says(502, "Sandbox does not answer right now");
    let grant = last_grant(&road);
    road.open(ME);
    jobs_have_run(&road, &server).await;
    // Nobody knows whose it is, so it may be the one that the standing connection lives on.
    assert_eq!(times_given_back(&road, &grant), 0);
}

#[tokio::test]
async fn an_import_of_unknown_account_that_is_deleted_spares_the_same_person_s_connection() {
    let (_road, server) = given().await;
    server.connect("user-1").await;
    let import = server.import("user-1", json!({})).await;
    let deleted =
        server.delete(&format!("/connections/{}", text(&import["id_connection"]))).await.expect(200);
    assert_eq!(deleted["at_provider"], "skipped_shared");
}

#[tokio::test]
async fn a_grant_that_another_project_s_connection_lives_on_is_not_revoked_at_the_provider() {
    let (_road, server) = given().await;
    let other = server.another_project("other").await;
    let ours = server.connect("user-1").await;
    other.connect("their-user").await;
    let deleted = server.delete(&format!("/connections/{}", ours.id)).await.expect(200);
    assert_eq!(deleted["at_provider"], "skipped_shared");
}

/// Imports a fresh access token without a refresh token; a second time renews. The connection, and the token.
async fn without_refresh_token(road: &Road, server: &TestServer, status: u16) -> (Value, String) {
    server.connect("somebody").await;
    let access = text(&last_grant(road)["access_token"]);
    let body = json!({"credentials": {"access_token": access, "expires_in": 3600}, "verify": true});
    (server.post("/connections", &an_import("user-1", body)).await.expect(status), access)
}

#[tokio::test]
async fn a_call_refused_with_an_old_token_does_not_condemn_a_renewed_connection() {
    let (road, server) = given().await;
    let (connection, old) = without_refresh_token(&road, &server, 201).await;
    road.block_once(CONTACTS, Trouble::Closed);
    let renewal = async {
        road.wait_for(CONTACTS, 1).await;
        let (renewed, new) = without_refresh_token(&road, &server, 200).await;
        assert_eq!(renewed["id_connection"], connection["id_connection"]);
        assert_ne!(new, old);
        // The call that waits is refused: its token is the old one.
        road.open(CONTACTS);
        road.block_once(CONTACTS, Trouble::Answer(401, &[], "{}"));
        new
    };
    let (token, call) =
        (text(&connection["connection_token"]), json!({"method": "GET", "path": "/contacts"}));
    let (answer, new) = tokio::join!(server.passthrough(&token, &call), renewal);
    assert_eq!(answer.expect(200)["status"], 200);
    assert_eq!(last_used(&road), new);
    assert_eq!(status_of(&server, &text(&connection["id_connection"])).await, "valid");
}

#[tokio::test]
async fn a_401_of_one_path_does_not_condemn_a_token_that_the_provider_still_takes() {
    let (road, server) = given().await;
    let (connection, _) = without_refresh_token(&road, &server, 201).await;
    road.block(CONTACTS, Trouble::Answer(401, &[], "{}"));
    let call = json!({"method": "GET", "path": "/contacts"});
    let answer = server.passthrough(&text(&connection["connection_token"]), &call).await.expect(200);
    assert_eq!(answer["status"], 401);
    assert_eq!(status_of(&server, &text(&connection["id_connection"])).await, "valid");
}

#[tokio::test]
async fn a_token_that_the_provider_takes_nowhere_and_nothing_can_refresh_needs_the_person() {
    let (road, server) = given().await;
    let (connection, _) = without_refresh_token(&road, &server, 201).await;
    road.block(CONTACTS, Trouble::Answer(401, &[], "{}"));
    road.block(ME, Trouble::Answer(401, &[], "{}"));
    let call = json!({"method": "GET", "path": "/contacts"});
    server.passthrough(&text(&connection["connection_token"]), &call).await;
    assert_eq!(status_of(&server, &text(&connection["id_connection"])).await, "needs_reauth");
}

/// Calls contacts; whenever the call waits for the provider, time passes.
async fn patient_call(server: &TestServer, token: &str, meanwhile: impl Future<Output = ()>) -> Answer {
    let call = json!({"method": "GET", "path": "/contacts"});
    let time = async {
        meanwhile.await;
        eventually("nothing", || async {
            server.advance(Duration::from_secs(10));
            None::<()>
        })
        .await;
    };
    tokio::select! {
        answer = server.passthrough(token, &call) => answer,
        () = time => panic!("the call never ended"),
    }
}

#[tokio::test]
async fn a_call_is_not_repeated_once_its_connection_is_revoked() {
    let (road, server) = given().await;
    let connected = server.connect("user-1").await;
    road.block(CONTACTS, Trouble::Answer(429, &[("retry-after", "9")], "{}"));
    let revocation = async {
        road.wait_for(CONTACTS, 1).await;
        server.delete(&format!("/connections/{}", connected.id)).await.expect(200);
    };
    let answer = patient_call(&server, &connected.token, revocation).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text);
    assert_eq!(road.arrived(CONTACTS), 1);
}

#[tokio::test]
async fn a_call_is_repeated_once_whatever_the_second_answer_is() {
    let (road, server) = given().await;
    let connected = server.connect("user-1").await;
    road.block_once(CONTACTS, Trouble::Answer(429, &[("retry-after", "9")], "{}"));
    let refusal = async {
        road.wait_for(CONTACTS, 1).await;
        road.block(CONTACTS, Trouble::Answer(401, &[], "{}"));
    };
    let answer = patient_call(&server, &connected.token, refusal).await;
    assert_eq!((&answer.expect(200)["status"], road.arrived(CONTACTS)), (&json!(401), 2));
}
