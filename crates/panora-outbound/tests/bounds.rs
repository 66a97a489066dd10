//! No answer, however hostile, takes more time or memory than it was given.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use panora_outbound::{BodyEnd, OutboundError, Stage};
use support::{answering, get, hurried, local, read_head, receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn an_endless_body_is_cut_at_its_bound() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!((answer.body.len(), answer.body_end), (1024, BodyEnd::TooLarge));
    assert_eq!(answer.body_end.whole(), Err(OutboundError::BodyTooLarge));
}

#[tokio::test]
async fn a_body_of_exactly_the_bound_is_complete() {
    let answer: String = format!("HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\n{}", "x".repeat(1024));
    let receiver = answering(answer.leak()).await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!((answer.body.len(), answer.body_end), (1024, BodyEnd::Complete));
}

#[tokio::test]
async fn a_body_that_stalls_is_left_and_the_status_stands() {
    let receiver = answering("HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\nhalf").await;
    let answer = local().send(hurried(get(&receiver.url("/")))).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"half"[..]));
    assert_eq!(answer.body_end, BodyEnd::TooSlow);
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_status_standing() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body_end), (200, BodyEnd::Broken));
}

#[tokio::test]
async fn headers_that_never_end_time_out() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: 1").await.unwrap();
        let _ = stream.read_u8().await;
    })
    .await;
    let failure = local().send(hurried(get(&receiver.url("/")))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::TimedOut(Stage::Answer));
    assert_eq!(failure.trace.address, Some(receiver.address));
    assert!(failure.trace.connect.is_some() && failure.trace.first_byte.is_none());
}

#[tokio::test]
async fn endless_interim_answers_time_out() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let failure = local().send(hurried(get(&receiver.url("/")))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::TimedOut(Stage::Answer));
}

#[tokio::test]
async fn a_silent_tls_peer_times_out_in_the_handshake() {
    let receiver = receiver(|mut stream| async move {
        let mut hello = Vec::new();
        let _ = stream.read_to_end(&mut hello).await;
    })
    .await;
    let url = format!("https://{}/", receiver.address).parse().unwrap();
    let failure = local().send(hurried(get(&url))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::TimedOut(Stage::Tls));
    assert_eq!(failure.trace.address, Some(receiver.address));
}

#[tokio::test]
async fn a_dropped_connection_is_told_as_such() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
    })
    .await;
    let failure = local().send(get(&receiver.url("/"))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::ConnectionClosed);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-many: 1\r\n".repeat(101));
    let long = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "x".repeat(128 * 1024));
    for flood in [many, long] {
        let receiver = answering(flood.leak()).await;
        let failure = local().send(get(&receiver.url("/"))).await.unwrap_err();
        assert_eq!(failure.error, OutboundError::HeadersTooLarge);
    }
}

#[tokio::test]
async fn what_is_not_http_is_told_as_such() {
    let receiver = answering("220 mail.example ESMTP ready\r\n\r\n").await;
    let failure = local().send(get(&receiver.url("/"))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::AnswerMalformed);
}
