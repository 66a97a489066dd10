//! What the guard costs: CPU time of one `send` beside the same post through hyper's pooled client.
//!
//! `cargo run --release -p panora-outbound --example cost -- [POSTS]`
//!
//! The receiver has a thread of its own and only the caller's thread is counted, so the figures hold what the
//! caller pays, kernel included. The ways take turns, since the machine's mood changes: compare the medians.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a measurement that fails should stop")]

use std::convert::Infallible;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use panora_outbound::{AddressPolicy, Destination, Limits, Message, Outbound, Request, Settings};
use tokio::runtime::{Builder, Runtime};
use url::Url;

const AT_ONCE: usize = 64;
const ROUNDS: usize = 7;
const LIMITS: Limits =
    Limits { deadline: Duration::from_secs(15), max_body: 16 * 1024, body_time: Duration::from_secs(1) };

fn main() {
    let posts = std::env::args().nth(1).map_or(30_000, |posts| posts.parse().unwrap());
    let url: Url = format!("http://{}/hook", receiver()).parse().unwrap();
    let uri: Uri = url.as_str().parse().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let body = Bytes::from(vec![b'x'; 1024]);

    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let plain: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let policy = AddressPolicy { local_allowed: true, ..AddressPolicy::default() };
    let guarded = Outbound::new(policy, Settings::new(HeaderValue::from_static("Panora/bench")));

    let prepared = guarded.destination(&url, "0190").unwrap();

    let mut ways = ["plain", "send", "send_to"].map(|name| (name, Vec::new()));
    for round in 0..=ROUNDS {
        let spent = [
            measure(&runtime, posts, || post(&plain, &uri, &body)),
            measure(&runtime, posts, || send(&guarded, &url, &body)),
            measure(&runtime, posts, || send_to(&guarded, &prepared, &body)),
        ];
        // The first round opens the connections.
        for ((_, all), spent) in ways.iter_mut().zip(spent).filter(|_| round > 0) {
            all.push(spent);
        }
    }
    for (name, mut all) in ways {
        all.sort_by(f64::total_cmp);
        let (least, median, most) = (all[0], all[ROUNDS / 2], all[ROUNDS - 1]);
        println!("{name:>8}: {median:.2} CPU-us a post ({least:.2} to {most:.2})");
    }
}

async fn post(client: &Client<HttpConnector, Full<Bytes>>, uri: &Uri, body: &Bytes) {
    let mut request = http::Request::new(Full::new(body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers();
    let answer = client.request(request).await.unwrap();
    answer.into_body().collect().await.unwrap();
}

async fn send(client: &Outbound, url: &Url, body: &Bytes) {
    let (headers, body) = (headers(), body.clone());
    let request = Request { project: "0190", method: Method::POST, url, headers, body, limits: LIMITS };
    client.send(request).await.unwrap();
}

async fn send_to(client: &Outbound, to: &Destination, body: &Bytes) {
    let (headers, body) = (headers(), body.clone());
    client.send_to(to, Message { method: Method::POST, headers, body, limits: LIMITS }).await.unwrap();
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (http::header::USER_AGENT, HeaderValue::from_static("Panora/bench")),
    ])
}

/// CPU-microseconds of this thread a post.
fn measure<F: Future<Output = ()>>(runtime: &Runtime, posts: usize, one: impl Fn() -> F) -> f64 {
    let before = cpu_nanos();
    runtime.block_on(async {
        let caller = || async {
            for _ in 0..posts / AT_ONCE {
                one().await;
            }
        };
        futures_util::future::join_all((0..AT_ONCE).map(|_| caller())).await;
    });
    (cpu_nanos() - before) as f64 / 1000.0 / (posts / AT_ONCE * AT_ONCE) as f64
}

/// Linux counts a thread's time on the CPU in nanoseconds.
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Reads every request whole and answers with two bytes.
fn receiver() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                    request.into_body().collect().await.unwrap();
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"ok"))))
                });
                let serve = hyper::server::conn::http1::Builder::new();
                tokio::spawn(serve.serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    address
}
