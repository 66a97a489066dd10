//! Sends requests through the guarded pools. It follows no redirect, uses no proxy, keeps no cookie, adds no
//! header but `Host`, `Content-Length` and `User-Agent`, and repeats nothing that may have been sent.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use http::{Extensions, HeaderMap, Method, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::answer_body::AnswerBody;
use crate::body;
use crate::classify::classify;
use crate::connect::{Connector, Dialer};
use crate::error::{Failure, OutboundError, Stage};
use crate::policy::AddressPolicy;
use crate::pool::{Pool, pool};
use crate::refusal::{Refusal, admit, check_url, prepare};
use crate::request::{Answer, Destination, Message, OpenAnswer, OpenRequest, Request};
use crate::resolve::{Resolver, Unresolved};
use crate::tls;
use crate::trace::{DIAL, Dial, Facts, Trace};
use crate::upload::{Outgoing, Pulse};

/// How the client is set up, beyond the policy.
pub struct Settings {
    /// Sent where a request names no `User-Agent` itself.
    pub user_agent: HeaderValue,
    /// Where names are looked up.
    pub resolver: Resolver,
    /// Authorities trusted besides the built-in and the system's; those that do not parse are left out.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// How many unused connections to one host are kept.
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

/// Made from URL and body, whatever a caller put there: two opinions on where a request goes or ends are how
/// one is smuggled in another.
const GIVEN_BY_HTTP: [HeaderName; 3] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING];

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
            let connector = Connector::new(Dialer {
                policy: Arc::clone(&policy),
                project: Arc::clone(project),
                resolver: settings.resolver.clone(),
                tls: tls.clone(),
            });
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
                .try_for_each(|at| admit(self.0.policy.check(at.ip(), project), secure).map(|_| ())),
            Err(Unresolved::NotFound | Unresolved::TimedOut) if secure => Ok(()),
            Err(_) => Err(Refusal::HttpsRequired),
        }
    }

    /// Judges a URL as [`Self::check_url`] does and prepares it for [`Self::send_to`].
    pub fn destination(&self, url: &Url, project: &str) -> Result<Destination, Refusal> {
        let uri = prepare(url, &self.0.policy, project)?;
        Ok(Destination { uri, project: Arc::from(project) })
    }

    /// Sends a request and reads its answer within the limits. Any status is an `Ok`; a body that is cut
    /// off or broken is one too, since the status stands.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let Request { project, method, url, headers, body, limits } = request;
        let uri = prepare(url, &self.0.policy, project)
            .map_err(|refusal| Failure { error: OutboundError::Refused(refusal), trace: Trace::default() })?;
        self.exchange(self.pool_of(project), uri, Message { method, headers, body, limits }).await
    }

    /// The same for a prepared destination: for who sends there again and again.
    pub async fn send_to(&self, to: &Destination, message: Message) -> Result<Answer, Failure> {
        self.exchange(self.pool_of(&to.project), to.uri.clone(), message).await
    }

    async fn exchange(&self, pool: &Pool, uri: Uri, message: Message) -> Result<Answer, Failure> {
        let (start, limits) = (Instant::now(), message.limits);
        let Message { method, headers, body, .. } = message;
        let request = self.message((method, uri, headers), Outgoing::from(body));
        let patience = Patience { start, span: limits.deadline, pulse: None, traced: true };
        let (response, mut trace) = answered(pool, request, &patience).await?;
        let (head, incoming) = response.into_parts();
        let (body, body_end) = body::read(incoming, limits.max_body, limits.body_time).await;
        trace.total = start.elapsed();
        Ok(Answer { status: head.status, headers: head.headers, body, body_end, trace })
    }

    /// Sends a request and answers once the headers are there; the bodies pass as they come. Dropping the answer's
    /// body, or this future, ends the exchange at the peer too.
    pub async fn open(&self, request: OpenRequest<'_>) -> Result<OpenAnswer, Failure> {
        let OpenRequest { project, method, url, headers, body, silence } = request;
        let uri = prepare(url, &self.0.policy, project)
            .map_err(|refusal| Failure { error: OutboundError::Refused(refusal), trace: Trace::default() })?;
        let start = Instant::now();
        let (body, pulse) = body.outgoing(start);
        let request = self.message((method, uri, headers), body);
        let patience = Patience { start, span: silence, pulse, traced: false };
        let (response, mut trace) = answered(self.pool_of(project), request, &patience).await?;
        trace.total = start.elapsed();
        let (head, incoming) = response.into_parts();
        let body = AnswerBody::new(incoming, silence, patience.pulse);
        Ok(OpenAnswer { status: head.status, headers: head.headers, body, trace })
    }

    fn pool_of(&self, project: &str) -> &Pool {
        self.0.own.get(project).unwrap_or(&self.0.common)
    }

    fn message(
        &self,
        (method, uri, headers): (Method, Uri, HeaderMap),
        body: Outgoing,
    ) -> http::Request<Outgoing> {
        let mut request = http::Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        for name in GIVEN_BY_HTTP {
            request.headers_mut().remove(name);
        }
        request.headers_mut().entry(USER_AGENT).or_insert_with(|| self.0.user_agent.clone());
        request
    }
}

