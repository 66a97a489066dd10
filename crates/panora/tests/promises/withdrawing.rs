//! What a node has in hand and has not begun is not sent any more once it was discarded, its endpoint deleted or its
//! person erased: by whichever node that was.

use std::time::Duration;

use panora::model::LinkedUserId;
use serde_json::json;

use crate::support::{Endpoint, Receiver, Settings, TestServer, eventually, is_postgres, text};

const LATER: &str = "2100-01-01T00:00:00.000Z";
/// As many attempts as one endpoint gets at once.
const BEGUN: usize = 64;

/// A node that has 40 deliveries in hand which are not begun, all about one person, because the receiver keeps the
/// answers of those before back.
async fn given() -> (TestServer, Receiver, Endpoint, LinkedUserId) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    receiver.answers(false);
    let person = server.post("/linked_users", &json!({"linked_user_origin_id": "ada"})).await.expect(201);
    let person: LinkedUserId = text(&person["id_linked_user"]).parse().expect("an id");
    server.publish(104, Some(person), &json!({})).await;
    receiver.wait_for(BEGUN).await;
    (server, receiver, endpoint, person)
}

/// Waits until the node has given back what it had not begun.
async fn given_back(server: &TestServer) {
    let sql = "SELECT COUNT(*) FROM deliveries WHERE lease_owner IS NOT NULL";
    eventually("the leases to be given back", || async {
        (server.database().number(sql).await <= 64).then_some(())
    })
    .await;
}

/// What is under way ends, and what comes then is not what was withdrawn.
async fn nothing_more_arrives(server: &TestServer, receiver: &Receiver) {
    receiver.answers(true);
    eventually("what is under way to be recorded", || async {
        let sql = "SELECT COUNT(*) FROM attempts";
        (server.database().number(sql).await >= 64).then_some(())
    })
    .await;
    let other = Receiver::start().await;
    server.endpoint(&other, &["connection.created"]).await;
    server.import("new", json!({})).await;
    other.next().await;
    let late = receiver.arrived().iter().filter(|it| it.data()["id_linked_user"].is_null()).count();
    assert_eq!(late, BEGUN, "what was withdrawn arrived");
}

async fn withdraw(by: &TestServer, endpoint: &Endpoint, person: LinkedUserId, how: &str) {
    let place = format!("/webhooks/{}", endpoint.id);
    match how {
        "discard" => by.post(&format!("{place}/discard"), &json!({"before": LATER})).await,
        "delete" => by.delete(&place).await,
        _ => by.delete(&format!("/linked_users/{person}")).await,
    }
    .expect(200);
}

#[tokio::test]
async fn what_is_in_hand_is_not_sent_after_a_discard_a_deletion_or_an_erasure() {
    for how in ["discard", "delete", "erase"] {
        let (server, receiver, endpoint, person) = given().await;
        withdraw(&server, &endpoint, person, how).await;
        given_back(&server).await;
        nothing_more_arrives(&server, &receiver).await;
    }
}

#[tokio::test]
async fn a_node_learns_within_a_moment_what_another_has_withdrawn() {
    if !is_postgres() {
        println!("left out: several nodes need PostgreSQL");
        return;
    }
    for how in ["discard", "delete", "erase"] {
        let (server, receiver, endpoint, person) = given().await;
        let other = Settings::default().beside(&server).start().await;
        withdraw(&other, &endpoint, person, how).await;
        given_back(&server).await;
        nothing_more_arrives(&server, &receiver).await;
    }
}

#[tokio::test]
async fn a_node_learns_within_a_moment_that_another_has_switched_an_endpoint_off() {
    if !is_postgres() {
        println!("left out: several nodes need PostgreSQL");
        return;
    }
    let (server, receiver, endpoint, _) = given().await;
    let other = Settings::default().beside(&server).start().await;
    let place = format!("/webhooks/{}", endpoint.id);
    other.put(&place, &json!({"active": false})).await.expect(200);
    given_back(&server).await;
    receiver.answers(true);
    // What was given back waits with the rest, and nothing of it was lost or sent twice.
    other.put(&place, &json!({"active": true})).await.expect(200);
    server.advance(Duration::from_secs(1));
    other.advance(Duration::from_secs(1));
    assert_eq!(receiver.wait_for(104).await.len(), 104);
}
