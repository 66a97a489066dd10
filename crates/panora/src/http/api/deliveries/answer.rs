//! How a delivery is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::problem::Problem;
use crate::model::{AttemptKind, DeliveryCause, DeliveryState, DeliveryStatus, Time};
use crate::store::{Attempt, DeliveryListing};
use crate::vault::Slot;
use crate::webhooks::AttemptDetail;

/// One event for one endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct Answer {
    #[schema(format = "uuid")]
    id_delivery: String,
    #[schema(format = "uuid")]
    id_event: String,
    #[schema(format = "uuid")]
    id_webhook_endpoint: String,
    #[schema(example = "connection.created")]
    event_type: String,
    /// Whether it is a test: one attempt, of an event that never happened.
    #[schema(example = false)]
    test: bool,
    status: DeliveryStatus,
    /// Why it failed or was cancelled, else null.
    #[schema(required, example = json!(null))]
    cause: Option<DeliveryCause>,
    /// Tries used so far; probes, resends and tests use none.
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
    detail: Option<AttemptDetail<'static>>,
}

impl From<DeliveryListing> for Answer {
    fn from(it: DeliveryListing) -> Self {
        let status = DeliveryStatus::of(it.state, it.endpoint_status.takes());
        // A test does not mind the endpoint's state.
        let due = if it.state == DeliveryState::Test { it.due_at } else { it.due_at.max(it.not_before) };
        Self {
            id_delivery: it.id.to_string(),
            id_event: it.id_event.to_string(),
            id_webhook_endpoint: it.id_endpoint.to_string(),
            event_type: it.event_type,
            test: it.test,
            status,
            cause: it.cause,
            tries: it.tries,
            next_attempt_at: (status == DeliveryStatus::Pending && it.idle).then_some(due),
            created_at: it.created_at,
            ended_at: it.ended_at,
            attempts: None,
        }
    }
}

impl Answer {
    /// A single delivery, with its attempts.
    pub fn whole(app: &App, it: DeliveryListing, attempts: Vec<Attempt>) -> Result<Self, Problem> {
        let attempts = attempts.into_iter().map(|it| attempt(app, it)).collect::<Result<_, _>>()?;
        Ok(Self { attempts: Some(attempts), ..Self::from(it) })
    }
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
