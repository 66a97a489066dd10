//! `ANY /passthrough/{path}`: method, headers and bodies pass as they are, both ways, as fast as the other side takes them.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, PathItem, Required, ResponseBuilder, ResponsesBuilder,
};

use super::known;
use crate::app::App;
use crate::http::auth::{self, Caller};
use crate::http::problem::Problem;
use crate::http::request_id::named;
use crate::passthrough::{Call, CallError, CallerBody, SILENCE, call, from_caller};

const PREFIX: &str = "/passthrough";
const ROUTE: &str = "/passthrough/{*path}";
/// The streaming form's `overrideBaseUrl`.
const OVERRIDE: HeaderName = HeaderName::from_static("panora-override-base-url");

/// Whether a path is one of this form's.
pub fn is_streamed(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('/'))
}

/// Answers without the layers of other routes: each costs as much as all that is done here.
pub async fn stream(app: &App, request: Request) -> Response {
    // Boxed once, that it is not copied from one future into the next.
    let passed = |caller, request| Box::pin(pass(app, caller, request));
    named(app, ROUTE, request, |request| auth::streaming(app, request, passed)).await
}

async fn pass(app: &App, caller: Caller, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if matches!(parts.method, Method::TRACE | Method::CONNECT) {
        // A trace would answer with the credential.
        let detail = "TRACE and CONNECT are not passed on.";
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail));
    }
    let known = known(app, caller, &parts.headers).await?;
    let base = override_of(&parts.headers)?;
    let body = CallerBody::take(body, SILENCE).await.map_err(CallError::from)?;
    let path = path_of(&parts.uri).to_owned();
    let wanted = Call { method: parts.method, path, base, headers: from_caller(&parts.headers), body };
    let (status, mut headers, body) = call(app, known, wanted).await?.passing();
    // Opened in a browser it must not act as a page of ours.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut response = Response::new(Body::new(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}

/// Path and query as they were written: a router's own idea of them could hide what the rules for paths refuse.
fn path_of(uri: &Uri) -> &str {
    let whole = uri.path_and_query().map_or("", |it| it.as_str());
    whole.strip_prefix(PREFIX).unwrap_or_default()
}

fn override_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(OVERRIDE) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::field("/overrideBaseUrl", "Not a URL."))?;
    Ok(Some(text.to_owned()))
}

/// Adds the form to the document, an operation for each of the common methods.
pub fn describe(document: &mut OpenApi) {
    let mut item = PathItem::default();
    for (method, name) in [
        (HttpMethod::Get, "Get"),
        (HttpMethod::Post, "Post"),
        (HttpMethod::Put, "Put"),
        (HttpMethod::Patch, "Patch"),
        (HttpMethod::Delete, "Delete"),
    ] {
        let with_body = !matches!(method, HttpMethod::Get | HttpMethod::Delete);
        item.merge_operations(PathItem::new(method, operation(name, with_body)));
    }
    document.paths.paths.insert("/passthrough/{path}".to_owned(), item);
}

fn operation(name: &str, with_body: bool) -> OperationBuilder {
    let parameter = |name: &str, place: ParameterIn, required: Required, words: &str| {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(required);
        parameter.description(Some(words)).schema(Some(text))
    };
    let any = || {
        let bytes = ObjectBuilder::new().schema_type(Type::String);
        ContentBuilder::new().schema(Some(bytes.content_media_type("application/octet-stream"))).build()
    };
    let answer = ResponseBuilder::new()
        .description(
            "The provider's status, headers and body. Panora's own errors carry `Panora-Error: <code>`.",
        )
        .content("*/*", any());
    let operation = OperationBuilder::new()
        .operation_id(Some(format!("passthrough{name}")))
        .tag("passthrough")
        .summary(Some("Calls the provider of a connection, streaming both ways."))
        .description(Some(
            "Any method but TRACE and CONNECT. Method, path, query, headers and body go to the provider, and come \
             back, as they are: bodies have no bound, redirects and encodings are handed on.",
        ))
        .parameter(parameter(
            "path",
            ParameterIn::Path,
            Required::True,
            "Below the account's base URL; may have slashes.",
        ))
        .parameter(parameter(
            "x-connection-token",
            ParameterIn::Header,
            Required::True,
            "The connection's token.",
        ))
        .parameter(parameter(
            OVERRIDE.as_str(),
            ParameterIn::Header,
            Required::False,
            "Another host that the provider's file lists.",
        ))
        .responses(ResponsesBuilder::new().response("default", answer).build());
    if !with_body {
        return operation;
    }
    operation.request_body(Some(RequestBodyBuilder::new().content("*/*", any()).build()))
}
