//! Cancelling what waits at an endpoint: because somebody says so, or because the endpoint is deleted.

use std::time::Duration;

use panora::model::{DeliveryCause, EventType, ProjectId};
use panora::webhooks::{Draft, Publication};
use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, TestServer, eventually, text};

const LATER: &str = "2100-01-01T00:00:00.000Z";
/// More than a few steps.
const BACKLOG: u32 = 2500;

/// A server whose only endpoint is inactive: everything waits there.
async fn given() -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, json!({"active": false})).await;
    (server, receiver, endpoint)
}

fn path(endpoint: &Endpoint) -> String {
    format!("/webhooks/{}/discard", endpoint.id)
}

async fn project(server: &TestServer) -> ProjectId {
    server.app().store.list_projects().await.expect("a list")[0].id
}

async fn publish(server: &TestServer, count: u32) {
    let (app, project) = (server.app(), project(server).await);
    let mut tx = app.store.begin().await.expect("a transaction");
    let mut publication = Publication::open(app, &mut tx, project, count).await.expect("the lock");
    for number in 0..count {
        let draft = Draft::new(EventType::ProviderRequested, None, json!({"name": number.to_string()}));
        publication.add(app, project, draft).expect("a small event");
    }
    publication.commit(app, tx).await.expect("it is written");
}

async fn count(server: &TestServer, endpoint: &Endpoint, status: &str) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let path = format!("/webhooks/{}/deliveries?limit=200&status={status}{cursor}", endpoint.id);
        let page = server.get(&path).await.expect(200);
        count += page["data"].as_array().map_or(0, Vec::len);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

#[tokio::test]
async fn what_was_made_before_that_time_is_cancelled_and_no_more() {
    let (server, receiver, endpoint) = given().await;
    server.import("user-1", json!({})).await;
    server.advance(Duration::from_mins(1));
    server.import("user-2", json!({})).await;
    let second = server.deliveries(&endpoint).await[0].clone();
    let answer = server.post(&path(&endpoint), &json!({"before": second["created_at"]})).await.expect(200);
    assert_eq!(answer, json!({"id_webhook_endpoint": endpoint.id, "cancelled": 1}));
    let [newer, older] = <[Value; 2]>::try_from(server.deliveries(&endpoint).await).expect("two");
    assert_eq!((&newer["status"], &older["status"]), (&json!("waiting"), &json!("cancelled")));
    assert_eq!((&older["cause"], older["ended_at"].is_string()), (&json!("discarded"), true));
    server.put(&format!("/webhooks/{}", endpoint.id), &json!({"active": true})).await.expect(200);
    assert_eq!(receiver.next().await.id_event(), text(&newer["id_event"]));
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn what_has_ended_stays_as_it_was() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    server.import("user-1", json!({})).await;
    let delivered = server.delivery_after(&endpoint, 1).await;
    let answer = server.post(&format!("/webhook/{}/discard", endpoint.id), &json!({"before": LATER})).await;
    assert_eq!(answer.expect(200)["cancelled"], 0);
    assert_eq!(server.only_delivery(&endpoint).await, delivered);
}

#[tokio::test]
async fn a_backlog_of_many_steps_is_discarded_whole() {
    let (server, _receiver, endpoint) = given().await;
    publish(&server, BACKLOG).await;
    let answer = server.post(&path(&endpoint), &json!({"before": LATER})).await.expect(200);
    assert_eq!(answer["cancelled"], BACKLOG);
    assert_eq!(count(&server, &endpoint, "waiting").await, 0);
}

#[tokio::test]
async fn other_endpoints_keep_what_waits_there() {
    let (server, _receiver, endpoint) = given().await;
    let other = Receiver::start().await;
    let other = server.endpoint_with(&other, json!({"active": false})).await;
    server.import("user-1", json!({})).await;
    server.post(&path(&endpoint), &json!({"before": LATER})).await.expect(200);
    assert_eq!(server.only_delivery(&other).await["status"], "waiting");
}

#[tokio::test]
async fn a_discard_says_until_when() {
    let (server, _receiver, endpoint) = given().await;
    server.import("user-1", json!({})).await;
    for (body, pointer) in [
        (json!({}), "/before"),
        (json!({"before": null}), "/before"),
        (json!({"before": "yesterday"}), "/before"),
        (json!({"before": LATER, "type": "*"}), "/type"),
    ] {
        server.post(&path(&endpoint), &body).await.assert_refused_at(pointer);
    }
    let other = server.another_project("other").await;
    other.post(&path(&endpoint), &json!({"before": LATER})).await.assert_problem(404, "not_found");
    assert_eq!(server.only_delivery(&endpoint).await["status"], "waiting");
}

/// Waits until a deleted endpoint is cleared, and checks that nothing is open there.
async fn assert_cleared(server: &TestServer, endpoint: &Endpoint) {
    let store = &server.app().store;
    eventually("nothing to be left to cancel", || async {
        store.list_endpoints_to_clear(10).await.expect("a list").is_empty().then_some(())
    })
    .await;
    let place = (project(server).await, endpoint.id.parse().expect("an id"));
    let mut tx = store.begin().await.expect("a transaction");
    let left = store.cancel_deliveries(&mut tx, place, None, DeliveryCause::Discarded, None).await;
    assert_eq!(left.expect("a step").cancelled, 0);
}

#[tokio::test]
async fn a_deleted_endpoint_s_backlog_is_cancelled_to_its_end() {
    let (server, receiver, endpoint) = given().await;
    publish(&server, BACKLOG).await;
    let path = format!("/deliveries/{}", text(&server.deliveries(&endpoint).await[0]["id_delivery"]));
    server.delete(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
    // It shows so at once; the rows follow.
    let shown = server.get(&path).await.expect(200);
    assert_eq!((&shown["status"], &shown["cause"]), (&json!("cancelled"), &json!("endpoint_deleted")));
    assert_cleared(&server, &endpoint).await;
    let after = server.get(&path).await.expect(200);
    assert_eq!((&after["status"], &after["cause"]), (&json!("cancelled"), &json!("endpoint_deleted")));
    assert!(receiver.arrived().is_empty());
}

#[tokio::test]
async fn what_a_crash_after_a_deletion_left_open_is_cancelled_by_whoever_finds_it() {
    let (server, _receiver, endpoint) = given().await;
    publish(&server, BACKLOG).await;
    let (app, project) = (server.app(), project(&server).await);
    let mut tx = app.store.begin().await.expect("a transaction");
    let position = app.store.lock_project(&mut tx, project).await.expect("the lock").last;
    let id = endpoint.id.parse().expect("an id");
    let stored =
        app.store.read_endpoint(&mut tx, project, id).await.expect("it is read").expect("it is there");
    let now = app.clock.now();
    app.store.delete_endpoint(&mut tx, &stored.endpoint, position, now).await.expect("it is deleted");
    tx.commit().await.expect("it is written");
    assert_cleared(&server, &endpoint).await;
}

#[tokio::test]
async fn a_test_that_waits_at_a_deleted_endpoint_is_cancelled() {
    let (server, receiver, endpoint) = given().await;
    receiver.always(crate::support::Reply::Hang);
    let test = server.post(&format!("/webhooks/{}/test", endpoint.id), &json!({})).await.expect(201);
    server.delete(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
    let shown = server.get(&format!("/deliveries/{}", text(&test["id_delivery"]))).await.expect(200);
    assert_eq!((&shown["status"], &shown["cause"]), (&json!("cancelled"), &json!("endpoint_deleted")));
}
