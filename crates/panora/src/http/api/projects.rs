//! `/projects` and `/project`: the key's own project.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, JsonBody, NoQuery, PageParams, Query, given, is_email, return_url};
use crate::http::problem::Problem;
use crate::model::{Project, Time};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, change))
}

/// A tenant, and how its connect page looks.
#[derive(Serialize, ToSchema)]
#[schema(as = Project)]
struct ProjectAnswer {
    #[schema(format = "uuid")]
    id_project: String,
    /// Who asks, on the connect page.
    #[schema(example = "Acme CRM")]
    name: String,
    #[schema(required, format = "uri", example = "https://app.example.com/logo.svg")]
    logo_url: Option<String>,
    /// `#rrggbb`
    #[schema(required, example = "#1a73e8")]
    color: Option<String>,
    #[schema(required, format = "email", example = "help@example.com")]
    support_email: Option<String>,
    #[schema(required, format = "uri", example = "https://example.com/privacy")]
    privacy_url: Option<String>,
    /// Where the widget may be embedded.
    #[schema(example = json!(["https://app.example.com"]))]
    allowed_origins: Vec<String>,
    /// Where the connect page may send a person back to.
    #[schema(example = json!(["https://app.example.com/settings"]))]
    return_urls: Vec<String>,
    /// Whether a person may hand a link over to a colleague.
    hand_over: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

impl From<Project> for ProjectAnswer {
    fn from(it: Project) -> Self {
        Self {
            id_project: it.id.to_string(),
            name: it.name,
            logo_url: it.logo_url,
            color: it.color,
            support_email: it.support_email,
            privacy_url: it.privacy_url,
            allowed_origins: it.allowed_origins,
            return_urls: it.return_urls,
            hand_over: it.hand_over,
            created_at: it.created_at,
        }
    }
}

/// What to change; fields that are left out stay, `null` clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProjectChange {
    /// Who asks, on the connect page.
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(format = "uri")]
    logo_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(pattern = "^#[0-9A-Fa-f]{6}$")]
    color: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(format = "email")]
    support_email: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(format = "uri")]
    privacy_url: Option<Option<String>>,
    allowed_origins: Option<Vec<String>>,
    return_urls: Option<Vec<String>>,
    hand_over: Option<bool>,
}

impl BodyRules for ProjectChange {}

/// Lists the key's own project.
#[utoipa::path(get, operation_id = "listProjects", path = "/projects", tag = "projects",
    params(PageParams), responses((status = 200, body = [ProjectAnswer], description = "An array of one.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageParams>,
) -> Result<Json<Vec<ProjectAnswer>>, Problem> {
    let (page, project) = (page.query()?, own(&app, caller).await?);
    // Newest first, as every list: nothing follows the only one.
    let listed = page.after.is_none_or(|after| project.id.to_string() < after);
    Ok(Json(listed.then(|| project.into()).into_iter().collect()))
}

/// Shows the key's own project.
#[utoipa::path(get, operation_id = "getProject", path = "/project", tag = "projects",
    responses((status = 200, body = ProjectAnswer, description = "The project.")))]
async fn show(State(app): State<App>, caller: Caller, _: NoQuery) -> Result<Json<ProjectAnswer>, Problem> {
    Ok(Json(own(&app, caller).await?.into()))
}

/// Changes the key's own project.
#[utoipa::path(patch, operation_id = "updateProject", path = "/project", tag = "projects", request_body = ProjectChange,
    responses((status = 200, body = ProjectAnswer, description = "The project as it is now.")))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    JsonBody(change): JsonBody<ProjectChange>,
) -> Result<Json<ProjectAnswer>, Problem> {
    check(&change)?;
    let mut tx = app.store.begin().await?;
    app.store.lock_project(&mut tx, caller.project).await?;
    let project = app.store.read_project(&mut tx, caller.project).await?;
    let mut project = project.ok_or_else(Problem::not_found)?;
    apply(&mut project, change);
    app.store.save_project(&mut tx, &project).await?;
    tx.commit().await?;
    Ok(Json(project.into()))
}

async fn own(app: &App, caller: Caller) -> Result<Project, Problem> {
    app.store.lookup_project(caller.project).await?.ok_or_else(Problem::not_found)
}

fn check(change: &ProjectChange) -> Result<(), Problem> {
    if change.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        return Err(Problem::field("/name", "Must not be empty."));
    }
    if let Some(Some(color)) = &change.color {
        let hex = color
            .strip_prefix('#')
            .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if !hex {
            return Err(Problem::field("/color", "Six hexadecimal digits after a #, such as #1a73e8."));
        }
    }
    for (pointer, url) in [("/logo_url", &change.logo_url), ("/privacy_url", &change.privacy_url)] {
        if let Some(Some(url)) = url {
            return_url(pointer, url)?;
        }
    }
    if let Some(Some(email)) = &change.support_email
        && !is_email(email)
    {
        return Err(Problem::field("/support_email", "Not an e-mail address."));
    }
    for (index, url) in change.return_urls.iter().flatten().enumerate() {
        return_url(&format!("/return_urls/{index}"), url)?;
    }
    for (index, origin) in change.allowed_origins.iter().flatten().enumerate() {
        let pointer = format!("/allowed_origins/{index}");
        let url: Url = return_url(&pointer, origin)?;
        if url.origin().ascii_serialization() != origin.trim_end_matches('/') {
            return Err(Problem::field(pointer, "An origin: scheme, host and port, no path."));
        }
    }
    let many = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| list.len() > 100);
    if many(&change.return_urls) || many(&change.allowed_origins) {
        return Err(Problem::field("", "At most 100 of each."));
    }
    Ok(())
}

fn apply(project: &mut Project, change: ProjectChange) {
    project.name = change.name.unwrap_or_else(|| std::mem::take(&mut project.name));
    let optional = [
        (&mut project.logo_url, change.logo_url),
        (&mut project.color, change.color),
        (&mut project.support_email, change.support_email),
        (&mut project.privacy_url, change.privacy_url),
    ];
    for (field, change) in optional {
        if let Some(value) = change {
            *field = value;
        }
    }
    if let Some(origins) = change.allowed_origins {
        project.allowed_origins = origins;
    }
    if let Some(urls) = change.return_urls {
        project.return_urls = urls;
    }
    project.hand_over = change.hand_over.unwrap_or(project.hand_over);
}
