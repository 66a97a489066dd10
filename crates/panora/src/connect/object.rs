//! The Connection Object, as the API and the events show it.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::model::{Connection, ConnectionId, ConnectionToken, LinkedUserId, ProjectId, Time};

/// Never holds the provider's credentials. Names stand in the order of canonical JSON (RFC 8785), which needs no more than
/// that of texts.
#[derive(Serialize)]
struct Object<'a, M> {
    account: Account<'a>,
    account_url: &'a str,
    auth_kind: &'a str,
    connection_token: &'a str,
    created_at: Time,
    expiration_timestamp: Option<Time>,
    id_connection: ConnectionId,
    id_linked_user: LinkedUserId,
    id_project: ProjectId,
    metadata: M,
    missing_scopes: &'a [String],
    provider_slug: &'a str,
    scopes: &'a [String],
    status: &'a str,
    token_type: &'a str,
    vertical: &'a str,
}

#[derive(Serialize)]
struct Account<'a> {
    email: Option<&'a str>,
    id: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a, M> Object<'a, M> {
    fn of(it: &'a Connection, token: &'a ConnectionToken, metadata: M) -> Self {
        let crate::model::Account { id, name, email } = &it.account;
        Self {
            account: Account { email: email.as_deref(), id: id.as_deref(), name: name.as_deref() },
            account_url: &it.account_url,
            auth_kind: &it.auth_kind,
            connection_token: token.expose(),
            created_at: it.created_at,
            expiration_timestamp: it.expires_at,
            id_connection: it.id,
            id_linked_user: it.id_linked_user,
            id_project: it.id_project,
            metadata,
            missing_scopes: &it.missing_scopes,
            provider_slug: &it.provider_slug,
            scopes: &it.scopes,
            status: it.status.as_str(),
            token_type: &it.token_type,
            vertical: &it.vertical,
        }
    }
}

/// Metadata as canonical JSON.
struct Canonical<'a>(&'a Map<String, Value>);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return self.0.serialize(serializer);
        }
        let text = panora_signature::canonical_json(&Value::Object(self.0.clone()));
        let text = String::from_utf8(text).map_err(serde::ser::Error::custom)?;
        RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// The object as a value.
pub fn connection_object(it: &Connection, token: &ConnectionToken) -> Value {
    serde_json::to_value(Object::of(it, token, &it.metadata)).expect("texts serialize")
}

/// The object as canonical JSON.
pub fn connection_text(it: &Connection, token: &ConnectionToken) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    serde_json::to_writer(&mut text, &Object::of(it, token, Canonical(&it.metadata)))
        .expect("texts are written to memory");
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::{Account, ConnectionStatus};

    proptest! {
        #[test]
        fn the_text_is_the_canonical_one_of_the_object(
            texts: [String; 4],
            options: [Option<String>; 3],
            scopes: Vec<String>,
            expires_at: Option<u32>,
            number: f64,
        ) {
            let [slug, url, kind, value] = texts;
            let [id, name, email] = options;
            let metadata = json!({"\u{1f600}": 1, "\u{fb33}": 2, "z": {"b": number, "a": value}});
            let Value::Object(metadata) = metadata else { unreachable!() };
            let at = Time::from_millis(1_700_000_000_000);
            let mut it = Connection {
                id: ConnectionId::floor(at),
                id_project: ProjectId::floor(at),
                id_linked_user: LinkedUserId::floor(at),
                provider_slug: slug,
                vertical: "crm".to_owned(),
                status: ConnectionStatus::Valid,
                token_type: "oauth2".to_owned(),
                auth_kind: kind,
                account: Account { id, name, email },
                account_url: url,
                scopes: scopes.clone(),
                missing_scopes: scopes,
                expires_at: expires_at.map(|at| Time::from_millis(i64::from(at))),
                metadata,
                client_id: None,
                created_at: at,
                updated_at: at,
            };
            for _ in 0..2 {
                let token = ConnectionToken::from_text("token");
                let canonical = panora_signature::canonical_json(&connection_object(&it, &token));
                prop_assert_eq!(String::from_utf8(canonical), String::from_utf8(connection_text(&it, &token)));
                it.metadata.clear();
            }
        }
    }
}
