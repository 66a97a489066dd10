//! Whether the server is up.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(hello)).routes(routes!(health)).routes(routes!(ready))
}

/// A server that is up.
#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Says hello.
///
/// A line of text; a browser is sent to the documentation.
#[utoipa::path(get, operation_id = "hello", path = "/", tag = "health", security(()),
    responses((status = 200, body = String, content_type = "text/plain", description = "A line that names the version.")))]
async fn hello(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") {
        return Redirect::to("/docs").into_response();
    }
    concat!("Panora ", env!("CARGO_PKG_VERSION"), " is running.\n").into_response()
}

/// Whether the process lives.
#[utoipa::path(get, operation_id = "getHealth", path = "/health", tag = "health", security(()),
    responses((status = 200, body = Health, description = "The process lives.")))]
async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Whether it can work: storage reachable, migrations applied.
#[utoipa::path(get, operation_id = "getReadiness", path = "/ready", tag = "health", security(()),
    responses((status = 200, body = Health, description = "It can work."),
        (status = 503, description = "The database does not answer.")))]
async fn ready(State(app): State<App>) -> Result<Json<Health>, Problem> {
    if !app.works.load(Ordering::Relaxed) {
        let detail = "A worker of this node has ended. Restart it.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "worker_ended", detail));
    }
    app.store.ping().await.map_err(|error| {
        tracing::warn!(code = error.code(), "not ready");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "storage_unreachable", "The database does not answer.")
    })?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}
