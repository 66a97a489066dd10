//! `/event_types`: what can be told, and what each kind of event looks like.

use axum::Json;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::extract::NoQuery;
use crate::model::EventType;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A type of event.
#[derive(Serialize, ToSchema)]
#[schema(as = EventTypeDescription)]
struct Answer {
    #[schema(value_type = EventType, example = "connection.revoked")]
    name: &'static str,
    #[schema(value_type = String, example = "A connection no longer stands.")]
    description: &'static str,
    /// Of the event's `data`: JSON Schema, draft 2020-12.
    #[schema(value_type = Map<String, Value>, example = json!({"type": "object"}))]
    schema: &'static Value,
    /// Of the event's `data`. Its ids and tokens name nothing; a test delivery carries it.
    #[schema(value_type = Map<String, Value>, example = json!({"status": "revoked"}))]
    example: &'static Value,
}

#[derive(Serialize, ToSchema)]
struct EventTypeList {
    data: Vec<Answer>,
    /// Always null: the list comes whole.
    #[schema(required, example = json!(null))]
    next_cursor: Option<String>,
    #[schema(required, example = json!(null))]
    prev_cursor: Option<String>,
}

impl From<EventType> for Answer {
    fn from(it: EventType) -> Self {
        let shape = it.shape();
        Self {
            name: it.as_str(),
            description: it.description(),
            schema: &shape.schema,
            example: &shape.example,
        }
    }
}

/// Lists the types of events there are.
///
/// Each with the JSON Schema of its `data`, and an example.
#[utoipa::path(get, operation_id = "listEventTypes", path = "/event_types", tag = "events",
    responses((status = 200, body = EventTypeList, description = "Every type.")))]
async fn list(_: NoQuery) -> Json<EventTypeList> {
    let data = EventType::ALL.iter().copied().map(Answer::from).collect();
    Json(EventTypeList { data, next_cursor: None, prev_cursor: None })
}
