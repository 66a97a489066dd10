//! The published document and its readable page.

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use panora_pages::{DoctorEntry, DoctorPage, DoctorSeverity};
use utoipa::openapi::OpenApi;

use super::problem_codes::CODES;
use crate::app::App;
use crate::config::PublicUrl;
use crate::doctor::{KINDS, Kind, Severity};

/// `/openapi.json` and `/docs`, rendered once.
pub fn routes(document: &OpenApi, public_url: &PublicUrl) -> Router<App> {
    let json = serde_json::to_value(document).expect("the document serializes");
    let public_url = public_url.as_str().to_owned();
    let page = panora_pages::DocsPage { document: json.clone(), problems: CODES, public_url }.render();
    let doctor = doctor_page().render();
    let text = serde_json::to_string_pretty(&json).expect("the document serializes");
    Router::new()
        .route("/docs", get(move || async move { Html(page) }))
        .route("/docs/doctor", get(move || async move { Html(doctor) }))
        .route("/openapi.json", get(move || async move { openapi(text) }))
}

fn doctor_page() -> DoctorPage {
    let entry = |it: &Kind| DoctorEntry {
        code: it.code,
        severity: match it.severity {
            Severity::Error => DoctorSeverity::Error,
            Severity::Warning => DoctorSeverity::Warning,
            Severity::Info => DoctorSeverity::Info,
        },
        title: it.title,
        meaning: it.meaning,
        mend: it.mend,
    };
    DoctorPage { entries: KINDS.iter().map(entry).collect() }
}

fn openapi(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}
