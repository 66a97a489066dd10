//! HTTP/2 receivers that mean harm, written frame by frame since no library would send these.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use panora_outbound::{Answer, BodyEnd, Failure, Outbound, OutboundError, Stage};
use support::tls::{NAME, https, secure, self_signed, trusting};
use support::{Receiver, get, hurried};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH: u8 = 5;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The stream of the second request.
const STREAM: u32 = 3;
/// `:status: 200`, and 103 spelt out (RFC 7541, appendix A and section 6.2.2).
const OK: &[u8] = &[0x88];
const EARLY_HINTS: &[u8] = &[0x08, 3, b'1', b'0', b'3'];

/// RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Answers a first request, so that no deadline below ends in the handshake, and the second with `start` once
/// and then `more` for as long as it is let. It tells when it no longer is.
async fn hostile(start: Vec<u8>, more: Vec<u8>) -> (Outbound, Receiver, mpsc::UnboundedReceiver<()>) {
    let identity = self_signed(|_| {});
    let client = trusting(identity.chain.clone());
    let (closed, is_closed) = mpsc::unbounded_channel();
    let receiver = secure(identity, &[b"h2"], move |mut stream| {
        let (start, more, closed) = (start.clone(), more.repeat(64), closed.clone());
        async move {
            greet(&mut stream).await;
            stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, OK)).await.unwrap();
            while next(&mut stream).await.unwrap() != HEADERS {}
            let _ = stream.write_all(&start).await;
            // Whoever floods and never reads would stop at the first full buffer of answers to pings.
            let (mut reading, mut writing) = tokio::io::split(stream);
            tokio::spawn(async move { tokio::io::copy(&mut reading, &mut tokio::io::sink()).await });
            while !more.is_empty() && writing.write_all(&more).await.is_ok() && writing.flush().await.is_ok()
            {
                tokio::task::yield_now().await;
            }
            let _ = closed.send(());
            // Keeps what does not flood open.
            if more.is_empty() {
                std::future::pending::<()>().await;
            }
        }
    })
    .await;
    client.send(get(&https(NAME, &receiver))).await.unwrap();
    (client, receiver, is_closed)
}

/// Sends the settings and reads up to the first request's headers.
async fn greet(stream: &mut TlsStream<TcpStream>) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    while next(stream).await.unwrap() != HEADERS {}
}

/// The kind of the next frame, which is read whole.
async fn next(stream: &mut TlsStream<TcpStream>) -> Option<u8> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    stream.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).await.ok()?;
    Some(head[3])
}

async fn exchange(start: Vec<u8>, more: Vec<u8>) -> Result<Answer, Failure> {
    let (client, receiver, _closed) = hostile(start, more).await;
    client.send(get(&https(NAME, &receiver))).await
}

async fn error(start: Vec<u8>, more: Vec<u8>) -> OutboundError {
    exchange(start, more).await.unwrap_err().error
}

#[tokio::test]
async fn frames_that_answer_nothing_do_not_stop_the_clock() {
    for (name, flood) in [
        ("ping", frame(PING, 0, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("window", frame(WINDOW, 0, 0, &[0, 0, 0, 1])),
        ("unknown", frame(0xfa, 0, 0, &[0; 100])),
        ("interim", frame(HEADERS, END_HEADERS, STREAM, EARLY_HINTS)),
    ] {
        let (client, receiver, _closed) = hostile(Vec::new(), flood).await;
        let failure = client.send(hurried(get(&https(NAME, &receiver)))).await.unwrap_err();
        let told = (failure.error, failure.trace.address);
        assert_eq!(told, (OutboundError::TimedOut(Stage::Answer), Some(receiver.address)), "{name}");
    }
}

#[tokio::test]
async fn headers_continued_without_end_are_cut_off_and_end_their_connection() {
    let (start, more) =
        (frame(HEADERS, 0, STREAM, OK), frame(CONTINUATION, 0, STREAM, &[0x00, 1, b'x', 1, b'1']));
    let (client, receiver, mut closed) = hostile(start, more).await;
    let failure = client.send(get(&https(NAME, &receiver))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::HeadersTooLarge);
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn headers_that_unpack_beyond_the_bound_are_no_answer() {
    // One long header in the dynamic table, then a reference of one byte for each time it comes again.
    let long = [&[0x40, 1, b'x', 0x7f, 0x81, 0x1e][..], &[b'x'; 4096 - 128]].concat();
    let block = [OK, &long, &[0xbe; 64]].concat();
    let packed = frame(HEADERS, END_HEADERS | END_STREAM, STREAM, &block);
    assert_eq!(error(packed, Vec::new()).await, OutboundError::AnswerMalformed);
}

#[tokio::test]
async fn a_body_of_empty_frames_ends() {
    let more = frame(DATA, 0, STREAM, &[]);
    let answer = exchange(frame(HEADERS, END_HEADERS, STREAM, OK), more).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert_eq!(answer.body_end, BodyEnd::Broken);
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_its_bound() {
    for size in [1, 1000, 16_384] {
        let more = frame(DATA, 0, STREAM, &vec![b'x'; size]);
        let answer = exchange(frame(HEADERS, END_HEADERS, STREAM, OK), more).await.unwrap();
        assert_eq!((answer.body.len(), answer.body_end), (1024, BodyEnd::TooLarge), "frames of {size}");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_not_taken() {
    let pushed = [&[0, 0, 0, 2][..], &[0x82, 0x87, 0x84, 0x01, 1, b'a']].concat();
    assert_eq!(
        error(frame(PUSH, END_HEADERS, STREAM, &pushed), Vec::new()).await,
        OutboundError::AnswerMalformed
    );
}

#[tokio::test]
async fn a_refused_request_is_told_as_unanswered() {
    for (name, end) in [
        ("refused", frame(RESET, 0, STREAM, &7_u32.to_be_bytes())),
        ("internal error", frame(RESET, 0, STREAM, &2_u32.to_be_bytes())),
        ("going away", frame(GO_AWAY, 0, 0, &[0; 8])),
    ] {
        assert_eq!(error(end, Vec::new()).await, OutboundError::ConnectionClosed, "{name}");
    }
}

#[tokio::test]
async fn one_request_that_times_out_leaves_its_connection_to_the_others() {
    let (client, receiver, _closed) = hostile(Vec::new(), Vec::new()).await;
    let url = https(NAME, &receiver);
    for _ in 0..2 {
        let failure = client.send(hurried(get(&url))).await.unwrap_err();
        assert_eq!(failure.error, OutboundError::TimedOut(Stage::Answer));
        assert_eq!(failure.trace.address, Some(receiver.address));
    }
    assert_eq!(receiver.connections(), 1);
}
