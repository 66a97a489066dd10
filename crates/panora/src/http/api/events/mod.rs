//! `/events`: what was told, to read again.

mod stream;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::IdParam;
use crate::app::App;
use crate::events::envelope_text;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, NoQuery, PageParams, Query, page_answer, parameter, time};
use crate::http::problem::Problem;
use crate::model::{EventId, EventType, Paged};
use crate::store::{EventFilter, LoggedEvent};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(stream::stream)).routes(routes!(show))
}

/// A fact that never changes: the very body that endpoints receive.
#[derive(ToSchema)]
#[schema(as = Event)]
#[expect(dead_code, reason = "describes the envelope that was sealed")]
struct EventDocument {
    #[schema(format = DateTime)]
    created_at: String,
    /// As `GET /event_types` says of the type; null once the person it is about was forgotten.
    #[schema(required)]
    data: Option<Map<String, Value>>,
    #[schema(format = "uuid")]
    id_event: String,
    #[schema(format = "uuid")]
    id_project: String,
    #[schema(rename = "type")]
    kind: EventType,
}

/// Which page of the events, and what of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventParams {
    /// How many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// From the `Link` header of the page before.
    cursor: Option<String>,
    /// Of this type only.
    #[serde(rename = "type")]
    #[param(value_type = Option<EventType>)]
    kind: Option<String>,
    /// Told at that time or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Told before that time.
    #[param(format = DateTime)]
    until: Option<String>,
}

impl EventParams {
    fn filter(&self) -> Result<EventFilter, Problem> {
        Ok(EventFilter {
            kind: kind(self.kind.as_deref())?,
            since: time("?since", self.since.as_deref())?,
            until: time("?until", self.until.as_deref())?,
        })
    }
}

fn kind(text: Option<&str>) -> Result<Option<EventType>, Problem> {
    parameter("?type", text, "There is no such event type.")
}

/// Its bytes as they were sealed.
fn answer(app: &App, event: &LoggedEvent) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(envelope_text(app, event)?).map_err(|_| Problem::internal())
}

/// Lists events, newest first.
///
/// Filters narrow the list together. Test deliveries are not among them.
#[utoipa::path(get, operation_id = "listEvents", path = "/events", tag = "events", params(EventParams),
    responses((status = 200, body = [EventDocument], description = "A page of events.",
        headers(("Link" = String, description = "`rel=\"next\"`: the next page, where there is one.")))))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(params): Query<EventParams>,
) -> Result<Response, Problem> {
    let filter = params.filter()?;
    let page = PageParams { limit: params.limit, cursor: params.cursor };
    let page = page.query_by(|cursor| cursor.parse().ok())?;
    let events = app.store.list_events(caller.project, &filter, &page).await?;
    let items: Vec<_> = events.items.iter().map(|it| answer(&app, it)).collect::<Result<_, _>>()?;
    Ok(page_answer(&uri, Paged { items, next: events.next }, |it| it))
}

/// Shows an event.
#[utoipa::path(get, operation_id = "getEvent", path = "/events/{id}", tag = "events", params(IdParam),
    responses((status = 200, body = EventDocument, description = "The event.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EventId>,
    _: NoQuery,
) -> Result<Json<Box<RawValue>>, Problem> {
    let event = app.store.lookup_event(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    answer(&app, &event).map(Json)
}
