//! `/magic_links`: URLs you send to end users.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::{IdParam, IdempotencyKey};
use super::person::Person;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{
    BodyRules, Create, IdPath, NoQuery, PageParams, Query, is_email, is_language_tag, metadata, parse_id,
    return_url,
};
use crate::http::problem::Problem;
use crate::model::{
    ConnectionId, LinkStatus, LinkStep, LinkToken, LinkedUser, LinkedUserId, MagicLink, MagicLinkId,
    ProjectId, Time,
};
use crate::store::{TimelineStep, Tx};

/// The most providers or verticals that one link names.
const MOST_NAMED: usize = 500;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(show, revoke)).routes(routes!(resend))
}

/// A magic link to make. Name the person by `id_linked_user` or by `linked_user_origin_id`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"linked_user_origin_id": "user-42", "alias": "Acme Inc.", "providers": ["hubspot"]}))]
struct NewMagicLink {
    /// This or `linked_user_origin_id`.
    #[schema(format = "uuid")]
    id_linked_user: Option<String>,
    /// Your own id of the person; an unknown one makes the linked user.
    linked_user_origin_id: Option<String>,
    /// What the connect page calls the person; replaces the stored one.
    alias: Option<String>,
    /// The person's e-mail address.
    #[schema(format = "email")]
    email: Option<String>,
    /// Slugs that may be connected; all unless given.
    providers: Option<Vec<String>>,
    /// Verticals that may be connected; all unless given.
    verticals: Option<Vec<String>>,
    /// Makes it a renewal of that connection; excludes `providers` and `verticals`.
    #[schema(format = "uuid")]
    id_connection: Option<String>,
    /// Where the person goes on to at the end.
    #[schema(format = "uri")]
    return_url: Option<String>,
    /// The language of the connect page.
    locale: Option<String>,
    /// Copied to the connection that is made. At most 16 KiB.
    metadata: Option<Map<String, Value>>,
    /// Seconds, 60 to 2,592,000; 7 days unless given.
    #[schema(minimum = 60, maximum = 2_592_000)]
    expires_in: Option<i64>,
    /// Whether the first connection uses the link up; true unless given.
    single_use: Option<bool>,
}

impl BodyRules for NewMagicLink {
    const OWN_BOUNDS: &'static [&'static str] = &["metadata"];
}

/// A URL that you send to an end user.
#[derive(Serialize, ToSchema)]
#[schema(as = MagicLink)]
struct MagicLinkAnswer {
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
struct Step {
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

/// Makes a magic link.
///
/// The URL is shown with this answer only: of its token just a hash is kept.
#[utoipa::path(post, operation_id = "createMagicLink", path = "/magic_links", tag = "magic links",
    params(IdempotencyKey), request_body = NewMagicLink,
    responses((status = 201, body = MagicLinkAnswer, description = "The link, with its URL."),
        (status = 422, description = "There is no such id, provider or vertical in this project.")))]
async fn create(State(app): State<App>, create: Create<NewMagicLink>) -> Result<Response, Problem> {
    let (project, body) = (create.caller.project, create.body);
    let person = Person {
        id_linked_user: body.id_linked_user.as_deref(),
        linked_user_origin_id: body.linked_user_origin_id.as_deref(),
        alias: body.alias.as_deref(),
    };
    person.check()?;
    let renewed = check(&app, project, &body)?;
    let mut tx = app.store.begin().await?;
    // Nobody is forgotten between here and the commit.
    app.store.lock_project(&mut tx, project).await?;
    let user = person.resolve(&app, &mut tx, project).await?;
    if let Some(id) = renewed {
        check_renewal(&app, &mut tx, &user, id).await?;
    }
    let link = new_link(&app, project, user.id, renewed, body)?;
    let token = LinkToken::generate(&app.random);
    app.store.add_magic_link(&mut tx, &link, token.hash()).await?;
    add_step(&app, &mut tx, &link, LinkStep::Created).await?;
    let answer = answer(&app, link, Some(&token));
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
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

/// Gives a link a fresh URL with its original life.
///
/// The old URL and what was begun with it end.
#[utoipa::path(post, operation_id = "resendMagicLink", path = "/magic_links/{id}/resend", tag = "magic links",
    params(IdParam, IdempotencyKey),
    responses((status = 200, body = MagicLinkAnswer, description = "The link, with its fresh URL."),
        (status = 409, description = "The link was used or revoked; or the `Idempotency-Key` came with another body.")))]
async fn resend(
    State(app): State<App>,
    IdPath(id): IdPath<MagicLinkId>,
    create: Create<NoBody>,
) -> Result<Response, Problem> {
    let project = create.caller.project;
    let mut tx = app.store.begin().await?;
    let link = app.store.lock_magic_link(&mut tx, project, id).await?;
    let mut link = link.ok_or_else(Problem::not_found)?;
    if link.revoked_at.is_some() {
        return Err(Problem::conflict("link_revoked", "This link was revoked. Make a new one."));
    }
    if link.used_at.is_some() && link.single_use {
        return Err(Problem::conflict("link_used", "This link was used. Make a new one."));
    }
    link.expires_at = app.clock.now().plus(link.life);
    let token = LinkToken::generate(&app.random);
    app.store.replace_magic_link_token(&mut tx, &link, token.hash()).await?;
    app.store.end_flows_of(&mut tx, project, id).await?;
    let answer = answer(&app, link, Some(&token));
    create.idempotency.keep(&app, &mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    Ok(Json(answer).into_response())
}

/// Revokes a link, and what was begun with it.
#[utoipa::path(delete, operation_id = "revokeMagicLink", path = "/magic_links/{id}", tag = "magic links",
    params(IdParam), responses((status = 200, body = MagicLinkAnswer, description = "The revoked link.")))]
