//! A fact that never changes, and the types of facts there are.

use std::fmt;
use std::num::ParseIntError;
use std::ops::Range;
use std::str::FromStr;

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

/// What an event's envelope tells beside its data.
#[derive(Clone, Copy, Debug)]
pub struct EventHead<'a> {
    pub id: EventId,
    pub id_project: ProjectId,
    /// By its name: another node may know more types than this one.
    pub kind: &'a str,
    pub created_at: Time,
}

impl EventHead<'_> {
    /// The envelope that endpoints receive and `GET /events` shows, around canonical data: canonical JSON, and where the
    /// data stands in it. Written out, since an event's data is made once for its envelope and the API's answer.
    pub fn around(&self, data: &[u8]) -> (Vec<u8>, Range<usize>) {
        let Self { id, id_project, kind, created_at } = self;
        let before = format!(r#"{{"created_at":"{created_at}","data":"#);
        // Types of events are words with dots and underscores: nothing of it is escaped.
        let behind = format!(r#","id_event":"{id}","id_project":"{id_project}","type":"{kind}"}}"#);
        ([before.as_bytes(), data, behind.as_bytes()].concat(), before.len()..before.len() + data.len())
    }
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
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_envelope_is_canonical_for_every_type() {
        let data = json!({"b": [1, "\u{e9}"], "a": null});
        let text = panora_signature::canonical_json(&data);
        for kind in EventType::ALL {
            let head = EventHead {
                id: EventId::floor(Time::from_millis(1)),
                id_project: ProjectId::floor(Time::from_millis(2)),
                kind: kind.as_str(),
                created_at: Time::from_millis(1_700_000_000_123),
            };
            let (envelope, place) = head.around(&text);
            assert_eq!(envelope[place], text);
            let value: Value = serde_json::from_slice(&envelope).unwrap();
            assert_eq!(value["data"], data);
            assert_eq!(value["id_event"], head.id.to_string());
            assert_eq!(value["created_at"], "2023-11-14T22:13:20.123Z");
            assert_eq!(panora_signature::canonical_json(&value), envelope);
        }
    }

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
