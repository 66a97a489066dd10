//! An endpoint's secrets: shown once, rotated with grace, and what they verify.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Receiver, TestServer, hex_signature, is_signed_with, text};

/// Nothing listens there.
const NOBODY: &str = "http://127.0.0.1:9/webhook";

#[tokio::test]
async fn the_secret_is_shown_at_creation_and_redacted_after() {
    let server = TestServer::start().await;
    let endpoint = server.post("/webhooks", &json!({"url": NOBODY, "scope": ["*"]})).await.expect(201);
    let path = format!("/webhooks/{}", text(&endpoint["id_webhook_endpoint"]));
    for answer in
        [server.get("/webhooks").await, server.get(&path).await, server.put(&path, &json!({})).await]
    {
        assert!(!answer.text.contains(&text(&endpoint["secret"])), "{}", answer.text);
        assert!(answer.text.contains("whsec_[redacted]"), "{}", answer.text);
    }
    let revealed = server.post_raw(&format!("{path}/reveal_secret"), "").await.expect(200);
    assert_eq!(revealed["secret"], endpoint["secret"]);
}

#[tokio::test]
async fn a_secret_may_be_brought_along() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let endpoint = server.endpoint_with(&receiver, json!({"secret": secret})).await;
    assert_eq!(endpoint.secret, secret);
    server.import("user-1", json!({})).await;
    assert!(is_signed_with(&receiver.next().await, secret));
}

#[tokio::test]
async fn a_secret_that_is_none_is_refused_and_not_repeated() {
    let server = TestServer::start().await;
    for secret in ["whsec_c2hvcnQ=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "whsec_***"] {
        let answer =
            server.post("/webhooks", &json!({"url": NOBODY, "scope": ["*"], "secret": secret})).await;
        answer.assert_refused_at("/secret");
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn both_secrets_sign_while_a_rotation_s_grace_lasts() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let rotate = format!("/webhooks/{}/rotate_secret", endpoint.id);
    let fresh = text(&server.post(&rotate, &json!({"grace_seconds": 3600})).await.expect(200)["secret"]);
    server.import("user-1", json!({})).await;
    let during = receiver.next().await;
    assert!(is_signed_with(&during, &endpoint.secret) && is_signed_with(&during, &fresh));
    server.advance(Duration::from_secs(3601));
    server.import("user-2", json!({})).await;
    let after = receiver.next().await;
    assert!(!is_signed_with(&after, &endpoint.secret) && is_signed_with(&after, &fresh));
}

#[tokio::test]
async fn a_rotation_without_grace_ends_the_old_secret_at_once() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let rotate = format!("/webhooks/{}/rotate_secret", endpoint.id);
    let fresh = text(&server.post(&rotate, &json!({"grace_seconds": 0})).await.expect(200)["secret"]);
    server.import("user-1", json!({})).await;
    let delivery = receiver.next().await;
    assert!(!is_signed_with(&delivery, &endpoint.secret) && is_signed_with(&delivery, &fresh));
}

#[tokio::test]
async fn a_grace_outside_its_bounds_is_refused() {
    let server = TestServer::start().await;
    let endpoint = server.post("/webhooks", &json!({"url": NOBODY, "scope": ["*"]})).await.expect(201);
    let rotate = format!("/webhooks/{}/rotate_secret", text(&endpoint["id_webhook_endpoint"]));
    for grace in [-1, 604_801] {
        server.post(&rotate, &json!({"grace_seconds": grace})).await.assert_refused_at("/grace_seconds");
    }
}

/// A delivery, its endpoint's secret, and the body that asks whether one fits the other.
async fn a_delivery(server: &TestServer) -> Value {
    let receiver = Receiver::start().await;
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    server
        .import("user-1", json!({"metadata": {"big": "9007199254740993", "tiny": 5e-324, "\u{10000}": null}}))
        .await;
    let delivery = receiver.next().await;
    json!({"payload": delivery.event, "signature": delivery.header("panora-signature"), "secret": endpoint.secret})
}

#[tokio::test]
async fn verify_event_answers_201_with_the_payload_of_a_delivery() {
    let server = TestServer::start().await;
    let body = a_delivery(&server).await;
    for path in ["/webhooks/verifyEvent", "/webhook/verifyEvent"] {
        assert_eq!(server.post(path, &body).await.expect(201), body["payload"]);
    }
}

#[tokio::test]
async fn verify_event_refuses_what_was_changed_and_tells_no_secret() {
    let server = TestServer::start().await;
    let good = a_delivery(&server).await;
    let signature = text(&good["signature"]);
    let seconds = signature.trim_start_matches("t=").split(',').next().expect("a timestamp").to_owned();
    let body = panora_signature::canonical_json(&good["payload"]);
    let expected = hex_signature(&text(&good["secret"]), &seconds, &body);
    let mut changed = good["payload"].clone();
    changed["type"] = "connection.revoked".into();
    for (field, value) in [
        ("payload", changed),
        ("signature", json!(signature.replace("v1=", "v1=0"))),
        ("signature", json!(signature.replace("v1=", "v2="))),
        ("signature", json!("")),
        ("secret", json!("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = server.post("/webhooks/verifyEvent", &body).await;
        answer.assert_problem(400, "invalid_signature");
        assert!(!answer.text.contains(&expected) && !answer.text.contains("whsec_"), "{}", answer.text);
    }
}

#[tokio::test]
async fn verify_event_refuses_a_delivery_that_is_301_seconds_old() {
    let server = TestServer::start().await;
    let body = a_delivery(&server).await;
    server.advance(Duration::from_secs(301));
    server.post("/webhooks/verifyEvent", &body).await.assert_problem(400, "invalid_signature");
}

#[tokio::test]
async fn verify_event_names_the_field_that_is_null() {
    let server = TestServer::start().await;
    let good = a_delivery(&server).await;
    for field in ["payload", "signature", "secret"] {
        let mut body = good.clone();
        body[field] = Value::Null;
        server.post("/webhooks/verifyEvent", &body).await.assert_refused_at(&format!("/{field}"));
    }
}
