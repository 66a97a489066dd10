//! The road to a server: its public URL, where a test sees all that passes and can put trouble in the way. The
//! pretend provider lives behind the same URL, so this is also how a provider fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::wait::within;

/// What happens to requests of one path.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// This status, these headers and this body, as JSON.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// A web page where JSON was expected.
    Garbage,
    /// No answer at all.
    Never,
    /// Passes once [`Road::open`] is called.
    Closed,
    /// Passes at once; the answer passes once [`Road::open`] is called.
    Late,
}

#[derive(Clone, Copy, PartialEq)]
enum Lasts {
    Once,
    UntilOpened,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub answer_headers: HeaderMap,
    pub answer: Bytes,
}

#[derive(Clone)]
pub struct Road {
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    destination: Mutex<String>,
    /// Where paths that begin so lead instead.
    branches: Mutex<Vec<(String, String)>>,
    troubles: Mutex<HashMap<String, (Trouble, Lasts)>>,
    passed: Mutex<Vec<Exchange>>,
    arrivals: Mutex<Vec<String>>,
    arrived: Notify,
    opened: Notify,
    answered: Notify,
    client: reqwest::Client,
}

impl Road {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let shared = Arc::new(Shared {
            destination: Mutex::default(),
            branches: Mutex::default(),
            troubles: Mutex::default(),
            passed: Mutex::default(),
            arrivals: Mutex::default(),
            arrived: Notify::new(),
            opened: Notify::new(),
            answered: Notify::new(),
            client: super::api::client().build().expect("a client can be made"),
        });
        let router = Router::new().fallback(pass).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Where it leads: scheme, host and port.
    pub fn leads_to(&self, destination: &str) {
        destination.clone_into(&mut lock(&self.shared.destination));
    }

    /// Leads paths that begin so to another server.
    pub fn branch(&self, prefix: &str, destination: &str) {
        lock(&self.shared.branches).push((prefix.to_owned(), destination.to_owned()));
    }

    /// Puts trouble in the way of one path.
    pub fn block(&self, path: &str, trouble: Trouble) {
        lock(&self.shared.troubles).insert(path.to_owned(), (trouble, Lasts::UntilOpened));
    }

    /// Puts trouble in the way of the next request to one path.
    pub fn block_once(&self, path: &str, trouble: Trouble) {
        lock(&self.shared.troubles).insert(path.to_owned(), (trouble, Lasts::Once));
    }

    /// Takes it away, and lets those pass who wait.
    pub fn open(&self, path: &str) {
        lock(&self.shared.troubles).remove(path);
        self.shared.opened.notify_waiters();
    }

    /// All exchanges of a path that have ended, those that trouble answered included.
    pub fn passed(&self, path: &str) -> Vec<Exchange> {
        self.all_passed().into_iter().filter(|it| path_of(&it.target) == path).collect()
    }

    pub fn all_passed(&self) -> Vec<Exchange> {
        lock(&self.shared.passed).clone()
    }

    /// Waits until an answer is held back by [`Trouble::Late`].
    pub async fn holds_an_answer(&self) {
        within("an answer to hold back", self.shared.answered.notified()).await;
    }

    /// How many requests to the path have set out.
    pub fn arrived(&self, path: &str) -> usize {
        lock(&self.shared.arrivals).iter().filter(|it| *it == path).count()
    }

    /// Waits until so many requests to the path have set out, whatever becomes of them.
    pub async fn wait_for(&self, path: &str, count: usize) {
        within(&format!("{count} requests to {path}"), async {
            loop {
                let arrived = self.shared.arrived.notified();
                if self.arrived(path) >= count {
                    return;
                }
                arrived.await;
            }
        })
        .await;
    }
}

impl Shared {
    fn trouble_of(&self, path: &str) -> Option<Trouble> {
        let mut troubles = lock(&self.troubles);
        let (trouble, lasts) = troubles.get(path).cloned()?;
        if lasts == Lasts::Once {
            troubles.remove(path);
        }
        Some(trouble)
    }

    fn destination_of(&self, path: &str) -> String {
        let branches = lock(&self.branches);
        let branch = branches.iter().find(|(prefix, _)| path.starts_with(prefix.as_str()));
        branch.map_or_else(|| lock(&self.destination).clone(), |(_, destination)| destination.clone())
    }

    async fn forward(&self, parts: &Parts, body: Bytes) -> Response {
        let url = format!("{}{}", self.destination_of(parts.uri.path()), target_of(parts));
        let onward = self.client.request(parts.method.clone(), url).headers(parts.headers.clone());
        let Ok(answer) = onward.body(body).send().await else {
            return StatusCode::BAD_GATEWAY.into_response();
        };
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        let mut response = Response::new(Body::from(answer.bytes().await.unwrap_or_default()));
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        response
    }

    async fn remember(&self, parts: Parts, body: Bytes, response: Response) -> Response {
        let target = target_of(&parts).to_owned();
        let (answer_parts, answer) = response.into_parts();
        let answer = to_bytes(answer, usize::MAX).await.unwrap_or_default();
        lock(&self.passed).push(Exchange {
            target,
            headers: parts.headers,
            body,
            answer_headers: answer_parts.headers.clone(),
            answer: answer.clone(),
        });
        Response::from_parts(answer_parts, Body::from(answer))
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    lock(&shared.arrivals).push(path.clone());
    shared.arrived.notify_waiters();
    let response = loop {
        let opened = shared.opened.notified();
        match shared.trouble_of(&path) {
            None => break shared.forward(&parts, body.clone()).await,
            Some(Trouble::Closed) => opened.await,
            Some(Trouble::Late) => {
                let response = shared.forward(&parts, body.clone()).await;
                shared.answered.notify_one();
                opened.await;
                break response;
            }
            Some(Trouble::Never) => return std::future::pending().await,
            Some(Trouble::Garbage) => break answer(200, &[], "<!doctype html><p>We are down for tea."),
            Some(Trouble::Answer(status, headers, body)) => break answer(status, headers, body),
        }
    };
    shared.remember(parts, body, response).await
}

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Response {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::from(body)).expect("a test names real statuses and headers")
}

fn target_of(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |target| target.as_str())
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
