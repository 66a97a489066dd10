//! The delivery log: what was sent where, and what came back.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::IdParam;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, NoQuery, PageParams, Query, parameter};
use crate::http::problem::Problem;
use crate::model::{AttemptKind, DeliveryCause, DeliveryId, DeliveryStatus, EndpointId, EventType, Time};
use crate::store::{Attempt, DeliveryFilter, DeliveryListing};
use crate::vault::Slot;
use crate::webhooks::AttemptDetail;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// The log below the endpoint's other name.
pub fn alias() -> axum::Router<App> {
    axum::Router::new().route("/{id}/deliveries", axum::routing::get(list))
}

/// One event for one endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
struct Answer {
    #[schema(format = "uuid")]
    id_delivery: String,
    #[schema(format = "uuid")]
    id_event: String,
    #[schema(format = "uuid")]
    id_webhook_endpoint: String,
    #[schema(example = "connection.created")]
    event_type: String,
    status: DeliveryStatus,
    /// Why it failed or was cancelled, else null.
    #[schema(required, example = json!(null))]
    cause: Option<DeliveryCause>,
    /// Tries used so far.
    tries: u32,
    /// Not before then; null where none is to come, or one is under way.
    #[schema(value_type = Option<String>, required, format = DateTime, example = json!(null))]
    next_attempt_at: Option<Time>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was delivered, failed or cancelled.
    #[schema(value_type = Option<String>, required, format = DateTime)]
    ended_at: Option<Time>,
    /// Oldest first; with a single delivery only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AttemptAnswer>, required = false)]
    attempts: Option<Vec<AttemptAnswer>>,
}

/// One request for a delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptAnswer {
    #[schema(format = "uuid")]
    id_attempt: String,
    kind: AttemptKind,
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    #[schema(value_type = String, format = DateTime)]
    ended_at: Time,
    /// Null when no answer came.
    #[schema(required, example = 200)]
    status: Option<u16>,
    /// A stable code when no answer came, else null.
    #[schema(required, example = json!(null))]
    error: Option<String>,
    /// Null once the person it was about was erased.
    #[schema(required)]
    detail: Option<AttemptDetail>,
}

#[derive(Serialize, ToSchema)]
struct DeliveryPage {
    data: Vec<Answer>,
    /// For `?cursor=`; null on the last page.
    #[schema(required, example = json!(null))]
    next_cursor: Option<String>,
    #[schema(required, example = json!(null))]
    prev_cursor: Option<String>,
}

/// Which page of an endpoint's log, and what of it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogParams {
    /// How many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// In this state only.
    #[param(value_type = Option<DeliveryStatus>)]
    status: Option<String>,
    /// Of this event type only.
    #[serde(rename = "type")]
    #[param(value_type = Option<EventType>)]
    kind: Option<String>,
    /// Made at that time or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Made before that time.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Of this event only.
    #[param(format = "uuid")]
    id_event: Option<String>,
}

impl LogParams {
    fn filter(&self) -> Result<DeliveryFilter, Problem> {
        let time = "An RFC 3339 time such as 2026-01-31T09:30:00.000Z.";
        Ok(DeliveryFilter {
            status: parameter(
                "?status",
                self.status.as_deref(),
                "`pending`, `waiting`, `delivered`, `failed` or `cancelled`.",
            )?,
            event_type: parameter("?type", self.kind.as_deref(), "There is no such event type.")?,
            id_event: parameter("?id_event", self.id_event.as_deref(), "Not an id: ids are UUIDs.")?,
            since: parameter("?since", self.since.as_deref(), time)?,
            until: parameter("?until", self.until.as_deref(), time)?,
        })
    }
}

impl From<DeliveryListing> for Answer {
    fn from(it: DeliveryListing) -> Self {
        let status = DeliveryStatus::of(it.state, it.endpoint_takes);
        let next = (status == DeliveryStatus::Pending && it.idle).then(|| it.due_at.max(it.not_before));
        Self {
            id_delivery: it.id.to_string(),
            id_event: it.id_event.to_string(),
            id_webhook_endpoint: it.id_endpoint.to_string(),
            event_type: it.event_type,
            status,
            cause: it.cause,
            tries: it.tries,
            next_attempt_at: next,
            created_at: it.created_at,
            ended_at: it.ended_at,
            attempts: None,
        }
    }
}

/// Lists an endpoint's deliveries, newest first.
///
/// Filters narrow the list together.
#[utoipa::path(get, operation_id = "listDeliveries", path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(IdParam, LogParams), responses((status = 200, body = DeliveryPage, description = "A page of deliveries.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
    Query(params): Query<LogParams>,
) -> Result<Json<DeliveryPage>, Problem> {
    let filter = params.filter()?;
    let page = PageParams { limit: params.limit, cursor: params.cursor }.query()?;
    app.store.lookup_endpoint(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    let deliveries = app.store.list_deliveries(caller.project, id, &filter, &page).await?;
    let data = deliveries.items.into_iter().map(Answer::from).collect();
    Ok(Json(DeliveryPage { data, next_cursor: deliveries.next, prev_cursor: None }))
}

/// Shows a delivery with its attempts.
#[utoipa::path(get, operation_id = "getDelivery", path = "/deliveries/{id}", tag = "webhooks",
    params(IdParam), responses((status = 200, body = Answer, description = "The delivery with its attempts.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<DeliveryId>,
    _: NoQuery,
) -> Result<Json<Answer>, Problem> {
    let delivery = app.store.lookup_delivery(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    let attempts = app.store.list_attempts(caller.project, id).await?;
    let mut answer = Answer::from(delivery);
    answer.attempts = Some(attempts.into_iter().map(|it| attempt(&app, it)).collect::<Result<_, _>>()?);
    Ok(Json(answer))
}

fn attempt(app: &App, it: Attempt) -> Result<AttemptAnswer, Problem> {
    let open = |sealed| app.vault.open_json(Slot::AttemptDetail, it.id, sealed);
    Ok(AttemptAnswer {
        id_attempt: it.id.to_string(),
        kind: it.kind,
        started_at: it.started_at,
        ended_at: it.ended_at,
        status: it.status,
        error: it.error,
        detail: it.detail.as_ref().map(open).transpose()?,
    })
}
