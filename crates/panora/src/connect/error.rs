//! What can go wrong in this layer, besides what a person or a provider does.

use crate::store::StoreError;
use crate::vault::VaultError;
use crate::webhooks::TooLarge;

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("an event's body would exceed 64 KiB")]
    EventTooLarge,
    /// The connection to renew is gone.
    #[error("the connection to renew no longer stands")]
    Gone,
    /// A renewal came back with another account.
    #[error("this is another account than the connection's own")]
    OtherAccount,
}

impl From<TooLarge> for ConnectError {
    fn from(_: TooLarge) -> Self {
        Self::EventTooLarge
    }
}
