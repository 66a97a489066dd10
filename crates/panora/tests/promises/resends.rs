//! A resend: one more attempt because a person asks for it. The automatic retries know nothing of it.

use serde_json::{Value, json};

use crate::support::{
    Database, Endpoint, PAST_LEASES, Process, Receiver, Reply, Settings, TestServer, free_port, text,
};

async fn given(settings: Value) -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, settings).await;
    (server, receiver, endpoint)
}

fn path(delivery: &Value) -> String {
    format!("/deliveries/{}/resend", text(&delivery["id_delivery"]))
}

fn kinds(delivery: &Value) -> Vec<String> {
    delivery["attempts"].as_array().expect("attempts").iter().map(|it| text(&it["kind"])).collect()
}

#[tokio::test]
async fn a_delivered_delivery_is_sent_once_more_and_uses_no_try() {
    let (server, receiver, endpoint) = given(json!({})).await;
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    let answer = server.post(&path(&delivery), &json!({})).await.expect(200);
    assert_eq!(answer["id_delivery"], delivery["id_delivery"]);
    let after = server.attempted(&delivery["id_delivery"], 2).await;
    assert_eq!(kinds(&after), ["try", "resend"]);
    assert_eq!((&after["status"], &after["tries"]), (&json!("delivered"), &json!(1)));
    assert_eq!(after["ended_at"], delivery["ended_at"]);
    let arrived = receiver.wait_for(2).await;
    assert!(arrived[0].body == arrived[1].body && arrived.len() == 2);
}

#[tokio::test]
async fn a_2xx_makes_a_failed_delivery_delivered() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": [1]})).await;
    let failed = server.failed_delivery(&endpoint, &receiver).await;
    server.post(&path(&failed), &json!({})).await.expect(200);
    let delivered = server.delivery_is(&failed["id_delivery"], "delivered").await;
    assert_eq!((&delivered["cause"], &delivered["tries"]), (&Value::Null, &json!(2)));
    assert!(text(&delivered["ended_at"]) > text(&failed["ended_at"]), "{delivered}");
}

#[tokio::test]
async fn a_failed_resend_leaves_a_failed_delivery_as_it_was() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": [1]})).await;
    let failed = server.failed_delivery(&endpoint, &receiver).await;
    receiver.replies([Reply::Status(500)]);
    server.post(&path(&failed), &json!({})).await.expect(200);
    let after = server.attempted(&failed["id_delivery"], 3).await;
    for field in ["status", "cause", "tries", "ended_at"] {
        assert_eq!(after[field], failed[field], "{field}");
    }
}

#[tokio::test]
async fn a_failed_resend_in_an_outage_leaves_the_retries_as_they_were() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.always(Reply::Status(500));
    server.import("user-1", json!({})).await;
    let before = server.delivery_after(&endpoint, 1).await;
    server.post(&path(&before), &json!({})).await.expect(200);
    let after = server.attempted(&before["id_delivery"], 2).await;
    assert_eq!(kinds(&after), ["try", "resend"]);
    for field in ["status", "tries", "next_attempt_at"] {
        assert_eq!(after[field], before[field], "{field}");
    }
}

#[tokio::test]
async fn a_failed_resend_keeps_what_was_released_due_at_once() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    let place = format!("/webhooks/{}", endpoint.id);
    server.put(&place, &json!({"active": false})).await.expect(200);
    receiver.replies([Reply::Status(500)]);
    server.post(&path(&delivery), &json!({})).await.expect(200);
    server.attempted(&delivery["id_delivery"], 2).await;
    // Its retry would be due in seconds: a release has it sent at once, without any of the clock's.
    server.put(&place, &json!({"active": true})).await.expect(200);
    server.delivery_is(&delivery["id_delivery"], "delivered").await;
}

#[tokio::test]
async fn a_2xx_ends_the_retries_of_an_open_delivery() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    server.post(&path(&delivery), &json!({})).await.expect(200);
    let delivered = server.delivery_is(&delivery["id_delivery"], "delivered").await;
    assert_eq!((&delivered["tries"], &delivered["next_attempt_at"]), (&json!(1), &Value::Null));
    server.advance(std::time::Duration::from_hours(100));
    server.import("user-2", json!({})).await;
    assert_ne!(receiver.wait_for(3).await[2].id_event(), text(&delivery["id_event"]));
}

