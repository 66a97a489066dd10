//! Where every provider sends the browser back to.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use panora_pages::{Failure, flow_path};

use super::choice;
use super::failed::{self, Refused};
use super::{Elsewhere, FlowCookies, done_path};
use crate::app::App;
use crate::connect::{self, Arrival, FlowHere, find_flow, newest_flows};

/// Parameters that are looked at.
const MOST_PARAMETERS: usize = 100;

pub async fn arrive(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    cookies: FlowCookies,
) -> Result<Response, Elsewhere> {
    let query = query.unwrap_or_default();
    let parameters: BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().take(MOST_PARAMETERS).collect();
    let (here, known) = (app.clone(), cookies.0.clone());
    let arrival = app.to_the_end(async move { connect::arrive(&here, &parameters, &known).await });
    match arrival.await? {
        Arrival::Connected(id) => Ok(Redirect::to(&done_path(id)).into_response()),
        Arrival::Failed(id, slug, failure) => {
            Ok(Redirect::to(&failed::path(id, &slug, failure)).into_response())
        }
        Arrival::Choice(id, slug) => Ok(Redirect::to(&choice::path(id, &slug)).into_response()),
        Arrival::Refused(failure) => Err(Refused::nowhere(failure).into()),
        Arrival::WithoutState => continue_flow(&app, &cookies).await,
    }
}

/// A provider that starts by itself (from its marketplace) sends no state of ours: in a browser with a live
/// flow the page goes on, and a fresh authorisation starts there.
async fn continue_flow(app: &App, cookies: &FlowCookies) -> Result<Response, Elsewhere> {
    for id in newest_flows(&cookies.0) {
        if let FlowHere::Live(_) = find_flow(app, id, &cookies.0).await? {
            return Ok(Redirect::to(&flow_path(&id.to_string())).into_response());
        }
    }
    Err(Refused::nowhere(Failure::FlowNotFound).into())
}
