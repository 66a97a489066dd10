//! What is published, killed or asked to wait while an endpoint is held, drains or is limited.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Database, Endpoint, PAST_LEASES, Process, Receiver, Reply, Settings, TestServer, all_delivered,
    eventually, free_port, text, within,
};

/// An endpoint that is held, with so many more deliveries that wait.
async fn held(server: &TestServer, receiver: &Receiver, waiting: usize) -> Endpoint {
    let settings = json!({"retry_schedule": [], "scope": ["connection.created"]});
    let endpoint = server.endpoint_with(receiver, settings).await;
    receiver.replies([Reply::Status(500)]);
    server.import("first", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    server.import_many("waits", waiting).await;
    endpoint
}

#[tokio::test]
async fn what_is_published_in_the_first_second_of_a_drain_comes_behind_what_has_waited() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = held(&server, &receiver, 3).await;
    server.advance(Duration::from_secs(37));
    server.endpoint_is(&endpoint, "draining").await;
    let late = server.import("late", json!({})).await["id_connection"].clone();
    let arrived = receiver.wait_for(6).await;
    assert_eq!(arrived[5].data()["id_connection"], late);
    server.endpoint_is(&endpoint, "ok").await;
    assert_eq!(receiver.arrived().len(), 6);
}

#[tokio::test]
async fn a_node_that_is_killed_with_a_probe_under_way_leaves_it_to_the_next() {
    let (database, receiver) = (Database::fresh().await, Receiver::start().await);
    let server = Process::start(&database, free_port(), &Process::new_key(), &[]).await;
    let settings = json!({"retry_schedule": [], "scope": ["connection.created"]});
    let endpoint = server.endpoint_with(&receiver, settings).await;
    receiver.replies([Reply::Status(500), Reply::Hang]);
    server.import("first", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    // Probed at once.
    let place = format!("/webhooks/{}", endpoint.id);
    server.put(&place, &json!({"headers": {"x-team": "a"}})).await.expect(200);
    receiver.wait_for(2).await;
    server.kill();
    let clock = panora::clock::Clock::system();
    clock.advance(PAST_LEASES);
    let server = Settings::default().database(database).start_at(clock).await;
    all_delivered(&server).await;
    assert_eq!(receiver.arrived().len(), 3);
}

#[tokio::test]
async fn a_limited_endpoint_that_asks_to_wait_gets_nothing_meanwhile_and_all_of_it_later() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let settings = json!({"rate_limit": 20, "scope": ["connection.created"]});
    let endpoint = server.endpoint_with(&receiver, settings).await;
    // A slow one: what was begun ends together, and the first of it asks to wait.
    receiver.answers(false);
    let wait = vec![("retry-after".to_owned(), "100".to_owned())];
    receiver.replies([Reply::Full(503, wait, String::new())]);
    server.import_many("user", 30).await;
    receiver.wait_for(5).await;
    receiver.answers(true);
    eventually("the pause", || async {
        let shown = server.database().number("SELECT COUNT(*) FROM endpoints WHERE not_before > 0").await;
        let in_hand = !server.app().lanes.is_empty(endpoint.id.parse().ok()?);
        (shown == 1 && !in_hand).then_some(())
    })
    .await;
    let before = receiver.arrived().len();
    assert!(before < 30, "{before}");
    server.import("late", json!({})).await;
    server.advance(Duration::from_secs(99));
    let other = Receiver::start().await;
    let told = server.endpoint(&other, &["magic_link.*"]).await;
    server.post(&format!("/webhooks/{}/test", told.id), &json!({})).await.expect(201);
    other.next().await;
    assert_eq!(receiver.arrived().len(), before);
    server.advance(Duration::from_secs(30));
    all_delivered(&server).await;
    let deliveries = server.deliveries(&endpoint).await;
    assert!(deliveries.iter().all(|it| it["tries"] == 1), "a pause uses no try");
    assert_eq!(deliveries.len(), 31);
    assert!(text(&deliveries[0]["status"]) == "delivered");
}

#[tokio::test]
async fn a_node_that_stops_leaves_its_limited_endpoints_to_the_next_at_once() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let settings = json!({"rate_limit": 20, "scope": ["connection.created"]});
    server.endpoint_with(&receiver, settings).await;
    server.import("before", json!({})).await;
    receiver.next().await;
    let next = Settings::default().beside(&server);
    server.stop().await;
    let server = next.start().await;
    server.import("after", json!({})).await;
    receiver.next().await;
    all_delivered(&server).await;
}

#[tokio::test]
async fn what_was_released_while_the_database_had_trouble_is_still_due_at_once() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let settings = json!({"retry_schedule": [3600], "scope": ["connection.created"]});
    let endpoint = server.endpoint_with(&receiver, settings).await;
    let place = format!("/webhooks/{}", endpoint.id);
    receiver.replies([Reply::Status(500)]);
    server.import("first", json!({})).await;
    server.delivery_after(&endpoint, 1).await;
    server.put(&place, &json!({"active": false})).await.expect(200);
    server.database().execute("ALTER TABLE events RENAME TO events_away").await;
    server.put(&place, &json!({"active": true})).await.expect(200);
    let id = endpoint.id.parse().expect("an id");
    // Seen within the transaction that fails: what it noted is forgotten with it.
    let claimed = async {
        while server.app().lanes.released(id, 1).is_none() {
            tokio::task::yield_now().await;
        }
    };
    within("a claim was tried", claimed).await;
    server.database().execute("ALTER TABLE events_away RENAME TO events").await;
    receiver.wait_for(2).await;
}
