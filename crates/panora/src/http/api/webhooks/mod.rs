//! `/webhook` and `/webhooks`, the same resource: URLs subscribed to event types.

mod body;
mod check;
mod discard;
mod recover;
mod secret;
mod test;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::body::{Answer, ChangedEndpoint, Checked, NewEndpoint};
pub use self::check::check_rate;
use super::document::{IdParam, IdempotencyKey};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{Create, IdPath, NoQuery, OptionalJsonBody, PageParams, Query, page_answer};
use crate::http::problem::Problem;
use crate::model::{Endpoint, EndpointId, EndpointState};
use crate::store::StoredEndpoint;
use crate::vault::Slot;
use crate::webhooks::new_secret;

/// Each event looks at all of them.
const MOST_ENDPOINTS: u32 = 10_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(show, change, delete))
        .routes(routes!(secret::rotate))
        .routes(routes!(secret::reveal))
        .routes(routes!(test::test))
        .routes(routes!(discard::discard))
        .routes(routes!(recover::recover))
}

/// Adds an endpoint.
///
/// The answer holds its secret, with which every delivery is signed. Later answers do not.
#[utoipa::path(post, operation_id = "createWebhook", path = "", tag = "webhooks",
    params(IdempotencyKey), request_body = NewEndpoint,
    responses((status = 201, body = Answer, description = "The endpoint, with its secret."),
        (status = 422, description = "`address_not_allowed`: the URL leads to a private or reserved address.")))]
async fn create(State(app): State<App>, create: Create<NewEndpoint>) -> Result<Response, Problem> {
    let (project, body) = (create.caller.project, create.body);
    let own_secret = body.secret.clone();
    let checked = Checked::of_new(&app, project, body).await?;
    let (id, now) = (EndpointId::new(&app.clock, &app.random), app.clock.now());
    let secret = match own_secret {
        Some(text) => secret::parse(&text)?,
        None => new_secret(&app),
    };
    let stored = StoredEndpoint {
        endpoint: Endpoint {
            id,
            id_project: project,
            url: checked.url.ok_or_else(Problem::internal)?,
            description: checked.description.unwrap_or_default(),
            scope: checked.scope.ok_or_else(Problem::internal)?,
            rate_limit: checked.rate_limit.flatten(),
            retry_schedule: checked.retry_schedule.unwrap_or_default(),
            created_at: now,
            updated_at: now,
            state: EndpointState::new(checked.active.unwrap_or(true)),
            withdrawals: 0,
        },
        secret: app.vault.seal(Slot::EndpointSecret, id, secret.expose().as_bytes()),
        previous_secret: None,
        headers: checked.headers.map(|headers| app.vault.seal_json(Slot::EndpointHeaders, id, &headers)),
    };
    let answer = Answer::new(&app, &stored, Some(&secret))?;
    let mut tx = app.store.begin().await?;
    let position = app.store.lock_project(&mut tx, project).await?.last;
    if app.store.count_endpoints(&mut tx, project).await? >= MOST_ENDPOINTS {
        return Err(Problem::conflict("too_many_endpoints", "A project may have 10,000 endpoints."));
    }
    app.store.add_endpoint(&mut tx, &stored, position).await?;
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Lists endpoints, newest first.
#[utoipa::path(get, operation_id = "listWebhooks", path = "", tag = "webhooks", params(PageParams),
    responses((status = 200, body = [Answer], description = "A page of endpoints.",
        headers(("Link" = String, description = "`rel=\"next\"`: the next page, where there is one.")))))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageParams>,
) -> Result<Response, Problem> {
    let page = app.store.list_endpoints(caller.project, &page.query()?).await?;
    let answers: Result<Vec<_>, _> = page.items.iter().map(|it| Answer::new(&app, it, None)).collect();
    Ok(page_answer(&uri, crate::model::Paged { items: answers?, next: page.next }, |answer| answer))
}

/// Shows an endpoint.
#[utoipa::path(get, operation_id = "getWebhook", path = "/{id}", tag = "webhooks",
    params(IdParam), responses((status = 200, body = Answer, description = "The endpoint.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
    _: NoQuery,
) -> Result<Json<Answer>, Problem> {
    let stored = app.store.lookup_endpoint(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(Answer::new(&app, &stored, None)?))
}

/// Changes an endpoint.
///
/// With no body at all it flips `active`. What waits for an endpoint that becomes active is sent.
#[utoipa::path(put, operation_id = "updateWebhook", path = "/{id}", tag = "webhooks",
    params(IdParam), request_body = Option<ChangedEndpoint>,
    responses((status = 200, body = Answer, description = "The endpoint as it is now."),
        (status = 422, description = "`address_not_allowed`: the URL leads to a private or reserved address.")))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
    OptionalJsonBody(body): OptionalJsonBody<ChangedEndpoint>,
) -> Result<Json<Answer>, Problem> {
    let project = caller.project;
    let checked = match body {
        Some(body) => Some(Checked::of_change(&app, project, body).await?),
        None => None,
    };
    let mut tx = app.store.begin().await?;
    let position = app.store.lock_project(&mut tx, project).await?.last;
    let mut stored = app.store.read_endpoint(&mut tx, project, id).await?.ok_or_else(Problem::not_found)?;
    // States are judged by the database's clock.
    let now = app.store.present();
    match checked {
        None => {
            let active = !stored.endpoint.is_active();
            stored.endpoint.set_active(active, now);
        }
        Some(checked) => checked.apply(&app, &mut stored, now)?,
    }
    stored.endpoint.updated_at = app.clock.now();
    app.store.save_endpoint(&mut tx, &stored, position).await?;
    tx.commit().await?;
    app.listeners.refresh_if_possible(&app, [project]).await;
    app.wake.deliveries.notify_one();
    Ok(Json(Answer::new(&app, &stored, None)?))
}

/// Deletes an endpoint, and cancels what was not delivered there.
///
/// Its delivery log stays readable by id.
#[utoipa::path(delete, operation_id = "deleteWebhook", path = "/{id}", tag = "webhooks",
    params(IdParam), responses((status = 200, body = Answer, description = "The endpoint as it was.")))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Json<Answer>, Problem> {
    let project = caller.project;
    let mut tx = app.store.begin().await?;
    let position = app.store.lock_project(&mut tx, project).await?.last;
    let stored = app.store.read_endpoint(&mut tx, project, id).await?.ok_or_else(Problem::not_found)?;
    app.store.delete_endpoint(&mut tx, &stored.endpoint, position, app.clock.now()).await?;
    tx.commit().await?;
    app.listeners.refresh_if_possible(&app, [project]).await;
    app.wake.recoveries.notify_one();
    Ok(Json(Answer::new(&app, &stored, None)?))
}
