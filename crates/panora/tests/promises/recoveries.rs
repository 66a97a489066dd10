//! A recovery: what an endpoint has missed is sent again, and nothing else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, Reply, TestServer, eventually, text};

const EVER: &str = "2020-01-01T00:00:00.000Z";

async fn given(settings: Value) -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, settings).await;
    (server, receiver, endpoint)
}

fn path(endpoint: &Endpoint) -> String {
    format!("/webhooks/{}/recover", endpoint.id)
}

/// The recovery, once it is done.
async fn recovered(server: &TestServer, endpoint: &Endpoint, mut body: Value) -> Value {
    if body["since"].is_null() {
        body["since"] = EVER.into();
    }
    let begun = server.post(&path(endpoint), &body).await.expect(201);
    let path = format!("/recoveries/{}", text(&begun["id_recovery"]));
    eventually("the recovery to be done", || async {
        let shown = server.get(&path).await.expect(200);
        (shown["status"] == "done").then_some(shown)
    })
    .await
}

/// Cancels whatever is open there.
async fn discard(server: &TestServer, endpoint: &Endpoint) {
    let body = json!({"before": "2100-01-01T00:00:00Z"});
    server.post(&format!("/webhooks/{}/discard", endpoint.id), &body).await.expect(200);
}

#[tokio::test]
async fn a_recovery_is_answered_201_and_can_be_watched() {
    let (server, _receiver, endpoint) = given(json!({"rate_limit": 20})).await;
    let begun =
        server.post(&path(&endpoint), &json!({"since": "2026-01-31T10:30:00+01:00"})).await.expect(201);
    let expected = json!({
        "id_recovery": begun["id_recovery"],
        "id_webhook_endpoint": endpoint.id,
        "status": "running",
        "since": "2026-01-31T09:30:00.000Z",
        "until": null,
        "types": ["*"],
        "statuses": ["failed"],
        "rate": 20,
        "recovered": 0,
        "created_at": begun["created_at"],
        "ended_at": null,
    });
    assert_eq!(begun, expected);
    let done = recovered(&server, &endpoint, json!({})).await;
    assert_eq!((&done["recovered"], done["ended_at"].is_string()), (&json!(0), true));
}

#[tokio::test]
async fn a_failed_delivery_gets_a_full_schedule() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": [1]})).await;
    let failed = server.failed_delivery(&endpoint, &receiver).await;
    receiver.replies([Reply::Status(500)]);
    assert_eq!(recovered(&server, &endpoint, json!({})).await["recovered"], 1);
    let again = server.attempted(&failed["id_delivery"], 3).await;
    let shown = [&again["status"], &again["tries"], &again["cause"], &again["ended_at"]];
    assert_eq!(shown, [&json!("pending"), &json!(1), &Value::Null, &Value::Null]);
    server.advance(Duration::from_secs(2));
    let delivered = server.delivery_is(&failed["id_delivery"], "delivered").await;
    assert_eq!(delivered["tries"], 2);
}

#[tokio::test]
async fn unless_named_only_failed_ones_are_recovered() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": [1]})).await;
    server.failed_delivery(&endpoint, &receiver).await;
    server.put(&format!("/webhooks/{}", endpoint.id), &json!({"active": false})).await.expect(200);
    server.import("cancelled", json!({})).await;
    discard(&server, &endpoint).await;
    assert_eq!(recovered(&server, &endpoint, json!({})).await["recovered"], 1);
    let statuses: Vec<_> = server.deliveries(&endpoint).await.iter().map(|it| text(&it["status"])).collect();
    assert_eq!(statuses, ["cancelled", "delivered", "waiting"]);
}

#[tokio::test]
async fn a_cancelled_delivery_is_recovered_when_named() {
    let (server, receiver, endpoint) = given(json!({"active": false})).await;
    server.import("user-1", json!({})).await;
    discard(&server, &endpoint).await;
    server.put(&format!("/webhooks/{}", endpoint.id), &json!({"active": true})).await.expect(200);
    assert_eq!(recovered(&server, &endpoint, json!({"statuses": ["cancelled"]})).await["recovered"], 1);
    receiver.next().await;
    let delivered =
        server.delivery_is(&server.only_delivery(&endpoint).await["id_delivery"], "delivered").await;
    assert_eq!(delivered["cause"], Value::Null);
}

#[tokio::test]
async fn what_was_told_before_the_endpoint_was_made_is_missing_there() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let connection = server.import("user-1", json!({})).await;
    server.delete(&format!("/connections/{}", text(&connection["id_connection"]))).await.expect(200);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    // Events out of the endpoint's scope are not missing there.
    assert_eq!(recovered(&server, &endpoint, json!({"statuses": ["missing"]})).await["recovered"], 1);
    assert_eq!(receiver.next().await.data()["id_connection"], connection["id_connection"]);
    assert_eq!(server.delivery_after(&endpoint, 1).await["status"], "delivered");
    // It is there now.
    assert_eq!(recovered(&server, &endpoint, json!({"statuses": ["missing"]})).await["recovered"], 0);
}

#[tokio::test]
async fn a_delivered_delivery_is_sent_once_when_named() {
    let (server, receiver, endpoint) = given(json!({})).await;
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    assert_eq!(recovered(&server, &endpoint, json!({"statuses": ["delivered"]})).await["recovered"], 1);
    let after = server.attempted(&delivery["id_delivery"], 2).await;
    let shown = (&after["status"], &after["tries"], &after["attempts"][1]["kind"]);
    assert_eq!(shown, (&json!("delivered"), &json!(1), &json!("resend")));
    assert_eq!(receiver.arrived().len(), 2);
}

