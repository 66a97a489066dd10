//! From an event to its endpoint: tried until it is taken, by a schedule, and no endpoint delays another.

use std::time::Duration;

use futures_util::poll;
use panora::model::Time;
use serde_json::{Value, json};

use crate::support::{
    Delivery, Endpoint, Receiver, Reply, TestServer, eventually, free_port, is_signed_with, text,
};

/// The default schedule, in seconds.
const GAPS: [u64; 9] = [5, 60, 300, 1800, 7200, 18_000, 36_000, 86_400, 86_400];

fn time(value: &Value) -> Time {
    text(value).parse().expect("a time")
}

fn last(attempts: &Value) -> &Value {
    attempts.as_array().and_then(|all| all.last()).expect("an attempt")
}

/// A server with one endpoint that takes connection.created.
async fn given() -> (TestServer, Receiver, Endpoint) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    (server, receiver, endpoint)
}

#[tokio::test]
async fn a_retry_is_due_by_the_schedule_never_early_and_at_most_a_fifth_late() {
    let (server, receiver, endpoint) = given().await;
    receiver.always(Reply::Status(500));
    server.import("user-1", json!({})).await;
    for (tries, gap) in (1..).zip(GAPS) {
        let delivery = server.delivery_after(&endpoint, tries).await;
        assert_eq!((&delivery["status"], &delivery["tries"]), (&json!("pending"), &json!(tries)));
        let ended = time(&last(&delivery["attempts"])["ended_at"]);
        let wait = time(&delivery["next_attempt_at"]).millis_since(ended);
        let gap = i64::try_from(gap * 1000).expect("it fits");
        // The row is written a moment after the attempt has ended.
        assert!((gap..=gap + gap / 5 + 5000).contains(&wait), "try {tries}: {wait} ms for {gap}");
        server.advance(Duration::from_millis(wait.unsigned_abs()));
    }
}

#[tokio::test]
async fn a_retry_is_not_sent_before_it_is_due() {
    let (server, receiver, _) = given().await;
    receiver.replies([Reply::Status(500)]);
    let first = server.import("user-1", json!({})).await;
    receiver.next().await;
    server.advance(Duration::from_secs(3));
    // What is published now goes out now: the worker has looked at what is due.
    let second = server.import("user-2", json!({})).await;
    assert_eq!(receiver.next().await.data()["id_connection"], second["id_connection"]);
    server.advance(Duration::from_secs(4));
    assert_eq!(receiver.next().await.data()["id_connection"], first["id_connection"]);
}

