//! What an endpoint's answers make of it: held, paused, gone, and how it comes back. Nothing is dropped meanwhile.

use std::time::Duration;

use panora::model::Time;
use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, Reply, TestServer, text};

async fn given(settings: Value) -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, settings).await;
    (server, receiver, endpoint)
}

/// An endpoint that is held because its first delivery's only try has failed.
async fn held() -> (TestServer, Receiver, Endpoint) {
    let (server, receiver, endpoint) = given(json!({"retry_schedule": [], "scope": ["connection.*"]})).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    server.endpoint_is(&endpoint, "held").await;
    (server, receiver, endpoint)
}

fn time(value: &Value) -> Time {
    text(value).parse().expect("a time")
}

fn asks_to_wait(status: u16, seconds: u32) -> Reply {
    Reply::Full(status, vec![("retry-after".to_owned(), seconds.to_string())], String::new())
}

/// Has everybody look at what is due: what is told to another endpoint has arrived there.
async fn everybody_has_looked(server: &TestServer) {
    let other = Receiver::start().await;
    let endpoint = server.endpoint(&other, &["magic_link.*"]).await;
    for _ in 0..2 {
        server.post(&format!("/webhooks/{}/test", endpoint.id), &json!({})).await.expect(201);
        other.next().await;
    }
    server.delete(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
}

#[tokio::test]
async fn a_410_makes_an_endpoint_inactive_and_uses_no_try() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.replies([Reply::Status(410)]);
    server.import("user-1", json!({})).await;
    assert_eq!(server.endpoint_is(&endpoint, "inactive").await["active"], false);
    let waiting = server.only_delivery(&endpoint).await;
    assert_eq!((&waiting["status"], &waiting["tries"]), (&json!("waiting"), &json!(0)));
    assert_eq!(waiting["attempts"][0]["status"], 410);
    server.put(&format!("/webhooks/{}", endpoint.id), &json!({"active": true})).await.expect(200);
    server.delivery_is(&waiting["id_delivery"], "delivered").await;
}

#[tokio::test]
async fn a_retry_after_pauses_the_whole_endpoint_and_uses_no_try() {
    for status in [429, 503] {
        let (server, receiver, endpoint) = given(json!({})).await;
        receiver.replies([asks_to_wait(status, 100)]);
        server.import("user-1", json!({})).await;
        let first = server.deliveries(&endpoint).await[0].clone();
        let first = server.attempted(&first["id_delivery"], 1).await;
        assert_eq!((&first["status"], &first["tries"]), (&json!("pending"), &json!(0)), "{status}");
        let wait = time(&first["next_attempt_at"]).millis_since(time(&first["attempts"][0]["ended_at"]));
        assert!((100_000..=125_000).contains(&wait), "{wait}");
        server.import("user-2", json!({})).await;
        server.advance(Duration::from_secs(90));
        everybody_has_looked(&server).await;
        assert_eq!(receiver.arrived().len(), 1, "{status}");
        server.advance(Duration::from_secs(35));
        receiver.wait_for(3).await;
        assert_eq!(server.endpoint_is(&endpoint, "ok").await["failures"], 0);
    }
}

#[tokio::test]
async fn the_tenth_retry_after_in_a_row_and_each_after_it_is_a_failure() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.always(asks_to_wait(503, 1));
    server.import("user-1", json!({})).await;
    let id = server.only_delivery(&endpoint).await["id_delivery"].clone();
    for (attempts, tries) in (1..=9).map(|attempts| (attempts, 0)).chain([(10, 1), (11, 2), (12, 3)]) {
        assert_eq!(server.attempted(&id, attempts).await["tries"], tries, "after {attempts} attempts");
        server.advance(Duration::from_secs(400));
    }
}

#[tokio::test]
async fn a_failure_of_another_kind_ends_the_row_of_retry_afters() {
    let (server, receiver, endpoint) = given(json!({})).await;
    receiver.replies((0..9).map(|_| asks_to_wait(429, 1)).chain([Reply::Status(500)]));
    receiver.always(asks_to_wait(429, 1));
    server.import("user-1", json!({})).await;
    let id = server.only_delivery(&endpoint).await["id_delivery"].clone();
    for attempt in 1..12 {
        server.attempted(&id, attempt).await;
        server.advance(Duration::from_secs(10));
    }
    assert_eq!(server.attempted(&id, 12).await["tries"], 1);
}

#[tokio::test]
async fn an_endpoint_shows_that_it_is_held_since_when_and_what_comes_next() {
    let (server, _receiver, endpoint) = held().await;
    let shown = server.endpoint_is(&endpoint, "held").await;
    assert_eq!((&shown["failures"], &shown["active"]), (&json!(1), &json!(true)));
    let wait = time(&shown["next_probe_at"]).millis_since(time(&shown["held_since"]));
    assert!((30_000..=36_000).contains(&wait), "{wait}");
    let other =
        server.post("/webhooks", &json!({"url": "http://127.0.0.1:9/", "scope": ["*"]})).await.expect(201);
    let fresh = [&other["held_since"], &other["next_probe_at"], &other["failures"]];
    assert_eq!(fresh, [&Value::Null, &Value::Null, &json!(0)]);
}

