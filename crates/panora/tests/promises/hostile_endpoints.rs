//! Endpoints that hang, fail or answer without an end, beside endpoints that work: these are told at once all the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Receiver, Reply, TestServer, is_full, text};

#[tokio::test]
async fn endpoints_that_work_are_told_at_once_whatever_others_do() {
    // More than one endpoint may have under way, and in the long form more than it may have in hand.
    let events = if is_full() { 600 } else { 100 };
    let (server, mut receivers) = (TestServer::start().await, Vec::new());
    let hostile = [Reply::Hang, Reply::Status(500), Reply::Endless];
    for number in 0..10 {
        let receiver = Receiver::start().await;
        receiver.always(hostile.get(number).cloned().unwrap_or(Reply::Status(200)));
        server.endpoint(&receiver, &["connection.created"]).await;
        receivers.push(receiver);
    }
    let mut answered = BTreeMap::new();
    for number in 0..events {
        let connection = server.import(&format!("user-{number}"), json!({})).await;
        answered.insert(text(&connection["id_connection"]), Instant::now());
    }
    let mut waited: Vec<Duration> = Vec::new();
    for receiver in &receivers[hostile.len()..] {
        let arrived = receiver.wait_for(events).await;
        assert_eq!(arrived.len(), events);
        let answered = |id| answered[&text(id)];
        waited.extend(arrived.iter().map(|it| it.at - answered(&it.data()["id_connection"]).min(it.at)));
    }
    waited.sort_unstable();
    let (median, last) = (waited[waited.len() / 2], waited[waited.len() - 1]);
    println!("told {median:?} after the answer, the last of {} after {last:?}", waited.len());
    // Some milliseconds, and much less than the 15 seconds of an endpoint that hangs.
    assert!(median < Duration::from_millis(500) && last < Duration::from_secs(5), "{median:?} {last:?}");
}

#[tokio::test]
async fn nine_endpoints_get_everything_before_the_tenth_that_hangs_has_ended_one_attempt() {
    // More than the tenth gets attempts for at once.
    let (events, attempts_at_once) = (150, 64);
    let server = TestServer::start().await;
    let hung = Receiver::start().await;
    hung.always(Reply::Hang);
    let endpoint = server.endpoint(&hung, &["connection.created"]).await;
    let mut receivers = Vec::new();
    for _ in 0..9 {
        let receiver = Receiver::start().await;
        server.endpoint(&receiver, &["connection.created"]).await;
        receivers.push(receiver);
    }
    server.publish(events, None, &json!({})).await;
    let attempts = format!(
        "SELECT COUNT(*) FROM attempts a JOIN deliveries d ON d.id = a.id_delivery WHERE d.id_endpoint = '{}'",
        endpoint.id
    );
    for receiver in &receivers {
        receiver.wait_for(events as usize).await;
    }
    assert_eq!(server.database().number(&attempts).await, 0, "they waited for the one that hangs");
    assert!(hung.arrived().len() <= attempts_at_once);
}
