//! The events that tell of endpoints and their deliveries: what they say.

use serde_json::{Value, json};

use super::publish::Draft;
use super::verdict::Word;
use super::work::Work;
use crate::model::{DeliveryCause, EventType, Notice, ProjectId, Time};
use crate::store::EndpointStanding;

/// The event that tells of this, about the endpoint and so not for it.
pub fn draft_of(
    endpoint: &EndpointStanding,
    word: &Word,
    now: Time,
    work: Option<&Work>,
) -> (ProjectId, Draft) {
    let delivery = work.map(|work| work.id.to_string());
    let event = work.map(|work| work.id_event.to_string());
    let (kind, own) = match word {
        Word::Endpoint(Notice::Held(reason)) => (
            EventType::WebhookHeld,
            json!({
                "reason": reason.as_str(),
                "failures": endpoint.state.failures,
                "since": endpoint.state.held_since.unwrap_or(now),
                "next_probe_at": endpoint.state.not_before,
            }),
        ),
        Word::Endpoint(Notice::Recovered { held_since }) => {
            (EventType::WebhookRecovered, json!({"held_since": held_since}))
        }
        Word::Endpoint(Notice::Disabled) => {
            (EventType::WebhookDisabled, json!({"reason": "gone", "id_delivery": delivery}))
        }
        Word::DeliveryFailed => {
            let cause = DeliveryCause::TriesSpent.as_str();
            let own = json!({"cause": cause, "count": 1, "id_delivery": delivery, "id_event": event});
            (EventType::WebhookDeliveryFailed, own)
        }
    };
    (endpoint.id_project, about(endpoint, kind, own))
}

/// The event that tells of so many deliveries that expired.
pub fn expired(endpoint: &EndpointStanding, count: i64) -> Draft {
    let cause = DeliveryCause::Expired.as_str();
    let own = json!({"cause": cause, "count": count, "id_delivery": null, "id_event": null});
    about(endpoint, EventType::WebhookDeliveryFailed, own)
}

fn about(endpoint: &EndpointStanding, kind: EventType, own: Value) -> Draft {
    let mut data = json!({"id_webhook_endpoint": endpoint.id.to_string(), "url": endpoint.url});
    if let (Value::Object(data), Value::Object(own)) = (&mut data, own) {
        data.extend(own);
    }
    Draft { kind, id_linked_user: None, about_endpoint: Some(endpoint.id), data }
}
