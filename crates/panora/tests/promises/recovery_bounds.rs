//! A recovery's bounds: its rate, its end, and what it refuses.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use panora::clock::Clock;

use crate::support::{
    Api, Database, Delivery, Endpoint, Process, Receiver, Settings, TestServer, eventually, free_port, text,
};

const EVER: &str = "2020-01-01T00:00:00.000Z";

/// A server where so many events were told before its endpoint was made.
async fn given(events: u32) -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    for number in 0..events {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    (server, receiver, endpoint)
}

fn path(endpoint: &Endpoint) -> String {
    format!("/webhooks/{}/recover", endpoint.id)
}

fn missing(body: Value) -> Value {
    let mut body = body;
    (body["since"], body["statuses"]) = (EVER.into(), json!(["missing"]));
    body
}

/// The recovery, once it shows what is asked.
async fn shown(server: &Api, begun: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/recoveries/{}", text(&begun["id_recovery"]));
    eventually("the recovery to come so far", || async {
        let shown = server.get(&path).await.expect(200);
        is_so(&shown).then_some(shown)
    })
    .await
}

#[tokio::test]
async fn a_recovery_keeps_to_its_rate() {
    let (server, receiver, endpoint) = given(45).await;
    let begun = Instant::now();
    server.post(&path(&endpoint), &missing(json!({"rate": 20}))).await.expect(201);
    receiver.wait_for(45).await;
    // 20, 20 a second later, 5 two seconds later.
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_dry_run_says_how_many_and_how_long_and_sends_nothing() {
    let (server, receiver, endpoint) = given(5).await;
    for (body, seconds) in [(json!({}), 1), (json!({"rate": 2}), 3), (json!({"rate": 1}), 5)] {
        let mut body = missing(body);
        body["dry_run"] = true.into();
        let answer = server.post(&path(&endpoint), &body).await.expect(200);
        assert_eq!(answer, json!({"deliveries": 5, "seconds": seconds}));
    }
    let none = json!({"since": EVER, "dry_run": true});
    let none = server.post(&path(&endpoint), &none).await.expect(200);
    assert_eq!(none, json!({"deliveries": 0, "seconds": 0}));
    assert_eq!((server.deliveries(&endpoint).await.len(), receiver.arrived().len()), (0, 0));
}

#[tokio::test]
async fn a_recovery_is_sped_up() {
    let (server, receiver, endpoint) = given(30).await;
    let begun = server.post(&path(&endpoint), &missing(json!({"rate": 1}))).await.expect(201);
    let place = format!("/recoveries/{}", text(&begun["id_recovery"]));
    assert_eq!(server.patch(&place, &json!({"rate": 1000})).await.expect(200)["rate"], 1000);
    assert_eq!(shown(&server, &begun, |it| it["status"] == "done").await["recovered"], 30);
    receiver.wait_for(30).await;
    server.patch(&place, &json!({"rate": 5})).await.assert_problem(409, "recovery_ended");
}

#[tokio::test]
async fn a_stopped_recovery_goes_no_further() {
    let (server, receiver, endpoint) = given(5).await;
    let begun = server.post(&path(&endpoint), &missing(json!({"rate": 1}))).await.expect(201);
    shown(&server, &begun, |it| it["recovered"] == 1).await;
    let place = format!("/recoveries/{}", text(&begun["id_recovery"]));
    let stopped = server.delete(&place).await.expect(200);
    assert_eq!((&stopped["status"], stopped["ended_at"].is_string()), (&json!("stopped"), true));
    server.advance(Duration::from_hours(1));
    server.import("later", json!({})).await;
    receiver.wait_for(2).await;
    assert_eq!(server.delete(&place).await.expect(200), stopped);
    assert_eq!(server.deliveries(&endpoint).await.len(), 2);
}

#[tokio::test]
async fn deleting_an_endpoint_stops_its_recoveries() {
    let (server, _receiver, endpoint) = given(5).await;
    let begun = server.post(&path(&endpoint), &missing(json!({"rate": 1}))).await.expect(201);
    server.delete(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
    let place = format!("/recoveries/{}", text(&begun["id_recovery"]));
    assert_eq!(server.get(&place).await.expect(200)["status"], "stopped");
    server.post(&path(&endpoint), &missing(json!({}))).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn ten_recoveries_of_an_endpoint_may_run() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    server.import("user-1", json!({})).await;
    server.delivery_after(&endpoint, 1).await;
    // They wait for it to take deliveries.
    server.put(&format!("/webhooks/{}", endpoint.id), &json!({"active": false})).await.expect(200);
    let body = json!({"since": EVER, "statuses": ["delivered"]});
    let first = server.post(&path(&endpoint), &body).await.expect(201);
    for _ in 1..10 {
        server.post(&path(&endpoint), &body).await.expect(201);
    }
    server.post(&path(&endpoint), &body).await.assert_problem(409, "too_many_recoveries");
    server.delete(&format!("/recoveries/{}", text(&first["id_recovery"]))).await.expect(200);
    server.post(&path(&endpoint), &body).await.expect(201);
}

#[tokio::test]
async fn many_nodes_make_each_step_once() {
    let nodes = TestServer::nodes().await;
    let (server, receiver) = (&nodes[0], Receiver::start().await);
    for number in 0..60 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    let begun = server.post(&path(&endpoint), &missing(json!({"rate": 25}))).await.expect(201);
    assert_eq!(shown(server, &begun, |it| it["status"] == "done").await["recovered"], 60);
    let arrived = receiver.wait_for(60).await;
    let events: BTreeSet<_> = arrived.iter().map(|it| it.id_event().to_owned()).collect();
    assert_eq!((arrived.len(), events.len()), (60, 60));
}

#[tokio::test]
async fn a_recovery_outlives_kill_9() {
    let (database, receiver, key) = (Database::fresh().await, Receiver::start().await, Process::new_key());
    let first = Process::start(&database, free_port(), &key, &[]).await;
    for number in 0..60 {
        first.import(&format!("user-{number}"), json!({})).await;
    }
    let endpoint = first.endpoint(&receiver, &["*"]).await;
    let begun = first.post(&path(&endpoint), &missing(json!({"rate": 20}))).await.expect(201);
    receiver.wait_for(5).await;
    first.kill();
    // Leases of the killed server last a minute.
    let clock = Clock::system();
    clock.advance(Duration::from_secs(90));
    let next = Settings::default().database(database).start_at(clock).await;
    let api = next.with_key(&key);
    assert_eq!(shown(&api, &begun, |it| it["status"] == "done").await["recovered"], 60);
    let told =
        |arrived: &Vec<Delivery>| arrived.iter().map(|it| it.id_event().to_owned()).collect::<BTreeSet<_>>();
    receiver.wait_until("60 events", |arrived| told(arrived).len() == 60).await;
}

#[tokio::test]
async fn a_recovery_repeated_with_its_key_is_one_recovery() {
    let (server, receiver, endpoint) = given(2).await;
    let body = missing(json!({}));
    let first = server.post_once(&path(&endpoint), "key-1", &body).await.expect(201);
    let second = server.post_once(&path(&endpoint), "key-1", &body).await.expect(201);
    assert_eq!(first, second);
    let other = missing(json!({"rate": 5}));
    server.post_once(&path(&endpoint), "key-1", &other).await.assert_problem(409, "idempotency_key_reused");
    receiver.wait_for(2).await;
}

#[tokio::test]
async fn fields_outside_their_bounds_are_refused() {
    let (server, _receiver, endpoint) = given(1).await;
    for (field, value, pointer) in [
        ("since", json!(null), "/since"),
        ("since", json!("yesterday"), "/since"),
        ("until", json!("2020-01-01T00:00:00Z"), "/until"),
        ("until", json!("2019-12-31T00:00:00Z"), "/until"),
        ("until", json!(7), "/until"),
        ("types", json!([]), "/types"),
        ("types", json!(["connection.created", "connection.craeted"]), "/types/1"),
        ("statuses", json!([]), "/statuses"),
        ("statuses", json!(["missing", "pending"]), "/statuses/1"),
        ("rate", json!(0), "/rate"),
        ("rate", json!(10_001), "/rate"),
        ("rate", json!(1.5), "/rate"),
        ("dry_run", json!("yes"), "/dry_run"),
        ("limit", json!(1), "/limit"),
    ] {
        let mut body = missing(json!({}));
        body[field] = value.clone();
        server.post(&path(&endpoint), &body).await.assert_refused_at(pointer);
    }
    server.post_raw(&path(&endpoint), "").await.assert_refused_at("");
    assert!(server.deliveries(&endpoint).await.is_empty());
}

#[tokio::test]
async fn a_change_of_a_recovery_is_its_rate() {
    let (server, _receiver, endpoint) = given(5).await;
    let begun = server.post(&path(&endpoint), &missing(json!({"rate": 1}))).await.expect(201);
    let place = format!("/recoveries/{}", text(&begun["id_recovery"]));
    for (body, pointer) in [
        (json!({}), "/rate"),
        (json!({"rate": 0}), "/rate"),
        (json!({"rate": 5, "status": "done"}), "/status"),
    ] {
        server.patch(&place, &body).await.assert_refused_at(pointer);
    }
    assert_eq!(server.get(&place).await.expect(200)["rate"], 1);
}

#[tokio::test]
async fn another_project_s_recovery_is_not_there() {
    let (server, _receiver, endpoint) = given(3).await;
    let begun = server.post(&format!("/webhook/{}/recover", endpoint.id), &missing(json!({"rate": 1}))).await;
    let place = format!("/recoveries/{}", text(&begun.expect(201)["id_recovery"]));
    let other = server.another_project("other").await;
    other.get(&place).await.assert_problem(404, "not_found");
    other.patch(&place, &json!({"rate": 5})).await.assert_problem(404, "not_found");
    other.delete(&place).await.assert_problem(404, "not_found");
    other.post(&path(&endpoint), &missing(json!({}))).await.assert_problem(404, "not_found");
    other.post(&path(&endpoint), &missing(json!({"dry_run": true}))).await.assert_problem(404, "not_found");
    assert_eq!(server.get(&place).await.expect(200)["rate"], 1);
}
