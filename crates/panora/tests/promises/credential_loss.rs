//! Credentials are lost when the provider says so of the grant, and by nothing else. A loss is told once, and so is the
//! end of it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::own_providers::ME;
use crate::support::{
    Answer, Instead, Receiver, Road, RotatingProvider, Rotation, TestServer, Trouble, an_import, eventually,
    text,
};

async fn given(rotation: Rotation) -> (RotatingProvider, TestServer, Receiver) {
    let provider = RotatingProvider::start(rotation).await;
    let server = provider.settings().await.start().await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["connection.*"]).await;
    (provider, server, receiver)
}

async fn import(server: &TestServer, body: Value) -> (String, String) {
    let made = server.import("user-1", body).await;
    (text(&made["id_connection"]), text(&made["connection_token"]))
}

async fn call(server: &TestServer, token: &str) -> Answer {
    server.passthrough(token, &json!({"method": "GET", "path": "/me"})).await
}

async fn status(server: &TestServer, id: &str) -> String {
    text(&server.get(&format!("/connections/{id}")).await.expect(200)["status"])
}

fn told(receiver: &Receiver, kind: &str) -> usize {
    receiver.arrived().iter().filter(|it| it.event_type() == kind).count()
}

#[tokio::test]
async fn no_trouble_of_the_provider_is_a_loss() {
    let (provider, server, receiver) = given(Rotation::Strict).await;
    let (id, token) = import(&server, provider.expired("acme")).await;
    let troubles = [
        Instead::new(500, "{}"),
        Instead::new(502, "<html>Bad Gateway</html>"),
        Instead::new(503, "{\"error\": \"temporarily_unavailable\"}").with("retry-after", "5"),
        Instead::new(429, "{}").with("retry-after", "2"),
        Instead::new(408, ""),
        Instead::new(200, "<html>We are down for tea</html>"),
        Instead::new(200, "{\"access_token\": "),
        Instead::new(403, "<html>Blocked</html>"),
        Instead::new(404, "{}"),
        Instead::new(302, ""),
        Instead::new(401, "{\"error\": \"invalid_client\"}"),
        Instead::new(400, "{\"error\": \"invalid_request\"}"),
    ];
    for trouble in troubles {
        provider.answers(Some(trouble));
        let answer = call(&server, &token).await;
        answer.assert_problem(502, "refresh_failed");
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(status(&server, &id).await, "valid", "{}", answer.text);
        server.advance(Duration::from_mins(7));
    }
    provider.answers(None);
    assert_eq!(call(&server, &token).await.expect(200)["status"], 200);
    assert_eq!(told(&receiver, "connection.needs_reauth"), 0);
}

#[tokio::test]
async fn a_loss_is_told_once_and_so_is_its_end() {
    let (provider, server, receiver) = given(Rotation::None).await;
    let (id, token) = import(&server, provider.expired("acme")).await;
    provider.end("acme", true);
    for answer in join_all((0..20).map(|_| call(&server, &token))).await {
        answer.assert_problem(409, "needs_reauth");
    }
    let refresh = format!("/connections/{id}/refresh");
    server.post_raw(&refresh, "").await.assert_problem(409, "needs_reauth");
    let event = receiver.first("connection.needs_reauth").await;
    assert_eq!(
        (event.data()["id_connection"].as_str(), event.data()["status"].as_str()),
        (Some(&*id), Some("needs_reauth"))
    );
    provider.end("acme", false);
    assert_eq!(server.post_raw(&refresh, "").await.expect(200)["status"], "valid");
    let event = receiver.first("connection.recovered").await;
    assert_eq!(event.data()["connection_token"], token.as_str());
    server.post_raw(&refresh, "").await.expect(200);
    assert_eq!(call(&server, &token).await.expect(200)["status"], 200);
    let told = ["connection.needs_reauth", "connection.recovered"].map(|kind| told(&receiver, kind));
    assert_eq!(told, [1, 1]);
}

