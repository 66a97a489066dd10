//! A test of one endpoint, because somebody asks for it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::api::deliveries::Answer as Delivery;
use crate::http::api::document::{IdParam, IdempotencyKey};
use crate::http::extract::{BodyRules, Create, IdPath};
use crate::http::problem::Problem;
use crate::model::{EndpointId, EventType};
use crate::webhooks::ask_for_test;

/// What to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTest {
    /// Whose example is sent; `webhook.test` unless given.
    #[serde(rename = "type")]
    kind: Option<EventType>,
}

impl BodyRules for NewTest {
    const MAY_BE_EMPTY: bool = true;
}

/// Sends a test to an endpoint.
///
/// One attempt at once, whatever the endpoint's scope and state. The event is the type's example: signed and sent like any
/// other, with ids and tokens that no API accepts, and in no list of events. A failed test says nothing against the
/// endpoint; a 2xx releases one that is held.
#[utoipa::path(post, operation_id = "testWebhook", path = "/{id}/test", tag = "webhooks",
    params(IdParam, IdempotencyKey), request_body = Option<NewTest>,
    responses((status = 201, body = Delivery, description = "The delivery, which is being sent.")))]
pub async fn test(
    State(app): State<App>,
    IdPath(id): IdPath<EndpointId>,
    create: Create<NewTest>,
) -> Result<Response, Problem> {
    let (project, kind) = (create.caller.project, create.body.kind.unwrap_or(EventType::WebhookTest));
    let mut tx = app.store.begin().await?;
    app.store.lock_project(&mut tx, project).await?;
    app.store.read_endpoint(&mut tx, project, id).await?.ok_or_else(Problem::not_found)?;
    let delivery = ask_for_test(&app, &mut tx, (project, id), kind).await?;
    let delivery = app.store.read_delivery(&mut tx, project, delivery).await?;
    let answer = Delivery::whole(&app, delivery.ok_or_else(Problem::internal)?, Vec::new())?;
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    tx.commit().await?;
    app.wake.deliveries.notify_one();
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
