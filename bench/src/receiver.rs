//! The receiver's process: answers 200 to every POST and remembers when it came, but where an endpoint's path asks
//! for trouble. It checks nothing, because its work takes from the same cores as the server's.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::arrivals::{Arrival, Arrivals, connection_in};
use crate::because;
use crate::clock::now;
use crate::trouble::{Answer, Trouble, answer};

const SIGNATURE: HeaderName = HeaderName::from_static("panora-signature");

struct Desk {
    arrivals: Arrivals,
    /// The last delivery's body and signature, for the driver to look at before they are too old to be valid.
    sample: Option<(Bytes, Option<HeaderValue>)>,
}

type Shared = Arc<Mutex<Desk>>;

/// Prints its port, then receives until its standard input is closed: it never outlives the driver. Each host is an
/// address of this machine, from 127.0.0.1 on.
pub async fn run(hosts: u8) -> Result<(), String> {
    let cannot = because::<std::io::Error>("the receiver cannot listen");
    let first = TcpListener::bind(host(0, 0)).await.map_err(&cannot)?;
    let port = first.local_addr().map_err(&cannot)?.port();
    let shared = Arc::new(Mutex::new(Desk { arrivals: Arrivals::new(), sample: None }));
    let mut accepting = JoinSet::new();
    accepting.spawn(accept(first, shared.clone()));
    for number in 1..hosts {
        let listener = TcpListener::bind(host(number, port)).await.map_err(&cannot)?;
        accepting.spawn(accept(listener, shared.clone()));
    }
    println!("{port}");
    tokio::select! {
        _ = accepting.join_next() => Err("the receiver cannot accept".to_owned()),
        () = closed_input() => Ok(()),
    }
}

/// The address of a host, by its number from 0.
pub fn host(number: u8, port: u16) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, number + 1), port).into()
}

/// Reads in a thread of its own, which ends with the process.
async fn closed_input() {
    let (closed, wait) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Whether closed or broken: there is no driver any more.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(closed);
    });
    let _ = wait.await;
}

async fn accept(listener: TcpListener, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, shared.clone()));
    }
}

async fn serve(stream: TcpStream, shared: Shared) {
    // Answers are one packet each; waiting to fill it would be measured as the sender's latency.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, shared.clone()));
    // A connection that breaks is the sender's to mend.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, shared: Shared) -> Result<Answer, Infallible> {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        return Ok(tell(&lock(&shared), parts.uri.path(), parts.uri.query()));
    }
    let Ok(body) = body.collect().await else {
        return Ok(answer(StatusCode::BAD_REQUEST, Bytes::new()));
    };
    if let Some(trouble) = Trouble::of_path(parts.uri.path()) {
        return Ok(trouble.answer().await);
    }
    let status = receive(&mut lock(&shared), parts.uri.path(), &parts.headers, body.to_bytes());
    Ok(answer(status, Bytes::new()))
}

/// What the driver asks for.
fn tell(desk: &Desk, path: &str, query: Option<&str>) -> Answer {
    match (path, &desk.sample) {
        ("/counts", _) => answer(StatusCode::OK, desk.arrivals.counts().into()),
        ("/arrivals", _) => {
            let skipped = query.and_then(|text| text.parse().ok()).unwrap_or(0);
            answer(StatusCode::OK, desk.arrivals.lines(skipped).into())
        }
        ("/sample", Some((body, signature))) => {
            let mut sample = answer(StatusCode::OK, body.clone());
            sample.headers_mut().extend(signature.clone().map(|value| (SIGNATURE, value)));
            sample
        }
        _ => answer(StatusCode::NOT_FOUND, Bytes::new()),
    }
}

/// The path is the endpoint's number.
fn receive(desk: &mut Desk, path: &str, headers: &HeaderMap, body: Bytes) -> StatusCode {
    let endpoint = path.strip_prefix('/').and_then(|text| text.parse().ok());
    let (Some(endpoint), Some((_, id))) = (endpoint, connection_in(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    desk.arrivals.add(Arrival { id: id.as_u128(), endpoint, at: now() });
    desk.sample = Some((body, headers.get(SIGNATURE).cloned()));
    StatusCode::OK
}

fn lock(shared: &Shared) -> MutexGuard<'_, Desk> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
