//! Sends requests through the guarded pools. It follows no redirect, uses no proxy, keeps no cookie, adds no
//! header but `Host`, `Content-Length` and `User-Agent`, and repeats nothing that may have been sent.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http::{Extensions, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::body::{self, BodyEnd};
use crate::classify::classify;
use crate::connect::Connector;
use crate::error::{Failure, OutboundError, Stage};
use crate::policy::AddressPolicy;
use crate::refusal::{Refusal, admit, check_url};
use crate::resolve::{Resolver, Unresolved};
use crate::tls;
use crate::trace::{DIAL, Dial, Facts, Trace};

type Pool = Client<Connector, Full<Bytes>>;

/// An answer's status line and headers together are cut off beyond this many bytes.
const MAX_HEADER_BYTES: u32 = 64 * 1024;
/// What a peer may send unasked over HTTP/2: for one answer, and for all answers of a connection.
const H2_STREAM_WINDOW: u32 = 256 * 1024;
const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;
/// A quiet HTTP/2 connection is asked for a sign of life this often while requests wait on it.
const H2_PING_EVERY: Duration = Duration::from_secs(10);

/// How the client is set up, beyond the policy.
pub struct Settings {
    /// Sent where a request names no `User-Agent` itself.
    pub user_agent: HeaderValue,
    /// Where names are looked up.
    pub resolver: Resolver,
    /// Authorities trusted besides the built-in and the system's; those that do not parse are left out.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// How many unused connections to one host are kept, and how long.
    pub idle_per_host: usize,
    /// How long an unused connection is kept.
    pub idle_time: Duration,
}

impl Settings {
    /// The system's resolver and generous pools.
    pub fn new(user_agent: HeaderValue) -> Self {
        Self {
            user_agent,
            resolver: Resolver::system(),
            extra_roots: Vec::new(),
            idle_per_host: 256,
            idle_time: Duration::from_secs(30),
        }
    }
}

/// One request. It has no `Debug`: headers, URL and body may all hold secrets.
pub struct Request<'a> {
    /// The id of the project on whose behalf it goes out: it decides which private networks are open.
    pub project: &'a str,
    /// The method.
    pub method: Method,
    /// An http or https URL without user info.
    pub url: &'a Url,
    /// All headers but `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The whole body; empty for none.
    pub body: Bytes,
    /// How long it may take and how much is read.
    pub limits: Limits,
}

/// How long a request may take and how much of its answer is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the name look-up to the end of the answer's headers.
    pub deadline: Duration,
    /// So many bytes of the body are kept.
    pub max_body: usize,
    /// For so long the body is waited for, from the end of the headers on.
    pub body_time: Duration,
}

/// What came back. Whether the body is whole says `body_end`.
pub struct Answer {
    /// The status, redirects included: none is followed.
    pub status: StatusCode,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The body as sent (nothing is decompressed), or its beginning.
    pub body: Bytes,
    /// How the reading of the body ended.
    pub body_end: BodyEnd,
    /// Address and times.
    pub trace: Trace,
}

/// Headers and body may hold secrets, so they are left out.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Answer");
        shown.field("status", &self.status).field("body_end", &self.body_end).field("trace", &self.trace);
        shown.finish_non_exhaustive()
    }
}

/// The one way out. Clones share connections.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    policy: Arc<AddressPolicy>,
    resolver: Resolver,
    user_agent: HeaderValue,
    /// Connections made under the rules that hold for every project.
    common: Pool,
    /// Connections of projects with networks of their own: nobody else may ever use one.
    own: HashMap<Arc<str>, Pool>,
}

impl Outbound {
    /// Makes the client; reads the system's certificates once.
    pub fn new(policy: AddressPolicy, settings: Settings) -> Self {
        let policy = Arc::new(policy);
        let tls = tls::connector(settings.extra_roots);
        let make_pool = |project: &Arc<str>| {
            let connector = Connector {
                policy: Arc::clone(&policy),
                project: Arc::clone(project),
                resolver: settings.resolver.clone(),
                tls: tls.clone(),
            };
            pool(connector, settings.idle_per_host, settings.idle_time)
        };
        let projects = policy.networks.iter().filter_map(|network| network.project.as_deref());
        let own =
            projects.map(Arc::from).map(|project| (Arc::clone(&project), make_pool(&project))).collect();
        let common = make_pool(&Arc::from(""));
        let Settings { resolver, user_agent, .. } = settings;
        Self(Arc::new(Inner { policy, resolver, user_agent, common, own }))
    }

