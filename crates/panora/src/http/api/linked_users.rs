//! `/linked_users`: your end users inside Panora.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::{IdParam, IdempotencyKey};
use crate::app::App;
use crate::connect::forget_person;
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, Create, IdPath, NoQuery, PageParams, Query, page_answer};
use crate::http::problem::Problem;
use crate::model::{LinkedUser, LinkedUserId};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(create_batch))
        .routes(routes!(by_origin_id))
        .routes(routes!(show, delete))
}

/// Your end user inside Panora.
#[derive(Serialize, ToSchema)]
#[schema(as = LinkedUser)]
struct LinkedUserAnswer {
    #[schema(format = "uuid")]
    id_linked_user: String,
    /// The person's id in your own system.
    #[schema(example = "user-42")]
    linked_user_origin_id: String,
    /// What the connect page calls the person.
    #[schema(required, example = "Acme Inc.")]
    alias: Option<String>,
    #[schema(format = "uuid")]
    id_project: String,
}

impl From<LinkedUser> for LinkedUserAnswer {
    fn from(it: LinkedUser) -> Self {
        Self {
            id_linked_user: it.id.to_string(),
            linked_user_origin_id: it.origin_id,
            alias: (!it.alias.is_empty()).then_some(it.alias),
            id_project: it.id_project.to_string(),
        }
    }
}

/// A linked user to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLinkedUser {
    /// The person's id in your own system.
    #[schema(example = "user-42", min_length = 1)]
    linked_user_origin_id: String,
    /// What the connect page calls the person.
    alias: Option<String>,
}

impl BodyRules for NewLinkedUser {}

/// Linked users to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLinkedUsers {
    /// The persons' ids in your own system: 1 to 500.
    #[schema(example = json!(["user-42", "user-43"]), min_items = 1, max_items = 500)]
    linked_user_origin_ids: Vec<String>,
    /// What the connect page calls them all.
    alias: Option<String>,
}

impl BodyRules for NewLinkedUsers {}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ByOriginId {
    /// The person's id in your own system.
    #[serde(rename = "remoteId")]
    remote_id: String,
}

/// Adds a linked user.
///
/// The same origin id again gives the same linked user; an alias given replaces the stored one.
#[utoipa::path(post, operation_id = "createLinkedUser", path = "/linked_users", tag = "linked users",
    params(IdempotencyKey), request_body = NewLinkedUser,
    responses((status = 201, body = LinkedUserAnswer, description = "The linked user, added or found.")))]
async fn create(State(app): State<App>, create: Create<NewLinkedUser>) -> Result<Response, Problem> {
    let body = create.body;
    not_empty("/linked_user_origin_id", &body.linked_user_origin_id)?;
    let (project, alias) = (create.caller.project, body.alias.as_deref());
    let user = LinkedUser::new((&app.clock, &app.random), project, body.linked_user_origin_id, alias);
    let mut tx = app.store.begin().await?;
    let mut users = app.store.ensure_linked_users(&mut tx, &[user], body.alias.is_some()).await?;
    let answer: LinkedUserAnswer = users.pop().ok_or_else(Problem::internal)?.into();
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Adds many linked users at once.
///
/// The answer is in the order of the request.
#[utoipa::path(post, operation_id = "createLinkedUsers", path = "/linked_users/batch", tag = "linked users",
    params(IdempotencyKey), request_body = NewLinkedUsers,
    responses((status = 201, body = [LinkedUserAnswer], description = "The linked users, added or found.")))]
async fn create_batch(State(app): State<App>, create: Create<NewLinkedUsers>) -> Result<Response, Problem> {
    let body = create.body;
    let origin_ids = &body.linked_user_origin_ids;
    if !(1..=500).contains(&origin_ids.len()) {
        return Err(Problem::field("/linked_user_origin_ids", "From 1 to 500 of them."));
    }
    for (index, origin_id) in origin_ids.iter().enumerate() {
        not_empty(&format!("/linked_user_origin_ids/{index}"), origin_id)?;
    }
    let alias = body.alias.as_deref();
    let mut distinct: Vec<_> = origin_ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let (project, source) = (create.caller.project, (&app.clock, &app.random));
    let new: Vec<_> = distinct.into_iter().map(|id| LinkedUser::new(source, project, id, alias)).collect();
    let mut tx = app.store.begin().await?;
    let users = app.store.ensure_linked_users(&mut tx, &new, alias.is_some()).await?;
    let of = |origin_id: &String| users.iter().find(|user| user.origin_id == *origin_id).cloned();
    let answer: Vec<LinkedUserAnswer> = origin_ids.iter().filter_map(of).map(Into::into).collect();
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Lists linked users, newest first.
#[utoipa::path(get, operation_id = "listLinkedUsers", path = "/linked_users", tag = "linked users", params(PageParams),
    responses((status = 200, body = [LinkedUserAnswer], description = "A page of linked users.",
        headers(("Link" = String, description = "`rel=\"next\"`: the next page, where there is one.")))))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageParams>,
) -> Result<Response, Problem> {
    let users = app.store.list_linked_users(caller.project, &page.query()?).await?;
    Ok(page_answer(&uri, users, LinkedUserAnswer::from))
}

/// Shows a linked user.
#[utoipa::path(get, operation_id = "getLinkedUser", path = "/linked_users/{id}", tag = "linked users",
    params(IdParam), responses((status = 200, body = LinkedUserAnswer, description = "The linked user.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<LinkedUserId>,
    _: NoQuery,
) -> Result<Json<LinkedUserAnswer>, Problem> {
    let user = app.store.lookup_linked_user(caller.project, id).await?;
    Ok(Json(user.ok_or_else(Problem::not_found)?.into()))
}

/// Finds a linked user by your own id.
#[utoipa::path(get, operation_id = "findLinkedUser", path = "/linked_users/fromRemoteId", tag = "linked users", params(ByOriginId),
    responses((status = 200, body = LinkedUserAnswer, description = "The linked user."),
        (status = 404, description = "Nobody has this id in this project.")))]
async fn by_origin_id(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ByOriginId>,
) -> Result<Json<LinkedUserAnswer>, Problem> {
    let user = app.store.lookup_linked_user_by_origin(caller.project, &query.remote_id).await?;
    Ok(Json(user.ok_or_else(Problem::not_found)?.into()))
}

/// Deletes a linked user.
///
/// Revokes the person's connections, cancels what was not sent yet and erases what is stored of the person.
#[utoipa::path(delete, operation_id = "deleteLinkedUser", path = "/linked_users/{id}", tag = "linked users",
    params(IdParam), responses((status = 200, body = LinkedUserAnswer, description = "The linked user as it was.")))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<LinkedUserId>,
) -> Result<Json<LinkedUserAnswer>, Problem> {
    let user = app.store.lookup_linked_user(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    if !forget_person(&app, caller.project, id).await? {
        return Err(Problem::not_found());
    }
    Ok(Json(user.into()))
}

fn not_empty(pointer: &str, text: &str) -> Result<(), Problem> {
    if text.is_empty() { Err(Problem::field(pointer, "Must not be empty.")) } else { Ok(()) }
}
