//! Retention: an event goes with its deliveries and attempts once the last of them has ended for as long as events are
//! kept, and not before.

use std::time::{Duration, Instant};

use panora::accounts::{Query, verify};
use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, Settings, TestServer, eventually, text};

const DAY: Duration = Duration::from_hours(24);

async fn given(days: &str) -> (TestServer, Receiver) {
    (Settings::default().flag("--retention-days", days).start().await, Receiver::start().await)
}

/// Events, deliveries and attempts that are stored.
async fn stored(server: &TestServer) -> [i64; 3] {
    let mut counts = [0; 3];
    for (place, table) in ["events", "deliveries", "attempts"].iter().enumerate() {
        counts[place] = server.database().number(&format!("SELECT COUNT(*) FROM {table}")).await;
    }
    counts
}

async fn eventually_stored(server: &TestServer, expected: [i64; 3]) {
    eventually(&format!("{expected:?} to be stored"), || async {
        // A pass that has just ended does not notice time that was let pass before it began to wait.
        server.advance(Duration::from_mins(1));
        (stored(server).await == expected).then_some(())
    })
    .await;
    let accounts = verify(&server.app().store, &Query::default()).await.expect("they can be read");
    assert!(accounts.are_complete() && accounts.notes.is_empty(), "{accounts:?}");
}

async fn import_and_deliver(server: &TestServer, endpoint: &Endpoint, origin_id: &str) -> Value {
    let connection = server.import(origin_id, json!({})).await;
    server.all_attempted(endpoint).await;
    connection
}

#[tokio::test]
async fn events_go_with_deliveries_and_attempts_and_younger_ones_stay() {
    let (server, receiver) = given("30").await;
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    for number in 0..3 {
        import_and_deliver(&server, &endpoint, &format!("old-{number}")).await;
    }
    server.advance(20 * DAY);
    for number in 0..2 {
        import_and_deliver(&server, &endpoint, &format!("young-{number}")).await;
    }
    assert_eq!(stored(&server).await, [5, 5, 5]);
    server.advance(11 * DAY);
    eventually_stored(&server, [2, 2, 2]).await;
    assert_eq!((server.count("/events").await, server.deliveries(&endpoint).await.len()), (2, 2));
    assert_eq!(receiver.arrived().len(), 5);
}

#[tokio::test]
async fn an_event_that_nobody_takes_is_kept_from_its_creation() {
    let (server, receiver) = given("1").await;
    server.import("user-1", json!({})).await;
    server.advance(DAY / 2);
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    import_and_deliver(&server, &endpoint, "user-2").await;
    server.advance(DAY * 3 / 4);
    eventually_stored(&server, [1, 1, 1]).await;
}

#[tokio::test]
async fn an_event_with_an_open_delivery_stays_whole() {
    let (server, receiver) = given("5").await;
    let works = server.endpoint(&receiver, &["connection.created"]).await;
    let inactive = server.endpoint_with(&receiver, json!({"active": false})).await;
    import_and_deliver(&server, &works, "user-1").await;
    server.put(&format!("/webhooks/{}", inactive.id), &json!({"scope": ["webhook.*"]})).await.expect(200);
    import_and_deliver(&server, &works, "user-2").await;
    server.advance(10 * DAY);
    eventually_stored(&server, [1, 2, 1]).await;
    assert_eq!(server.only_delivery(&inactive).await["status"], "waiting");
}

#[tokio::test]
async fn an_event_is_kept_from_the_day_its_last_delivery_has_ended() {
    let (server, receiver) = given("5").await;
    let works = server.endpoint(&receiver, &["connection.created"]).await;
    let late = server.endpoint_with(&receiver, json!({"active": false})).await;
    import_and_deliver(&server, &works, "user-1").await;
    server.advance(7 * DAY);
    let path = format!("/webhooks/{}", late.id);
    server.put(&path, &json!({"scope": ["webhook.*"]})).await.expect(200);
    import_and_deliver(&server, &works, "user-2").await;
    server.advance(3 * DAY);
    server.put(&path, &json!({"active": true})).await.expect(200);
    server.all_attempted(&late).await;
    eventually("`webhook.recovered` to be told", || async { (stored(&server).await[0] == 3).then_some(()) })
        .await;
    // On the 13th day the second has been over for six days, the first for three, and `webhook.recovered` is as old.
    server.advance(3 * DAY);
    eventually_stored(&server, [2, 2, 2]).await;
    assert_eq!(server.only_delivery(&late).await["status"], "delivered");
    server.advance(3 * DAY);
    eventually_stored(&server, [0, 0, 0]).await;
}

