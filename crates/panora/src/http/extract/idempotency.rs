//! `Idempotency-Key`: the same key and body gives the same answer for 24 hours. The record is written in the
//! transaction that creates; only an HMAC of the request is kept, the answer is sealed.

use std::time::Duration;

use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::OwnedMutexGuard;

use super::body::{BodyRules, read, read_json};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::problem::{JsonAnswer, Problem};
use crate::idempotency::{LIFE, Repeatable};
use crate::store::{IdempotencyRecord, StoreError, Tx};
use crate::vault::Slot;

/// How long a second request waits for the first.
const PATIENCE: Duration = Duration::from_secs(15);

/// A request that creates: who asks, its body, and what makes it safe to repeat.
pub struct Create<T> {
    pub caller: Caller,
    pub body: T,
    pub idempotency: Idempotency,
}

/// The claim on an `Idempotency-Key`; empty where the caller sent none.
pub struct Idempotency(Option<Claim>);

struct Claim {
    key: Repeatable,
    _turn: OwnedMutexGuard<()>,
}

impl<T: BodyRules> FromRequest<App> for Create<T> {
    type Rejection = Response;

    /// Refuses with a kept answer where there is one: a replay never reaches the handler.
    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let caller = request.extensions().get::<Caller>().copied();
        let caller = caller.ok_or_else(|| Problem::internal().into_response())?;
        let key = request.headers().get("idempotency-key").cloned();
        let (method, path) = (request.method().clone(), own_path(&request));
        let bytes = read(request).await.map_err(IntoResponse::into_response)?;
        let body = read_json(&bytes).map_err(IntoResponse::into_response)?;
        let Some(key) = key else { return Ok(Self { caller, body, idempotency: Idempotency(None) }) };
        // Boxed: large, and without a key not needed.
        let claim = Box::pin(claim(app, caller, key.as_bytes(), (&method, &path), &bytes)).await?;
        Ok(Self { caller, body, idempotency: Idempotency(Some(claim)) })
    }
}

/// The path as asked for, before any nesting; `/webhook` and `/webhooks` are one resource, so one path.
fn own_path(request: &Request) -> String {
    let original = request.extensions().get::<OriginalUri>();
    let path = original.map_or_else(|| request.uri().path(), |uri| uri.0.path());
    let rest = path.strip_prefix("/webhook").filter(|rest| !rest.starts_with('s'));
    rest.map_or_else(|| path.to_owned(), |rest| format!("/webhooks{rest}"))
}

async fn claim(
    app: &App,
    caller: Caller,
    key: &[u8],
    (method, path): (&Method, &str),
    body: &[u8],
) -> Result<Claim, Response> {
    if !(1..=255).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
        let detail = "`Idempotency-Key` is 1 to 255 visible ASCII characters.";
        let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail);
        return Err(problem.into_response());
    }
    let key_mac = app.vault.mac("idempotency key", &[method.as_str().as_bytes(), path.as_bytes(), key]);
    let request_mac = app.vault.mac("idempotency request", &[body]);
    let turn = app.idempotency_turns.take((caller.project, key_mac));
    let turn = tokio::time::timeout(PATIENCE, turn).await.map_err(|_| in_progress().into_response())?;
    match kept(app, caller, key_mac, request_mac).await {
        Ok(None) => {
            let key = Repeatable { project: caller.project, key_mac, request_mac };
            Ok(Claim { key, _turn: turn })
        }
        Ok(Some(answer)) => Err(answer),
        Err(problem) => Err(problem.into_response()),
    }
}

async fn kept(
    app: &App,
    caller: Caller,
    key_mac: [u8; 32],
    request_mac: [u8; 32],
) -> Result<Option<Response>, Problem> {
    let not_before = app.clock.now().minus(LIFE);
    let record = app.store.lookup_idempotency_record(caller.project, key_mac, not_before).await?;
    record.map(|record| answer_of(app, &record, request_mac).map(JsonAnswer::into_response)).transpose()
}

/// What was answered before, if the request is the same.
fn answer_of(app: &App, record: &IdempotencyRecord, request_mac: [u8; 32]) -> Result<JsonAnswer, Problem> {
    if record.request_mac != request_mac {
        let detail = "This Idempotency-Key came with another body before.";
        return Err(Problem::conflict("idempotency_key_reused", detail));
    }
    let body = app.vault.open(Slot::IdempotentAnswer, hex::encode(record.key_mac), &record.answer)?;
    Ok(JsonAnswer {
        status: StatusCode::from_u16(record.status).unwrap_or(StatusCode::CREATED),
        body: body.into(),
    })
}

fn in_progress() -> Problem {
    Problem::conflict("in_progress", "The first request with this Idempotency-Key has not ended yet.")
        .retry_after(Duration::from_secs(1))
}

impl Idempotency {
    /// Keeps the answer for repeats, in the transaction that makes it true.
    pub async fn keep<T: Serialize>(
        &self,
        app: &App,
        tx: &mut Tx,
        status: StatusCode,
        answer: &T,
    ) -> Result<(), Problem> {
        let Some(Claim { key, .. }) = &self.0 else { return Ok(()) };
        let answer = serde_json::to_vec(answer).map_err(|_| Problem::internal())?;
        let record = key.record(app, status.as_u16(), &answer);
        let since = record.created_at.minus(LIFE);
        match app.store.add_idempotency_records(tx, &[record], since).await {
            Ok(()) => Ok(()),
            // Another node was first while we waited: its answer is the answer, and ours is rolled back.
            Err(StoreError::Conflict) => {
                let record = app.store.read_idempotency_record(tx, key.project, key.key_mac, since).await?;
                let record = record.ok_or_else(in_progress)?;
                Err(Problem::instead(answer_of(app, &record, key.request_mac)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The claimed key, for an answer that is kept elsewhere.
    pub fn key(&self) -> Option<Repeatable> {
        self.0.as_ref().map(|claim| claim.key)
    }
}
