//! What each type of event tells: in words, as a JSON Schema (draft 2020-12) of its `data`, and by an example.
//! An example names nothing: its ids and its token are ones that no API accepts, so that a test may send it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::EventType;

/// The shape of an event's `data`. Fields may be added to a shape, never taken away.
#[derive(Clone, Debug, Deserialize)]
pub struct EventShape {
    pub schema: Value,
    pub example: Value,
}

/// Read once from the files beside this one.
static SHAPES: LazyLock<BTreeMap<EventType, EventShape>> =
    LazyLock::new(|| EventType::ALL.iter().map(|kind| (*kind, read(*kind))).collect());

fn read(kind: EventType) -> EventShape {
    let mut shape: EventShape = serde_json::from_str(kind.shape_file()).expect("a test has read every file");
    if kind == EventType::ConnectionNeedsReauth {
        shape.example["status"] = "needs_reauth".into();
    }
    shape
}

impl EventType {
    pub const fn description(self) -> &'static str {
        match self {
            Self::ConnectionCreated => "Somebody connected an account, or it was imported.",
            Self::ConnectionReauthorized => {
                "A person or an import renewed a connection: same id, same token, fresh credentials."
            }
            Self::ConnectionNeedsReauth => {
                "The provider no longer takes the credentials: the person must connect again. Told once a loss."
            }
            Self::ConnectionRecovered => "The connection works again, without the person.",
            Self::ConnectionFailed => "A person tried to connect, and it ended without a connection.",
            Self::ConnectionRevoked => {
                "A connection no longer stands. Ids only: the person may be forgotten."
            }
            Self::MagicLinkHandedOver => "A person passed a magic link on to somebody who can finish it.",
            Self::ProviderRequested => "A person missed a provider in the list and asked for it.",
            Self::WebhookTest => "Sent on request, to see whether an endpoint takes deliveries.",
            Self::WebhookHeld => "An endpoint fails: its deliveries wait, and it is tried now and then.",
            Self::WebhookRecovered => "An endpoint takes deliveries again.",
            Self::WebhookDisabled => "An endpoint answered 410 and is inactive until somebody activates it.",
            Self::WebhookDeliveryFailed => "Deliveries have failed for good; they can be resent.",
        }
    }

    /// The shape of this type's `data`.
    pub fn shape(self) -> &'static EventShape {
        &SHAPES[&self]
    }

    const fn shape_file(self) -> &'static str {
        match self {
            Self::ConnectionCreated
            | Self::ConnectionReauthorized
            | Self::ConnectionNeedsReauth
            | Self::ConnectionRecovered => include_str!("event_types/connection.json"),
            Self::ConnectionFailed => include_str!("event_types/connection.failed.json"),
            Self::ConnectionRevoked => include_str!("event_types/connection.revoked.json"),
            Self::MagicLinkHandedOver => include_str!("event_types/magic_link.handed_over.json"),
            Self::ProviderRequested => include_str!("event_types/provider.requested.json"),
            Self::WebhookTest => include_str!("event_types/webhook.test.json"),
            Self::WebhookHeld => include_str!("event_types/webhook.held.json"),
            Self::WebhookRecovered => include_str!("event_types/webhook.recovered.json"),
            Self::WebhookDisabled => include_str!("event_types/webhook.disabled.json"),
            Self::WebhookDeliveryFailed => include_str!("event_types/webhook.delivery_failed.json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    /// Where `value` breaks `schema`, of the keywords that our files use; another keyword is a break too.
    fn breaks(schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            let holds = match keyword.as_str() {
                "$schema" | "title" | "description" => rule.is_string(),
                "type" => match rule {
                    Value::Array(names) => names.iter().any(|name| is(name, value)),
                    name => is(name, value),
                },
                "enum" => rule.as_array().is_some_and(|allowed| allowed.contains(value)),
                "const" => rule == value,
                "format" => value.as_str().is_none_or(|text| has_format(rule, text)),
                "required" => rule.as_array().is_some_and(|names| {
                    names.iter().all(|name| name.as_str().is_some_and(|name| value.get(name).is_some()))
                }),
                "properties" => {
                    for (name, inner) in rule.as_object().expect("properties is an object") {
                        found.extend(
                            value
                                .get(name)
                                .into_iter()
                                .flat_map(|it| breaks(inner, it, &format!("{at}/{name}"))),
                        );
                    }
                    true
                }
                "items" => {
                    let items = value.as_array().into_iter().flatten().enumerate();
                    found.extend(items.flat_map(|(index, it)| breaks(rule, it, &format!("{at}/{index}"))));
                    true
                }
                _ => false,
            };
            if !holds {
                found.push(format!("{at}: {keyword}"));
            }
        }
        found
    }

    fn is(name: &Value, value: &Value) -> bool {
        match name.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("null") => value.is_null(),
            _ => false,
        }
    }

    fn has_format(format: &Value, text: &str) -> bool {
        match format.as_str() {
            Some("uuid") => uuid::Uuid::parse_str(text).is_ok(),
            Some("date-time") => text.parse::<Time>().is_ok(),
            Some("uri") => url::Url::parse(text).is_ok(),
            _ => false,
        }
    }

    #[test]
    fn every_example_keeps_to_its_schema() {
        for kind in EventType::ALL {
            let shape = kind.shape();
            assert_eq!(breaks(&shape.schema, &shape.example, ""), [""; 0], "{kind}");
        }
    }

    #[test]
    fn every_schema_asks_for_exactly_the_fields_of_its_example() {
        for kind in EventType::ALL {
            let EventShape { schema, example } = kind.shape();
            let mut required: Vec<_> =
                schema["required"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            required.sort_unstable();
            let sorted = |object: &Value| {
                let mut names: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
                names.sort_unstable();
                names
            };
            assert_eq!(sorted(example), required, "{kind}");
            assert_eq!(sorted(&schema["properties"]), required, "{kind}");
        }
    }

    #[test]
    fn an_example_names_nothing_that_there_is() {
        for kind in EventType::ALL {
            for (name, value) in kind.shape().example.as_object().unwrap() {
                if name.starts_with("id_") {
                    assert_eq!(value, "00000000-0000-7000-8000-000000000000", "{kind} {name}");
                }
                // A real token has 43 characters behind its prefix.
                assert!(name != "connection_token" || value == "ct_example", "{kind}");
            }
        }
    }

    #[test]
    fn the_check_finds_what_is_wrong() {
        let schema = &EventType::ConnectionRevoked.shape().schema;
        let mut example = EventType::ConnectionRevoked.shape().example.clone();
        example["status"] = "valid".into();
        example["id_project"] = "x".into();
        example.as_object_mut().unwrap().remove("provider_slug");
        let mut found = breaks(schema, &example, "");
        found.sort_unstable();
        assert_eq!(found, ["/id_project: format", "/status: const", ": required"]);
    }
}