#[tokio::test]
async fn a_test_goes_too() {
    let (server, receiver) = given("2").await;
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    import_and_deliver(&server, &endpoint, "user-1").await;
    server.database().execute("UPDATE events SET position = NULL").await;
    server.advance(3 * DAY);
    eventually_stored(&server, [0, 0, 0]).await;
}

#[tokio::test]
async fn a_deleted_endpoint_goes_after_its_deliveries_and_gets_nothing_any_more() {
    let (server, receiver) = given("2").await;
    let works = server.endpoint(&receiver, &["connection.created"]).await;
    let deleted = server.endpoint(&receiver, &["connection.created"]).await;
    import_and_deliver(&server, &works, "user-1").await;
    server.all_attempted(&deleted).await;
    let delivery = text(&server.deliveries(&deleted).await[0]["id_delivery"]);
    server.delete(&format!("/webhooks/{}", deleted.id)).await.expect(200);
    server.get(&format!("/deliveries/{delivery}")).await.expect(200);
    server.advance(3 * DAY);
    eventually_stored(&server, [0, 0, 0]).await;
    server.advance(DAY);
    for table in ["endpoints", "endpoint_scopes"] {
        eventually(&format!("one to be left in {table}"), || async {
            server.advance(Duration::from_mins(1));
            let left = server.database().number(&format!("SELECT COUNT(*) FROM {table}")).await;
            (left == 1).then_some(())
        })
        .await;
    }
    // This node has read of the endpoint, and never of its deletion.
    import_and_deliver(&server, &works, "user-2").await;
    eventually_stored(&server, [1, 1, 1]).await;
}

#[tokio::test]
async fn recoveries_go_when_they_have_been_over_for_as_long() {
    let (server, receiver) = given("2").await;
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    let now = server.app().clock.now();
    let random = panora::random::Random::system();
    for (state, ended_at) in [("done", now.millis().to_string()), ("running", "NULL".to_owned())] {
        let (id, project) =
            (random.uuid(now), server.get("/projects").await.expect(200)[0]["id_project"].clone());
        // Not due before long, so that nobody goes on with it.
        let sql = format!(
            "INSERT INTO recoveries (id, id_project, id_endpoint, since, until, types, statuses, rate, state, position, \
             last_position, recovered, due_at, created_at, ended_at) VALUES ('{id}', '{}', '{}', 0, 0, '[]', '[]', 1, \
             '{state}', 0, 0, 0, 9223372036854775807, {}, {ended_at})",
            text(&project),
            endpoint.id,
            now.millis()
        );
        server.database().execute(&sql).await;
    }
    server.advance(3 * DAY);
    eventually("the ended one to go", || async {
        server.advance(Duration::from_mins(1));
        (server.database().number("SELECT COUNT(*) FROM recoveries").await == 1).then_some(())
    })
    .await;
    assert_eq!(server.database().number("SELECT COUNT(*) FROM recoveries WHERE state = 'running'").await, 1);
}

#[tokio::test]
async fn thousands_go_without_keeping_anybody_waiting() {
    let (server, receiver) = given("30").await;
    let inactive = server.endpoint_with(&receiver, json!({"active": false})).await;
    server.publish(4000, None, &json!({"a": "b"})).await;
    let sql = "UPDATE deliveries SET state = 'delivered', ended_at = created_at";
    assert_eq!(server.database().execute(sql).await, 4000);
    server.delete(&format!("/webhooks/{}", inactive.id)).await.expect(200);
    server.advance(31 * DAY);
    let (mut imports, mut slowest) = (0, Duration::ZERO);
    while stored(&server).await[0] > imports {
        let begun = Instant::now();
        server.import(&format!("user-{imports}"), json!({})).await;
        (imports, slowest) = (imports + 1, slowest.max(begun.elapsed()));
    }
    eventually_stored(&server, [imports, 0, 0]).await;
    assert!(
        imports > 3 && slowest < Duration::from_secs(3),
        "{imports} imports, the slowest took {slowest:?}"
    );
    println!("{imports} imports, the slowest took {slowest:?}");
}

#[tokio::test]
async fn several_nodes_forget_the_same_without_trouble() {
    let nodes = TestServer::nodes().await;
    nodes[0].publish(1500, None, &json!({"a": "b"})).await;
    for node in &nodes {
        node.advance(31 * DAY);
    }
    eventually_stored(&nodes[0], [0, 0, 0]).await;
    let last = nodes.last().expect("a node");
    last.import("user-1", json!({})).await;
    eventually_stored(last, [1, 0, 0]).await;
}
