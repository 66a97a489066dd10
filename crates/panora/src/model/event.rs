//! A fact that never changes, and the types of facts there are.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

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
    pub fn into_envelope(self) -> Value {
        event_envelope(self.id, self.kind.as_str(), self.created_at, self.id_project, self.data)
    }
}

/// The envelope of what is known of an event; `data` is null once the person it is about was erased.
pub fn event_envelope(id: EventId, kind: &str, created_at: Time, project: ProjectId, data: Value) -> Value {
    let mut envelope = json!({
        "id_event": id.to_string(),
        "type": kind,
        "created_at": created_at,
        "id_project": project.to_string(),
    });
    envelope["data"] = data;
    envelope
}

/// Where an event stands among its project's: the order in which they are listed and streamed. From a counter
/// that grows with every transaction, so that whoever has read up to one misses no late commit. Has gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPosition(i64);

impl EventPosition {
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for EventPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Digits only: no sign, no blanks.
impl FromStr for EventPosition {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let digits = if text.bytes().all(|byte| byte.is_ascii_digit()) { text } else { "" };
        digits.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_digits() {
        for (text, number) in [
            ("0", Some(0)),
            ("42", Some(42)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1e3", None),
            ("٣", None),
        ] {
            assert_eq!(text.parse().ok(), number.map(EventPosition), "{text}");
        }
    }
}
