//! A receiver that drops half of its connections: before it reads, after it has read, in the middle of its answer.

use std::time::Duration;

use panora::random::Random;
use serde_json::json;

use crate::support::{Receiver, TestServer, acceptances, all_delivered, eventually, is_full, seed};

#[tokio::test]
async fn everything_arrives_at_a_receiver_that_drops_half_of_its_connections() {
    let (seed, events) = (seed(), if is_full() { 1000 } else { 100 });
    println!("PANORA_SEED={seed}");
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    receiver.drops_half(Random::seeded(seed));
    // With so many tries nothing runs out of them by bad luck.
    server.endpoint_with(&receiver, json!({"retry_schedule": vec![60; 20]})).await;
    server.import_many("user", events).await;
    let count = async |sql: &str| server.database().number(sql).await;
    let mut attempts = 0;
    while count("SELECT COUNT(*) FROM deliveries WHERE state = 'open'").await > 0 {
        attempts = eventually("attempts that are recorded", || async {
            let under_way =
                "SELECT COUNT(*) FROM deliveries WHERE state = 'open' AND lease_owner IS NOT NULL";
            let now = count("SELECT COUNT(*) FROM attempts").await;
            let delivered = count("SELECT COUNT(*) FROM deliveries WHERE state = 'open'").await == 0;
            (delivered || now > attempts && count(under_way).await == 0).then_some(now)
        })
        .await;
        // Past every retry, or past the next probe where so many failures in a row have held the endpoint.
        let pause = count("SELECT MAX(not_before) FROM endpoints").await - server.app().clock.now().millis();
        server.advance(Duration::from_millis(pause.max(80_000).unsigned_abs()));
    }
    all_delivered(&server).await;
    let counts = acceptances(&receiver.arrived());
    println!("{attempts} attempts at {events} events, {} of them read", receiver.arrived().len());
    assert_eq!(counts.len(), events);
    assert!(counts.values().all(|count| *count == 1));
}
