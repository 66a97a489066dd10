//! Events about endpoints: told to the others, never to the one they are about, and never about themselves.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Delivery, Endpoint, Receiver, Reply, TestServer, eventually, text};

/// A server with an endpoint that is watched, and somebody who hears of it.
async fn given(settings: Value) -> (TestServer, Receiver, Endpoint, Receiver) {
    let (server, receiver, watcher) =
        (TestServer::start().await, Receiver::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, settings).await;
    server.endpoint(&watcher, &["webhook.*"]).await;
    (server, receiver, endpoint, watcher)
}

/// The same with the endpoint held.
async fn held() -> (TestServer, Receiver, Endpoint, Receiver) {
    let given = given(json!({"retry_schedule": []})).await;
    given.1.replies([Reply::Status(500)]);
    given.0.import("user-1", json!({})).await;
    given.0.endpoint_is(&given.2, "held").await;
    given
}

/// Checks that an event has the fields of its type, no more and no fewer, and is about this endpoint.
async fn assert_documented(server: &TestServer, told: &Delivery, endpoint: &Endpoint, receiver: &Receiver) {
    let types = server.get("/event_types").await.expect(200);
    let types =
        types.as_array().cloned().unwrap_or_else(|| types["data"].as_array().cloned().expect("a list"));
    let shape = types.iter().find(|it| it["name"] == told.event_type()).expect("a known type");
    let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let (mut given, mut documented) = (names(told.data()), names(&shape["example"]));
    given.sort_unstable();
    documented.sort_unstable();
    assert_eq!(given, documented, "{}", told.event);
    assert_eq!(told.data()["id_webhook_endpoint"], json!(endpoint.id));
    assert_eq!(told.data()["url"], json!(receiver.url()));
}

#[tokio::test]
async fn others_hear_that_an_endpoint_is_held() {
    let (server, receiver, endpoint, watcher) = held().await;
    let told = watcher.first("webhook.held").await;
    assert_documented(&server, &told, &endpoint, &receiver).await;
    let shown = server.get(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
    assert_eq!((&told.data()["reason"], &told.data()["failures"]), (&json!("tries_spent"), &json!(1)));
    assert_eq!(told.data()["since"], shown["held_since"]);
    assert_eq!(told.data()["next_probe_at"], shown["next_probe_at"]);
}

#[tokio::test]
async fn others_hear_that_an_endpoint_has_recovered() {
    let (server, receiver, endpoint, watcher) = held().await;
    let since = server.get(&format!("/webhooks/{}", endpoint.id)).await.expect(200)["held_since"].clone();
    server.advance(Duration::from_secs(37));
    let told = watcher.first("webhook.recovered").await;
    assert_documented(&server, &told, &endpoint, &receiver).await;
    assert_eq!(told.data()["held_since"], since);
}

#[tokio::test]
async fn others_hear_that_an_endpoint_is_gone() {
    let (server, receiver, endpoint, watcher) = given(json!({})).await;
    receiver.replies([Reply::Status(410)]);
    server.import("user-1", json!({})).await;
    let told = watcher.first("webhook.disabled").await;
    assert_documented(&server, &told, &endpoint, &receiver).await;
    assert_eq!(told.data()["reason"], "gone");
    assert_eq!(told.data()["id_delivery"], server.only_delivery(&endpoint).await["id_delivery"]);
}

#[tokio::test]
async fn others_hear_that_a_delivery_has_failed() {
    let (server, receiver, endpoint, watcher) = given(json!({"retry_schedule": [1]})).await;
    let failed = server.failed_delivery(&endpoint, &receiver).await;
    let told = watcher.first("webhook.delivery_failed").await;
    assert_documented(&server, &told, &endpoint, &receiver).await;
    let data = told.data();
    assert_eq!((&data["id_delivery"], &data["id_event"]), (&failed["id_delivery"], &failed["id_event"]));
    assert_eq!((&data["cause"], &data["count"]), (&json!("tries_spent"), &json!(1)));
}

#[tokio::test]
async fn an_endpoint_hears_nothing_about_itself() {
    let (server, receiver, endpoint, watcher) = held().await;
    server.advance(Duration::from_secs(37));
    watcher.first("webhook.recovered").await;
    server.endpoint_is(&endpoint, "ok").await;
    server.import("user-2", json!({})).await;
    let arrived = receiver.wait_for(3).await;
    assert!(arrived.iter().all(|it| it.event_type() == "connection.created"), "{arrived:?}");
    assert_eq!(server.deliveries(&endpoint).await.len(), 2);
}

#[tokio::test]
async fn a_failing_delivery_of_a_notice_raises_no_notice() {
    let (server, receiver, watcher) =
        (TestServer::start().await, Receiver::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, json!({"retry_schedule": []})).await;
    let failing = server.endpoint_with(&watcher, json!({"scope": ["webhook.*"], "retry_schedule": []})).await;
    receiver.replies([Reply::Status(500)]);
    watcher.always(Reply::Status(500));
    server.import("user-1", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    server.endpoint_is(&failing, "held").await;
    let told = eventually("the events", || async {
        let told = server.get("/events?type=webhook.held").await.expect(200);
        told.as_array().cloned().filter(|told| !told.is_empty())
    })
    .await;
    let about: Vec<_> = told.iter().map(|it| text(&it["data"]["id_webhook_endpoint"])).collect();
    assert_eq!(about, [endpoint.id]);
}