#[tokio::test]
async fn what_is_lost_is_tried_again_though_nobody_asks() {
    let (provider, server, receiver) = given(Rotation::None).await;
    let (id, token) = import(&server, provider.expired("acme")).await;
    provider.end("acme", true);
    call(&server, &token).await.assert_problem(409, "needs_reauth");
    server.advance(Duration::from_mins(70));
    eventually("the record of a second try", || async {
        let tried = "SELECT COUNT(*) FROM connections WHERE refresh_failures = 2";
        (server.database().number(tried).await == 1).then_some(())
    })
    .await;
    provider.end("acme", false);
    server.advance(Duration::from_hours(7));
    receiver.first("connection.recovered").await;
    assert_eq!(status(&server, &id).await, "valid");
}

#[tokio::test]
async fn a_grant_that_stays_lost_is_left_alone_after_four_tries() {
    let (provider, server, receiver) = given(Rotation::None).await;
    let (_, token) = import(&server, provider.expired("acme")).await;
    provider.end("acme", true);
    call(&server, &token).await.assert_problem(409, "needs_reauth");
    for tries in 2..=5 {
        server.advance(Duration::from_hours(80));
        eventually("another try", || async { (provider.refreshes().len() == tries).then_some(()) }).await;
        let recorded = format!("SELECT COUNT(*) FROM connections WHERE refresh_failures = {tries}");
        eventually("its record", || async { (server.database().number(&recorded).await == 1).then_some(()) })
            .await;
    }
    let due = "SELECT COUNT(*) FROM connections WHERE refresh_due_at IS NOT NULL";
    assert_eq!((server.database().number(due).await, told(&receiver, "connection.needs_reauth")), (0, 1));
}

#[tokio::test]
async fn a_refusal_of_what_somebody_has_replaced_meanwhile_is_no_loss() {
    let (provider, server, receiver) = given(Rotation::Strict).await;
    let mut body = an_import("user-1", provider.granted("acme", 3600));
    body["verify"] = true.into();
    let made = server.post("/connections", &body).await.expect(201);
    let (id, token) = (text(&made["id_connection"]), text(&made["connection_token"]));
    server.advance(Duration::from_mins(61));
    provider.answers(Some(Instead::new(400, "{\"error\": \"invalid_grant\"}")));
    provider.hold();
    let renew = async {
        provider.holds_an_answer().await;
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(3);
        body["credentials"]["expires_at"] = at.to_string().into();
        server.post("/connections", &body).await.expect(200);
        provider.let_out();
    };
    let (answer, ()) = tokio::join!(call(&server, &token), renew);
    assert_eq!(answer.expect(200)["status"], 200);
    assert_eq!((&*status(&server, &id).await, told(&receiver, "connection.needs_reauth")), ("valid", 0));
}

#[tokio::test]
async fn where_the_provider_forgets_a_token_that_it_gave_the_one_before_it_serves() {
    let (provider, server, receiver) = given(Rotation::Forgiving).await;
    let (id, token) = import(&server, provider.expired("acme")).await;
    call(&server, &token).await.expect(200);
    provider.forget_last("acme");
    server.advance(Duration::from_mins(61));
    assert_eq!(call(&server, &token).await.expect(200)["status"], 200);
    assert_eq!(provider.refreshes(), ["refresh-acme-1", "refresh-acme-2", "refresh-acme-1"]);
    assert_eq!((&*status(&server, &id).await, told(&receiver, "connection.needs_reauth")), ("valid", 0));
}

#[tokio::test]
async fn a_verification_says_what_the_provider_says_and_moves_the_status() {
    let (provider, server, receiver) = given(Rotation::Strict).await;
    let (id, token) = import(&server, provider.granted("acme", 3600)).await;
    let verify = format!("/connections/{id}/verify");
    let found = server.post_raw(&verify, "").await.expect(200);
    assert_eq!((&found["verification"], &found["status"]), (&json!("good"), &json!("valid")));
    provider.refuses_calls(true);
    let found = server.post_raw(&verify, "").await.expect(200);
    assert_eq!(
        (&found["verification"], &found["status"]),
        (&json!("wrong_credentials"), &json!("needs_reauth"))
    );
    receiver.first("connection.needs_reauth").await;
    call(&server, &token).await.assert_problem(409, "needs_reauth");
    provider.refuses_calls(false);
    let found = server.post_raw(&verify, "").await.expect(200);
    assert_eq!((&found["verification"], &found["status"]), (&json!("good"), &json!("valid")));
    receiver.first("connection.recovered").await;
    assert_eq!(told(&receiver, "connection.needs_reauth"), 1);
}

