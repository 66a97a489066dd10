//! `POST /passthrough`: a call and its answer as one JSON document each.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use panora_outbound::BodyEnd;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::known;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{MAX_TEXT, read, read_raw_json};
use crate::http::problem::Problem;
use crate::passthrough::{Call, Called, CallerBody, call, from_caller, shown_headers};

/// What is read of an answer, and for how long.
const MAX_ANSWER: usize = 10 * 1024 * 1024;
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// A call to the provider. `data` keeps the JSON text it came with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderCall {
    #[schema(value_type = ProviderMethod)]
    method: String,
    /// Path and query below the account's base URL.
    #[schema(example = "/crm/v3/objects/contacts?limit=10")]
    path: String,
    /// Any JSON.
    #[schema(value_type = Option<Value>)]
    data: Option<Box<RawValue>>,
    /// How `data` is sent: `json` (unless given), `form` or `text`. Anything else goes by the streaming form.
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
pub struct ProviderAnswer {
    /// What was called, without credential parameters.
    #[schema(format = "uri")]
    url: String,
    /// The provider's.
    status: u16,
    /// The provider's, without `Set-Cookie` and those of the connection.
    headers: BTreeMap<String, String>,
    /// JSON with the text it came with, or a string with `encoding`; null where there was no body. At most 10 MiB.
    #[schema(value_type = Value, required)]
    data: Option<Box<RawValue>>,
    /// Where `data` is a string that was no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Encoding, required = false)]
    encoding: Option<&'static str>,
}

/// Calls the provider of a connection.
///
/// Answers 200 whatever the provider answered: a problem is always Panora's own. Redirects are handed on, not followed.
/// A call is repeated once: with a new token after a 401, and after a 429 or 503 that asks for at most ten seconds
/// where the method is safe or idempotent.
#[utoipa::path(post, operation_id = "passthrough", path = "/passthrough", tag = "passthrough", request_body = ProviderCall,
    params(("x-connection-token" = String, Header, description = "The connection's token.")),
    responses((status = 200, body = ProviderAnswer, description = "What the provider answered, its errors included."),
        (status = 401, description = "No API key or connection token that is known and live."),
        (status = 409, description = "`needs_reauth`: the person must connect again; or the connection is incomplete."),
        (status = 502, description = "The provider gave no answer that could be read.")))]
pub async fn passthrough(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Json<ProviderAnswer>, Problem> {
    let known = known(&app, caller, request.headers()).await?;
    let wanted = read_call(&read(request).await?)?;
    let called = call(&app, known, wanted).await?;
    answer(called).await.map(Json)
}

fn read_call(body: &[u8]) -> Result<Call, Problem> {
    // By the text, not by our rules for numbers: what is in `data` is the provider's business.
    let wanted: ProviderCall = read_raw_json(body)?;
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
    let mut headers = from_caller(&read_headers(wanted.headers.unwrap_or_default())?);
    // What comes back is shown as text: packed it would only be longer.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let body = match &wanted.data {
        Some(data) => encode(data, wanted.request_format.unwrap_or(Format::Json), &mut headers)?,
        None => Bytes::new(),
    };
    let body = CallerBody::Whole(body);
    Ok(Call { method, path: wanted.path, base: wanted.override_base_url, headers, body })
}

fn read_headers(given: BTreeMap<String, String>) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let pointer = || format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let words = "Not a header that HTTP can carry.";
        let parsed: HeaderName = name.parse().map_err(|_| Problem::field(pointer(), words))?;
        let value = HeaderValue::from_str(&value).map_err(|_| Problem::field(pointer(), words))?;
        headers.append(parsed, value);
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

async fn answer(called: Called) -> Result<ProviderAnswer, Problem> {
    let Called { url, status, headers, body, mut entry } = called;
    let (body, end) = body.read(MAX_ANSWER, ANSWER_TIME).await;
    entry.received(body.len());
    if let Err(error) = BodyEnd::whole(end) {
        entry.failed(error.code());
        let detail = format!("The provider's answer could not be read to its end: {}", error.likely_cause());
        return Err(Problem::new(StatusCode::BAD_GATEWAY, error.code(), detail));
    }
    entry.ended();
    let (data, encoding) = match std::str::from_utf8(&body) {
        Ok("") => (None, None),
        Ok(text) => match RawValue::from_string(text.trim().to_owned()) {
            Ok(json) => (Some(json), None),
            Err(_) => (Some(string(text)?), Some("utf8")),
        },
        Err(_) => (Some(string(&BASE64_STANDARD.encode(&body))?), Some("base64")),
    };
    Ok(ProviderAnswer { url, status: status.as_u16(), headers: shown_headers(&headers), data, encoding })
}

fn string(text: &str) -> Result<Box<RawValue>, Problem> {
    serde_json::value::to_raw_value(text).map_err(|_| Problem::internal())
}
