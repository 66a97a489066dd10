//! `POST /passthrough`: call a provider with a connection token.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::connect::RefreshError;
use crate::http::auth::Caller;
use crate::http::extract::{MAX_TEXT, read};
use crate::http::problem::Problem;
use crate::model::{ConnectionStatus, ConnectionToken};
use crate::passthrough::{Call, CallError, Called, call, is_forwarded, shown_headers};
use crate::store::StoredConnection;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(passthrough))
}

/// A call to the provider. `data` keeps the JSON text it came with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProviderCall {
    #[schema(value_type = ProviderMethod)]
    method: String,
    /// Path and query below the account's base URL.
    #[schema(example = "/crm/v3/objects/contacts?limit=10")]
    path: String,
    /// Any JSON.
    #[schema(value_type = Option<Value>)]
    data: Option<Box<RawValue>>,
    /// How `data` is sent: `json` (unless given), `form` or `text`.
    request_format: Option<Format>,
    /// Another host that the provider's file lists.
    #[serde(rename = "overrideBaseUrl")]
    override_base_url: Option<String>,
    /// Sent to the provider, without those that are Panora's business.
    headers: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RequestFormat)]
enum Format {
    Json,
    Form,
    Text,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "describes a field")]
enum ProviderMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase", as = AnswerEncoding)]
#[expect(dead_code, reason = "describes a field")]
enum Encoding {
    Utf8,
    Base64,
}

/// What the provider answered, whatever that is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"url": "https://api.hubapi.com/crm/v3/objects/contacts?limit=1", "status": 200,
    "headers": {"content-type": "application/json"}, "data": {"results": [{"id": "1"}]}}))]
struct ProviderAnswer {
    /// What was called, without credential parameters.
    #[schema(format = "uri")]
    url: String,
    /// The provider's.
    status: u16,
    /// The provider's, without `Set-Cookie`.
    headers: BTreeMap<String, String>,
    /// JSON with the text it came with, or a string with `encoding`; null where there was no body.
    #[schema(value_type = Value, required)]
    data: Option<Box<RawValue>>,
    /// Where `data` is a string that was no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Encoding, required = false)]
    encoding: Option<&'static str>,
}

/// Calls the provider of a connection.
///
/// Answers 200 whatever the provider answered: a problem is always Panora's own.
#[utoipa::path(post, operation_id = "passthrough", path = "/passthrough", tag = "passthrough", request_body = ProviderCall,
    params(("x-connection-token" = String, Header, description = "The connection's token.")),
    responses((status = 200, body = ProviderAnswer, description = "What the provider answered, its errors included."),
        (status = 401, description = "No API key or connection token that is known and live."),
        (status = 409, description = "`needs_reauth`: the person must connect again; or the connection is incomplete."),
        (status = 502, description = "The provider gave no answer that could be read.")))]
async fn passthrough(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Json<ProviderAnswer>, Problem> {
    let connection = connection(&app, caller, request.headers()).await?;
    let wanted = read_call(&read(request).await?)?;
    let called = call(&app, &connection, &wanted).await?;
    Ok(Json(answer(called)?))
}

async fn connection(app: &App, caller: Caller, headers: &HeaderMap) -> Result<StoredConnection, Problem> {
    let token = headers.get("x-connection-token").and_then(|value| value.to_str().ok());
    let token = token.ok_or_else(|| {
        Problem::unauthorized(
            "missing_connection_token",
            "Send the connection's token as `x-connection-token`.",
        )
    })?;
    let key = ConnectionToken::from_text(token).key();
    let stored = app.store.lookup_connection_by_token(caller.project, key).await?.ok_or_else(|| {
        Problem::unauthorized(
            "invalid_connection_token",
            "This connection token is not known in this project.",
        )
    })?;
    match stored.connection.status {
        ConnectionStatus::Revoked => {
            Err(Problem::unauthorized("connection_revoked", "This connection was revoked."))
        }
        _ => Ok(stored),
    }
}

fn read_call(body: &[u8]) -> Result<Call, Problem> {
    // By the text, not by our rules for numbers: what is in `data` is the provider's business.
    let wanted: ProviderCall = crate::http::extract::read_raw_json(body)?;
    if wanted.path.chars().count() > MAX_TEXT {
        return Err(Problem::field("/path", "A string may hold 2,048 characters."));
    }
    let method = Method::from_bytes(wanted.method.to_ascii_uppercase().as_bytes());
    let known = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    let method = method.ok().filter(|method| known.contains(method));
    let method =
        method.ok_or_else(|| Problem::field("/method", "GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS."))?;
    let mut headers = read_headers(wanted.headers.unwrap_or_default())?;
    let body = match &wanted.data {
        Some(data) => encode(data, wanted.request_format.unwrap_or(Format::Json), &mut headers)?,
        None => Bytes::new(),
    };
    Ok(Call { method, path: wanted.path, base: wanted.override_base_url, headers, body })
}

fn read_headers(given: BTreeMap<String, String>) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let pointer = || format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let words = "Not a header that HTTP can carry.";
        let parsed: HeaderName = name.parse().map_err(|_| Problem::field(pointer(), words))?;
        let value = HeaderValue::from_str(&value).map_err(|_| Problem::field(pointer(), words))?;
        if is_forwarded(&parsed) {
            headers.insert(parsed, value);
        }
    }
    Ok(headers)
}

