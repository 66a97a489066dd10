//! Connections that are used again: a request goes out twice only if it had not gone out at all, and nothing
//! that a peer said before it was asked is an answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc;

use panora_outbound::OutboundError;
use support::{OK, get, local, read_head, receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use url::Url;

/// A receiver outside of the runtime, which can therefore act while the client cannot look. It answers the
/// first request and does `after` to that connection; then it answers one request on a second connection. It
/// tells every head that it reads.
struct Outside {
    url: Url,
    heads: mpsc::Receiver<String>,
    acted: mpsc::Receiver<()>,
    nudge: UnixStream,
}

impl Outside {
    /// Returns in the very moment at which the runtime has heard of what the receiver did and no task has
    /// looked at it: the runtime's one thread stands still until all is done, and then hears of it together
    /// with the nudge.
    async fn act(&mut self) {
        self.acted.recv().unwrap();
        self.nudge.readable().await.unwrap();
    }
}

fn outside(after: impl FnOnce(&mut std::net::TcpStream) + Send + 'static) -> Outside {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let ((done, acted), (heads, seen)) = (mpsc::channel(), mpsc::channel());
    let (mut nudging, nudge) = std::os::unix::net::UnixStream::pair().unwrap();
    nudge.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        heads.send(head(&mut first).unwrap()).unwrap();
        first.write_all(OK.as_bytes()).unwrap();
        after(&mut first);
        nudging.write_all(b"!").unwrap();
        done.send(()).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        heads.send(head(&mut second).unwrap()).unwrap();
        second.write_all(OK.as_bytes()).unwrap();
        if let Some(late) = head(&mut first) {
            heads.send(late).unwrap();
        }
    });
    Outside { url, heads: seen, acted, nudge: UnixStream::from_std(nudge).unwrap() }
}

fn head(stream: &mut std::net::TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

#[tokio::test]
async fn a_request_that_finds_its_connection_closed_goes_out_once_on_another() {
    let mut receiver = outside(|stream| stream.shutdown(Shutdown::Write).unwrap());
    let client = local();
    client.send(get(&receiver.url)).await.unwrap();
    receiver.act().await;

    let answer = client.send(get(&receiver.url)).await.unwrap();

    assert_eq!((answer.status.as_u16(), answer.trace.connect.is_some()), (200, true));
    assert_eq!(receiver.heads.recv().unwrap(), receiver.heads.recv().unwrap());
    drop(client);
    assert!(receiver.heads.recv().is_err(), "the closed connection carried it as well");
}

#[tokio::test]
async fn an_answer_that_lies_there_before_its_request_is_not_taken_for_one() {
    let forged = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n";
    let mut receiver = outside(|stream| stream.write_all(forged).unwrap());
    let client = local();
    client.send(get(&receiver.url)).await.unwrap();
    receiver.act().await;

    let answer = client.send(get(&receiver.url)).await.unwrap();

    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(receiver.heads.recv().unwrap(), receiver.heads.recv().unwrap());
}

#[tokio::test]
async fn what_follows_a_whole_answer_is_never_the_next_answer() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        let both = format!("{OK}HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(both.as_bytes()).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let client = local();
    for _ in 0..3 {
        let status = client.send(get(&receiver.url("/"))).await.map(|answer| answer.status.as_u16());
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(receiver.connections(), 3);
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_request_is_not_tried_again() {
    let receiver = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        // One byte of the second request has come.
        let _ = stream.read_u8().await;
    })
    .await;
    let client = local();
    client.send(get(&receiver.url("/"))).await.unwrap();
    let failure = client.send(get(&receiver.url("/"))).await.unwrap_err();
    assert_eq!((failure.error, receiver.connections()), (OutboundError::ConnectionClosed, 1));
}

#[tokio::test]
async fn a_connection_whose_answer_was_cut_is_not_used_again() {
    let long: &str = format!("HTTP/1.1 200 OK\r\ncontent-length: 4194304\r\n\r\n{}", "x".repeat(2048)).leak();
    let receiver = support::answering(long).await;
    let client = local();
    for connections in 1..=2 {
        assert_eq!(client.send(get(&receiver.url("/"))).await.unwrap().body.len(), 1024);
        assert_eq!(receiver.connections(), connections);
    }
}
