//! What all pages share: their headers, whose host they answer, their assets.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

use super::problem::Problem;
use crate::app::App;

const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; \
                   connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every page; a page that needs another one sets it first.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in fixed {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A page that is asked for by another name is somebody else's trick (DNS rebinding).
pub async fn own_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).or_else(|| {
        // HTTP/2 carries the name in `:authority`.
        request.uri().authority().map(http::uri::Authority::as_str)
    });
    if host.is_some_and(|host| app.public_url.is_named_by(host)) {
        let exact = host.is_some_and(|host| app.public_url.is_exactly(host));
        // A cookie that is made under another loopback name would not come back with the provider's answer.
        return if exact || !request.uri().path().starts_with("/connect/") {
            next.run(request).await
        } else {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            Redirect::temporary(&app.public_url.join(path)).into_response()
        };
    }
    let page = panora_pages::MisdirectedPage { public_url: app.public_url.as_str().to_owned() };
    (StatusCode::MISDIRECTED_REQUEST, Html(page.render())).into_response()
}

/// Stylesheets and scripts, under names that change with what they hold.
pub fn assets() -> Router<App> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let asset = panora_pages::asset(&name).ok_or_else(Problem::not_found)?;
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, asset.bytes).into_response())
}