fn encode(data: &RawValue, format: Format, headers: &mut HeaderMap) -> Result<Bytes, Problem> {
    let (kind, body) = match format {
        Format::Json => ("application/json", data.get().to_owned()),
        Format::Text => {
            let text: String = serde_json::from_str(data.get())
                .map_err(|_| Problem::field("/data", "Must be a string where `request_format` is `text`."))?;
            ("text/plain; charset=utf-8", text)
        }
        Format::Form => {
            let pairs: BTreeMap<String, Box<RawValue>> = serde_json::from_str(data.get()).map_err(|_| {
                Problem::field("/data", "Must be an object where `request_format` is `form`.")
            })?;
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &pairs {
                let text =
                    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned());
                form.append_pair(name, &text);
            }
            ("application/x-www-form-urlencoded", form.finish())
        }
    };
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    Ok(Bytes::from(body))
}

fn answer(called: Called) -> Result<ProviderAnswer, Problem> {
    if let Err(error) = called.answer.body_end.whole() {
        let detail = format!("The provider's answer could not be read to its end: {}", error.likely_cause());
        return Err(Problem::new(StatusCode::BAD_GATEWAY, error.code(), detail));
    }
    let body = &called.answer.body;
    let (data, encoding) = match std::str::from_utf8(body) {
        Ok("") => (None, None),
        Ok(text) => match RawValue::from_string(text.trim().to_owned()) {
            Ok(json) => (Some(json), None),
            Err(_) => (Some(string(text)?), Some("utf8")),
        },
        Err(_) => (Some(string(&BASE64_STANDARD.encode(body))?), Some("base64")),
    };
    let (status, headers) = (called.answer.status.as_u16(), shown_headers(&called.answer.headers));
    Ok(ProviderAnswer { url: called.url, status, headers, data, encoding })
}

fn string(text: &str) -> Result<Box<RawValue>, Problem> {
    serde_json::value::to_raw_value(text).map_err(|_| Problem::internal())
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::UnknownProvider => {
                Self::conflict("unknown_provider", "This connection's provider is no longer in the catalog.")
            }
            CallError::Refused(error @ panora_catalog::CallError::OverrideNotAllowed) => {
                Self::field("/overrideBaseUrl", error.to_string())
            }
            CallError::Refused(error @ panora_catalog::CallError::Path(_)) => {
                Self::field("/path", error.to_string())
            }
            CallError::Refused(panora_catalog::CallError::Render(error)) => {
                Self::conflict("connection_incomplete", error.to_string())
            }
            CallError::Refresh(RefreshError::Connect(error)) => error.into(),
            CallError::Refresh(RefreshError::Revoked) => {
                Self::unauthorized("connection_revoked", "This connection was revoked.")
            }
            CallError::Refresh(RefreshError::NeedsReauth) => {
                let detail = "The provider no longer takes this connection's credentials: the person must connect again.";
                Self::conflict("needs_reauth", detail)
            }
            CallError::Refresh(RefreshError::TryLater(reason)) => {
                let detail = format!("The provider gave no new access token ({reason}).");
                Self::new(StatusCode::BAD_GATEWAY, "refresh_failed", detail)
            }
            CallError::Unanswered(failure) => {
                let detail = format!("The provider gave no answer. {}", failure.error.likely_cause());
                Self::new(StatusCode::BAD_GATEWAY, failure.error.code(), detail)
            }
        }
    }
}
