//! The published document and its readable page.

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use utoipa::openapi::OpenApi;

use super::problem_codes::CODES;
use crate::app::App;

/// `/openapi.json` and `/docs`, rendered once.
pub fn routes(document: &OpenApi) -> Router<App> {
    let json = serde_json::to_value(document).expect("the document serializes");
    let page = panora_pages::DocsPage { document: json.clone(), problems: CODES }.render();
    let text = serde_json::to_string_pretty(&json).expect("the document serializes");
    Router::new()
        .route("/docs", get(move || async move { Html(page) }))
        .route("/openapi.json", get(move || async move { openapi(text) }))
}

fn openapi(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}
