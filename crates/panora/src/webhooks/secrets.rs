//! An endpoint's signing secrets, in and out of the vault.

use panora_signature::WebhookSecret;

use crate::app::App;
use crate::model::{EndpointId, Time};
use crate::store::StoredEndpoint;
use crate::vault::{Sealed, Slot, VaultError};

/// A new secret of 32 random bytes.
pub fn new_secret(app: &App) -> WebhookSecret {
    WebhookSecret::from_bytes(app.random.bytes())
}

/// Opens one of an endpoint's secrets.
fn open(app: &App, slot: Slot, id: EndpointId, sealed: &Sealed) -> Result<WebhookSecret, VaultError> {
    let text = app.vault.open_text(slot, id, sealed)?;
    WebhookSecret::parse(&text).map_err(|_| VaultError::Shape(slot))
}

/// The secrets that sign now, the newest first: two while a rotation's grace lasts.
pub fn live_secrets(
    app: &App,
    endpoint: &StoredEndpoint,
    now: Time,
) -> Result<Vec<WebhookSecret>, VaultError> {
    let id = endpoint.endpoint.id;
    let mut secrets = vec![open(app, Slot::EndpointSecret, id, &endpoint.secret)?];
    if let Some((sealed, until)) = &endpoint.previous_secret
        && now < *until
    {
        secrets.push(open(app, Slot::EndpointPreviousSecret, id, sealed)?);
    }
    Ok(secrets)
}
