//! Real receivers on loopback and short ways to call them.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use panora_outbound::{AddressPolicy, Limits, Outbound, Request, Resolver, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

pub const PROJECT: &str = "0190";
pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A receiver and how many connections it took.
pub struct Receiver {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    pub fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    pub fn named(&self, name: &str) -> Url {
        format!("http://{name}:{}/", self.address.port()).parse().unwrap()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Hands each connection to `serve`.
pub async fn receiver<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Receiver
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    Receiver { address, connections }
}

/// Answers every request on every connection with `answer`.
pub async fn answering(answer: &'static str) -> Receiver {
    receiver(move |mut stream| async move {
        while read_head(&mut stream).await.is_some() {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

/// Reads a request without a body up to the empty line.
pub async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

pub fn settings() -> Settings {
    Settings::new(HeaderValue::from_static("Panora/test"))
}

/// A client for which loopback is open.
pub fn local() -> Outbound {
    Outbound::new(local_policy(), settings())
}

pub fn local_policy() -> AddressPolicy {
    AddressPolicy { local_allowed: true, ..AddressPolicy::default() }
}

/// A client whose names are answered by `resolver`.
pub fn resolving(policy: AddressPolicy, resolver: Resolver) -> Outbound {
    Outbound::new(policy, Settings { resolver, ..settings() })
}

pub const LIMITS: Limits =
    Limits { deadline: Duration::from_secs(5), max_body: 1024, body_time: Duration::from_secs(5) };

pub fn get(url: &Url) -> Request<'_> {
    Request {
        project: PROJECT,
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        limits: LIMITS,
    }
}

/// A deadline short enough for a test that waits for it.
pub fn hurried(request: Request<'_>) -> Request<'_> {
    let hurry = Duration::from_millis(200);
    Request { limits: Limits { deadline: hurry, body_time: hurry, ..LIMITS }, ..request }
}
