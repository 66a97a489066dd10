//! An endpoint's signing secrets and headers, in and out of the vault.

use panora_signature::WebhookSecret;

use crate::app::App;
use crate::model::EndpointId;
use crate::store::StoredEndpoint;
use crate::vault::{Sealed, Slot, VaultError};

/// A new secret of 32 random bytes.
pub fn new_secret(app: &App) -> WebhookSecret {
    WebhookSecret::from_bytes(app.random.bytes())
}

/// Opens one of an endpoint's secrets.
pub fn open_secret(
    app: &App,
    slot: Slot,
    id: EndpointId,
    sealed: &Sealed,
) -> Result<WebhookSecret, VaultError> {
    let text = app.vault.open_text(slot, id, sealed)?;
    WebhookSecret::parse(&text).map_err(|_| VaultError::Shape(slot))
}

/// Opens an endpoint's own headers.
pub fn open_headers(app: &App, it: &StoredEndpoint) -> Result<Vec<(String, String)>, VaultError> {
    let open = |sealed| app.vault.open_json(Slot::EndpointHeaders, it.endpoint.id, sealed);
    Ok(it.headers.as_ref().map(open).transpose()?.unwrap_or_default())
}
