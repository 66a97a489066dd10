//! A test: one attempt at one endpoint, of an event that never happened.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, Reply, TestServer, is_signed_with, text};

async fn given(settings: Value) -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, settings).await;
    (server, receiver, endpoint)
}

/// The answer to a test that was taken on.
async fn tested(server: &TestServer, endpoint: &Endpoint, body: Value) -> Value {
    server.post(&format!("/webhooks/{}/test", endpoint.id), &body).await.expect(201)
}

async fn example_of(server: &TestServer, kind: &str) -> Value {
    let types = server.get("/event_types").await.expect(200);
    let types =
        types.as_array().cloned().unwrap_or_else(|| types["data"].as_array().cloned().expect("a list"));
    types.iter().find(|it| it["name"] == kind).expect("a known type")["example"].clone()
}

#[tokio::test]
async fn a_test_is_answered_with_its_delivery_and_sent_signed() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let answer = tested(&server, &endpoint, json!({})).await;
    let shown = [&answer["status"], &answer["event_type"], &answer["test"], &answer["attempts"]];
    assert_eq!(shown, [&json!("pending"), &json!("webhook.test"), &json!(true), &json!([])]);
    let sent = receiver.next().await;
    assert!(is_signed_with(&sent, &endpoint.secret));
    assert_eq!((sent.id_event(), sent.event_type()), (text(&answer["id_event"]).as_str(), "webhook.test"));
    assert_eq!(*sent.data(), example_of(&server, "webhook.test").await);
    let delivered = server.delivery_is(&answer["id_delivery"], "delivered").await;
    assert_eq!(delivered["attempts"][0]["kind"], "test");
}

#[tokio::test]
async fn a_test_of_a_type_carries_that_type_s_example() {
    let (server, receiver, endpoint) = given(json!({})).await;
    tested(&server, &endpoint, json!({"type": "connection.created"})).await;
    let sent = receiver.next().await;
    assert_eq!(sent.event_type(), "connection.created");
    assert_eq!(*sent.data(), example_of(&server, "connection.created").await);
}

#[tokio::test]
async fn no_body_is_a_test_too_under_either_name() {
    let (server, receiver, endpoint) = given(json!({})).await;
    for path in ["webhook", "webhooks"] {
        server.post_raw(&format!("/{path}/{}/test", endpoint.id), "").await.expect(201);
    }
    receiver.wait_for(2).await;
}

#[tokio::test]
async fn a_test_of_an_unknown_type_or_field_is_refused() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let path = format!("/webhooks/{}/test", endpoint.id);
    for (body, pointer) in [
        (json!({"type": "connection.craeted"}), "/type"),
        (json!({"type": "connection.*"}), "/type"),
        (json!({"kind": "webhook.test"}), "/kind"),
    ] {
        server.post(&path, &body).await.assert_refused_at(pointer);
    }
    assert_eq!((server.deliveries(&endpoint).await.len(), receiver.arrived().len()), (0, 0));
}

#[tokio::test]
async fn only_an_endpoint_that_is_there_is_tested() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let path = format!("/webhooks/{}/test", endpoint.id);
    let other = server.another_project("other").await;
    other.post(&path, &json!({})).await.assert_problem(404, "not_found");
    server.delete(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
    server.post(&path, &json!({})).await.assert_problem(404, "not_found");
    assert!(receiver.arrived().is_empty());
}

#[tokio::test]
async fn a_test_minds_neither_scope_nor_state() {
    let (server, receiver, endpoint) = given(json!({"scope": ["connection.revoked"], "active": false})).await;
    let answer = tested(&server, &endpoint, json!({"type": "connection.created"})).await;
    assert_eq!(receiver.next().await.event_type(), "connection.created");
    server.delivery_is(&answer["id_delivery"], "delivered").await;
    // Only activation moves an inactive endpoint.
    server.endpoint_is(&endpoint, "inactive").await;
}

#[tokio::test]
async fn a_test_goes_to_no_other_endpoint() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let other = Receiver::start().await;
    server.endpoint(&other, &["*"]).await;
    tested(&server, &endpoint, json!({"type": "connection.created"})).await;
    receiver.next().await;
    server.import("user-1", json!({})).await;
    let first = other.next().await;
    assert_eq!(first.id_event(), receiver.next().await.id_event());
}

#[tokio::test]
async fn a_test_is_no_event_of_the_project() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let answer = tested(&server, &endpoint, json!({})).await;
    receiver.next().await;
    assert_eq!(server.count("/events").await, 0);
    server.get(&format!("/events/{}", text(&answer["id_event"]))).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_failed_test_is_not_tried_again() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.replies([Reply::Status(500)]);
    let answer = tested(&server, &endpoint, json!({})).await;
    let failed = server.delivery_is(&answer["id_delivery"], "failed").await;
    assert_eq!((&failed["cause"], &failed["tries"]), (&json!("test_failed"), &json!(0)));
    server.advance(Duration::from_hours(100));
    server.import("user-1", json!({})).await;
    let arrived = receiver.wait_for(2).await;
    assert_eq!((arrived.len(), arrived[1].event_type()), (2, "connection.created"));
}

#[tokio::test]
async fn failed_tests_say_nothing_against_the_endpoint() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let full =
        |status| Reply::Full(status, vec![("retry-after".to_owned(), "100".to_owned())], String::new());
    receiver.replies([Reply::Status(410), full(429), full(503)]);
    receiver.always(Reply::Status(500));
    for _ in 0..13 {
        let answer = tested(&server, &endpoint, json!({})).await;
        server.delivery_is(&answer["id_delivery"], "failed").await;
        server.advance(Duration::from_secs(10));
    }
    let shown = server.endpoint_is(&endpoint, "ok").await;
    assert_eq!((&shown["failures"], &shown["active"]), (&json!(0), &json!(true)));
    receiver.always(Reply::Status(200));
    server.import("user-1", json!({})).await;
    server.delivery_is(&server.deliveries(&endpoint).await[0]["id_delivery"], "delivered").await;
}

#[tokio::test]
async fn a_2xx_of_a_test_releases_a_held_endpoint() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": []})).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    tested(&server, &endpoint, json!({})).await;
    server.endpoint_is(&endpoint, "ok").await;
    let types: Vec<_> = receiver.wait_for(3).await.iter().map(|it| it.event_type().to_owned()).collect();
    assert_eq!(types, ["connection.created", "webhook.test", "connection.created"]);
}

#[tokio::test]
async fn a_test_repeated_with_its_key_is_one_test() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let path = format!("/webhooks/{}/test", endpoint.id);
    let first = server.post_once(&path, "key-1", &json!({})).await.expect(201);
    let second = server.post_once(&path, "key-1", &json!({})).await.expect(201);
    assert_eq!(first, second);
    let other = json!({"type": "connection.created"});
    server.post_once(&path, "key-1", &other).await.assert_problem(409, "idempotency_key_reused");
    server.delivery_is(&first["id_delivery"], "delivered").await;
    assert_eq!((server.deliveries(&endpoint).await.len(), receiver.arrived().len()), (1, 1));
}