#[tokio::test]
async fn ten_failures_in_a_row_over_a_minute_hold_an_endpoint() {
    let (server, receiver, endpoint) = given(json!({"scope": ["connection.created"]})).await;
    receiver.always(Reply::Status(500));
    for number in 0..9 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    receiver.wait_for(9).await;
    server.all_attempted(&endpoint).await;
    assert_eq!(server.endpoint_is(&endpoint, "ok").await["failures"], 9);
    server.advance(Duration::from_secs(61));
    assert!(server.endpoint_is(&endpoint, "held").await["failures"].as_u64() >= Some(10));
    assert!(server.deliveries(&endpoint).await.iter().all(|it| it["status"] == "waiting"));
}

#[tokio::test]
async fn a_held_endpoint_gets_one_probe_at_a_time() {
    let (server, receiver, endpoint) = held().await;
    receiver.always(Reply::Status(500));
    for number in 2..6 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    everybody_has_looked(&server).await;
    assert_eq!(receiver.arrived().len(), 1);
    for probes in 1..4 {
        let before = server.endpoint_is(&endpoint, "held").await["next_probe_at"].clone();
        let wait = time(&before).millis_since(server.app().clock.now());
        server.advance(Duration::from_millis(wait.max(0).unsigned_abs()));
        receiver.wait_for(1 + probes).await;
        crate::support::eventually("the probe to be recorded", || async {
            let now = server.endpoint_is(&endpoint, "held").await["next_probe_at"].clone();
            let gap = time(&now).millis_since(server.app().clock.now());
            (now != before && gap > 55_000 && server.app().lanes.is_empty(endpoint.id.parse().ok()?))
                .then_some(())
        })
        .await;
        everybody_has_looked(&server).await;
        assert_eq!(receiver.arrived().len(), 1 + probes);
    }
    let kinds = server.deliveries(&endpoint).await;
    assert!(kinds.iter().all(|it| it["status"] == "waiting" && it["tries"] == 0), "{kinds:?}");
}

#[tokio::test]
async fn a_2xx_of_a_probe_releases_all_that_waited_oldest_first() {
    let (server, receiver, endpoint) = held().await;
    let mut connections = vec![receiver.next().await.data()["id_connection"].clone()];
    for number in 2..5 {
        connections.push(server.import(&format!("user-{number}"), json!({})).await["id_connection"].clone());
    }
    server.advance(Duration::from_secs(37));
    let arrived = receiver.wait_for(5).await;
    let sent: Vec<_> = arrived[1..].iter().map(|it| it.data()["id_connection"].clone()).collect();
    assert_eq!(sent.len(), 4);
    // The probe is the first, or the first of those that no probe was made of.
    let mut rest: Vec<_> = sent[1..].to_vec();
    rest.dedup();
    let expected: Vec<_> = connections.iter().filter(|id| **id != sent[0]).cloned().collect();
    assert_eq!(rest, expected);
    let shown = server.endpoint_is(&endpoint, "ok").await;
    assert_eq!((&shown["held_since"], &shown["failures"]), (&Value::Null, &json!(0)));
}

#[tokio::test]
async fn a_changed_url_secret_or_header_probes_at_once() {
    for change in ["url", "headers", "secret", "rotate"] {
        let (server, receiver, endpoint) = held().await;
        let elsewhere = Receiver::start().await;
        let place = format!("/webhooks/{}", endpoint.id);
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        match change {
            "url" => server.put(&place, &json!({"url": elsewhere.url()})).await,
            "headers" => server.put(&place, &json!({"headers": {"x-team": "a"}})).await,
            "secret" => server.put(&place, &json!({"secret": secret})).await,
            _ => server.post(&format!("{place}/rotate_secret"), &json!({})).await,
        }
        .expect(200);
        server.endpoint_is(&endpoint, "ok").await;
        let (here, there) = if change == "url" { (1, 1) } else { (2, 0) };
        assert_eq!((receiver.arrived().len(), elsewhere.arrived().len()), (here, there), "{change}");
    }
}

#[tokio::test]
async fn what_waits_at_an_inactive_endpoint_is_released_by_its_activation() {
    let (server, receiver, endpoint) = given(json!({})).await;
    let place = format!("/webhooks/{}", endpoint.id);
    server.put(&place, &json!({"active": false})).await.expect(200);
    server.import("user-1", json!({})).await;
    everybody_has_looked(&server).await;
    assert_eq!(server.only_delivery(&endpoint).await["status"], "waiting");
    assert!(receiver.arrived().is_empty());
    assert_eq!(server.put(&place, &json!({"active": true})).await.expect(200)["status"], "draining");
    receiver.next().await;
    server.endpoint_is(&endpoint, "ok").await;
}
