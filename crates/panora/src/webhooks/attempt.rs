//! One request to an endpoint, and what is remembered of it.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use panora_outbound::{Answer, Failure, Limits, Message, OutboundError, Trace};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::recipient::Opened;
use super::work::Work;
use crate::app::{App, USER_AGENT};
use crate::model::{AttemptId, Outcome, Time, retry_after};
use crate::store::Attempt;
use crate::vault::Slot;

/// From name look-up to the end of the answer's headers; then so much of the body, or for so long.
const LIMITS: Limits =
    Limits { deadline: Duration::from_secs(15), max_body: 16 * 1024, body_time: Duration::from_secs(1) };

/// What the delivery log shows of an attempt; stored sealed.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AttemptDetail<'a> {
    #[schema(format = "uri", example = "https://example.com/webhook")]
    pub url: Cow<'a, str>,
    /// The address that was spoken to, where one was.
    #[schema(required, example = "203.0.113.7:443")]
    pub address: Option<String>,
    /// Names and values, without secrets.
    #[schema(value_type = Vec<Vec<String>>, example = json!([["webhook-id", "0198c5a0-0000-7000-8000-000000000000"]]))]
    pub request_headers: Vec<Header<'a>>,
    /// Names and values.
    #[schema(value_type = Vec<Vec<String>>, example = json!([["content-type", "application/json"]]))]
    pub response_headers: Vec<Header<'a>>,
    /// Up to 16 KiB, as text; none from a private network.
    #[schema(required, example = "{\"received\":true}")]
    pub response_body: Option<Cow<'a, str>>,
    /// Milliseconds, by step; a reused connection has no look-up, connect or TLS.
    pub times: Times,
    /// A likely cause in words, where no answer came or one that is known for its cause.
    #[schema(required, example = json!(null))]
    pub cause: Option<Cow<'a, str>>,
}

/// A header's name and value.
type Header<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What an attempt's time was spent on, in milliseconds.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = AttemptTimes)]
pub struct Times {
    #[schema(required, example = 4)]
    pub dns: Option<u64>,
    #[schema(required, example = 11)]
    pub connect: Option<u64>,
    #[schema(required, example = 25)]
    pub tls: Option<u64>,
    #[schema(required, example = 48)]
    pub first_byte: Option<u64>,
    #[schema(example = 90)]
    pub total: u64,
}

impl Times {
    fn of(trace: &Trace) -> Self {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            dns: trace.dns.map(millis),
            connect: trace.connect.map(millis),
            tls: trace.tls.map(millis),
            first_byte: trace.first_byte.map(millis),
            total: millis(trace.total),
        }
    }
}

/// An attempt that ended, with the delivery's place in its lane.
pub struct Finished {
    pub work: Work,
    pub attempt: Attempt,
    pub outcome: Outcome,
}

impl Work {
    /// Makes one attempt. Everything that an endpoint can do wrong is an outcome, not an error.
    pub async fn attempt(self, app: &App) -> Finished {
        let (Some(body), Some(opened)) = (&self.body, &self.recipient.opened) else {
            return self.unreadable(app);
        };
        let started_at = app.clock.now();
        let Some(headers) = self.headers(opened, started_at, body) else { return self.unreadable(app) };
        let sent: Vec<_> = headers.iter().map(without_secrets).collect();
        let result = send(app, opened, headers, body.clone()).await;
        let status = result.as_ref().ok().map(|answer| answer.status.as_u16());
        let ended_at = app.clock.now();
        let wait = result.as_ref().ok().and_then(|answer| asked_to_wait(answer, ended_at));
        let id = AttemptId::new(&app.clock, &app.random);
        let attempt = Attempt {
            id,
            id_project: self.id_project,
            id_delivery: self.id,
            kind: self.kind,
            started_at,
            ended_at,
            status,
            error: result.as_ref().err().map(|failure| failure.error.code().to_owned()),
            detail: Some(app.vault.seal_json(Slot::AttemptDetail, id, &self.detail(&sent, &result))),
        };
        Finished { attempt, outcome: Outcome::of(status, wait), work: self }
    }

