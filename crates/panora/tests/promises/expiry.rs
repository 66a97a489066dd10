//! Expiry: what is still open 30 days after its event has failed, and one event an hour tells of an endpoint's.

use std::time::Duration;

use panora::accounts::{Query, verify};
use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, TestServer, eventually};

const DAY: Duration = Duration::from_hours(24);

/// A server with an endpoint that takes nothing, and one that is told of it.
async fn given() -> (TestServer, Receiver, Endpoint) {
    let (server, told) = (TestServer::start().await, Receiver::start().await);
    let inactive = server.endpoint_with(&told, json!({"scope": ["connection.*"], "active": false})).await;
    server.endpoint(&told, &["webhook.delivery_failed"]).await;
    (server, told, inactive)
}

/// Waits until the endpoint's deliveries have these states and causes, newest first.
async fn eventually_are(server: &TestServer, endpoint: &Endpoint, expected: &[(&str, Value)]) {
    eventually(&format!("{expected:?}"), || async {
        // A pass that has just ended does not notice time that was let pass before it began to wait.
        server.advance(Duration::from_mins(1));
        let deliveries = server.deliveries(endpoint).await;
        let mut found = Vec::new();
        for it in &deliveries {
            let id = it["id_delivery"].as_str().expect("an id");
            let cause = format!("SELECT COUNT(*) FROM deliveries WHERE id = '{id}' AND cause = 'expired'");
            found.push((it["status"].clone(), server.database().number(&cause).await == 1));
        }
        let wanted: Vec<_> =
            expected.iter().map(|(status, cause)| (json!(status), cause == "expired")).collect();
        (found == wanted).then_some(())
    })
    .await;
    let accounts = verify(&server.app().store, &Query::default()).await.expect("they can be read");
    assert!(accounts.are_complete(), "{accounts:?}");
}

/// Lets time pass until so many were told; the count that the last one tells.
async fn told_in_time(server: &TestServer, told: &Receiver, count: usize) -> Value {
    eventually(&format!("{count} to be told"), || async {
        server.advance(Duration::from_mins(1));
        let arrived = told.arrived();
        (arrived.len() == count).then(|| arrived[count - 1].data()["count"].clone())
    })
    .await
}

#[tokio::test]
async fn what_is_open_for_30_days_has_failed_and_one_event_tells_how_many() {
    let (server, told, inactive) = given().await;
    for number in 0..3 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    server.advance(DAY);
    server.import("young", json!({})).await;
    server.advance(DAY * 59 / 2);
    let expired = ("failed", json!("expired"));
    let young = ("waiting", Value::Null);
    eventually_are(&server, &inactive, &[young, expired.clone(), expired.clone(), expired]).await;
    let event = told.next().await;
    let data = event.data();
    assert_eq!((&data["cause"], &data["count"]), (&json!("expired"), &json!(3)), "{data}");
    assert_eq!(data["id_webhook_endpoint"], inactive.id.as_str());
}

#[tokio::test]
async fn of_an_endpoint_one_event_an_hour_tells() {
    let (server, told, inactive) = given().await;
    server.import("user-1", json!({})).await;
    server.import("user-2", json!({})).await;
    server.advance(Duration::from_mins(30));
    server.import("user-3", json!({})).await;
    server.advance(29 * DAY + Duration::from_mins(24 * 60 - 15));
    assert_eq!(told_in_time(&server, &told, 1).await, 2);
    server.advance(Duration::from_mins(20));
    let expired = ("failed", json!("expired"));
    eventually_are(&server, &inactive, &[expired.clone(), expired.clone(), expired]).await;
    // Of the third nobody was told yet.
    assert_eq!(server.database().number("SELECT CAST(SUM(count) AS BIGINT) FROM expiries").await, 1);
    assert_eq!(told.arrived().len(), 1);
    server.advance(Duration::from_mins(50));
    assert_eq!(told_in_time(&server, &told, 2).await, 1);
    server.advance(Duration::from_mins(90));
    eventually("nothing to be remembered", || async {
        server.advance(Duration::from_mins(1));
        (server.database().number("SELECT COUNT(*) FROM expiries").await == 0).then_some(())
    })
    .await;
    assert_eq!(told.arrived().len(), 2);
}

#[tokio::test]
async fn what_is_being_sent_waits_for_the_next_pass() {
    let (server, told, inactive) = given().await;
    server.import("in flight", json!({})).await;
    let lease = server.app().clock.now().plus(40 * DAY).millis();
    let sql = format!("UPDATE deliveries SET lease_owner = 'another node', due_at = {lease}");
    server.database().execute(&sql).await;
    server.import("idle", json!({})).await;
    server.advance(31 * DAY);
    let expired = ("failed", json!("expired"));
    eventually_are(&server, &inactive, &[expired.clone(), ("waiting", Value::Null)]).await;
    assert_eq!(told.next().await.data()["count"], 1);
    server.advance(10 * DAY);
    eventually_are(&server, &inactive, &[expired.clone(), expired]).await;
}

#[tokio::test]
async fn of_deliveries_of_webhook_events_and_of_tests_nobody_is_told() {
    let (server, told, inactive) = given().await;
    for _ in 0..2 {
        server.import("user", json!({})).await;
    }
    server.import("told", json!({})).await;
    let (first, second) = ("ORDER BY id LIMIT 1", "ORDER BY id LIMIT 1 OFFSET 1");
    let change = async |sql: String| assert_eq!(server.database().execute(&sql).await, 1, "{sql}");
    change(format!("UPDATE events SET type = 'webhook.held' WHERE id IN (SELECT id FROM events {first})"))
        .await;
    change(format!("UPDATE deliveries SET state = 'test' WHERE id IN (SELECT id FROM deliveries {second})"))
        .await;
    server.advance(31 * DAY);
    eventually("all to end", || async {
        server.advance(Duration::from_mins(1));
        let failed = "SELECT COUNT(*) FROM deliveries WHERE state = 'failed' AND cause = 'expired'";
        (server.database().number(failed).await == 3).then_some(())
    })
    .await;
    assert_eq!(told.next().await.data()["count"], 1);
    assert_eq!(server.deliveries(&inactive).await.len(), 3);
}

#[tokio::test]
async fn what_a_recovery_has_restarted_expires_30_days_after_that() {
    let (server, _told, inactive) = given().await;
    server.import("old", json!({})).await;
    server.advance(DAY * 31);
    let expired = ("failed", json!("expired"));
    eventually_are(&server, &inactive, std::slice::from_ref(&expired)).await;
    let recover = format!("/webhooks/{}/recover", inactive.id);
    server.post(&recover, &json!({"since": "2020-01-01T00:00:00Z"})).await.expect(201);
    eventually_are(&server, &inactive, &[("waiting", Value::Null)]).await;
    // Another pass sees it, and one that is young.
    server.advance(DAY * 29);
    server.import("young", json!({})).await;
    eventually_are(&server, &inactive, &[("waiting", Value::Null), ("waiting", Value::Null)]).await;
    server.advance(DAY * 2);
    eventually_are(&server, &inactive, &[("waiting", Value::Null), expired]).await;
}
