//! `/providers`: what end users of this project can connect.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use panora_catalog::Provider;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::connect::is_set_up;
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, JsonBody, NoQuery};
use crate::http::problem::Problem;
use crate::model::TokenType;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, change))
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
    /// Whether somebody could connect it now: an OAuth provider needs a client.
    configured: bool,
    /// What is asked for.
    #[schema(example = json!(["crm.objects.contacts.read"]))]
    scopes: Vec<String>,
    #[schema(format = "uri", example = "https://developers.hubspot.com/docs")]
    docs_url: String,
    /// To register with the provider; null where none is needed.
    #[schema(required, format = "uri", example = "https://panora.example.com/connections/oauth/callback")]
    redirect_uri: Option<String>,
}

fn answer(app: &App, it: &Arc<Provider>, enabled: bool) -> ProviderAnswer {
    let oauth = it.auth_kind() == panora_catalog::AuthKind::Oauth2Code;
    ProviderAnswer {
        slug: it.slug().to_owned(),
        name: it.name().to_owned(),
        verticals: it.verticals().to_vec(),
        token_type: it.token_type(),
        auth_kind: it.auth_kind().as_str(),
        enabled,
        configured: is_set_up(app, it),
        scopes: it.default_scopes(),
        docs_url: it.docs().to_owned(),
        redirect_uri: oauth.then(|| app.public_url.join("/connections/oauth/callback")),
    }
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

/// Lists the catalog: every provider, by name.
#[utoipa::path(get, operation_id = "listProviders", path = "/providers", tag = "providers",
    responses((status = 200, body = ProviderList, description = "Every provider.")))]
async fn list(State(app): State<App>, caller: Caller, _: NoQuery) -> Result<Json<ProviderList>, Problem> {
    let settings = app.store.list_provider_settings(caller.project).await?;
    let on = |slug: &str| settings.get(slug).copied().unwrap_or(true);
    let data = app.providers(caller.project).iter().map(|it| answer(&app, it, on(it.slug()))).collect();
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
    let provider = app.provider(caller.project, &slug).ok_or_else(Problem::not_found)?;
    let settings = app.store.list_provider_settings(caller.project).await?;
    Ok(Json(answer(&app, &provider, settings.get(&slug).copied().unwrap_or(true))))
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
    let provider = app.provider(caller.project, &slug).ok_or_else(Problem::not_found)?;
    let mut tx = app.store.begin().await?;
    app.store.save_provider_setting(&mut tx, caller.project, &slug, change.enabled).await?;
    tx.commit().await?;
    Ok(Json(answer(&app, &provider, change.enabled)))
}
