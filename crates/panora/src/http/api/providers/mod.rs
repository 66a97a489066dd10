//! `/providers`: what end users of this project can connect, and why not the rest.

mod app;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use panora_catalog::Provider;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::connect::{Apps, redirect_uri};
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, JsonBody, NoQuery, Query, parameter};
use crate::http::problem::Problem;
use crate::model::{Obstacle, ProjectId, TokenType};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, change)).merge(app::routes())
}

/// The provider that a path names.
pub(super) fn provider_of(app: &App, project: ProjectId, slug: &str) -> Result<Arc<Provider>, Problem> {
    app.provider(project, slug)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found", app.no_such_provider(project, slug)))
}

/// A third-party service that end users can connect.
#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
struct ProviderAnswer {
    #[schema(example = "hubspot")]
    slug: String,
    #[schema(example = "HubSpot")]
    name: String,
    #[schema(example = json!(["crm"]))]
    verticals: Vec<String>,
    #[schema(value_type = TokenType)]
    token_type: &'static str,
    /// The exact kind, such as `oauth2_code`.
    #[schema(example = "oauth2_code")]
    auth_kind: &'static str,
    /// Whether this project offers it.
    enabled: bool,
    /// Whether all is set up: an OAuth client, and the settings that the provider's file asks for.
    configured: bool,
    /// Whether end users can connect it now.
    connectable: bool,
    /// Why not; null where they can.
    #[schema(required, value_type = Option<Obstacle>)]
    obstacle: Option<Obstacle>,
    /// What is asked for.
    #[schema(example = json!(["crm.objects.contacts.read"]))]
    scopes: Vec<String>,
    #[schema(format = "uri", example = "https://developers.hubspot.com/docs")]
    docs_url: String,
    /// To register with the provider; null where none is needed.
    #[schema(required, format = "uri", example = "https://panora.example.com/connections/oauth/callback")]
    redirect_uri: Option<String>,
}

fn answer(app: &App, project: ProjectId, apps: &Apps, it: &Arc<Provider>) -> Result<ProviderAnswer, Problem> {
    let chosen = apps.app_for(app, project, it)?;
    let obstacle = apps.obstacle(app, project, it)?;
    Ok(ProviderAnswer {
        slug: it.slug().to_owned(),
        name: it.name().to_owned(),
        verticals: it.verticals().to_vec(),
        token_type: it.token_type(),
        auth_kind: it.auth_kind().as_str(),
        enabled: apps.is_on(it.slug()),
        configured: chosen.obstacle(it).is_none(),
        connectable: obstacle.is_none(),
        obstacle,
        scopes: chosen.scopes_of(it),
        docs_url: it.docs().to_owned(),
        redirect_uri: it.takes_client().then(|| redirect_uri(app)),
    })
}

async fn answer_now(app: &App, project: ProjectId, it: &Arc<Provider>) -> Result<ProviderAnswer, Problem> {
    answer(app, project, &Apps::of_project(app, project).await?, it)
}

/// What to change of a provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProviderChange {
    /// Whether this project offers it.
    enabled: bool,
}

impl BodyRules for ProviderChange {}

#[derive(Serialize, ToSchema)]
struct ProviderList {
    data: Vec<ProviderAnswer>,
    /// Always null: the list comes whole.
    #[schema(required, example = json!(null))]
    next_cursor: Option<String>,
    #[schema(required, example = json!(null))]
    prev_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `true` for those that end users can connect now, `false` for the rest; all unless given.
    #[param(value_type = Option<bool>)]
    connectable: Option<String>,
}

/// Lists the catalog: every provider, by name.
#[utoipa::path(get, operation_id = "listProviders", path = "/providers", tag = "providers", params(ListParams),
    responses((status = 200, body = ProviderList, description = "Every provider.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<ListParams>,
) -> Result<Json<ProviderList>, Problem> {
    let apps = Apps::of_project(&app, caller.project).await?;
    let wanted: Option<bool> =
        parameter("?connectable", params.connectable.as_deref(), "It is `true` or `false`.")?;
    let all = app.providers(caller.project);
    let answers = all.iter().map(|it| answer(&app, caller.project, &apps, it));
    let mut data = answers.collect::<Result<Vec<_>, _>>()?;
    data.retain(|it| wanted.is_none_or(|wanted| wanted == it.connectable));
    Ok(Json(ProviderList { data, next_cursor: None, prev_cursor: None }))
}

/// Shows a provider.
#[utoipa::path(get, operation_id = "getProvider", path = "/providers/{slug}", tag = "providers", params(("slug" = String, Path, description = "The provider's slug.")),
    responses((status = 200, body = ProviderAnswer, description = "The provider.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(slug): Path<String>,
    _: NoQuery,
) -> Result<Json<ProviderAnswer>, Problem> {
    let provider = provider_of(&app, caller.project, &slug)?;
    Ok(Json(answer_now(&app, caller.project, &provider).await?))
}

/// Switches a provider on or off for this project.
#[utoipa::path(patch, operation_id = "updateProvider", path = "/providers/{slug}", tag = "providers",
    params(("slug" = String, Path, description = "The provider's slug.")), request_body = ProviderChange,
    responses((status = 200, body = ProviderAnswer, description = "The provider as it is now.")))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(slug): Path<String>,
    JsonBody(change): JsonBody<ProviderChange>,
) -> Result<Json<ProviderAnswer>, Problem> {
    let provider = provider_of(&app, caller.project, &slug)?;
    let mut tx = app.store.begin().await?;
    app.store.save_provider_setting(&mut tx, caller.project, &slug, change.enabled).await?;
    tx.commit().await?;
    tracing::info!(project = %caller.project, key = %caller.key, provider = slug, change.enabled, "a provider was switched");
    Ok(Json(answer_now(&app, caller.project, &provider).await?))
}
