//! Exchanges whose bodies pass as they come: how long silence is borne, and that nothing is taken for whole that is not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use panora_outbound::{BodyEnd, BoxError, OpenAnswer, OpenRequest, OutboundError, Stage, Upload};
use support::tls::{NAME, https, secure, self_signed, trusting};
use support::{PROJECT, local, read_head, receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use url::Url;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(20);

fn request(url: &Url, body: Upload, silence: Duration) -> OpenRequest<'_> {
    let (method, headers) = (Method::POST, HeaderMap::new());
    OpenRequest { project: PROJECT, method, url, headers, body, silence }
}

fn nothing() -> Upload {
    Upload::Whole(Bytes::new())
}

/// A body that is sent from elsewhere.
struct Channel(mpsc::UnboundedReceiver<Result<Bytes, BoxError>>);

impl Body for Channel {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map(|next| next.map(|data| data.map(Frame::data)))
    }
}

fn channel() -> (mpsc::UnboundedSender<Result<Bytes, BoxError>>, Upload) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Upload::Passing(UnsyncBoxBody::new(Channel(receiver))))
}

async fn whole(answer: OpenAnswer) -> Bytes {
    let (body, end) = answer.body.read(1 << 20, LONG).await;
    assert_eq!(end, BodyEnd::Complete);
    body
}

#[tokio::test]
async fn silence_before_the_headers_ends_the_exchange() {
    let silent = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let failure = local().open(request(&silent.url("/"), nothing(), SHORT)).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::TimedOut(Stage::Answer));
}

#[tokio::test]
async fn silence_within_the_body_ends_it_with_an_error() {
    let silent = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let mut answer = local().open(request(&silent.url("/"), nothing(), SHORT)).await.unwrap();
    assert_eq!(answer.body.frame().await.unwrap().unwrap().into_data().unwrap(), "hi");
    assert_eq!(answer.body.frame().await.unwrap().unwrap_err(), OutboundError::BodyTooSlow);
}

#[tokio::test]
async fn a_caller_that_takes_its_time_is_no_silence_of_the_peer() {
    let quick = receiver(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhi").await.unwrap();
        stream.write_all(b"hi").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let answer = local().open(request(&quick.url("/"), nothing(), SHORT)).await.unwrap();
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(whole(answer).await, "hihi");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_its_sender_s_fault() {
    let patient = receiver(|mut stream| async move {
        let mut all = Vec::new();
        drop(stream.read_to_end(&mut all).await);
    })
    .await;
    let (sender, body) = channel();
    sender.send(Ok(Bytes::from_static(b"hi"))).unwrap();
    let failure = local().open(request(&patient.url("/"), body, SHORT)).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::UploadTooSlow);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_its_sender_s_fault_and_never_whole() {
    let (told, mut received) = mpsc::unbounded_channel();
    let patient = receiver(move |mut stream| {
        let told = told.clone();
        async move {
            let mut all = Vec::new();
            drop(stream.read_to_end(&mut all).await);
            told.send(all).unwrap();
        }
    })
    .await;
    let (sender, body) = channel();
    sender.send(Ok(Bytes::from_static(b"hi"))).unwrap();
    sender.send(Err("gone".into())).unwrap();
    let failure = local().open(request(&patient.url("/"), body, LONG)).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::UploadBroken);
    let all = String::from_utf8(received.recv().await.unwrap()).unwrap();
    assert!(!all.ends_with("0\r\n\r\n"), "{all}");
}

#[tokio::test]
async fn a_body_that_moves_may_take_as_long_as_it_likes() {
    let reader = receiver(|mut stream| async move {
        let mut all = Vec::new();
        while !all.ends_with(b"0\r\n\r\n") {
            all.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let (sender, body) = channel();
    tokio::spawn(async move {
        for _ in 0..6 {
            sender.send(Ok(Bytes::from_static(b"hi"))).unwrap();
            tokio::time::sleep(SHORT / 2).await;
        }
    });
    let answer = local().open(request(&reader.url("/"), body, SHORT)).await.unwrap();
    assert_eq!(whole(answer).await, "ok");
}

#[tokio::test]
async fn a_change_of_protocol_that_nobody_asked_for_is_no_answer() {
    let odd =
        support::answering("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
            .await;
    let failure = local().open(request(&odd.url("/"), nothing(), LONG)).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::AnswerMalformed);
}

/// Answers with the body that came.
async fn echo(request: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.version(), http::Version::HTTP_2);
    let body = request.into_body().collect().await.unwrap();
    assert!(body.trailers().is_none());
    Ok(Response::new(Full::new(body.to_bytes())))
}

#[tokio::test]
async fn bodies_pass_over_http2_and_share_one_connection() {
    let identity = self_signed(|_| {});
    let client = trusting(identity.chain.clone());
    let receiver = secure(identity, &[b"h2"], |stream| async move {
        let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(serving.serve_connection(TokioIo::new(stream), service_fn(echo)).await);
    })
    .await;
    let url = https(NAME, &receiver);
    for round in 0..3 {
        let (sender, body) = channel();
        for _ in 0..40 {
            sender.send(Ok(Bytes::from(vec![b'7'; 16 * 1024]))).unwrap();
        }
        drop(sender);
        let answer = client.open(request(&url, body, LONG)).await.unwrap();
        assert_eq!(whole(answer).await.len(), 40 * 16 * 1024, "{round}");
    }
    assert_eq!(receiver.connections(), 1);
}
