//! Making a magic link.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{MagicLinkAnswer, answer};
use crate::app::App;
use crate::connect::{Apps, step};
use crate::http::api::document::IdempotencyKey;
use crate::http::api::person::Person;
use crate::http::extract::{BodyRules, Create, is_email, is_language_tag, metadata, parse_id, return_url};
use crate::http::problem::Problem;
use crate::model::{
    ConnectionId, LinkStep, LinkToken, LinkedUser, LinkedUserId, MagicLink, MagicLinkId, Obstacle, ProjectId,
};
use crate::store::Tx;

/// The most providers or verticals that one link names.
const MOST_NAMED: usize = 500;

/// A magic link to make. Name the person by `id_linked_user` or by `linked_user_origin_id`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"linked_user_origin_id": "user-42", "alias": "Acme Inc.", "providers": ["hubspot"]}))]
pub struct NewMagicLink {
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

/// Makes a magic link.
///
/// The URL is shown with this answer only: of its token just a hash is kept.
#[utoipa::path(post, operation_id = "createMagicLink", path = "/magic_links", tag = "magic links",
    params(IdempotencyKey), request_body = NewMagicLink,
    responses((status = 201, body = MagicLinkAnswer, description = "The link, with its URL."),
        (status = 422, description = "There is no such id, provider or vertical in this project, or none of the providers can be connected.")))]
pub async fn create(State(app): State<App>, create: Create<NewMagicLink>) -> Result<Response, Problem> {
    let (project, body) = (create.caller.project, create.body);
    let person = Person {
        id_linked_user: body.id_linked_user.as_deref(),
        linked_user_origin_id: body.linked_user_origin_id.as_deref(),
        alias: body.alias.as_deref(),
    };
    person.check()?;
    let renewed = check(&app, project, &body)?;
    refuse_dead_ends(&app, project, body.providers.as_deref().unwrap_or_default()).await?;
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
    step(&app, &mut tx, &link, LinkStep::Created, None).await?;
    let answer = answer(&app, link, Some(&token));
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
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
            return Err(Problem::impossible(
                "unknown_provider",
                pointer,
                app.no_such_provider(project, slug),
            ));
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

/// Refuses a link whose providers all cannot be connected: its person could only be told so.
async fn refuse_dead_ends(app: &App, project: ProjectId, slugs: &[String]) -> Result<(), Problem> {
    if slugs.is_empty() {
        return Ok(());
    }
    let apps = Apps::of_project(app, project).await?;
    let mut problem: Option<Problem> = None;
    for (index, provider) in slugs.iter().filter_map(|slug| app.provider(project, slug)).enumerate() {
        let Some(obstacle) = apps.obstacle(app, project, &provider)? else { return Ok(()) };
        let (code, detail) = match obstacle {
            Obstacle::Disabled => ("provider_disabled", "The project does not offer it."),
            Obstacle::ClientMissing => {
                ("client_missing", "It has no OAuth client: PUT /providers/{slug}/app.")
            }
            Obstacle::SettingsMissing => {
                ("settings_missing", "Its app lacks a setting: GET /providers/{slug}/app.")
            }
        };
        let detail = detail.replace("{slug}", provider.slug());
        let pointer = format!("/providers/{index}");
        problem = Some(match problem {
            None => Problem::impossible(code, pointer, detail),
            Some(problem) => problem.at(pointer, detail),
        });
    }
    problem.map_or(Ok(()), Err)
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
