//! Which site or company a connection is for, where what the person has granted covers several.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use panora_catalog::Provider;
use panora_pages::{ChoicePage, Failure, provider_path};

use super::cookies::{check_csrf, csrf_token};
use super::failed;
use super::frame::{frame, shown};
use super::{Elsewhere, FlowCookies, done_path, live_flow};
use crate::app::App;
use crate::connect::{FlowHere, OpenFlow, Parked, Unfinished, choose, find_flow, parked_of};
use crate::http::problem::Problem;
use crate::model::FlowId;

pub fn path(id: FlowId, slug: &str) -> String {
    format!("{}/choice", provider_path(&id.to_string(), slug))
}

/// A grant that waits for the choice.
struct Here {
    open: OpenFlow,
    provider: Arc<Provider>,
    parked: Parked,
}

/// Where nothing waits (any more), the person begins again.
async fn here(app: &App, (id, slug): (&str, &str), cookies: &FlowCookies) -> Result<Here, Elsewhere> {
    let id: FlowId = id.parse().map_err(|_| Problem::not_found())?;
    let open = match find_flow(app, id, &cookies.0).await? {
        // Who left before the link expired may still choose.
        FlowHere::Ended(Failure::LinkExpired, open) if parked_of(app, &open, slug).await?.is_some() => open,
        _ => live_flow(app, id, cookies).await?,
    };
    let provider = app.provider(open.link.id_project, slug).ok_or_else(Problem::not_found)?;
    match parked_of(app, &open, slug).await? {
        Some(parked) => Ok(Here { open, provider, parked }),
        None => Err(Elsewhere::Redirect(provider_path(&id.to_string(), slug))),
    }
}

/// The page that asks.
pub async fn show(
    State(app): State<App>,
    Path((id, slug)): Path<(String, String)>,
    cookies: FlowCookies,
) -> Result<Response, Elsewhere> {
    let here = here(&app, (&id, &slug), &cookies).await?;
    page(&app, &here, false).await
}

async fn page(app: &App, here: &Here, is_newer: bool) -> Result<Response, Elsewhere> {
    let page = ChoicePage {
        frame: frame(app, &here.open.link).await?,
        provider: shown(&here.provider),
        choices: here.parked.names().map(str::to_owned).collect(),
        is_newer,
        action: path(here.open.flow.id, here.provider.slug()),
        csrf: csrf_token(app, &here.open.cookie),
        grant: here.parked.mark.to_string(),
    };
    let status = if is_newer { StatusCode::CONFLICT } else { StatusCode::OK };
    Ok((status, Html(page.render())).into_response())
}

/// What was chosen, by its number in the list of that grant.
pub async fn answer(
    State(app): State<App>,
    Path((id, slug)): Path<(String, String)>,
    cookies: FlowCookies,
    Form(given): Form<BTreeMap<String, String>>,
) -> Result<Response, Elsewhere> {
    let flow = (id.as_str(), slug.as_str());
    let waiting = here(&app, flow, &cookies).await?;
    check_csrf(&app, &waiting.open.cookie, &given)?;
    // Another tab of this browser may have brought another grant, with another list.
    if given.get("grant") != Some(&waiting.parked.mark.to_string()) {
        return page(&app, &waiting, true).await;
    }
    let id = waiting.open.flow.id;
    let number: Option<usize> = given.get("choice").and_then(|number| number.parse().ok());
    let Some(number) = number.filter(|number| *number < waiting.parked.names().count()) else {
        return Ok(Redirect::to(&path(id, &slug)).into_response());
    };
    let (ending, Here { open, provider, parked }) = (app.clone(), waiting);
    let chosen =
        app.to_the_end(async move { choose(&ending, &open, (&provider, parked), number).await }).await;
    let onward = match chosen {
        Ok(()) => done_path(id),
        Err(Unfinished::Failed(failure)) => failed::path(id, &slug, failure),
        Err(Unfinished::Replaced) => return page(&app, &here(&app, flow, &cookies).await?, true).await,
    };
    Ok(Redirect::to(&onward).into_response())
}