/// How long the headers are waited for: from the start, or from the last byte of a body that passes.
struct Patience {
    start: Instant,
    span: Duration,
    pulse: Option<Arc<Pulse>>,
    /// Whether a failure tells of the connection that was used again.
    traced: bool,
}

impl Patience {
    fn end(&self) -> Instant {
        self.pulse.as_ref().map_or(self.start, |pulse| pulse.last()) + self.span
    }

    /// The outcome, or none once nothing has moved for too long.
    async fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let end = self.end();
            match timeout_at(end, work.as_mut()).await {
                Ok(outcome) => return Some(outcome),
                // The body may have moved on meanwhile.
                Err(_) if self.end() <= end => return None,
                Err(_) => {}
            }
        }
    }

    fn over(&self, stage: Stage) -> OutboundError {
        match &self.pulse {
            Some(pulse) if stage == Stage::Answer && pulse.starves() => OutboundError::UploadTooSlow,
            _ => OutboundError::TimedOut(stage),
        }
    }
}

/// The part up to the end of the headers.
async fn answered(
    pool: &Pool,
    mut request: http::Request<Outgoing>,
    patience: &Patience,
) -> Result<(Response<Incoming>, Trace), Failure> {
    // What it tells of a connection is worth its price only where somebody reads the trace.
    let taken = patience.traced.then(|| capture_connection(&mut request));
    let dial = Dial::new(if patience.traced { Stage::Connect } else { Stage::Answer });
    let sending = DIAL.scope(dial.clone(), pool.request(request));
    let error = match patience.wait(sending).await {
        // Nobody has asked to change the protocol.
        Some(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Some(OutboundError::AnswerMalformed)
        }
        Some(Ok(response)) => {
            let mut trace = traced(response.extensions()).unwrap_or_default();
            trace.first_byte = Some(patience.start.elapsed());
            return Ok((response, trace));
        }
        Some(Err(error)) => Some(classify(&error)),
        None => None,
    };
    let (stage, trace) = progress(taken.as_ref(), &dial);
    let error = error.unwrap_or_else(|| patience.over(stage));
    Err(Failure { error, trace: Trace { total: patience.start.elapsed(), ..trace } })
}

/// How far an unanswered request came: on a connection it was waiting for the answer, else dialling.
fn progress(taken: Option<&CaptureConnection>, dial: &Dial) -> (Stage, Trace) {
    let Some(taken) = taken else { return dial.get() };
    let mut extensions = Extensions::new();
    if let Some(connected) = taken.connection_metadata().as_ref() {
        connected.get_extras(&mut extensions);
    }
    traced(&extensions).map_or_else(|| dial.get(), |trace| (Stage::Answer, trace))
}

fn traced(extensions: &Extensions) -> Option<Trace> {
    extensions.get::<Arc<Facts>>().map(|facts| facts.trace())
}
