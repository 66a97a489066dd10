//! `/recoveries`: watching, slowing and stopping what is sent again. Begun at `/webhooks/{id}/recover`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::IdParam;
use super::webhooks::check_rate;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, IdPath, JsonBody, NoQuery};
use crate::http::problem::Problem;
use crate::model::{Recoverable, Recovery, RecoveryId, RecoveryStatus, Time};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, change, stop))
}

/// What is sent to an endpoint again.
#[derive(Serialize, ToSchema)]
#[schema(as = Recovery)]
pub struct Answer {
    #[schema(format = "uuid")]
    id_recovery: String,
    #[schema(format = "uuid")]
    id_webhook_endpoint: String,
    status: RecoveryStatus,
    /// Events told at that time or later.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// Events told before that time; null for all that there were when it began.
    #[schema(value_type = Option<String>, required, format = DateTime, example = json!(null))]
    until: Option<Time>,
    /// Event types, with trailing wildcards.
    #[schema(example = json!(["*"]))]
    types: Vec<String>,
    #[schema(example = json!(["failed"]))]
    statuses: Vec<Recoverable>,
    /// Deliveries a second.
    #[schema(example = 100)]
    rate: u32,
    /// Deliveries so far.
    #[schema(example = 1200)]
    recovered: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was done or stopped.
    #[schema(value_type = Option<String>, required, format = DateTime, example = json!(null))]
    ended_at: Option<Time>,
}

impl From<Recovery> for Answer {
    fn from(it: Recovery) -> Self {
        Self {
            id_recovery: it.id.to_string(),
            id_webhook_endpoint: it.id_endpoint.to_string(),
            status: it.status,
            since: it.since,
            until: it.until,
            types: it.types.patterns().to_vec(),
            statuses: it.statuses,
            rate: it.rate,
            recovered: it.recovered,
            created_at: it.created_at,
            ended_at: it.ended_at,
        }
    }
}

/// What to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Deliveries a second, 1 to 10,000.
    #[schema(minimum = 1, maximum = 10_000)]
    rate: i64,
}

impl BodyRules for Change {}

/// Shows a recovery.
#[utoipa::path(get, operation_id = "getRecovery", path = "/recoveries/{id}", tag = "webhooks",
    params(IdParam), responses((status = 200, body = Answer, description = "The recovery.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<RecoveryId>,
    _: NoQuery,
) -> Result<Json<Answer>, Problem> {
    let recovery = app.store.lookup_recovery(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(recovery.into()))
}

/// Slows a recovery down, or speeds it up.
#[utoipa::path(patch, operation_id = "updateRecovery", path = "/recoveries/{id}", tag = "webhooks",
    params(IdParam), request_body = Change,
    responses((status = 200, body = Answer, description = "The recovery as it is now."),
        (status = 409, description = "`recovery_ended`: it is done or stopped.")))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<RecoveryId>,
    JsonBody(body): JsonBody<Change>,
) -> Result<Json<Answer>, Problem> {
    let rate = check_rate("/rate", body.rate)?;
    let mut tx = app.store.begin().await?;
    let recovery = app.store.lock_recovery(&mut tx, caller.project, id).await?;
    let mut recovery = recovery.ok_or_else(Problem::not_found)?;
    if recovery.status != RecoveryStatus::Running {
        return Err(Problem::conflict("recovery_ended", "This recovery is done or stopped."));
    }
    recovery.rate = rate;
    app.store.save_recovery(&mut tx, &recovery, None).await?;
    tx.commit().await?;
    Ok(Json(recovery.into()))
}

/// Stops a recovery.
///
/// What it has given a schedule again goes on; discard that at the endpoint. One that has ended stays as it is.
#[utoipa::path(delete, operation_id = "stopRecovery", path = "/recoveries/{id}", tag = "webhooks",
    params(IdParam), responses((status = 200, body = Answer, description = "The recovery, which has ended.")))]
async fn stop(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<RecoveryId>,
) -> Result<Json<Answer>, Problem> {
    let mut tx = app.store.begin().await?;
    let recovery = app.store.lock_recovery(&mut tx, caller.project, id).await?;
    let mut recovery = recovery.ok_or_else(Problem::not_found)?;
    recovery.end(RecoveryStatus::Stopped, app.clock.now());
    app.store.save_recovery(&mut tx, &recovery, None).await?;
    tx.commit().await?;
    Ok(Json(recovery.into()))
}
