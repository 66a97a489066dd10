//! An event as it was told, out of the vault.

use serde_json::Value;

use crate::app::App;
use crate::model::event_envelope;
use crate::store::LoggedEvent;
use crate::vault::{Slot, VaultError};

/// The canonical envelope: the very bytes that endpoints receive. Once the person was erased, what is left of
/// it, with null for `data`.
pub fn envelope_text(app: &App, it: &LoggedEvent) -> Result<String, VaultError> {
    if let Some(sealed) = &it.body {
        return app.vault.open_text(Slot::EventBody, it.id, sealed);
    }
    let left = event_envelope(it.id, &it.kind, it.created_at, it.id_project, Value::Null);
    let canonical = panora_signature::canonical_json(&left);
    String::from_utf8(canonical).map_err(|_| VaultError::Shape(Slot::EventBody))
}
