//! Clocks that jump, by hours and days, forwards and back, while events are under way.

use std::time::Duration;

use panora::clock::Clock;
use panora::model::Time;
use panora::random::Random;
use serde_json::{Value, json};

use crate::support::{
    Endpoint, Receiver, Reply, Settings, TestServer, acceptances, all_delivered, eventually, is_full,
    is_postgres, seed, text,
};

async fn given() -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    (server, receiver, endpoint)
}

/// Waits until the engine has taken the leases of what is under way for itself once more.
async fn leased_again(server: &TestServer) {
    let sql = "SELECT MIN(due_at) FROM deliveries WHERE state = 'open'";
    eventually("leases that follow the clock", || async {
        let first = Time::from_millis(server.database().number(sql).await);
        (first > server.app().clock.now()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_under_way_when_the_clock_jumps_past_its_lease_is_sent_once() {
    let (server, receiver, _) = given().await;
    receiver.answers(false);
    server.import_many("early", 20).await;
    receiver.wait_for(20).await;
    for jump in [Duration::from_hours(2), Duration::from_hours(48)] {
        server.advance(jump);
        leased_again(&server).await;
    }
    receiver.answers(true);
    all_delivered(&server).await;
    server.import_many("late", 5).await;
    all_delivered(&server).await;
    assert_eq!(receiver.arrived().len(), 25);
}

#[tokio::test]
async fn after_a_jump_back_what_is_new_arrives_at_once_and_the_rest_at_last() {
    let (server, receiver, endpoint) = given().await;
    receiver.replies([Reply::Status(500), Reply::Status(500)]);
    server.import_many("failed", 2).await;
    server.all_attempted(&endpoint).await;
    receiver.answers(false);
    server.import_many("under-way", 10).await;
    receiver.wait_for(12).await;
    server.app().clock.set_back(Duration::from_hours(1));
    server.import_many("new", 10).await;
    // Nobody moves the clock: these are due now.
    receiver.wait_for(22).await;
    receiver.answers(true);
    server.advance(Duration::from_hours(1) + Duration::from_secs(10));
    all_delivered(&server).await;
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 24);
    assert!(acceptances(&arrived).values().all(|count| *count == 1));
}

/// A burst while the clock is moved by `jumps`; the receiver fails every fourth time.
async fn burst(server: &TestServer, receiver: &Receiver, random: &Random, jumps: impl Fn(&TestServer, u64)) {
    let rounds = if is_full() { 60 } else { 15 };
    for round in 0..rounds {
        let replies = (0..8).map(|_| Reply::Status(if random.below(4) == 0 { 500 } else { 200 }));
        receiver.replies(replies);
        let name = format!("user-{round}");
        tokio::join!(server.import_many(&name, 6), async {
            tokio::task::yield_now().await;
            jumps(server, random.below(6));
        });
    }
    receiver.forget_plans();
}

#[tokio::test]
async fn a_burst_under_jumps_both_ways_is_delivered_once_each() {
    let seed = seed();
    println!("PANORA_SEED={seed}");
    let (server, receiver, endpoint) = given().await;
    burst(&server, &receiver, &Random::seeded(seed), |server, jump| match jump {
        0 => server.advance(Duration::from_secs(61)),
        1 => server.advance(Duration::from_hours(1)),
        2 => server.advance(Duration::from_hours(24)),
        3 => server.app().clock.set_back(Duration::from_hours(1)),
        4 => server.app().clock.set_back(Duration::from_secs(90)),
        _ => {}
    })
    .await;
    // What is under way may still fail, and is then due only seconds later.
    server.all_attempted(&endpoint).await;
    for _ in 0..12 {
        server.advance(Duration::from_mins(40));
    }
    // Past the longest gap, which a delivery has reached that failed after every jump of a day.
    server.advance(Duration::from_hours(30));
    all_delivered(&server).await;
    assert!(acceptances(&receiver.arrived()).values().all(|count| *count == 1), "something was sent twice");
}

#[tokio::test]
async fn no_retry_is_early_by_a_clock_that_jumps_forwards() {
    let seed = seed();
    println!("PANORA_SEED={seed}");
    let (server, receiver, endpoint) = given().await;
    burst(&server, &receiver, &Random::seeded(seed), |server, jump| match jump {
        0 => server.advance(Duration::from_secs(3)),
        1 => server.advance(Duration::from_secs(61)),
        2 => server.advance(Duration::from_mins(5)),
        3 => server.advance(Duration::from_hours(2)),
        _ => {}
    })
    .await;
    // What is under way may still fail, and one that failed after every jump waits for hours.
    server.all_attempted(&endpoint).await;
    server.advance(Duration::from_hours(30));
    all_delivered(&server).await;
    let time = |value: &Value| text(value).parse::<Time>().expect("a time");
    let of_endpoint = format!("/webhooks/{}/deliveries?limit=200", endpoint.id);
    let list = server.get(&of_endpoint).await.expect(200);
    let mut retries = 0;
    for delivery in list["data"].as_array().expect("a list") {
        let delivery =
            server.get(&format!("/deliveries/{}", text(&delivery["id_delivery"]))).await.expect(200);
        let attempts = delivery["attempts"].as_array().expect("attempts");
        for ((before, after), gap) in attempts.iter().zip(&attempts[1..]).zip([5, 60, 300, 1800, 7200]) {
            let waited = time(&after["started_at"]).millis_since(time(&before["ended_at"]));
            assert!(waited >= gap * 1000, "a retry after {waited} ms: {delivery}");
            retries += 1;
        }
    }
    println!("{retries} retries");
}

#[tokio::test]
async fn a_node_whose_own_clock_is_an_hour_ahead_sends_nothing_during_a_pause() {
    let server = Settings::default().start_at(Clock::ahead_by(Duration::from_hours(1))).await;
    let receiver = Receiver::start().await;
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let wait = vec![("retry-after".to_owned(), "100".to_owned())];
    receiver.replies([Reply::Full(503, wait, String::new())]);
    server.import("first", json!({})).await;
    let id = server.only_delivery(&endpoint).await["id_delivery"].clone();
    server.attempted(&id, 1).await;
    server.import_many("late", 5).await;
    // Whoever would send them has looked: what another endpoint gets after them has arrived.
    let other = Receiver::start().await;
    server.endpoint(&other, &["connection.created"]).await;
    server.import("last", json!({})).await;
    other.next().await;
    assert_eq!(receiver.arrived().len(), 1);
    server.advance(Duration::from_secs(125));
    receiver.wait_for(8).await;
}

#[tokio::test]
async fn a_change_by_a_node_whose_own_clock_is_an_hour_ahead_probes_at_once() {
    if !is_postgres() {
        println!("left out: on SQLite the node's clock is the database's");
        return;
    }
    let server = Settings::default().start_at(Clock::ahead_by(Duration::from_hours(1))).await;
    let receiver = Receiver::start().await;
    let settings = json!({"retry_schedule": [], "scope": ["connection.created"]});
    let endpoint = server.endpoint_with(&receiver, settings).await;
    receiver.replies([Reply::Status(500)]);
    server.import("first", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    server.put(&format!("/webhooks/{}", endpoint.id), &json!({"headers": {"x-team": "a"}})).await.expect(200);
    receiver.wait_for(2).await;
}
