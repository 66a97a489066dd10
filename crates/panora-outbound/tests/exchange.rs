//! What goes over the wire and what does not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::process::Command;

use panora_outbound::{BodyEnd, OutboundError};
use support::{OK, answering, get, local, read_head, receiver};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

#[tokio::test]
async fn a_request_carries_its_own_headers_and_nothing_more() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let receiver = receiver(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_head(&mut stream).await.unwrap()).unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let url = receiver.url("/a%20b?q={1}|#fragment");
    let mut request = get(&url);
    request.headers.insert("x-own", "1".parse().unwrap());

    local().send(request).await.unwrap();

    let head = seen.recv().await.unwrap();
    let lines: Vec<_> = head.trim_end().split("\r\n").collect();
    let host = format!("host: {}", receiver.address);
    assert_eq!(lines, ["GET /a%20b?q={1}| HTTP/1.1", "x-own: 1", "user-agent: Panora/test", host.as_str()]);
}

#[tokio::test]
async fn where_a_request_goes_and_ends_is_not_the_callers_to_say() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let receiver = receiver(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_head(&mut stream).await.unwrap()).unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let url = receiver.url("/");
    let mut request = get(&url);
    (request.method, request.body) = (http::Method::POST, "body".into());
    for (name, value) in
        [("host", "other.example"), ("content-length", "1"), ("transfer-encoding", "chunked")]
    {
        request.headers.insert(name, value.parse().unwrap());
    }

    local().send(request).await.unwrap();

    let head = seen.recv().await.unwrap();
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    lines.sort_unstable();
    let host = format!("host: {}", receiver.address);
    assert_eq!(lines, ["POST / HTTP/1.1", "content-length: 4", host.as_str(), "user-agent: Panora/test"]);
}

#[tokio::test]
async fn the_answer_comes_with_address_and_times() {
    let receiver = answering(OK).await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..], answer.body_end),
        (200, &b"ok"[..], BodyEnd::Complete)
    );
    let trace = answer.trace;
    assert_eq!((trace.address, trace.private), (Some(receiver.address), true));
    assert!(trace.connect.is_some() && trace.first_byte <= Some(trace.total));
    assert_eq!((trace.dns, trace.tls), (None, None));
}

#[tokio::test]
async fn connections_are_used_again_and_say_so() {
    let receiver = answering(OK).await;
    let client = local();
    let url = receiver.url("/");
    client.send(get(&url)).await.unwrap();
    let again = client.send(get(&url)).await.unwrap().trace;
    assert_eq!(receiver.connections(), 1);
    assert_eq!((again.address, again.connect), (Some(receiver.address), None));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = answering(OK).await;
    let location = target.url("/moved");
    let redirecting = receiver(move |mut stream| {
        let location = location.clone();
        async move {
            read_head(&mut stream).await;
            let answer = format!("HTTP/1.1 307 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let answer = local().send(get(&redirecting.url("/"))).await.unwrap();
    assert_eq!(answer.status.as_u16(), 307);
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_compressed_body_stays_as_it_was_sent() {
    let receiver =
        answering("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x0b\x08").await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!(&answer.body[..], b"\x1f\x0b\x08");
}

#[tokio::test]
async fn an_error_says_nothing_of_the_url() {
    let url = "http://127.0.0.1:1/path?token=secret".parse().unwrap();
    let failure = local().send(get(&url)).await.unwrap_err();
    assert_eq!(failure.error.code(), "connect_failed");
    assert_eq!(failure.trace.address, Some("127.0.0.1:1".parse().unwrap()));
    let told = format!("{failure} {failure:?} {}", failure.error.likely_cause());
    assert!(!told.contains("secret") && !told.contains("path"), "{told}");
}

#[tokio::test]
async fn a_forbidden_literal_is_refused_before_any_connection() {
    let receiver = answering(OK).await;
    let closed =
        support::resolving(panora_outbound::AddressPolicy::default(), panora_outbound::Resolver::system());
    let url = format!("https://2130706433:{}/", receiver.address.port()).parse().unwrap();
    let failure = closed.send(get(&url)).await.unwrap_err();
    assert!(matches!(failure.error, OutboundError::Refused(_)));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_never_sent_again() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let receiver = receiver(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_head(&mut stream).await).unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
            heads.send(read_head(&mut stream).await).unwrap();
        }
    })
    .await;
    let (client, url) = (local(), receiver.url("/"));
    client.send(get(&url)).await.unwrap();

    let failure = client.send(get(&url)).await.unwrap_err();

    assert_eq!(failure.error, OutboundError::ConnectionClosed);
    assert_eq!(failure.trace.address, Some(receiver.address));
    assert!(seen.recv().await.unwrap().is_some() && seen.recv().await.unwrap().is_some());
    assert_eq!((receiver.connections(), seen.is_empty()), (1, true));
}

#[tokio::test]
async fn the_debug_form_of_an_answer_holds_nothing_of_its_content() {
    let receiver = answering("HTTP/1.1 200 OK\r\nx-own: secret\r\ncontent-length: 6\r\n\r\nsecret").await;
    let answer = local().send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!(&answer.body[..], b"secret");
    assert!(!format!("{answer:?}").contains("secret"));
}

/// Runs the test below in a process of its own, since the environment belongs to the whole process.
#[test]
fn proxy_settings_of_the_environment_are_ignored() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "reaches_its_receiver_directly", "--include-ignored"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        child.env(name, "http://127.0.0.1:1");
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
#[ignore = "run by proxy_settings_of_the_environment_are_ignored"]
async fn reaches_its_receiver_directly() {
    let receiver = answering(OK).await;
    assert!(local().send(get(&receiver.url("/"))).await.is_ok());
}
