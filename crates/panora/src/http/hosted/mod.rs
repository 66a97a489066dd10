//! The connect page. Every URL below `/connect` is a flow's, readable only in the browser that holds its cookie.

mod callback;
mod choice;
mod cookies;
mod done;
mod failed;
mod frame;
mod link;
mod picker;
mod provider;
mod return_url;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use panora_pages::flow_path;

use super::problem::Problem;
use crate::app::App;
use crate::connect::{FlowHere, OpenFlow, find_flow};
use crate::model::FlowId;
use failed::Refused;

pub use cookies::FlowCookies;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/connect/{token}", get(link::open))
        .route("/connect/flow/{id}", get(picker::show))
        .route("/connect/flow/{id}/done", get(done::show))
        .route("/connect/flow/{id}/{slug}", get(provider::show).post(provider::answer))
        .route("/connect/flow/{id}/{slug}/authorize", get(provider::authorize))
        .route("/connect/flow/{id}/{slug}/choice", get(choice::show).post(choice::answer))
        .route("/connect/flow/{id}/{slug}/failed/{code}", get(failed::show))
        .route("/connections/oauth/callback", get(callback::arrive))
        // A form holds a credential of 16 KiB at most, and a few short answers.
        .layer(DefaultBodyLimit::max(64 * 1024))
        .layer(map_response(to_people))
}

/// Whatever goes wrong here, a person sees a page.
async fn to_people(mut response: Response) -> Response {
    if let Some(problem) = response.extensions_mut().get_mut::<Problem>() {
        problem.is_page = true;
    }
    response
}

/// What a page of the flow is answered with when it is not the page.
pub enum Elsewhere {
    Refused(Box<Refused>),
    Redirect(String),
    Problem(Problem),
}

impl IntoResponse for Elsewhere {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => refused.into_response(),
            Self::Redirect(path) => Redirect::to(&path).into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

impl<E: Into<Problem>> From<E> for Elsewhere {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

/// The flow, where it can go on; else where its browser belongs.
async fn live_flow(app: &App, id: FlowId, cookies: &FlowCookies) -> Result<OpenFlow, Elsewhere> {
    match find_flow(app, id, &cookies.0).await? {
        FlowHere::Live(open) => Ok(open),
        FlowHere::Finished(_) => Err(Elsewhere::Redirect(done_path(id))),
        FlowHere::Ended(failure, open) => Err(Refused::of_flow(app, &open, failure).await?.into()),
        FlowHere::None => Err(Refused::nowhere(panora_pages::Failure::FlowNotFound).into()),
    }
}

fn done_path(id: FlowId) -> String {
    format!("{}/done", flow_path(&id.to_string()))
}
