//! The receiver's process: answers 200 to every POST and remembers when it came. It checks nothing, because its
//! work takes from the same cores as the server's.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::arrivals::{Arrival, Arrivals, connection_in};
use crate::because;
use crate::clock::now;

const SIGNATURE: HeaderName = HeaderName::from_static("panora-signature");

struct Desk {
    arrivals: Arrivals,
    /// The first delivery's body and signature, for the driver to look at.
    sample: Option<(Bytes, Option<HeaderValue>)>,
}

type Shared = Arc<Mutex<Desk>>;

/// Prints its port, then receives until its standard input is closed: it never outlives the driver.
pub async fn run() -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(because("the receiver cannot listen"))?;
    let address = listener.local_addr().map_err(because("the receiver has no address"))?;
    println!("{}", address.port());
    let shared = Arc::new(Mutex::new(Desk { arrivals: Arrivals::new(), sample: None }));
    tokio::select! {
        () = accept(listener, shared) => Err("the receiver cannot accept".to_owned()),
        () = closed_input() => Ok(()),
    }
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
    let service = service_fn(|request| answer(request, shared.clone()));
    // A connection that breaks is the sender's to mend.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, shared: Shared) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::POST {
        let Ok(body) = body.collect().await else {
            return Ok(response(StatusCode::BAD_REQUEST, Bytes::new()));
        };
        let status = receive(&mut lock(&shared), parts.uri.path(), &parts.headers, body.to_bytes());
        return Ok(response(status, Bytes::new()));
    }
    let desk = lock(&shared);
    Ok(match parts.uri.path() {
        "/counts" => response(StatusCode::OK, desk.arrivals.counts().into()),
        "/arrivals" => {
            let skipped = parts.uri.query().and_then(|text| text.parse().ok()).unwrap_or(0);
            response(StatusCode::OK, desk.arrivals.lines(skipped).into())
        }
        "/sample" => match &desk.sample {
            Some((body, signature)) => {
                let mut sample = response(StatusCode::OK, body.clone());
                sample.headers_mut().extend(signature.clone().map(|value| (SIGNATURE, value)));
                sample
            }
            None => response(StatusCode::NOT_FOUND, Bytes::new()),
        },
        _ => response(StatusCode::NOT_FOUND, Bytes::new()),
    })
}

/// The path is the endpoint's number.
fn receive(desk: &mut Desk, path: &str, headers: &HeaderMap, body: Bytes) -> StatusCode {
    let endpoint = path.strip_prefix('/').and_then(|text| text.parse().ok());
    let (Some(endpoint), Some((_, id))) = (endpoint, connection_in(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    desk.arrivals.add(Arrival { id: id.as_u128(), endpoint, at: now() });
    if desk.sample.is_none() {
        desk.sample = Some((body, headers.get(SIGNATURE).cloned()));
    }
    StatusCode::OK
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

fn lock(shared: &Shared) -> MutexGuard<'_, Desk> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