    /// An attempt that could not even be made, because something sealed cannot be opened: it uses a try as any
    /// other, and the log says so.
    fn unreadable(self, app: &App) -> Finished {
        tracing::error!(delivery = %self.id, "an attempt could not be made: something sealed cannot be opened");
        let now = app.clock.now();
        let attempt = Attempt {
            id: AttemptId::new(&app.clock, &app.random),
            id_project: self.id_project,
            id_delivery: self.id,
            kind: self.kind,
            started_at: now,
            ended_at: now,
            status: None,
            error: Some("unreadable".to_owned()),
            detail: None,
        };
        Finished { attempt, outcome: Outcome::Failed, work: self }
    }

    /// The same body has a new time and so a new signature at every attempt.
    fn headers(&self, opened: &Opened, now: Time, body: &[u8]) -> Option<HeaderMap> {
        let id = self.id_event.to_string();
        let signed = panora_signature::sign(&opened.live_secrets(now), &id, now.seconds(), body);
        let mut headers = opened.headers.clone();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("user-agent", HeaderValue::from_static(USER_AGENT));
        headers.insert("panora-signature", HeaderValue::try_from(signed.panora_signature).ok()?);
        headers.insert("webhook-id", HeaderValue::try_from(id).ok()?);
        headers.insert("webhook-timestamp", HeaderValue::from(now.seconds()));
        headers.insert("webhook-signature", HeaderValue::try_from(signed.webhook_signature).ok()?);
        Some(headers)
    }

    fn detail<'a>(
        &'a self,
        sent: &'a [(HeaderName, HeaderValue)],
        result: &'a Result<Answer, Failure>,
    ) -> AttemptDetail<'a> {
        let trace = match result {
            Ok(answer) => &answer.trace,
            Err(failure) => &failure.trace,
        };
        // What a private address answers is nobody's business outside of it.
        let open = result.as_ref().ok().filter(|answer| !answer.trace.private);
        AttemptDetail {
            url: self.recipient.endpoint.url.as_str().into(),
            address: trace.address.map(|address| address.to_string()),
            request_headers: sent.iter().map(|(name, value)| shown((name, value))).collect(),
            response_headers: open.map(|it| it.headers.iter().map(shown).collect()).unwrap_or_default(),
            response_body: open.map(|it| String::from_utf8_lossy(&it.body)),
            times: Times::of(trace),
            cause: match result {
                Ok(answer) => cause_of_status(answer.status.as_u16()).map(Cow::from),
                Err(failure) => Some(failure.error.likely_cause().into()),
            },
        }
    }
}

async fn send(app: &App, opened: &Opened, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
    match &opened.destination {
        Ok(to) => {
            let message = Message { method: http::Method::POST, headers, body, limits: LIMITS };
            // Boxed: the task around it is moved when it is spawned.
            Box::pin(app.outbound.send_to(to, message)).await
        }
        Err(refusal) => Err(Failure { error: OutboundError::Refused(*refusal), trace: Trace::default() }),
    }
}

/// What mostly leads an endpoint to answer so.
const fn cause_of_status(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "Redirects are not followed: give the endpoint the URL that it leads to.",
        400 | 401 | 403 => {
            "The endpoint refused the request: mostly it has another secret, or its body was changed before it was verified."
        }
        404 | 405 => "Nothing takes a POST at this URL.",
        413 => "The endpoint takes no body of this size.",
        500..=599 => "The endpoint's server failed, or what stands before it found nobody behind.",
        _ => return None,
    })
}

/// What the answer's `Retry-After` asks for.
fn asked_to_wait(answer: &Answer, now: Time) -> Option<Duration> {
    let value = answer.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    retry_after(value, now)
}

/// Signatures are proofs, custom headers may be passwords: the log names them and shows neither.
fn without_secrets((name, value): (&HeaderName, &HeaderValue)) -> (HeaderName, HeaderValue) {
    let open = matches!(name.as_str(), "content-type" | "user-agent" | "webhook-id" | "webhook-timestamp");
    (name.clone(), if open { value.clone() } else { HeaderValue::from_static("[redacted]") })
}

fn shown<'a>((name, value): (&'a HeaderName, &'a HeaderValue)) -> Header<'a> {
    (name.as_str().into(), String::from_utf8_lossy(value.as_bytes()))
}