#[tokio::test]
async fn a_recovery_in_an_outage_leaves_the_retries_as_they_were() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.always(Reply::Status(500));
    server.import("user-1", json!({})).await;
    let before = server.delivery_after(&endpoint, 1).await;
    let all = json!({"statuses": ["failed", "cancelled", "missing", "delivered"]});
    assert_eq!(recovered(&server, &endpoint, all).await["recovered"], 0);
    assert_eq!(server.only_delivery(&endpoint).await, before);
}

#[tokio::test]
async fn an_inactive_endpoint_lets_what_was_recovered_wait() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": [1]})).await;
    let failed = server.failed_delivery(&endpoint, &receiver).await;
    let place = format!("/webhooks/{}", endpoint.id);
    server.put(&place, &json!({"active": false})).await.expect(200);
    assert_eq!(recovered(&server, &endpoint, json!({})).await["recovered"], 1);
    server.delivery_is(&failed["id_delivery"], "waiting").await;
    assert_eq!(receiver.arrived().len(), 3);
    server.put(&place, &json!({"active": true})).await.expect(200);
    server.delivery_is(&failed["id_delivery"], "delivered").await;
}

#[tokio::test]
async fn a_recovery_of_delivered_ones_waits_for_its_endpoint() {
    let (server, receiver, endpoint) = given(json!({})).await;
    server.import("user-1", json!({})).await;
    server.delivery_after(&endpoint, 1).await;
    let place = format!("/webhooks/{}", endpoint.id);
    server.put(&place, &json!({"active": false})).await.expect(200);
    let begun = json!({"since": EVER, "statuses": ["delivered"]});
    let begun = server.post(&path(&endpoint), &begun).await.expect(201);
    server.put(&place, &json!({"active": true})).await.expect(200);
    eventually("the recovery to be done", || async {
        server.advance(Duration::from_millis(100));
        let shown = server.get(&format!("/recoveries/{}", text(&begun["id_recovery"]))).await.expect(200);
        (shown["status"] == "done").then_some(())
    })
    .await;
    assert_eq!(receiver.wait_for(2).await.len(), 2);
}

#[tokio::test]
async fn types_narrow_a_recovery_with_wildcards() {
    let (server, receiver, endpoint) = given(json!({"active": false})).await;
    let connection = server.import("user-1", json!({})).await;
    server.delete(&format!("/connections/{}", text(&connection["id_connection"]))).await.expect(200);
    for (types, count) in [
        (json!(["webhook.*"]), 0),
        (json!(["connection.revoked"]), 1),
        (json!(["connection.*"]), 2),
        (json!(["connection.created", "connection.revoked"]), 2),
    ] {
        discard(&server, &endpoint).await;
        let body = json!({"statuses": ["cancelled"], "types": types});
        assert_eq!(recovered(&server, &endpoint, body).await["recovered"], count, "{types}");
    }
    assert!(receiver.arrived().is_empty());
}

#[tokio::test]
async fn a_recovery_begins_at_since_and_ends_before_until() {
    let (server, _receiver, endpoint) = given(json!({"active": false})).await;
    for number in 0..3 {
        server.import(&format!("user-{number}"), json!({})).await;
        server.advance(Duration::from_hours(1));
    }
    let events = server.get("/events").await.expect(200);
    let second = events[1]["created_at"].clone();
    let [newest, middle, oldest] = <[Value; 3]>::try_from(server.deliveries(&endpoint).await).expect("three");
    for (body, expected) in [
        (json!({"since": second}), vec![&middle, &newest]),
        (json!({"since": EVER, "until": second}), vec![&oldest]),
        (json!({"since": second, "until": events[0]["created_at"]}), vec![&middle]),
        (json!({"since": "2100-01-01T00:00:00Z"}), vec![]),
    ] {
        discard(&server, &endpoint).await;
        let mut body = body;
        body["statuses"] = json!(["cancelled"]);
        recovered(&server, &endpoint, body.clone()).await;
        let waiting = server.deliveries(&endpoint).await.into_iter().filter(|it| it["status"] == "waiting");
        let mut waiting: Vec<_> = waiting.map(|it| text(&it["id_delivery"])).collect();
        waiting.sort_unstable();
        let expected: Vec<_> = expected.iter().map(|it| text(&it["id_delivery"])).collect();
        assert_eq!(waiting, expected, "{body}");
    }
}

#[tokio::test]
async fn what_was_erased_is_not_recovered() {
    let (server, receiver, endpoint) = given(json!({"scope": ["connection.created"], "active": false})).await;
    let connection = server.import("user-1", json!({})).await;
    server.delete(&format!("/linked_users/{}", text(&connection["id_linked_user"]))).await.expect(200);
    assert_eq!(server.only_delivery(&endpoint).await["cause"], "erased");
    let all = json!({"statuses": ["failed", "cancelled", "missing", "delivered"]});
    assert_eq!(recovered(&server, &endpoint, all).await["recovered"], 0);
    assert!(receiver.arrived().is_empty());
}

#[tokio::test]
async fn an_event_about_an_endpoint_is_not_missing_there() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": []})).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    let told = eventually("webhook.held", || async {
        let told = server.get("/events?type=webhook.held").await.expect(200);
        told.as_array().is_some_and(|told| told.len() == 1).then_some(())
    });
    told.await;
    assert_eq!(recovered(&server, &endpoint, json!({"statuses": ["missing"]})).await["recovered"], 0);
    let later = Receiver::start().await;
    let other = server.endpoint(&later, &["webhook.held"]).await;
    assert_eq!(recovered(&server, &other, json!({"statuses": ["missing"]})).await["recovered"], 1);
    assert_eq!(later.next().await.data()["id_webhook_endpoint"], json!(endpoint.id));
}
