//! An event as it was told, out of the vault.

use crate::app::App;
use crate::model::EventHead;
use crate::store::LoggedEvent;
use crate::vault::{Slot, VaultError};

/// The canonical envelope: the very bytes that endpoints receive. Once the person was erased, what is left of
/// it, with null for `data`.
pub fn envelope_text(app: &App, it: &LoggedEvent) -> Result<String, VaultError> {
    if let Some(sealed) = &it.body {
        return app.vault.open_text(Slot::EventBody, it.id, sealed);
    }
    let head = EventHead { id: it.id, id_project: it.id_project, kind: &it.kind, created_at: it.created_at };
    String::from_utf8(head.around(b"null").0).map_err(|_| VaultError::Shape(Slot::EventBody))
}