async fn revoke(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<MagicLinkId>,
) -> Result<Json<MagicLinkAnswer>, Problem> {
    let mut tx = app.store.begin().await?;
    let link = app.store.lock_magic_link(&mut tx, caller.project, id).await?;
    let mut link = link.ok_or_else(Problem::not_found)?;
    let now = app.clock.now();
    app.store.revoke_magic_link(&mut tx, &link, now).await?;
    app.store.end_flows_of(&mut tx, caller.project, id).await?;
    tx.commit().await?;
    link.revoked_at.get_or_insert(now);
    Ok(Json(answer(&app, link, None)))
}

/// No body, or an empty object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoBody {}

impl BodyRules for NoBody {
    const MAY_BE_EMPTY: bool = true;
}

/// Checks what needs no database; the connection to renew, if one is named.
fn check(app: &App, project: ProjectId, body: &NewMagicLink) -> Result<Option<ConnectionId>, Problem> {
    for (pointer, list) in [("/providers", &body.providers), ("/verticals", &body.verticals)] {
        if list.as_ref().is_some_and(|list| !(1..=MOST_NAMED).contains(&list.len())) {
            return Err(Problem::field(pointer, "From 1 to 500 of them; leave it out to allow all."));
        }
    }
    let slugs = body.providers.as_deref().unwrap_or_default();
    for (index, slug) in slugs.iter().enumerate() {
        if app.provider(project, slug).is_none() {
            let pointer = format!("/providers/{index}");
            return Err(Problem::impossible("unknown_provider", pointer, "There is no such provider."));
        }
    }
    for (index, vertical) in body.verticals.iter().flatten().enumerate() {
        if !app.providers(project).iter().any(|provider| provider.verticals().contains(vertical)) {
            let pointer = format!("/verticals/{index}");
            return Err(Problem::impossible("unknown_vertical", pointer, "No provider is of this vertical."));
        }
    }
    if let Some(url) = &body.return_url {
        return_url("/return_url", url)?;
    }
    if body.email.as_deref().is_some_and(|email| !is_email(email)) {
        return Err(Problem::field("/email", "Not an e-mail address."));
    }
    if body.locale.as_deref().is_some_and(|locale| !is_language_tag(locale)) {
        return Err(Problem::field("/locale", "Not a language tag such as `en` or `pt-BR`."));
    }
    if body.expires_in.is_some_and(|seconds| !MagicLink::LIFE_SECONDS.contains(&seconds)) {
        return Err(Problem::field("/expires_in", "From 60 to 2,592,000 seconds."));
    }
    let renewed = body.id_connection.as_deref().map(|id| parse_id("/id_connection", id)).transpose()?;
    if renewed.is_some() && (body.providers.is_some() || body.verticals.is_some()) {
        let detail = "A link that renews a connection names no providers or verticals.";
        return Err(Problem::field("/id_connection", detail));
    }
    Ok(renewed)
}

async fn check_renewal(app: &App, tx: &mut Tx, user: &LinkedUser, id: ConnectionId) -> Result<(), Problem> {
    let connection = app.store.lock_connection(tx, user.id_project, id).await?;
    let own =
        connection.filter(|it| it.connection.id_linked_user == user.id && it.connection.status.stands());
    own.map(|_| ()).ok_or_else(|| Problem::unknown_id("/id_connection"))
}

fn new_link(
    app: &App,
    project: ProjectId,
    user: LinkedUserId,
    renewed: Option<ConnectionId>,
    body: NewMagicLink,
) -> Result<MagicLink, Problem> {
    let now = app.clock.now();
    let life = body
        .expires_in
        .map_or(MagicLink::DEFAULT_LIFE, |seconds| Duration::from_secs(seconds.unsigned_abs()));
    Ok(MagicLink {
        id: MagicLinkId::new(&app.clock, &app.random),
        id_project: project,
        id_linked_user: user,
        email: body.email,
        providers: body.providers.unwrap_or_default(),
        verticals: body.verticals.unwrap_or_default(),
        id_connection: renewed,
        return_url: body.return_url,
        locale: body.locale,
        metadata: metadata(body.metadata)?,
        single_use: body.single_use.unwrap_or(true),
        created_at: now,
        life,
        expires_at: now.plus(life),
        used_at: None,
        revoked_at: None,
    })
}

async fn add_step(app: &App, tx: &mut Tx, link: &MagicLink, step: LinkStep) -> Result<(), Problem> {
    let id = app.random.uuid(app.clock.now());
    let step = TimelineStep { id, project: link.id_project, link: link.id, step, detail: None };
    Ok(app.store.add_link_step(tx, &step).await?)
}
