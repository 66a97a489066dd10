//! `/providers/{slug}/app`: the OAuth app with which a project's connections are made. Its secret is never answered.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use panora_catalog::{Provider, Variables};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::provider_of;
use crate::app::App;
use crate::connect::{OAuthApp, app_for, app_row, client_row, redirect_uri};
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, JsonBody, NoQuery, given};
use crate::http::problem::Problem;
use crate::model::{AppSource, Obstacle, ProjectId, Time};
use crate::store::StoredApp;
use crate::vault::Slot;

/// As many scopes as a connection keeps.
const MOST_SCOPES: usize = 256;
const LONGEST_SCOPE: usize = 255;
const LONGEST_ID: usize = 512;
/// The most bytes of a secret.
const LONGEST_SECRET: usize = 16 * 1024;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put, remove))
}

/// The OAuth app in force for new connections: the project's own, else the installation's.
#[derive(Serialize, ToSchema)]
#[schema(as = ProviderApp)]
struct AppAnswer {
    #[schema(example = "hubspot")]
    provider_slug: String,
    #[schema(value_type = AppSource)]
    source: AppSource,
    #[schema(required, example = "8f7c2f0a-client-id")]
    client_id: Option<String>,
    /// `[redacted]` where there is one; null of a public client.
    #[schema(required, example = "[redacted]")]
    client_secret: Option<&'static str>,
    /// What new connections ask for.
    #[schema(example = json!(["crm.objects.contacts.read"]))]
    scopes: Vec<String>,
    /// What they ask for where the app names no scopes of its own.
    #[schema(example = json!(["crm.objects.contacts.read"]))]
    default_scopes: Vec<String>,
    /// What the provider's file asks of you, once for the app.
    settings: Vec<SettingAnswer>,
    /// Names of settings without which nobody can connect.
    #[schema(example = json!([]))]
    missing_settings: Vec<String>,
    /// Register exactly this at the provider; null where none is needed.
    #[schema(required, format = "uri", example = "https://panora.example.com/connections/oauth/callback")]
    redirect_uri: Option<String>,
    /// Where apps are registered, if the provider's file says so.
    #[schema(required, format = "uri", example = "https://developers.hubspot.com/")]
    setup_url: Option<String>,
    /// Why nobody could connect with it; null where they could.
    #[schema(required, value_type = Option<Obstacle>)]
    obstacle: Option<Obstacle>,
    /// When the project's own app was set; null of another's.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    created_at: Option<Time>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    updated_at: Option<Time>,
}

/// A value that the provider's file asks of the integrator.
#[derive(Serialize, ToSchema)]
#[schema(as = AppSetting)]
struct SettingAnswer {
    #[schema(example = "environment")]
    name: String,
    #[schema(example = "Environment")]
    label: String,
    #[schema(required)]
    help: Option<String>,
    #[schema(required)]
    example: Option<String>,
    /// The only values there are; empty where any text of the right shape may be given.
    choices: Vec<String>,
    required: bool,
    /// Whether it has a value.
    is_set: bool,
    /// Null where there is none, it is secret, or it is the installation's.
    #[schema(required)]
    value: Option<String>,
}

/// The project's own app; what is left out goes back to its default.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProviderApp, example = json!({"client_id": "8f7c2f0a-client-id", "client_secret": "EXAMPLE"}))]
struct NewApp {
    /// Required wherever the provider takes an OAuth client: 1 to 512 visible ASCII characters.
    client_id: Option<String>,
    /// Null of a public client. Left out, the secret that is stored of this client stays.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    client_secret: Option<Option<String>>,
    /// What to ask for instead of the file's own: at most 256. Unknown ones are passed on.
    scopes: Option<Vec<String>>,
    /// By name, as `settings` of the answer lists them.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

impl BodyRules for NewApp {
    const OWN_BOUNDS: &'static [&'static str] = &["client_secret"];
}

