//! A fact that never changes, and the types of facts there are.

use serde_json::{Value, json};

use super::text_enum::text_enum;
use super::{EventId, ProjectId, Time};

text_enum! {
    /// What can be told.
    EventType {
        ConnectionCreated = "connection.created",
        ConnectionReauthorized = "connection.reauthorized",
        ConnectionNeedsReauth = "connection.needs_reauth",
        ConnectionRecovered = "connection.recovered",
        ConnectionFailed = "connection.failed",
        ConnectionRevoked = "connection.revoked",
        MagicLinkHandedOver = "magic_link.handed_over",
        ProviderRequested = "provider.requested",
        WebhookTest = "webhook.test",
        WebhookHeld = "webhook.held",
        WebhookRecovered = "webhook.recovered",
        WebhookDisabled = "webhook.disabled",
        WebhookDeliveryFailed = "webhook.delivery_failed",
    }
}

impl EventType {
    /// Whether it tells of endpoints and their deliveries: deliveries of such an event raise no events.
    pub fn is_about_webhooks(self) -> bool {
        self.as_str().starts_with("webhook.")
    }
}

/// An event about to be published.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: EventId,
    pub id_project: ProjectId,
    pub kind: EventType,
    pub created_at: Time,
    pub data: Value,
}

impl Event {
    /// The envelope that endpoints receive and `GET /events` shows.
    pub fn envelope(&self) -> Value {
        json!({
            "id_event": self.id.to_string(),
            "type": self.kind.as_str(),
            "created_at": self.created_at,
            "id_project": self.id_project.to_string(),
            "data": self.data,
        })
    }
}
