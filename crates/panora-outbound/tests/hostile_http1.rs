//! HTTP/1.1 receivers that mean harm: each costs its own attempt and no more.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::time::Duration;

use panora_outbound::{BodyEnd, OutboundError, Stage};
use support::{Receiver, answering, get, hurried, local, read_head, receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// Sends `start` once and then `more` for as long as it is let, and tells when it no longer is.
async fn endless(start: &'static str, more: &'static str) -> (Receiver, mpsc::UnboundedReceiver<()>) {
    let (closed, is_closed) = mpsc::unbounded_channel();
    let receiver = receiver(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(start.as_bytes()).await;
            while stream.write_all(more.as_bytes()).await.is_ok() {
                tokio::task::yield_now().await;
            }
            let _ = closed.send(());
        }
    })
    .await;
    (receiver, is_closed)
}

/// One byte of `bytes` a millisecond, again and again.
async fn dripping(start: &'static str, bytes: &'static [u8]) -> Receiver {
    receiver(move |mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        for byte in bytes.iter().cycle() {
            pace.tick().await;
            if stream.write_u8(*byte).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn interim_answers_without_end_time_out_and_end_their_connection() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n",
        "HTTP/1.1 199 Odd\r\n\r\n",
    ] {
        let (receiver, mut closed) = endless("", interim).await;
        let failure = local().send(hurried(get(&receiver.url("/")))).await.unwrap_err();
        assert_eq!(failure.error, OutboundError::TimedOut(Stage::Answer), "{interim}");
        closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_behind_interim_ones_is_the_answer() {
    let receiver = answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: 1\r\n\r\n\
         HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.headers.contains_key("x")), (201, false));
}

#[tokio::test]
async fn headers_that_drip_time_out() {
    let receiver = dripping("HTTP/1.1 200 OK\r\n", b"x-slow: 1\r\n").await;
    let failure = local().send(hurried(get(&receiver.url("/")))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::TimedOut(Stage::Answer));
}

#[tokio::test]
async fn a_body_that_drips_is_left_after_its_time() {
    for start in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n"] {
        let receiver = dripping(start, b"x").await;
        let answer = local().send(hurried(get(&receiver.url("/")))).await.unwrap();
        assert_eq!(answer.body_end, BodyEnd::TooSlow);
        assert!(!answer.body.is_empty() && answer.body.len() < 900);
    }
}

#[tokio::test]
async fn headers_without_end_are_cut_off_and_end_their_connection() {
    for (start, more) in [
        ("HTTP/1.1 200 OK\r\nx-long: ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("HTTP/1.1 200 OK\r\n", "x-many: 1\r\n"),
        ("HTTP/1.1 200 ", "a reason without end "),
    ] {
        let (receiver, mut closed) = endless(start, more).await;
        let failure = local().send(get(&receiver.url("/"))).await.unwrap_err();
        assert_eq!(failure.error, OutboundError::HeadersTooLarge, "{start}");
        closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn chunks_that_hold_no_data_end_the_body_and_the_connection() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    const EXTENSION: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;name=";
    const TRAILER: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n";
    for (start, more) in [
        (EXTENSION, "an extension without end"),
        (HEAD, "1;name=a-long-extension-of-a-small-chunk-that-costs-more-than-it-brings\r\nx\r\n"),
        (TRAILER, "x-trailer: another one\r\n"),
        (TRAILER, "x-trailer-of-one-line"),
    ] {
        let (receiver, mut closed) = endless(start, more).await;
        let answer = local().send(get(&receiver.url("/"))).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200);
        assert!(matches!(answer.body_end, BodyEnd::Broken | BodyEnd::TooLarge), "{more} {answer:?}");
        closed.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_chunk_size_without_end_is_left_after_its_time() {
    let (receiver, mut closed) =
        endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "0000000000").await;
    let answer = local().send(hurried(get(&receiver.url("/")))).await.unwrap();
    assert_eq!((answer.body.len(), answer.body_end), (0, BodyEnd::TooSlow));
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn trailers_are_not_headers() {
    let receiver =
        answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-late: 1\r\n\r\n")
            .await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!((&answer.body[..], answer.body_end), (&b"ok"[..], BodyEnd::Complete));
    assert!(!answer.headers.contains_key("x-late"));
}

#[tokio::test]
async fn an_answer_of_two_lengths_is_not_an_answer() {
    for framing in ["content-length: 2\r\ncontent-length: 3", "content-length: -1", "content-length: 2, 3"] {
        let answer: &str = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\nokk").leak();
        let failure = local().send(get(&answering(answer).await.url("/"))).await.unwrap_err();
        assert_eq!(failure.error, OutboundError::AnswerMalformed, "{framing}");
    }
}

#[tokio::test]
async fn a_switch_of_protocols_that_nobody_asked_for_carries_nothing() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        let switch =
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello";
        stream.write_all(switch).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let client = local();
    for connections in 1..=2 {
        match client.send(hurried(get(&receiver.url("/")))).await {
            Ok(answer) => assert_eq!((answer.status.as_u16(), answer.body.len()), (101, 0)),
            Err(failure) => assert_eq!(failure.error, OutboundError::AnswerMalformed),
        }
        assert_eq!(receiver.connections(), connections);
    }
}

#[tokio::test]
async fn a_bomb_stays_packed() {
    let bomb: &str = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{}\r\n0\r\n\r\n",
        "\u{1f}\u{b}\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}"
    )
    .leak();
    let answer = local().send(get(&answering(bomb).await.url("/"))).await.unwrap();
    assert_eq!((answer.body.len(), answer.headers["content-encoding"].as_bytes()), (8, &b"gzip"[..]));
}
