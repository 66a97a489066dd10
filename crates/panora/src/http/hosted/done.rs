//! Success: which account, for whom, and the way back. The connection token is never here.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use panora_catalog::Provider;
use panora_pages::{Account, DonePage, Failure, Outcome, flow_path};

use super::failed::Refused;
use super::frame::{frame, shown};
use super::{Elsewhere, FlowCookies, return_url};
use crate::app::App;
use crate::connect::{FlowHere, find_flow};
use crate::http::extract::IdPath;
use crate::http::problem::Problem;
use crate::model::FlowId;

pub async fn show(
    State(app): State<App>,
    IdPath(id): IdPath<FlowId>,
    cookies: FlowCookies,
) -> Result<Response, Elsewhere> {
    let open = match find_flow(&app, id, &cookies.0).await? {
        FlowHere::Finished(open) => open,
        FlowHere::Live(_) => return Err(Elsewhere::Redirect(flow_path(&id.to_string()))),
        FlowHere::Ended(failure, open) => return Err(Refused::of_flow(&app, &open, failure).await?.into()),
        FlowHere::None => return Err(Refused::nowhere(Failure::FlowNotFound).into()),
    };
    let project = open.link.id_project;
    let made = open.flow.id_connection.ok_or_else(Problem::internal)?;
    let made = app.store.lookup_connection(project, made).await?.ok_or_else(Problem::not_found)?.connection;
    let provider = app.provider(project, &made.provider_slug).ok_or_else(Problem::not_found)?;
    let page = DonePage {
        frame: frame(&app, &open.link).await?,
        outcome: if open.flow.renewed { Outcome::Renewed } else { Outcome::Connected },
        account: Account { name: made.account.name, email: made.account.email },
        missing: missing(&provider, &made.missing_scopes),
        provider: shown(&provider),
        reconnect_url: None,
        return_url: return_url::of_success(&open.link, made.id),
        another_url: None,
    };
    Ok(Html(page.render()).into_response())
}

/// What was asked for and not given, in the words that asked for it; a scope without words by its name.
fn missing(provider: &Provider, scopes: &[String]) -> Vec<String> {
    let always = provider.sharing(&[]);
    let words = |scope: &String| {
        let said = provider.sharing(std::slice::from_ref(scope));
        said.into_iter().find(|words| !always.contains(words)).unwrap_or(scope).to_owned()
    };
    scopes.iter().map(words).collect()
}
