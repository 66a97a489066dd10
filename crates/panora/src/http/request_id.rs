//! The outermost layer: names each request, logs it by its route's template, renders problems, and turns a
//! panic into a 500. A path or query is never logged: they may hold tokens.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::api::is_streamed;
use super::problem::Problem;
use crate::app::App;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const PANORA_ERROR: HeaderName = HeaderName::from_static("panora-error");

/// Runs the request inside a span that carries its id.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    named(&app, &route, request, |request| next.run(request)).await
}

/// The same for who needs no router. Where anybody's answers are handed on ours are told from theirs by `Panora-Error`.
pub async fn named<F: Future<Output = Response>>(
    app: &App,
    route: &str,
    request: Request,
    work: impl FnOnce(Request) -> F,
) -> Response {
    let id = sane(request.headers().get(&X_REQUEST_ID))
        .unwrap_or_else(|| app.random.uuid(app.clock.now()).to_string());
    let span = tracing::info_span!("request", request_id = %id, method = %request.method(), route);
    let started = Instant::now();
    // In one expression: whatever has a name of its own is one more copy in the future.
    let done = AssertUnwindSafe(work(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = done.unwrap_or_else(|_| span.in_scope(panicked));
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let code = HeaderValue::from_static(problem.code);
        let mut rendered = problem.render(&id);
        if is_streamed(route) {
            rendered.headers_mut().insert(PANORA_ERROR, code);
        }
        // Headers that were set on the way out (rate limits, cookies) stay.
        for (name, value) in response.headers() {
            if !rendered.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
                rendered.headers_mut().append(name, value.clone());
            }
        }
        response = rendered;
    }
    let value = HeaderValue::from_str(&id).expect("a sane id is a header value");
    response.headers_mut().insert(X_REQUEST_ID, value);
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tell(response.status(), duration_ms));
    response
}

fn panicked() -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

/// What went well is told on demand only: a line for each request costs as much as a tenth of the request.
fn tell(status: StatusCode, duration_ms: u64) {
    let status = status.as_u16();
    if status >= 400 {
        tracing::info!(status, duration_ms, "answered");
    } else {
        tracing::debug!(status, duration_ms, "answered");
    }
}

/// The caller's own id, if it is short and plain.
fn sane(value: Option<&HeaderValue>) -> Option<String> {
    let text = value?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(plain)).then(|| text.to_owned())
}
