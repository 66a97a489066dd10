//! HTTP: the API for backends, the pages for people. Parses, calls, renders.

pub mod api;
pub mod auth;
mod docs;
pub mod extract;
mod front;
mod hosted;
mod pages;
pub mod problem;
mod problem_codes;
mod request_id;
pub mod stream_slots;

use axum::handler::Handler;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::{Router, middleware};

pub use self::front::Front;
use self::problem::Problem;
use crate::app::App;
use crate::sandbox;

/// Every route of the server but the streaming form of passthrough.
fn router(app: &App) -> Router {
    let (keyed, open, document) = api::routes(app);
    let mut people = hosted::routes().merge(docs::routes(&document, &app.public_url));
    if app.has_sandbox() {
        people = people.merge(sandbox::pages());
    }
    let people = people
        .layer(middleware::from_fn(pages::headers))
        .layer(from_fn_with_state(app.clone(), pages::own_host));
    let mut all = keyed.merge(open).merge(people).merge(pages::assets());
    if app.has_sandbox() {
        all = all.merge(sandbox::api());
    }
    // What is below /connect has its headers even where there is nothing.
    let headers = middleware::from_fn(pages::headers);
    all.fallback(unmatched.layer(headers.clone()))
        .method_not_allowed_fallback(wrong_method.layer(headers))
        .layer(from_fn_with_state(app.clone(), request_id::layer))
        .with_state(app.clone())
}

async fn unmatched(uri: Uri) -> Problem {
    to_reader(&uri, Problem::not_found())
}

async fn wrong_method(uri: Uri) -> Problem {
    let detail = "This resource does not take this method.";
    to_reader(&uri, Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail))
}

/// A page where a person would see it.
fn to_reader(uri: &Uri, mut problem: Problem) -> Problem {
    problem.is_page = uri.path().starts_with("/connect/");
    problem
}
