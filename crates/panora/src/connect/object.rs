//! The Connection Object, as the API and the events show it.

use serde_json::{Value, json};

use crate::model::{Connection, ConnectionToken};

/// Never holds the provider's credentials.
pub fn connection_object(it: &Connection, token: &ConnectionToken) -> Value {
    json!({
        "id_connection": it.id.to_string(),
        "status": it.status.as_str(),
        "connection_token": token.expose(),
        "provider_slug": it.provider_slug,
        "vertical": it.vertical,
        "token_type": it.token_type,
        "auth_kind": it.auth_kind,
        "account_url": it.account_url,
        "expiration_timestamp": it.expires_at,
        "account": {"id": it.account.id, "name": it.account.name, "email": it.account.email},
        "scopes": it.scopes,
        "missing_scopes": it.missing_scopes,
        "created_at": it.created_at,
        "id_project": it.id_project.to_string(),
        "id_linked_user": it.id_linked_user.to_string(),
        "metadata": it.metadata,
    })
}
