//! A call is made once more where that helps and harms nobody: after a 401 with a newer token, after a 429 or 503 where
//! the method may be repeated and the wait is short.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::passthrough_streams::{Given, given};
use crate::support::{Connected, Line, Road, TestServer, Trouble, header_of, sent};

const CONTACTS: &str = "/sandbox/api/contacts";
const TOKEN: &str = "/sandbox/oauth/token";
const LIMITED: &str = "HTTP/1.1 429 Slow\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\nno";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server behind a road, with a connection whose tokens can be refreshed.
async fn refreshing() -> (Road, TestServer, Connected) {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    let connected = server.connect("user-1").await;
    (road, server, connected)
}

#[tokio::test]
async fn a_body_is_kept_for_the_repeat_after_a_401_whatever_the_method() {
    let (road, server, connected) = refreshing().await;
    for method in [Method::POST, Method::PATCH, Method::PUT] {
        road.block_once(CONTACTS, Trouble::Answer(401, &[], "{}"));
        let body = json!({"first_name": "Ada", "email": "ada@lovelace.example"}).to_string();
        let request = server.request(method.clone(), "/passthrough/contacts").body(body.clone());
        let before = road.arrived(CONTACTS);
        sent(request.header("x-connection-token", &connected.token)).await;
        let passed = road.passed(CONTACTS);
        assert_eq!(road.arrived(CONTACTS) - before, 2, "{method}");
        let [first, second] = &passed[passed.len() - 2..] else { panic!("two calls") };
        assert_eq!((&first.body, &second.body), (&body.clone().into(), &body.into()));
        assert_ne!(first.headers["authorization"], second.headers["authorization"]);
    }
}

#[tokio::test]
async fn a_body_beyond_one_mebibyte_is_not_sent_twice() {
    let (road, server, connected) = refreshing().await;
    for (size, calls) in [(1024 * 1024, 2), (1024 * 1024 + 1, 1)] {
        road.block_once(CONTACTS, Trouble::Answer(401, &[], "{}"));
        let before = road.arrived(CONTACTS);
        let request = server.request(Method::PUT, "/passthrough/contacts").body(vec![b'7'; size]);
        let answer = sent(request.header("x-connection-token", &connected.token)).await;
        assert_eq!(road.arrived(CONTACTS) - before, calls, "{size}: {}", answer.text);
        assert_eq!(answer.status == 401, calls == 1);
        road.open(CONTACTS);
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_repeated_after_a_401_leaves_a_newer_token_to_the_next() {
    let (road, server, connected) = refreshing().await;
    road.block_once(CONTACTS, Trouble::Answer(401, &[], "{}"));
    let request = server.request(Method::PUT, "/passthrough/contacts").body(vec![b'7'; 1024 * 1024 + 1]);
    let answer = sent(request.header("x-connection-token", &connected.token)).await;
    assert_eq!((answer.status, road.arrived(CONTACTS), road.arrived(TOKEN)), (401, 1, 2));
    let request = server.request(Method::GET, "/passthrough/contacts");
    sent(request.header("x-connection-token", &connected.token)).await.expect(200);
    let [refused, next] = &road.passed(CONTACTS)[..] else { panic!("two calls") };
    assert_ne!(refused.headers["authorization"], next.headers["authorization"]);
}

/// A call by `method`, and what the provider answers first; then the clock is moved on.
async fn limited(it: &Given, method: &str, headers: &str, answer: &str) -> (Line, Line, String) {
    let caller = it.caller(&format!("{method} /passthrough/x"), headers).await;
    let (mut provider, head) = it.upstream.request().await;
    provider.say(answer).await;
    (caller, provider, head)
}

#[tokio::test]
async fn who_asks_for_patience_is_asked_again_then() {
    let it = given().await;
    for method in ["GET", "DELETE", "OPTIONS"] {
        let (mut caller, mut provider, first) = limited(&it, method, "", LIMITED).await;
        // The answer has been read to its end, so that the connection is used again.
        let again = async {
            it.server.advance(Duration::from_secs(4));
            provider.head().await
        };
        let again = moving(&it, again).await;
        assert_eq!(first, again);
        provider.say(OK).await;
        assert!(caller.head().await.starts_with("HTTP/1.1 200"), "{method}");
        provider.reset();
    }
    let entry = it.logged(3).await;
    assert_eq!((&entry["status"], &entry["attempts"]), (&json!(200), &json!(2)));
}

/// Lets time pass until the work is done: nobody knows when the server begins to wait.
async fn moving<T>(it: &Given, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tick.tick() => it.server.advance(Duration::from_secs(4)),
        }
    }
}

