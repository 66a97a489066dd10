//! An endpoint's delivery log, and what it can be narrowed by.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, Reply, TestServer, sent, text};

/// The ids of the events in the log, newest first, as narrowed by `query`.
async fn events(server: &TestServer, endpoint: &Endpoint, query: &[(&str, &str)]) -> Vec<String> {
    let path = format!("/webhooks/{}/deliveries", endpoint.id);
    let page = sent(server.request(Method::GET, &path).query(query)).await.expect(200);
    page["data"].as_array().expect("a list").iter().map(|it| text(&it["id_event"])).collect()
}

/// A server whose endpoint was delivered a connection.created and, a minute later, a connection.revoked.
async fn given() -> (TestServer, Endpoint, [Value; 2]) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    let connection = server.import("user-1", json!({})).await;
    server.all_attempted(&endpoint).await;
    server.advance(Duration::from_mins(1));
    server.delete(&format!("/connections/{}", text(&connection["id_connection"]))).await.expect(200);
    let arrived = receiver.wait_for(2).await;
    server.all_attempted(&endpoint).await;
    (server, endpoint, [arrived[0].event.clone(), arrived[1].event.clone()])
}

#[tokio::test]
async fn the_log_is_narrowed_by_event_and_by_type() {
    let (server, endpoint, [created, revoked]) = given().await;
    let (created, revoked) = (text(&created["id_event"]), text(&revoked["id_event"]));
    let by_both = [("id_event", created.as_str()), ("type", "connection.revoked")];
    for (query, found) in [
        (&[("id_event", created.as_str())][..], vec![&created]),
        (&[("type", "connection.created")][..], vec![&created]),
        (&by_both[..], vec![]),
        (&[][..], vec![&revoked, &created]),
    ] {
        assert_eq!(events(&server, &endpoint, query).await.iter().collect::<Vec<_>>(), found, "{query:?}");
    }
}

#[tokio::test]
async fn the_log_is_narrowed_by_time_with_the_beginning_and_without_the_end() {
    let (server, endpoint, events_sent) = given().await;
    let [created, revoked] = events_sent.each_ref().map(|event| text(&event["id_event"]));
    let log = server.get(&format!("/webhooks/{}/deliveries", endpoint.id)).await.expect(200);
    let second = text(&log["data"][0]["created_at"]);
    assert_eq!(events(&server, &endpoint, &[("since", &second)]).await, [revoked]);
    assert_eq!(events(&server, &endpoint, &[("until", &second)]).await, [created]);
    let none = [("since", second.as_str()), ("until", second.as_str())];
    assert_eq!(events(&server, &endpoint, &none).await, [""; 0]);
}

#[tokio::test]
async fn the_log_is_narrowed_by_status_as_it_shows() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    server.all_attempted(&endpoint).await;
    let shown = async |status| events(&server, &endpoint, &[("status", status)]).await.len();
    assert_eq!([shown("pending").await, shown("waiting").await, shown("delivered").await], [1, 0, 0]);
    let path = format!("/webhooks/{}", endpoint.id);
    server.put(&path, &json!({"active": false})).await.expect(200);
    assert_eq!([shown("pending").await, shown("waiting").await, shown("failed").await], [0, 1, 0]);
    server.put(&path, &json!({"active": true})).await.expect(200);
    server.advance(Duration::from_secs(10));
    server.delivery_after(&endpoint, 2).await;
    assert_eq!([shown("pending").await, shown("waiting").await, shown("delivered").await], [0, 0, 1]);
}

#[tokio::test]
async fn a_filter_that_says_nothing_is_refused_where_it_is() {
    let server = TestServer::start().await;
    let receiver = Receiver::start().await;
    let endpoint = server.endpoint(&receiver, &["*"]).await;
    for (name, value) in [
        ("status", "open"),
        ("type", "connection.craeted"),
        ("type", "connection.*"),
        ("since", "yesterday"),
        ("until", "2026-13-01T00:00:00Z"),
        ("id_event", "1"),
        ("limit", "0"),
        ("state", "pending"),
    ] {
        let path = format!("/webhooks/{}/deliveries", endpoint.id);
        let answer = sent(server.request(Method::GET, &path).query(&[(name, value)])).await;
        answer.assert_refused_at(&format!("?{name}"));
    }
}
