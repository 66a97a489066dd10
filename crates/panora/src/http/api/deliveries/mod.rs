//! The delivery log: what was sent where, and what came back.

mod answer;
mod resend;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::answer::Answer;
use super::document::IdParam;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, NoQuery, PageParams, Query, parameter, time};
use crate::http::problem::Problem;
use crate::model::{DeliveryId, DeliveryStatus, EndpointId, EventType};
use crate::store::DeliveryFilter;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(resend::resend))
}

/// The log below the endpoint's other name.
pub fn alias() -> axum::Router<App> {
    axum::Router::new().route("/{id}/deliveries", axum::routing::get(list))
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
        Ok(DeliveryFilter {
            status: parameter(
                "?status",
                self.status.as_deref(),
                "`pending`, `waiting`, `delivered`, `failed` or `cancelled`.",
            )?,
            event_type: parameter("?type", self.kind.as_deref(), "There is no such event type.")?,
            id_event: parameter("?id_event", self.id_event.as_deref(), "Not an id: ids are UUIDs.")?,
            since: time("?since", self.since.as_deref())?,
            until: time("?until", self.until.as_deref())?,
        })
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
    Answer::whole(&app, delivery, attempts).map(Json)
}
