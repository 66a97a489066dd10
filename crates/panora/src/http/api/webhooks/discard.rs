//! Cancelling what waits at an endpoint.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::http::api::document::IdParam;
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, IdPath, JsonBody, parse_time};
use crate::http::problem::Problem;
use crate::model::EndpointId;

/// What to cancel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    /// Deliveries made before that time.
    #[schema(format = DateTime, example = "2026-01-31T09:30:00.000Z")]
    before: String,
}

impl BodyRules for Discard {}

/// How much was cancelled.
#[derive(Serialize, ToSchema)]
pub struct Discarded {
    #[schema(format = "uuid")]
    id_webhook_endpoint: String,
    #[schema(example = 12)]
    cancelled: u64,
}

/// Cancels what waits at an endpoint.
///
/// Every open delivery that was made before that time becomes `cancelled`. What is under way is recorded as any other
/// attempt: a 2xx wins. A recovery of `cancelled` ones takes it back.
#[utoipa::path(post, operation_id = "discardDeliveries", path = "/{id}/discard", tag = "webhooks",
    params(IdParam), request_body = Discard,
    responses((status = 200, body = Discarded, description = "How many were cancelled.")))]
pub async fn discard(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
    JsonBody(body): JsonBody<Discard>,
) -> Result<Json<Discarded>, Problem> {
    let (project, before) = (caller.project, parse_time("/before", &body.before)?);
    app.store.lookup_endpoint(project, id).await?.ok_or_else(Problem::not_found)?;
    // A million rows take longer than many a caller waits.
    let app_to_use = app.clone();
    let work = async move { crate::webhooks::discard(&app_to_use, (project, id), before).await };
    let cancelled = app.to_the_end(work).await?;
    Ok(Json(Discarded { id_webhook_endpoint: id.to_string(), cancelled }))
}