#[tokio::test]
async fn every_attempt_has_the_same_bytes_and_id_and_a_fresh_signature() {
    let (server, receiver, endpoint) = given().await;
    receiver.replies([Reply::Status(500), Reply::Status(503), Reply::Status(404)]);
    server.import("user-1", json!({"metadata": {"a": 1e21, "b": "ü"}})).await;
    for (tries, gap) in [(1, 7), (2, 73), (3, 361)] {
        server.delivery_after(&endpoint, tries).await;
        server.advance(Duration::from_secs(gap));
    }
    let attempts = receiver.wait_for(4).await;
    let of = |name: &str| {
        attempts.iter().map(|it| it.header(name).to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(attempts.iter().all(|it| it.body == attempts[0].body && it.id_event() == attempts[0].id_event()));
    assert_eq!(
        (of("webhook-id").len(), of("webhook-timestamp").len(), of("panora-signature").len()),
        (1, 4, 4)
    );
    assert!(attempts.iter().all(|it| is_signed_with(it, &endpoint.secret)));
}

#[tokio::test]
async fn any_2xx_ends_all_retries() {
    for status in [200, 201, 202, 204, 299] {
        let (server, receiver, endpoint) = given().await;
        receiver.replies([Reply::Status(500), Reply::Status(status)]);
        server.import("user-1", json!({})).await;
        server.delivery_after(&endpoint, 1).await;
        server.advance(Duration::from_secs(7));
        let delivery = server.delivery_after(&endpoint, 2).await;
        assert_eq!(
            (&delivery["status"], &delivery["next_attempt_at"]),
            (&json!("delivered"), &Value::Null),
            "{status}"
        );
        server.advance(Duration::from_hours(100));
        server.import("user-2", json!({})).await;
        let arrived = receiver.wait_for(3).await;
        assert_ne!(arrived[2].id_event(), arrived[0].id_event());
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (server, receiver, endpoint) = given().await;
    let elsewhere = Receiver::start().await;
    let location = vec![("location".to_owned(), elsewhere.url())];
    for status in [301, 302, 307, 308] {
        receiver.replies([Reply::Full(status, location.clone(), String::new())]);
    }
    server.import("user-1", json!({})).await;
    for (tries, gap) in [(1, 7), (2, 73), (3, 361), (4, 1)] {
        let delivery = server.delivery_after(&endpoint, tries).await;
        assert_eq!(delivery["status"], "pending");
        server.advance(Duration::from_secs(gap));
    }
    assert!(elsewhere.arrived().is_empty());
}

/// What the log says of the first attempt at a receiver that behaves so.
async fn logged(reply: Reply) -> Value {
    let (server, receiver, endpoint) = given().await;
    receiver.replies([reply]);
    server.import("user-1", json!({})).await;
    let delivery = server.delivery_after(&endpoint, 1).await;
    assert_eq!(delivery["status"], "pending");
    delivery["attempts"][0].clone()
}

/// Checks that the log names an error and gives a cause in words.
fn assert_says(attempt: &Value, error: &str) {
    assert_eq!((&attempt["status"], &attempt["error"]), (&Value::Null, &json!(error)), "{attempt}");
    assert!(attempt["detail"]["cause"].as_str().is_some_and(|cause| cause.len() > 20), "{attempt}");
}

#[tokio::test]
async fn an_error_status_is_logged_with_its_likely_cause() {
    for (status, words) in
        [(500, "server failed"), (400, "another secret"), (404, "POST"), (302, "Redirects")]
    {
        let attempt = logged(Reply::Status(status)).await;
        assert_eq!((&attempt["status"], &attempt["error"]), (&json!(status), &Value::Null), "{attempt}");
        assert!(attempt["detail"]["cause"].as_str().is_some_and(|it| it.contains(words)), "{attempt}");
    }
}

#[tokio::test]
async fn a_closed_connection_is_logged_with_its_cause() {
    assert_says(&logged(Reply::Drop).await, "connection_closed");
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_logged_with_its_cause() {
    assert_says(&logged(Reply::Garbage).await, "answer_malformed");
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_given_up_after_15_seconds_and_logged() {
    let attempt = logged(Reply::Hang).await;
    assert_says(&attempt, "timed_out");
    let took = time(&attempt["ended_at"]).millis_since(time(&attempt["started_at"]));
    assert!((15_000..25_000).contains(&took), "{took} ms");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_logged_with_its_cause() {
    let server = TestServer::start().await;
    let url = format!("http://127.0.0.1:{}/", free_port());
    let endpoint = server.post("/webhooks", &json!({"url": url, "scope": ["*"]})).await.expect(201);
    let endpoint = Endpoint { id: text(&endpoint["id_webhook_endpoint"]), secret: text(&endpoint["secret"]) };
    server.import("user-1", json!({})).await;
    assert_says(&server.delivery_after(&endpoint, 1).await["attempts"][0], "connect_failed");
}

#[tokio::test]
async fn an_attempt_is_logged_with_its_address_and_times() {
    let attempt = logged(Reply::Status(500)).await;
    let detail = &attempt["detail"];
    assert!(detail["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1")), "{attempt}");
    assert!(time(&attempt["ended_at"]) >= time(&attempt["started_at"]));
    assert!(detail["request_headers"].to_string().contains("webhook-id"), "{attempt}");
}

#[tokio::test]
async fn one_endpoint_that_hangs_delays_no_other() {
    let (server, receiver, _) = given().await;
    let hanging = Receiver::start().await;
    hanging.always(Reply::Hang);
    server.endpoint(&hanging, &["connection.created"]).await;
    let begun = std::time::Instant::now();
    for number in 0..80 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    let arrived = receiver.wait_for(80).await;
    assert!(arrived.len() == 80 && begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_event_reaches_every_endpoint_in_scope_once() {
    let server = TestServer::start().await;
    let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    for receiver in &receivers {
        server.endpoint(receiver, &["connection.*"]).await;
    }
    server.import("user-1", json!({})).await;
    let mut ids = Vec::new();
    for receiver in &receivers {
        ids.push(receiver.next().await.id_event().to_owned());
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn an_endpoint_s_own_schedule_counts() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, json!({"retry_schedule": [100, 200]})).await;
    receiver.always(Reply::Status(500));
    server.import("user-1", json!({})).await;
    for (tries, gap) in [(1, 100_000), (2, 200_000)] {
        let delivery = server.delivery_after(&endpoint, tries).await;
        let wait =
            time(&delivery["next_attempt_at"]).millis_since(time(&last(&delivery["attempts"])["ended_at"]));
        assert!((gap..=gap + gap / 5 + 5000).contains(&wait), "{wait}");
        server.advance(Duration::from_millis(wait.unsigned_abs()));
    }
    // Nothing was ever taken there: the endpoint is held, and the delivery waits with one try.
    let delivery = eventually("the delivery to wait", || async {
        let delivery = server.only_delivery(&endpoint).await;
        (delivery["status"] == "waiting").then_some(delivery)
    })
    .await;
    assert_eq!((&delivery["tries"], delivery["attempts"].as_array().map(Vec::len)), (&json!(2), Some(3)));
}

#[tokio::test]
async fn a_delivery_whose_tries_are_spent_while_the_endpoint_takes_others_has_failed() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, json!({"retry_schedule": [1]})).await;
    receiver.replies([Reply::Status(500), Reply::Status(200), Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    let first = receiver.next().await;
    server.import("user-2", json!({})).await;
    receiver.wait_for(2).await;
    server.advance(Duration::from_secs(2));
    let path = format!("/deliveries/{}", id_of_delivery(&server, &endpoint, &first).await);
    let failed = eventually("the delivery to fail", || async {
        let delivery = server.get(&path).await.expect(200);
        (delivery["status"] == "failed").then_some(delivery)
    })
    .await;
    assert_eq!((&failed["tries"], &failed["next_attempt_at"]), (&json!(2), &Value::Null));
}

async fn id_of_delivery(server: &TestServer, endpoint: &Endpoint, sent: &Delivery) -> String {
    let list = server.get(&format!("/webhooks/{}/deliveries", endpoint.id)).await.expect(200);
    let list = list["data"].as_array().expect("a list");
    let delivery = list.iter().find(|it| it["id_event"] == sent.id_event()).expect("its delivery is listed");
    text(&delivery["id_delivery"])
}

#[tokio::test]
async fn what_was_committed_for_a_caller_that_went_away_is_sent_at_once() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let data = json!({});
    // Gone at one moment after another, some of them within the commit.
    for patience in (0..1000).step_by(10) {
        let mut call = Box::pin(server.publish(1, None, &data));
        for _ in 0..patience {
            if poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    server.publish(1, None, &data).await;
    let published = server.database().number("SELECT COUNT(*) FROM events").await;
    receiver.wait_for(usize::try_from(published).expect("a count")).await;
}
