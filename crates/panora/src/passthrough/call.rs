//! One call: credential refreshed, sent, and repeated once where the provider no longer knew the token.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use panora_outbound::{Answer, Failure, Limits, Request};
use secrecy::ExposeSecret;

use super::headers::complete;
use crate::app::App;
use crate::connect::{Credentials, RefreshError, fresh_credentials, headers};
use crate::store::StoredConnection;

/// A provider's answer of at most 10 MiB, within a minute.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(30),
    max_body: 10 * 1024 * 1024,
    body_time: Duration::from_mins(1),
};

/// What the caller wants.
pub struct Call {
    pub method: Method,
    /// Path and query, below the provider's base URL.
    pub path: String,
    /// Another host that the provider's file lists.
    pub base: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What the provider answered, and where: without credential parameters.
pub struct Called {
    pub url: String,
    pub answer: Answer,
}

/// Why no provider was asked, or none answered.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the provider is no longer in the catalog")]
    UnknownProvider,
    #[error(transparent)]
    Refused(#[from] panora_catalog::CallError),
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    #[error("the provider gave no answer: {0}")]
    Unanswered(Failure),
}

/// The longest wait for a provider that asks for patience.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where it does not say for how long.
const PAUSE: Duration = Duration::from_secs(1);

/// Calls the provider. Whatever it answers is an answer. One repeat is made: with a newer token where the
/// provider no longer knew it, or, of a method that may be repeated, after a 429 or 503 that asks for at most
/// ten seconds.
pub async fn call(app: &App, connection: &StoredConnection, call: &Call) -> Result<Called, CallError> {
    let credentials = fresh_credentials(app, connection, None).await?;
    let called = send(app, connection, call, &credentials).await?;
    if let Some(pause) = pause_before_repeat(call, &called.answer) {
        app.clock.sleep(pause).await;
        return repeat_later(app, connection, call).await;
    }
    let refused = credentials.tokens().map(|(access, _)| access).filter(|_| called.answer.status == 401);
    let Some(refused) = refused else { return Ok(called) };
    match fresh_credentials(app, connection, Some(refused.expose_secret())).await {
        Ok(renewed) => send(app, connection, call, &renewed).await,
        // Without a better token the provider's own refusal is the answer.
        Err(RefreshError::Connect(error)) => Err(RefreshError::Connect(error).into()),
        Err(_) => Ok(called),
    }
}

/// The connection may have been revoked or renewed during the wait.
async fn repeat_later(app: &App, connection: &StoredConnection, call: &Call) -> Result<Called, CallError> {
    let (project, id) = (connection.connection.id_project, connection.connection.id);
    let now = app
        .store
        .lookup_connection(project, id)
        .await
        .map_err(|error| RefreshError::Connect(error.into()))?;
    let now = now.ok_or(RefreshError::Revoked)?;
    let credentials = fresh_credentials(app, &now, None).await?;
    send(app, &now, call, &credentials).await
}

/// Safe and idempotent methods may be repeated (RFC 9110, section 9.2.2).
fn pause_before_repeat(call: &Call, answer: &Answer) -> Option<Duration> {
    let repeatable =
        matches!(call.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    if !repeatable || !matches!(answer.status.as_u16(), 429 | 503) {
        return None;
    }
    let asked = match answer.headers.get(http::header::RETRY_AFTER) {
        Some(value) => Duration::from_secs(value.to_str().ok()?.trim().parse().ok()?),
        None => PAUSE,
    };
    (asked <= PATIENCE).then_some(asked)
}

async fn send(
    app: &App,
    connection: &StoredConnection,
    call: &Call,
    credentials: &Credentials,
) -> Result<Called, CallError> {
    let it = &connection.connection;
    let provider = app.provider(it.id_project, &it.provider_slug).ok_or(CallError::UnknownProvider)?;
    let to =
        provider.call(&credentials.credential(), &credentials.variables, &call.path, call.base.as_deref())?;
    let mut all = call.headers.clone();
    complete(&mut all, &headers(&to.credential_headers), &headers(&to.default_headers));
    let project = it.id_project.to_string();
    let request = Request {
        project: &project,
        method: call.method.clone(),
        url: &to.url,
        headers: all,
        body: call.body.clone(),
        limits: LIMITS,
    };
    let answer = app.outbound.send(request).await.map_err(CallError::Unanswered)?;
    Ok(Called { url: to.shown_url.into(), answer })
}
