//! The delivery log: what was sent where, and what came back.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, NoQuery, PageParams, Query};
use crate::http::problem::{Problem, ProblemDocument};
use crate::model::{DeliveryId, DeliveryState, EndpointId, Time};
use crate::store::{Attempt, DeliveryListing};
use crate::vault::Slot;
use crate::webhooks::AttemptDetail;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// The log below the endpoint's other name.
pub fn alias() -> axum::Router<App> {
    axum::Router::new().route("/{id}/deliveries", axum::routing::get(list))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
struct Answer {
    id_delivery: String,
    id_event: String,
    id_webhook_endpoint: String,
    event_type: String,
    /// `pending`, `waiting`, `delivered`, `failed` or `cancelled`.
    status: &'static str,
    /// Tries used so far.
    tries: u32,
    /// Not before then; where one is to come.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Time>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Time>,
    /// With a single delivery only.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptAnswer>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptAnswer {
    id_attempt: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    #[schema(value_type = String, format = DateTime)]
    ended_at: Time,
    /// None when no answer came.
    status: Option<u16>,
    /// A stable code when no answer came.
    error: Option<String>,
    /// None once the person it was about was erased.
    #[schema(value_type = Option<Object>)]
    detail: Option<AttemptDetail>,
}

#[derive(Serialize, ToSchema)]
struct DeliveryPage {
    data: Vec<Answer>,
    next_cursor: Option<String>,
    prev_cursor: Option<String>,
}

impl From<DeliveryListing> for Answer {
    fn from(it: DeliveryListing) -> Self {
        let open = it.state == DeliveryState::Open;
        Self {
            id_delivery: it.id.to_string(),
            id_event: it.id_event.to_string(),
            id_webhook_endpoint: it.id_endpoint.to_string(),
            event_type: it.event_type,
            status: match it.state {
                DeliveryState::Open if it.endpoint_active => "pending",
                DeliveryState::Open => "waiting",
                state => state.as_str(),
            },
            tries: it.tries,
            next_attempt_at: (open && it.endpoint_active).then_some(it.due_at),
            created_at: it.created_at,
            ended_at: it.ended_at,
            attempts: None,
        }
    }
}

/// Lists an endpoint's deliveries, newest first.
#[utoipa::path(get, operation_id = "listDeliveries", path = "/webhooks/{id}/deliveries", tag = "webhooks", params(("id" = String, Path), PageParams),
    responses((status = 200, body = DeliveryPage), (status = 404, body = ProblemDocument)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
    Query(page): Query<PageParams>,
) -> Result<Json<DeliveryPage>, Problem> {
    let page = page.query()?;
    app.store.lookup_endpoint(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    let deliveries = app.store.list_deliveries(caller.project, id, &page).await?;
    let data = deliveries.items.into_iter().map(Answer::from).collect();
    Ok(Json(DeliveryPage { data, next_cursor: deliveries.next, prev_cursor: None }))
}

/// Shows a delivery with its attempts.
#[utoipa::path(get, operation_id = "getDelivery", path = "/deliveries/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = Answer), (status = 404, body = ProblemDocument)))]
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
        started_at: it.started_at,
        ended_at: it.ended_at,
        status: it.status,
        error: it.error,
        detail: it.detail.as_ref().map(open).transpose()?,
    })
}
