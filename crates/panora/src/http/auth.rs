//! API keys: `Authorization: Bearer <key>` or `x-api-key: <key>`, and each key's rate limit.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, QuantaClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::extract::{check_query, refuse_query};
use super::problem::Problem;
use crate::app::App;
use crate::model::{ApiKey, ApiKeyId, ApiKeyRecord, ProjectId, Time, TokenHash};

/// Who calls the API.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub project: ProjectId,
    pub key: ApiKeyId,
}

/// The key that a request came with, by its hash: for answers that outlast the check of it.
#[derive(Clone, Copy)]
pub struct PresentedKey(TokenHash);

type Limiter =
    RateLimiter<ApiKeyId, DefaultKeyedStateStore<ApiKeyId>, QuantaClock, StateInformationMiddleware>;

/// The `RateLimit` headers.
type Limits = [(&'static str, String); 2];

/// What this node remembers of API keys.
pub struct ApiKeys {
    /// Short-lived, so that a revoked key is refused on every node within five seconds.
    known: moka::sync::Cache<TokenHash, Arc<ApiKeyRecord>>,
    /// Noted at most once a minute a key.
    touched: moka::sync::Cache<ApiKeyId, Time>,
    limiter: Option<(u32, Limiter)>,
}

impl ApiKeys {
    /// `rate_limit` is in requests a second a key; 0 for none.
    pub fn new(rate_limit: u32) -> Self {
        let known =
            moka::sync::Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(4)).build();
        let touched = moka::sync::Cache::builder().max_capacity(10_000).build();
        let limiter = NonZeroU32::new(rate_limit).map(|rate| {
            let limiter =
                RateLimiter::keyed(Quota::per_second(rate)).with_middleware::<StateInformationMiddleware>();
            (rate_limit, limiter)
        });
        Self { known, touched, limiter }
    }

    async fn find(&self, app: &App, hash: TokenHash) -> Result<Option<Arc<ApiKeyRecord>>, Problem> {
        if let Some(record) = self.known.get(&hash) {
            return Ok(Some(record));
        }
        // Boxed: rare, and large where each call's state would carry it along.
        let Some(record) = Box::pin(app.store.lookup_api_key(hash)).await? else { return Ok(None) };
        let record = Arc::new(record);
        self.known.insert(hash, record.clone());
        Ok(Some(record))
    }

    /// Whether a key still works; as late as any request learns of a revocation.
    pub async fn is_live(&self, app: &App, key: PresentedKey) -> Result<bool, Problem> {
        let record = self.find(app, key.0).await?;
        Ok(record.is_some_and(|record| record.is_live(app.clock.now())))
    }

    /// Beside the request: nobody waits for it.
    fn touch(&self, app: &App, record: &ApiKeyRecord) {
        let now = app.clock.now();
        let recent = self.touched.get(&record.id).is_some_and(|at| now.millis_since(at) < 60_000);
        if recent {
            return;
        }
        self.touched.insert(record.id, now);
        let (work, project, key) = (app.clone(), record.id_project, record.id);
        app.tasks.spawn(async move {
            if let Err(error) = work.store.touch_api_key(project, key, now).await {
                tracing::warn!(code = error.code(), "the use of a key could not be noted");
            }
        });
    }

    /// The `RateLimit` headers, where there is a limit and so many requests are left.
    fn limits(&self, left: u32) -> Option<Limits> {
        let (rate, _) = self.limiter.as_ref()?;
        let policy = format!("\"default\";q={rate};w=1");
        Some([("ratelimit-policy", policy), ("ratelimit", format!("\"default\";r={left};t=1"))])
    }

    /// The `RateLimit` headers, or the refusal of a key that asks too much.
    fn admit(&self, key: ApiKeyId) -> Result<Option<Limits>, Problem> {
        let Some((rate, limiter)) = &self.limiter else { return Ok(None) };
        match limiter.check_key(&key) {
            Ok(snapshot) => Ok(self.limits(snapshot.remaining_burst_capacity())),
            Err(until) => {
                let wait = until.wait_time_from(QuantaClock::default().now());
                let detail = format!("This key may ask {rate} times a second.");
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(wait))
            }
        }
    }
}

/// Refuses whoever has no live key, before anything else of the request is read.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    // Only lists are narrowed by a query; those that are not say so themselves.
    let get = request.method() == Method::GET;
    let checked = if get { check_query(request.uri()) } else { refuse_query(request.uri()) };
    match admit(&app, request.headers()).await {
        Ok(admitted) => {
            request.extensions_mut().insert(admitted.caller);
            request.extensions_mut().insert(admitted.key);
            let response = match checked {
                Ok(()) => next.run(request).await,
                Err(problem) => problem.into_response(),
            };
            completed(response, admitted.limits)
        }
        Err(problem) => refused(&app, problem),
    }
}

/// The same where the query is somebody else's to read.
pub async fn streaming<F: Future<Output = Result<Response, Problem>>>(
    app: &App,
    request: Request,
    work: impl FnOnce(Caller, Request) -> F,
) -> Response {
    match admit(app, request.headers()).await {
        Ok(admitted) => {
            let response = work(admitted.caller, request).await.unwrap_or_else(Problem::into_response);
            completed(response, admitted.limits)
        }
        Err(problem) => refused(app, problem),
    }
}

fn completed(mut response: Response, limits: Option<Limits>) -> Response {
    add_limits(&mut response, limits);
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refused(app: &App, problem: Problem) -> Response {
    let limited = problem.status == StatusCode::TOO_MANY_REQUESTS;
    let mut response = problem.into_response();
    add_limits(&mut response, app.api_keys.limits(0).filter(|_| limited));
    response
}

/// An answer that is handed on may have its own, which stay.
fn add_limits(response: &mut Response, limits: Option<Limits>) {
    for (name, value) in limits.into_iter().flatten() {
        let value = HeaderValue::from_str(&value).expect("digits and quotes");
        response.headers_mut().entry(name).or_insert(value);
    }
}

/// Whoever may go on.
struct Admitted {
    caller: Caller,
    key: PresentedKey,
    limits: Option<Limits>,
}

async fn admit(app: &App, headers: &HeaderMap) -> Result<Admitted, Problem> {
    let unknown = || Problem::unauthorized("invalid_api_key", "This API key is not known, or no longer.");
    let key = PresentedKey(presented(headers)?.hash());
    let record = app.api_keys.find(app, key.0).await?.ok_or_else(unknown)?;
    if !record.is_live(app.clock.now()) {
        return Err(unknown());
    }
    let limits = app.api_keys.admit(record.id)?;
    app.api_keys.touch(app, &record);
    Ok(Admitted { caller: Caller { project: record.id_project, key: record.id }, key, limits })
}

fn presented(headers: &HeaderMap) -> Result<ApiKey, Problem> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let plain = headers.get("x-api-key").and_then(|value| value.to_str().ok()).map(str::trim);
    let given = |key: &&str| !key.is_empty();
    plain.filter(given).or(bearer.filter(given)).map(ApiKey::from_text).ok_or_else(|| {
        let detail = "Send your API key as `Authorization: Bearer <key>` or as `x-api-key: <key>`.";
        Problem::unauthorized("missing_api_key", detail)
    })
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The layer above put it there; a route outside that layer has no caller.
        parts.extensions.get::<Self>().copied().ok_or_else(Problem::internal)
    }
}

impl<S: Sync> FromRequestParts<S> for PresentedKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().copied().ok_or_else(Problem::internal)
    }
}