#[tokio::test]
async fn a_verification_without_an_answer_changes_nothing() {
    let (provider, server, receiver) = given(Rotation::Strict).await;
    let (id, _) = import(&server, provider.expired("acme")).await;
    provider.answers(Some(Instead::new(503, "")));
    let found = server.post_raw(&format!("/connections/{id}/verify"), "").await.expect(200);
    assert_eq!((&found["verification"], &found["status"]), (&json!("provider_down"), &json!("valid")));
    assert_eq!(told(&receiver, "connection.needs_reauth"), 0);
}

#[tokio::test]
async fn a_verification_while_no_tokens_are_to_be_had_is_no_loss() {
    for trouble in [Instead::new(503, ""), Instead::new(401, "{\"error\": \"invalid_client\"}")] {
        let (provider, server, receiver) = given(Rotation::Strict).await;
        let (id, token) = import(&server, provider.granted("acme", 3600)).await;
        provider.refuses_calls(true);
        provider.answers(Some(trouble));
        let found = server.post_raw(&format!("/connections/{id}/verify"), "").await.expect(200);
        assert_eq!((&found["verification"], &found["status"]), (&json!("provider_down"), &json!("valid")));
        provider.refuses_calls(false);
        provider.answers(None);
        assert_eq!(call(&server, &token).await.expect(200)["status"], 200);
        assert_eq!(told(&receiver, "connection.needs_reauth"), 0);
    }
}

#[tokio::test]
async fn a_refused_verification_of_what_was_replaced_meanwhile_is_no_loss() {
    let (road, server) = crate::own_providers::given(Trouble::Answer(200, &[], "{\"id\": 7}")).await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["connection.*"]).await;
    let keyed = |key: &str| {
        let import = json!({"provider_slug": "keyed", "credentials": {"api_key": key}, "verify": true});
        an_import("user-1", import)
    };
    let made = server.post("/connections", &keyed("old")).await.expect(201);
    // The old one is refused, the next is taken.
    let (refuses, takes) = (Road::start().await, Road::start().await);
    takes.block(ME, Trouble::Answer(200, &[], "{\"id\": 7}"));
    refuses.block_once(ME, Trouble::Answer(401, &[], "{}"));
    refuses.leads_to(&takes.url);
    road.branch("/keyed", &refuses.url);
    road.block(ME, Trouble::Closed);
    let held = road.arrived(ME) + 1;
    let renew = async {
        road.wait_for(ME, held).await;
        road.block(ME, Trouble::Answer(200, &[], "{\"id\": 7}"));
        server.post("/connections", &keyed("new")).await.expect(200);
        road.open(ME);
    };
    let verify = format!("/connections/{}/verify", text(&made["id_connection"]));
    let (answer, ()) = tokio::join!(server.post_raw(&verify, ""), renew);
    let found = answer.expect(200);
    assert_eq!((&found["verification"], &found["status"]), (&json!("good"), &json!("valid")));
    assert_eq!((takes.arrived(ME), told(&receiver, "connection.needs_reauth")), (1, 0));
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_needs_the_person_until_it_is_taken_again() {
    let (road, server) = crate::own_providers::given(Trouble::Answer(200, &[], "{\"id\": 7}")).await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["connection.*"]).await;
    let made =
        server.import("user-1", json!({"provider_slug": "keyed", "credentials": {"api_key": "k"}})).await;
    let verify = format!("/connections/{}/verify", text(&made["id_connection"]));
    road.block(crate::own_providers::ME, Trouble::Answer(401, &[], "{}"));
    assert_eq!(server.post_raw(&verify, "").await.expect(200)["status"], "needs_reauth");
    road.block(crate::own_providers::ME, Trouble::Answer(500, &[], "{}"));
    let found = server.post_raw(&verify, "").await.expect(200);
    assert_eq!((&found["verification"], &found["status"]), (&json!("provider_down"), &json!("needs_reauth")));
    road.block(crate::own_providers::ME, Trouble::Answer(200, &[], "{\"id\": 7}"));
    assert_eq!(server.post_raw(&verify, "").await.expect(200)["status"], "valid");
    receiver.first("connection.recovered").await;
    assert_eq!(told(&receiver, "connection.needs_reauth"), 1);
}