#[tokio::test]
async fn an_inactive_endpoint_is_sent_to_and_stays_inactive() {
    let (server, receiver, endpoint) = given(json!({"active": false})).await;
    server.import("user-1", json!({})).await;
    let waiting = server.only_delivery(&endpoint).await;
    server.post(&path(&waiting), &json!({})).await.expect(200);
    server.delivery_is(&waiting["id_delivery"], "delivered").await;
    server.endpoint_is(&endpoint, "inactive").await;
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn a_2xx_of_a_resend_releases_a_held_endpoint() {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": []})).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    let waiting = server.only_delivery(&endpoint).await;
    server.post(&path(&waiting), &json!({})).await.expect(200);
    server.endpoint_is(&endpoint, "ok").await;
    assert_eq!(kinds(&server.delivery_is(&waiting["id_delivery"], "delivered").await), ["try", "resend"]);
}

#[tokio::test]
async fn a_cancelled_delivery_is_delivered_by_a_resend() {
    let (server, _receiver, endpoint) = given(json!({"active": false})).await;
    server.import("user-1", json!({})).await;
    let discard = json!({"before": "2100-01-01T00:00:00Z"});
    server.post(&format!("/webhooks/{}/discard", endpoint.id), &discard).await.expect(200);
    let cancelled = server.only_delivery(&endpoint).await;
    assert_eq!(cancelled["status"], "cancelled");
    server.post(&path(&cancelled), &json!({})).await.expect(200);
    server.delivery_is(&cancelled["id_delivery"], "delivered").await;
}

#[tokio::test]
async fn what_was_erased_is_not_sent_again() {
    let (server, receiver, endpoint) = given(json!({"scope": ["connection.created"]})).await;
    let connection = server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    server.delete(&format!("/linked_users/{}", text(&connection["id_linked_user"]))).await.expect(200);
    server.post(&path(&delivery), &json!({})).await.assert_problem(409, "erased");
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn a_delivery_of_a_deleted_endpoint_is_not_sent_again() {
    let (server, receiver, endpoint) = given(json!({})).await;
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    server.delete(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
    server.post(&path(&delivery), &json!({})).await.assert_problem(409, "endpoint_deleted");
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn ten_resends_of_a_delivery_may_wait() {
    let (server, receiver, endpoint) = given(json!({})).await;
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    receiver.always(Reply::Hang);
    for _ in 0..10 {
        server.post(&path(&delivery), &json!({})).await.expect(200);
    }
    server.post(&path(&delivery), &json!({})).await.assert_problem(409, "too_many_resends");
}

#[tokio::test]
async fn a_resend_repeated_with_its_key_is_one_attempt() {
    let (server, receiver, endpoint) = given(json!({})).await;
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    let first = server.post_once(&path(&delivery), "key-1", &json!({})).await.expect(200);
    let second = server.post_once(&path(&delivery), "key-1", &json!({})).await.expect(200);
    assert_eq!(first, second);
    server.attempted(&delivery["id_delivery"], 2).await;
    // A third attempt would have come before this one's.
    server.post(&path(&delivery), &json!({})).await.expect(200);
    server.attempted(&delivery["id_delivery"], 3).await;
    assert_eq!(receiver.arrived().len(), 3);
}

#[tokio::test]
async fn a_resend_of_a_test_is_another_test() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.replies([Reply::Status(500), Reply::Status(500)]);
    let test = server.post(&format!("/webhooks/{}/test", endpoint.id), &json!({})).await.expect(201);
    server.delivery_is(&test["id_delivery"], "failed").await;
    server.post(&path(&test), &json!({})).await.expect(200);
    assert_eq!(kinds(&server.attempted(&test["id_delivery"], 2).await), ["test", "test"]);
    assert_eq!(server.endpoint_is(&endpoint, "ok").await["failures"], 0);
    server.post(&path(&test), &json!({})).await.expect(200);
    server.delivery_is(&test["id_delivery"], "delivered").await;
}

#[tokio::test]
async fn another_project_s_delivery_is_not_there() {
    let (server, receiver, endpoint) = given(json!({})).await;
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    let other = server.another_project("other").await;
    other.post(&path(&delivery), &json!({})).await.assert_problem(404, "not_found");
    server.post("/deliveries/1/resend", &json!({})).await.assert_problem(404, "not_found");
    server.post(&path(&delivery), &json!({"now": true})).await.assert_refused_at("/now");
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn an_endpoint_gets_eight_at_once_however_many_are_due() {
    let (database, receiver, other) =
        (Database::fresh().await, Receiver::start().await, Receiver::start().await);
    let server = Process::start(&database, free_port(), &Process::new_key(), &[]).await;
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let beside = server.endpoint(&other, &["magic_link.*"]).await;
    server.import_many("user", 20).await;
    let arrived = receiver.wait_for(20).await;
    server.all_attempted(&endpoint).await;
    receiver.answers(false);
    for delivery in server.deliveries(&endpoint).await {
        server.post(&path(&delivery), &json!({})).await.expect(200);
    }
    receiver.wait_for(arrived.len() + 8).await;
    server.kill();
    // All twenty are due at once.
    let clock = panora::clock::Clock::system();
    clock.advance(PAST_LEASES);
    let server = Settings::default().database(database).start_at(clock).await;
    receiver.wait_for(arrived.len() + 16).await;
    server.post(&format!("/webhooks/{}/test", beside.id), &json!({})).await.expect(201);
    other.next().await;
    assert_eq!(receiver.arrived().len(), arrived.len() + 16);
    receiver.answers(true);
    receiver.wait_for(arrived.len() + 28).await;
}
