//! One request to an endpoint, and what is remembered of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use panora_outbound::{Answer, Failure, Limits, OutboundError, Refusal, Request, Trace};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::secrets::live_secrets;
use super::settle::Finished;
use crate::app::{App, USER_AGENT};
use crate::model::{AttemptId, after_attempt};
use crate::store::{Attempt, ClaimedDelivery, Settled, StoredEndpoint};
use crate::vault::{Slot, VaultError};

/// From name look-up to the end of the answer's headers; then so much of the body, or for so long.
const LIMITS: Limits =
    Limits { deadline: Duration::from_secs(15), max_body: 16 * 1024, body_time: Duration::from_secs(1) };

/// What the delivery log shows of an attempt; stored sealed.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AttemptDetail {
    #[schema(format = "uri", example = "https://example.com/webhook")]
    pub url: String,
    /// The address that was spoken to, where one was.
    #[schema(required, example = "203.0.113.7:443")]
    pub address: Option<String>,
    /// Names and values, without secrets.
    #[schema(value_type = Vec<Vec<String>>, example = json!([["webhook-id", "0198c5a0-0000-7000-8000-000000000000"]]))]
    pub request_headers: Vec<(String, String)>,
    /// Names and values.
    #[schema(value_type = Vec<Vec<String>>, example = json!([["content-type", "application/json"]]))]
    pub response_headers: Vec<(String, String)>,
    /// Up to 16 KiB, as text; none from a private network.
    #[schema(required, example = "{\"received\":true}")]
    pub response_body: Option<String>,
    /// Milliseconds, by step; a reused connection has no look-up, connect or TLS.
    pub times: Times,
    /// A likely cause in words, where no answer came.
    #[schema(required, example = json!(null))]
    pub cause: Option<String>,
}

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

/// A claimed delivery with all that sending it takes.
pub struct Work {
    pub delivery: ClaimedDelivery,
    pub endpoint: Arc<StoredEndpoint>,
    /// The event's canonical body: the same bytes at every attempt. None where it cannot be opened.
    pub body: Option<Bytes>,
}

impl Work {
    /// Makes one attempt. Everything that an endpoint can do wrong is an outcome, not an error.
    pub async fn attempt(&self, app: &App) -> Result<Finished, VaultError> {
        let Some(body) = &self.body else { return Err(VaultError::Unopenable(Slot::EventBody)) };
        let headers = self.headers(app, body)?;
        let shown = headers.iter().map(shown).collect();
        let started_at = app.clock.now();
        let result = self.send(app, headers, body.clone()).await;
        let status = result.as_ref().ok().map(|answer| answer.status.as_u16());
        let id = AttemptId::new(&app.clock, &app.random);
        let attempt = Attempt {
            id,
            id_project: self.delivery.id_project,
            id_delivery: self.delivery.id,
            started_at,
            ended_at: app.clock.now(),
            status,
            error: result.as_ref().err().map(|failure| failure.error.code().to_owned()),
            detail: Some(app.vault.seal_json(Slot::AttemptDetail, id, &self.detail(shown, &result))),
        };
        let accepted = status.is_some_and(|status| (200..300).contains(&status));
        Ok(self.finished(app, attempt, accepted))
    }

    /// An attempt that could not even be made, because something sealed cannot be opened: it uses a try as any
    /// other, and the log says so.
    pub fn unreadable(&self, app: &App) -> Finished {
        let now = app.clock.now();
        let attempt = Attempt {
            id: AttemptId::new(&app.clock, &app.random),
            id_project: self.delivery.id_project,
            id_delivery: self.delivery.id,
            started_at: now,
            ended_at: now,
            status: None,
            error: Some("unreadable".to_owned()),
            detail: None,
        };
        self.finished(app, attempt, false)
    }

    fn finished(&self, app: &App, attempt: Attempt, accepted: bool) -> Finished {
        let schedule = &self.endpoint.endpoint.retry_schedule;
        let outcome = after_attempt(accepted, self.delivery.tries, schedule, &app.random);
        let settled = Settled { id: self.delivery.id, id_project: self.delivery.id_project, outcome };
        Finished { settled, attempt, endpoint: self.delivery.id_endpoint }
    }

    async fn send(&self, app: &App, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
        let url: Url = self.endpoint.endpoint.url.parse().map_err(|_| Failure {
            error: OutboundError::Refused(Refusal::Malformed),
            trace: Trace::default(),
        })?;
        let project = self.delivery.id_project.to_string();
        let method = http::Method::POST;
        app.outbound
            .send(Request { project: &project, method, url: &url, headers, body, limits: LIMITS })
            .await
    }

    /// The same body has a new time and so a new signature at every attempt.
    fn headers(&self, app: &App, body: &[u8]) -> Result<HeaderMap, VaultError> {
        let (now, id) = (app.clock.now(), self.delivery.id_event.to_string());
        let secrets = live_secrets(app, &self.endpoint, now)?;
        let signed = panora_signature::sign(&secrets, &id, now.seconds(), body);
        let mut headers = match &self.endpoint.headers {
            Some(sealed) => {
                let custom: Vec<(String, String)> =
                    app.vault.open_json(Slot::EndpointHeaders, self.endpoint.endpoint.id, sealed)?;
                crate::connect::headers(&custom)
            }
            None => HeaderMap::new(),
        };
        let ours = [
            ("content-type", "application/json"),
            ("user-agent", USER_AGENT),
            ("panora-signature", &signed.panora_signature),
            ("webhook-id", &id),
            ("webhook-timestamp", &now.seconds().to_string()),
            ("webhook-signature", &signed.webhook_signature),
        ];
        for (name, value) in ours {
            let value = HeaderValue::from_str(value).map_err(|_| VaultError::Shape(Slot::EndpointSecret))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    fn detail(
        &self,
        request_headers: Vec<(String, String)>,
        result: &Result<Answer, Failure>,
    ) -> AttemptDetail {
        let trace = match result {
            Ok(answer) => &answer.trace,
            Err(failure) => &failure.trace,
        };
        // What a private address answers is nobody's business outside of it.
        let open = result.as_ref().ok().filter(|answer| !answer.trace.private);
        AttemptDetail {
            url: self.endpoint.endpoint.url.clone(),
            address: trace.address.map(|address| address.to_string()),
            request_headers,
            response_headers: open.map(|it| it.headers.iter().map(pair).collect()).unwrap_or_default(),
            response_body: open.map(|it| String::from_utf8_lossy(&it.body).into_owned()),
            times: Times::of(trace),
            cause: result.as_ref().err().map(|failure| failure.error.likely_cause().to_owned()),
        }
    }
}

/// Signatures are proofs, custom headers may be passwords: the log names them and shows neither.
fn shown((name, value): (&HeaderName, &HeaderValue)) -> (String, String) {
    let open = matches!(name.as_str(), "content-type" | "user-agent" | "webhook-id" | "webhook-timestamp");
    if open { pair((name, value)) } else { (name.to_string(), "[redacted]".to_owned()) }
}

fn pair((name, value): (&HeaderName, &HeaderValue)) -> (String, String) {
    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
}