async fn answer(app: &App, project: ProjectId, provider: &Provider) -> Result<AppAnswer, Problem> {
    let chosen = app_for(app, project, provider).await?;
    let own = match chosen.source {
        AppSource::Project => app.store.lookup_app((project, provider.slug())).await?,
        _ => None,
    };
    let secret = chosen.client.as_ref().is_some_and(|client| client.secret.is_some());
    Ok(AppAnswer {
        provider_slug: provider.slug().to_owned(),
        source: chosen.source,
        client_secret: secret.then_some("[redacted]"),
        scopes: chosen.scopes_of(provider),
        default_scopes: provider.default_scopes(),
        settings: settings_of(provider, &chosen),
        missing_settings: chosen.missing_settings(provider),
        redirect_uri: provider.takes_client().then(|| redirect_uri(app)),
        setup_url: provider.setup().map(str::to_owned),
        obstacle: chosen.obstacle(provider),
        client_id: chosen.client.map(|client| client.id),
        created_at: own.as_ref().map(|it| it.created_at),
        updated_at: own.as_ref().map(|it| it.updated_at),
    })
}

fn settings_of(provider: &Provider, chosen: &OAuthApp) -> Vec<SettingAnswer> {
    let asked = provider.app_settings().into_iter();
    asked
        .map(|it| {
            let value = chosen.settings.get(it.name());
            let shown = chosen.source == AppSource::Project && !it.is_secret();
            SettingAnswer {
                name: it.name().to_owned(),
                label: it.label().to_owned(),
                help: it.help().map(str::to_owned),
                example: it.example().map(str::to_owned),
                choices: it.choices().to_vec(),
                required: it.required(),
                is_set: value.is_some(),
                value: value.filter(|_| shown).cloned(),
            }
        })
        .collect()
}

/// Shows the OAuth app in force.
///
/// `source` says whether it is the project's own, the installation's, the provider's public one, or none.
#[utoipa::path(get, operation_id = "getProviderApp", path = "/providers/{slug}/app", tag = "providers",
    params(("slug" = String, Path, description = "The provider's slug.")),
    responses((status = 200, body = AppAnswer, description = "The app.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(slug): Path<String>,
    _: NoQuery,
) -> Result<Json<AppAnswer>, Problem> {
    Ok(Json(answer(&app, caller.project, &*provider_of(&app, caller.project, &slug)?).await?))
}

/// Sets the project's own OAuth app.
///
/// New connections use it from now on. A connection keeps the client that made it: with another `client_id` older
/// connections go on with their former client; a new secret of the same client serves them too.
#[utoipa::path(put, operation_id = "setProviderApp", path = "/providers/{slug}/app", tag = "providers",
    params(("slug" = String, Path, description = "The provider's slug.")), request_body = NewApp,
    responses((status = 200, body = AppAnswer, description = "The app as it is now."),
        (status = 422, description = "The provider takes no OAuth app.")))]
async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(slug): Path<String>,
    JsonBody(new): JsonBody<NewApp>,
) -> Result<Json<AppAnswer>, Problem> {
    let provider = provider_of(&app, caller.project, &slug)?;
    check_client(&provider, &new)?;
    let settings = read_settings(&provider, &new.settings)?;
    let scopes = new.scopes.as_deref().map(read_scopes).transpose()?;
    let (now, key) = (app.clock.now(), (caller.project, slug.as_str()));
    let mut tx = app.store.begin().await?;
    app.store.lock_project(&mut tx, caller.project).await?;
    let former = app.store.read_app(&mut tx, key).await?;
    if let Some(client_id) = &new.client_id {
        match &new.client_secret {
            Some(secret) => {
                let row = client_row(caller.project, &slug, client_id);
                let seal = |text: &String| app.vault.seal(Slot::ClientSecret, &row, text.as_bytes());
                app.store.save_client(&mut tx, key, client_id, secret.as_ref().map(seal).as_ref()).await?;
            }
            None if app.store.has_client(&mut tx, key, client_id).await? => {}
            None => {
                let detail = "Missing: send this client's secret, or null if it has none.";
                return Err(Problem::field("/client_secret", detail));
            }
        }
    }
    let stored = StoredApp {
        client_id: new.client_id,
        scopes,
        settings: app.vault.seal_json(Slot::AppSettings, app_row(caller.project, &slug), &settings),
        created_at: former.map_or(now, |it| it.created_at),
        updated_at: now,
    };
    app.store.save_app(&mut tx, key, &stored).await?;
    app.store.retire_other_clients(&mut tx, key, stored.client_id.as_deref()).await?;
    tx.commit().await?;
    app.known_apps.forget(caller.project, &slug);
    tracing::info!(
        project = %caller.project,
        key = %caller.key,
        provider = slug,
        client_id = stored.client_id,
        new_secret = new.client_secret.is_some(),
        "a project's own OAuth app was set"
    );
    Ok(Json(answer(&app, caller.project, &provider).await?))
}