#[tokio::test]
async fn the_provider_s_own_header_is_obeyed() {
    let it = given().await;
    let (mut caller, _provider, _) =
        limited(&it, "GET", "", "HTTP/1.1 429 Slow\r\nx-reset: 11\r\nconnection: close\r\n\r\n").await;
    assert!(caller.head().await.starts_with("HTTP/1.1 429"));
    let (mut caller, mut provider, _) =
        limited(&it, "GET", "", "HTTP/1.1 429 Slow\r\nx-reset: 2\r\ncontent-length: 0\r\n\r\n").await;
    moving(&it, provider.head()).await;
    provider.say(OK).await;
    assert!(caller.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_second_refusal_is_handed_on() {
    let it = given().await;
    let (mut caller, mut provider, _) = limited(&it, "GET", "", LIMITED).await;
    moving(&it, provider.head()).await;
    provider.say(LIMITED).await;
    let head = caller.head().await;
    assert!(head.starts_with("HTTP/1.1 429"), "{head}");
    assert_eq!(header_of(&head, "retry-after"), ["3"]);
    assert!(header_of(&head, "panora-error").is_empty());
}

#[tokio::test]
async fn what_may_not_be_repeated_or_would_take_too_long_is_handed_on_with_its_retry_after() {
    let it = given().await;
    let long = "HTTP/1.1 503 Down\r\nretry-after: 11\r\ncontent-length: 2\r\n\r\nno";
    for (method, answer, wait) in
        [("POST", LIMITED, "3"), ("PATCH", LIMITED, "3"), ("LOCK", LIMITED, "3"), ("GET", long, "11")]
    {
        let (mut caller, _provider, _) = limited(&it, method, "content-length: 0\r\n", answer).await;
        let head = caller.head().await;
        assert!(header_of(&head, "retry-after") == [wait], "{method}: {head}");
        assert_eq!(caller.take(2).await, b"no");
    }
    assert!(it.upstream.is_untouched().await);
}

#[tokio::test]
async fn a_connection_that_was_revoked_during_the_wait_is_not_called_again() {
    let it = given().await;
    let (mut caller, mut provider, _) = limited(&it, "GET", "connection: close\r\n", LIMITED).await;
    it.server.delete(&format!("/connections/{}", it.id)).await.expect(200);
    let head = moving(&it, caller.head()).await;
    assert_eq!(header_of(&head, "panora-error"), ["connection_revoked"], "{head}");
    drop(caller);
    it.server.stop().await;
    assert!(provider.rest().await.is_empty());
}

#[tokio::test]
async fn a_refusal_without_a_newer_token_is_the_answer() {
    let it = given().await;
    let (head, body) = it.answered("GET", "HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno").await;
    assert!(head.starts_with("HTTP/1.1 401") && body == b"no", "{head}");
    assert!(header_of(&head, "panora-error").is_empty());
    assert_eq!(it.logged(1).await["attempts"], 1);
}

#[tokio::test]
async fn a_chunked_body_is_kept_too() {
    let (road, server, connected) = refreshing().await;
    for (size, calls) in [(100, 2), (1024 * 1024 + 1, 1)] {
        road.block_once(CONTACTS, Trouble::Answer(401, &[], "{}"));
        let before = road.arrived(CONTACTS);
        let mut line = Line::to(&server.url).await;
        line.say(format!(
            "PUT /passthrough/contacts HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {}\r\n\
             x-connection-token: {}\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\n{}\r\n0\r\n\r\n",
            server.key,
            connected.token,
            "7".repeat(size)
        ))
        .await;
        let head = line.head().await;
        assert_eq!(road.arrived(CONTACTS) - before, calls, "{size}: {head}");
        let last = road.passed(CONTACTS).pop().expect("it has passed");
        assert_eq!(last.body.len(), size);
        road.open(CONTACTS);
    }
    assert!(road.arrived(TOKEN) >= 2);
}