    /// What can be said of a URL without a look-up; see [`check_url`].
    pub fn check_url(&self, url: &Url, project: &str) -> Result<(), Refusal> {
        check_url(url, &self.0.policy, project)
    }

    /// Judges a URL that is about to be stored: every address its name has now must be admitted. A name that
    /// does not resolve is accepted with https; each later request is judged again anyway.
    pub async fn check_endpoint(&self, url: &Url, project: &str) -> Result<(), Refusal> {
        self.check_url(url, project)?;
        let Some(name) = url.domain() else { return Ok(()) };
        let secure = url.scheme() == "https";
        match self.0.resolver.resolve(name).await {
            Ok(found) => found
                .into_iter()
                .try_for_each(|ip| admit(self.0.policy.check(ip, project), secure).map(|_| ())),
            Err(Unresolved::NotFound | Unresolved::TimedOut) if secure => Ok(()),
            Err(_) => Err(Refusal::HttpsRequired),
        }
    }

    /// Sends a request and reads its answer within the limits. Any status is an `Ok`; a body that is cut
    /// off or broken is one too, since the status stands.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let start = Instant::now();
        let limits = request.limits;
        let (response, mut trace) = self.exchange(request, start).await?;
        let (head, incoming) = response.into_parts();
        let (body, body_end) = body::read(incoming, limits.max_body, limits.body_time).await;
        trace.total = start.elapsed();
        Ok(Answer { status: head.status, headers: head.headers, body, body_end, trace })
    }

    /// The part under the deadline: up to the end of the headers.
    async fn exchange(
        &self,
        request: Request<'_>,
        start: Instant,
    ) -> Result<(Response<Incoming>, Trace), Failure> {
        let (pool, deadline) = (self.pool_of(request.project), request.limits.deadline);
        let mut message = self.message(request).map_err(|refusal| Failure {
            error: OutboundError::Refused(refusal),
            trace: Trace { total: start.elapsed(), ..Trace::default() },
        })?;
        let taken = capture_connection(&mut message);
        let dial = Dial::default();
        let sending = DIAL.scope(dial.clone(), pool.request(message));
        let error = match timeout(deadline, sending).await {
            Ok(Ok(response)) => {
                let mut trace = traced(response.extensions()).unwrap_or_default();
                trace.first_byte = Some(start.elapsed());
                return Ok((response, trace));
            }
            Ok(Err(error)) => Some(classify(&error)),
            Err(_) => None,
        };
        let (stage, trace) = progress(&taken, &dial);
        let error = error.unwrap_or(OutboundError::TimedOut(stage));
        Err(Failure { error, trace: Trace { total: start.elapsed(), ..trace } })
    }

    fn pool_of(&self, project: &str) -> &Pool {
        self.0.own.get(project).unwrap_or(&self.0.common)
    }

    fn message(&self, request: Request<'_>) -> Result<http::Request<Full<Bytes>>, Refusal> {
        self.check_url(request.url, request.project)?;
        let uri = Uri::try_from(request.url.as_str()).map_err(|_| Refusal::Malformed)?;
        let mut message = http::Request::new(Full::new(request.body));
        *message.method_mut() = request.method;
        *message.uri_mut() = uri;
        *message.headers_mut() = request.headers;
        message.headers_mut().entry(USER_AGENT).or_insert_with(|| self.0.user_agent.clone());
        Ok(message)
    }
}

/// How far an unanswered request came: on a connection it was waiting for the answer, else dialling.
fn progress(taken: &CaptureConnection, dial: &Dial) -> (Stage, Trace) {
    let mut extensions = Extensions::new();
    if let Some(connected) = taken.connection_metadata().as_ref() {
        connected.get_extras(&mut extensions);
    }
    traced(&extensions).map_or_else(|| dial.get(), |trace| (Stage::Answer, trace))
}

fn traced(extensions: &Extensions) -> Option<Trace> {
    extensions.get::<Arc<Facts>>().map(|facts| facts.trace())
}

fn pool(connector: Connector, idle_per_host: usize, idle_time: Duration) -> Pool {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(idle_per_host)
        .pool_idle_timeout(idle_time)
        .http1_max_buf_size(MAX_HEADER_BYTES as usize)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_initial_stream_window_size(H2_STREAM_WINDOW)
        .http2_initial_connection_window_size(H2_CONNECTION_WINDOW)
        .http2_keep_alive_interval(H2_PING_EVERY)
        .http2_keep_alive_timeout(H2_PING_EVERY)
        .build(connector)
}
