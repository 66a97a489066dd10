//! `/magic_links`: URLs you send to end users.

mod change;
mod create;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::IdParam;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, NoQuery, PageParams, Query};
use crate::http::problem::Problem;
use crate::model::{LinkStatus, LinkStep, LinkToken, MagicLink, MagicLinkId, Time};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list))
        .routes(routes!(show, change::revoke))
        .routes(routes!(change::resend))
}

/// A URL that you send to an end user.
#[derive(Serialize, ToSchema)]
#[schema(as = MagicLink)]
pub struct MagicLinkAnswer {
    #[schema(format = "uuid")]
    id_magic_link: String,
    /// Shown once: with the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, format = "uri", example = "https://panora.example.com/connect/0Qm1example")]
    url: Option<String>,
    #[schema(format = "uuid")]
    id_linked_user: String,
    status: LinkStatus,
    #[schema(required, format = "email", example = "ada@example.com")]
    email: Option<String>,
    /// Slugs that may be connected; empty means all.
    #[schema(example = json!(["hubspot"]))]
    providers: Vec<String>,
    /// Verticals that may be connected; empty means all.
    #[schema(example = json!([]))]
    verticals: Vec<String>,
    /// The connection that the link renews, where it was made for that.
    #[schema(required, format = "uuid", example = json!(null))]
    id_connection: Option<String>,
    /// Where the person goes on to at the end.
    #[schema(required, format = "uri", example = "https://app.example.com/settings")]
    return_url: Option<String>,
    #[schema(required, example = "en")]
    locale: Option<String>,
    /// Copied to the connection that is made.
    metadata: Map<String, Value>,
    /// Whether the first connection uses the link up.
    single_use: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    /// What happened so far, oldest first; with a single link only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Step>, required = false)]
    timeline: Option<Vec<Step>>,
}

/// A step on the way from a link to a connection.
#[derive(Serialize, ToSchema)]
#[schema(as = MagicLinkStep)]
pub struct Step {
    #[serde(rename = "step")]
    kind: LinkStep,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// A provider's slug or a failure's code.
    #[schema(required, example = "hubspot")]
    detail: Option<String>,
}

fn answer(app: &App, it: MagicLink, token: Option<&LinkToken>) -> MagicLinkAnswer {
    MagicLinkAnswer {
        id_magic_link: it.id.to_string(),
        url: token.map(|token| app.public_url.join(&format!("/connect/{}", token.expose()))),
        id_linked_user: it.id_linked_user.to_string(),
        status: it.status(app.clock.now()),
        email: it.email,
        providers: it.providers,
        verticals: it.verticals,
        id_connection: it.id_connection.map(|id| id.to_string()),
        return_url: it.return_url,
        locale: it.locale,
        metadata: it.metadata,
        single_use: it.single_use,
        created_at: it.created_at,
        expires_at: it.expires_at,
        timeline: None,
    }
}

/// Lists magic links, newest first, without their URLs.
#[utoipa::path(get, operation_id = "listMagicLinks", path = "/magic_links", tag = "magic links", params(PageParams),
    responses((status = 200, body = MagicLinkPage, description = "A page of links.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageParams>,
) -> Result<Json<MagicLinkPage>, Problem> {
    let links = app.store.list_magic_links(caller.project, &page.query()?).await?;
    let data = links.items.into_iter().map(|link| answer(&app, link, None)).collect();
    Ok(Json(MagicLinkPage { data, next_cursor: links.next, prev_cursor: None }))
}

#[derive(Serialize, ToSchema)]
struct MagicLinkPage {
    data: Vec<MagicLinkAnswer>,
    /// For `?cursor=`; null on the last page.
    #[schema(required, example = json!(null))]
    next_cursor: Option<String>,
    #[schema(required, example = json!(null))]
    prev_cursor: Option<String>,
}

/// Shows a magic link with its timeline.
#[utoipa::path(get, operation_id = "getMagicLink", path = "/magic_links/{id}", tag = "magic links",
    params(IdParam), responses((status = 200, body = MagicLinkAnswer, description = "The link and what happened so far.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<MagicLinkId>,
    _: NoQuery,
) -> Result<Json<MagicLinkAnswer>, Problem> {
    let link = app.store.lookup_magic_link(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    let steps = app.store.list_link_steps(caller.project, id).await?;
    let mut answer = answer(&app, link, None);
    answer.timeline =
        Some(steps.into_iter().map(|(step, at, detail)| Step { kind: step, at, detail }).collect());
    Ok(Json(answer))
}
