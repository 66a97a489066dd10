//! Requests to a provider that are ours: token calls, identity, revocation. Through the guarded client, bounded
//! in time and size; an answer is hostile until read.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use panora_catalog::{HttpRequest, Stamp, read_form};
use panora_outbound::{Answer, Failure as Unanswered, Limits, Request};
use serde_json::Value;

use crate::app::App;
use crate::model::{ProjectId, retry_after};

const LIMITS: Limits =
    Limits { deadline: Duration::from_secs(15), max_body: 1024 * 1024, body_time: Duration::from_secs(10) };

/// What came back; `body` is null where it was no JSON.
pub struct ProviderAnswer {
    pub status: u16,
    pub body: Value,
    /// How long it asks us to wait.
    pub retry_after: Option<Duration>,
}

/// Sends one of the catalog's requests.
pub async fn send(app: &App, project: ProjectId, request: HttpRequest) -> Result<ProviderAnswer, Unanswered> {
    let answer = ask(app, project, request).await?;
    let body = panora_signature::intake::parse_lenient(&answer.body).unwrap_or(Value::Null);
    Ok(read(app, &answer, body))
}

/// The same where the answer is a form (RFC 5849, section 2).
pub async fn send_for_form(
    app: &App,
    project: ProjectId,
    request: HttpRequest,
) -> Result<ProviderAnswer, Unanswered> {
    let answer = ask(app, project, request).await?;
    let body = read_form(&answer.body);
    Ok(read(app, &answer, body))
}

async fn ask(app: &App, project: ProjectId, request: HttpRequest) -> Result<Answer, Unanswered> {
    let (project, request) = (project.to_string(), request.signed(&stamp(app)));
    let seen = app.witness.look_at(&request);
    let answer = app
        .outbound
        .send(Request {
            project: &project,
            method: request.method,
            url: &request.url,
            headers: headers(&request.headers),
            body: Bytes::from(request.body.unwrap_or_default()),
            limits: LIMITS,
        })
        .await;
    if let Some(seen) = seen {
        app.witness.saw(*seen, &answer);
    }
    answer
}

fn read(app: &App, answer: &Answer, body: Value) -> ProviderAnswer {
    let asked = answer.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = asked.and_then(|value| retry_after(value, app.clock.now()));
    ProviderAnswer { status: answer.status.as_u16(), body, retry_after }
}

/// For a signature that is made now.
pub fn stamp(app: &App) -> Stamp {
    Stamp { nonce: app.random.base62(32), unix_seconds: app.clock.now().millis() / 1000 }
}

/// Those that HTTP can carry; a provider's file is checked, a credential may still hold anything.
pub fn headers(pairs: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(mut value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            value.set_sensitive(true);
            headers.append(name, value);
        }
    }
    headers
}
