//! Endpoints that ask to wait: never earlier than they asked, whatever comes meanwhile.

use std::time::Duration;

use serde_json::json;

use crate::support::{Line, TestServer, Upstream, eventually, text};

async fn asks_to_wait(mut line: Line, seconds: u32) {
    let answer = format!(
        "HTTP/1.1 429 Later\r\nretry-after: {seconds}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    line.say(answer).await;
}

#[tokio::test]
async fn the_longest_wait_that_was_asked_for_holds_also_for_what_is_published_after_a_shorter_one() {
    let (server, receiver) = (TestServer::start().await, Upstream::start().await);
    let body = json!({"url": receiver.url, "scope": ["connection.created"]});
    let endpoint = server.post("/webhooks", &body).await.expect(201);
    let id = text(&endpoint["id_webhook_endpoint"]).parse().expect("an id");
    let recorded = |count: i64| {
        let server = &server;
        move || async move {
            let count_now = server.database().number("SELECT COUNT(*) FROM attempts").await;
            (count_now == count).then_some(())
        }
    };
    server.import_many("early", 2).await;
    let (one, other) = (receiver.request().await.0, receiver.request().await.0);
    asks_to_wait(one, 10).await;
    eventually("the first was recorded", recorded(1)).await;
    asks_to_wait(other, 100).await;
    eventually("the second was recorded", recorded(2)).await;
    server.advance(Duration::from_secs(20));
    server.import("late", json!({})).await;
    eventually("nothing is under way", || async { server.app().lanes.is_empty(id).then_some(()) }).await;
    assert_eq!(server.database().number("SELECT COUNT(*) FROM attempts").await, 2);
    assert!(receiver.is_untouched().await);
    server.advance(Duration::from_secs(100));
    receiver.request().await;
}