/// Removes the project's own OAuth app.
///
/// New connections use the installation's from now on, if it has one; existing ones go on with the client that made
/// them.
#[utoipa::path(delete, operation_id = "deleteProviderApp", path = "/providers/{slug}/app", tag = "providers",
    params(("slug" = String, Path, description = "The provider's slug.")),
    responses((status = 200, body = AppAnswer, description = "The app that is in force now.")))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(slug): Path<String>,
    _: NoQuery,
) -> Result<Json<AppAnswer>, Problem> {
    let provider = provider_of(&app, caller.project, &slug)?;
    let key = (caller.project, slug.as_str());
    let mut tx = app.store.begin().await?;
    app.store.lock_project(&mut tx, caller.project).await?;
    let removed = app.store.delete_app(&mut tx, key).await?;
    app.store.retire_other_clients(&mut tx, key, None).await?;
    tx.commit().await?;
    app.known_apps.forget(caller.project, &slug);
    if removed {
        tracing::info!(project = %caller.project, key = %caller.key, provider = slug, "a project's own OAuth app was removed");
    }
    Ok(Json(answer(&app, caller.project, &provider).await?))
}

fn check_client(provider: &Provider, new: &NewApp) -> Result<(), Problem> {
    if !provider.takes_client() {
        if provider.app_settings().is_empty() {
            let detail = "This provider takes no OAuth app.";
            return Err(Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "no_oauth_app", detail));
        }
        let pointer = if new.client_id.is_some() { Some("/client_id") } else { None };
        let pointer = pointer.or(new.client_secret.is_some().then_some("/client_secret"));
        return match pointer {
            Some(pointer) => {
                Err(Problem::field(pointer, "This provider takes no OAuth client: leave it out."))
            }
            None => Ok(()),
        };
    }
    let Some(id) = &new.client_id else { return Err(Problem::field("/client_id", "Missing.")) };
    if !(1..=LONGEST_ID).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::field("/client_id", "1 to 512 visible ASCII characters."));
    }
    if let Some(Some(secret)) = &new.client_secret
        && (!(1..=LONGEST_SECRET).contains(&secret.len()) || secret.chars().any(char::is_control))
    {
        return Err(Problem::field(
            "/client_secret",
            "1 to 16,384 bytes without control characters, or null.",
        ));
    }
    Ok(())
}

/// Trimmed, each once, in the order in which they came.
fn read_scopes(given: &[String]) -> Result<Vec<String>, Problem> {
    if given.len() > MOST_SCOPES {
        return Err(Problem::field("/scopes", "At most 256 scopes."));
    }
    let mut scopes: Vec<String> = Vec::new();
    for (index, scope) in given.iter().enumerate() {
        let scope = scope.trim();
        let plain = !scope.chars().any(|it| it.is_whitespace() || it.is_control());
        if !plain || !(1..=LONGEST_SCOPE).contains(&scope.chars().count()) {
            let detail = "One scope: 1 to 255 characters, no blanks within.";
            return Err(Problem::field(format!("/scopes/{index}"), detail));
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    Ok(scopes)
}

/// As the provider's file wants them. One that is missing is no error: the answer names it.
fn read_settings(provider: &Provider, given: &BTreeMap<String, String>) -> Result<Variables, Problem> {
    let asked = provider.app_settings();
    let mut settings = Variables::new();
    for (name, value) in given {
        let pointer = || format!("/settings/{}", name.replace('~', "~0").replace('/', "~1"));
        let question = asked.iter().find(|it| it.name() == name);
        let question = question.ok_or_else(|| Problem::field(pointer(), "There is no such setting."))?;
        let value =
            question.normalize(value).map_err(|error| Problem::field(pointer(), format!("{error}.")))?;
        settings.insert(name.clone(), value);
    }
    Ok(settings)
}
