//! The list of providers, where there is a choice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use panora_catalog::Provider;
use panora_pages::{Failure, PickerEntry, PickerPage, provider_path};
use serde::Deserialize;

use super::failed::Refused;
use super::frame::{frame, shown};
use super::{Elsewhere, FlowCookies, live_flow};
use crate::app::App;
use crate::connect::{Apps, OpenFlow};
use crate::http::extract::{IdPath, Query};
use crate::http::problem::Problem;
use crate::model::{FlowId, MagicLink, PageQuery};
use crate::store::{ConnectionFilter, StoreError};

#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
    vertical: Option<String>,
}

pub async fn show(
    State(app): State<App>,
    IdPath(id): IdPath<FlowId>,
    Query(search): Query<Search>,
    cookies: FlowCookies,
) -> Result<Response, Elsewhere> {
    let open = live_flow(&app, id, &cookies).await?;
    let choices = choices(&app, &open.link).await?;
    if choices.is_empty() {
        return Err(not_ready(&app, &open).await?);
    }
    if let [only] = choices.as_slice() {
        return Ok(Redirect::to(&provider_path(&id.to_string(), only.slug())).into_response());
    }
    let mut verticals: Vec<String> = Vec::new();
    for provider in &choices {
        if !verticals.iter().any(|known| known == provider.vertical()) {
            verticals.push(provider.vertical().to_owned());
        }
    }
    let connected = connected(&app, &open.link).await?;
    let total = choices.len();
    let found = choices.into_iter().filter(|provider| is_found(provider, &search));
    let entry = |provider: Arc<Provider>| PickerEntry {
        keywords: provider.aliases().to_vec(),
        connected: connected.iter().find(|(slug, _)| slug == provider.slug()).map(|(_, name)| name.clone()),
        provider: shown(&provider),
    };
    let left = open.link.expires_at.millis_since(app.clock.now());
    let page = PickerPage {
        frame: frame(&app, &open.link).await?,
        id_flow: id.to_string(),
        entries: found.map(entry).collect(),
        total,
        verticals,
        search: search.q,
        vertical: search.vertical,
        expires_in: Some(Duration::from_millis(left.max(0).unsigned_abs())),
    };
    Ok(Html(page.render()).into_response())
}

/// What this link may connect: switched on, allowed by the link, and set up.
pub async fn choices(app: &App, link: &MagicLink) -> Result<Vec<Arc<Provider>>, Problem> {
    if let Some(id) = link.id_connection {
        let renewed = app.store.lookup_connection(link.id_project, id).await?;
        let provider = renewed.and_then(|it| app.provider(link.id_project, &it.connection.provider_slug));
        return Ok(provider.into_iter().collect());
    }
    let apps = Apps::of_project(app, link.id_project).await?;
    let mut choices = Vec::new();
    for provider in app.providers(link.id_project) {
        let allowed = link.allows(provider.slug(), provider.verticals());
        if allowed && apps.obstacle(app, link.id_project, &provider)?.is_none() {
            choices.push(provider);
        }
    }
    Ok(choices)
}

/// The page where nothing can be connected: only the sender can mend that.
async fn not_ready(app: &App, open: &OpenFlow) -> Result<Elsewhere, StoreError> {
    let slug = match open.link.providers.as_slice() {
        [only] => only.as_str(),
        _ => "",
    };
    Ok(Refused::at_provider(app, open, slug, Failure::SetUpWrongly).await?.into())
}

/// `(slug, account's name)` of what the person has connected already.
async fn connected(app: &App, link: &MagicLink) -> Result<BTreeSet<(String, String)>, StoreError> {
    let filter =
        ConnectionFilter { id_linked_user: Some(link.id_linked_user), ..ConnectionFilter::default() };
    let page = PageQuery { limit: PageQuery::MAX_LIMIT, after: None };
    let connections = app.store.list_connections(link.id_project, &filter, &page).await?;
    let standing = connections.items.into_iter().map(|it| it.connection).filter(|it| it.status.stands());
    Ok(standing
        .map(|it| (it.provider_slug, it.account.name.or(it.account.email).unwrap_or_default()))
        .collect())
}

fn is_found(provider: &Provider, search: &Search) -> bool {
    let of_vertical = search.vertical.as_ref().is_none_or(|vertical| provider.verticals().contains(vertical));
    let wanted = search.q.trim().to_lowercase();
    let mut words = provider.aliases().iter().map(String::as_str).chain([provider.name(), provider.slug()]);
    of_vertical && (wanted.is_empty() || words.any(|word| word.to_lowercase().contains(&wanted)))
}
