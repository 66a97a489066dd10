//! Sealing: the only place where secrets become what is stored, and back. Never logs what it opens.

mod key_ring;
mod xchacha;

use std::fmt::Display;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::random::Random;

pub use key_ring::{KeyError, KeyRing};

/// Bytes that only the vault can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// What a sealed value is and where it stands. Part of the seal: a value moved to another row or column
/// cannot be opened there.
#[derive(Clone, Copy, Debug)]
pub enum Slot {
    VaultRoot,
    FlowAnswers,
    OAuthState,
    ConnectionToken,
    ConnectionCredentials,
    EndpointSecret,
    EndpointPreviousSecret,
    EndpointHeaders,
    EventBody,
    AttemptDetail,
    JobPayload,
    IdempotentAnswer,
    AppSettings,
    ClientSecret,
}

impl Slot {
    const fn name(self) -> &'static str {
        match self {
            Self::VaultRoot => "vault_root.sealed",
            Self::FlowAnswers => "flows.answers",
            Self::OAuthState => "oauth_states.context",
            Self::ConnectionToken => "connections.token_sealed",
            Self::ConnectionCredentials => "connections.credentials",
            Self::EndpointSecret => "endpoints.secret",
            Self::EndpointPreviousSecret => "endpoints.previous_secret",
            Self::EndpointHeaders => "endpoints.headers",
            Self::EventBody => "events.body",
            Self::AttemptDetail => "attempts.detail",
            Self::JobPayload => "jobs.payload",
            Self::IdempotentAnswer => "idempotency_records.answer",
            Self::AppSettings => "provider_apps.settings",
            Self::ClientSecret => "provider_clients.secret",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Sealed under a key that is not in the ring, moved from its row, or damaged.
    #[error("a sealed value ({0:?}) cannot be opened with the keys at hand")]
    Unopenable(Slot),
    #[error("an opened value ({0:?}) does not have the expected shape")]
    Shape(Slot),
}

/// Seals and opens values, and makes MACs that every node agrees on.
pub struct Vault {
    ring: KeyRing,
    /// HMAC keys come from here and not from the ring, so that they outlive a rotation.
    root: SecretBox<[u8; 32]>,
}

impl Vault {
    /// A root for a new installation, sealed.
    pub fn new_root(ring: &KeyRing, random: &Random) -> Sealed {
        ring.seal(Slot::VaultRoot.name(), "root", &random.bytes::<32>())
    }

    /// Opens the installation's root: fails where the ring has not the key it was sealed with.
    pub fn open_with(ring: KeyRing, root: &Sealed) -> Result<Self, VaultError> {
        let unopenable = VaultError::Unopenable(Slot::VaultRoot);
        let bytes = ring.open(Slot::VaultRoot.name(), "root", root).ok_or(unopenable)?;
        let root = <[u8; 32]>::try_from(bytes).map_err(|_| VaultError::Shape(Slot::VaultRoot))?;
        Ok(Self { ring, root: SecretBox::new(Box::new(root)) })
    }

    /// Seals `plain` for that column of the row `row`.
    pub fn seal(&self, slot: Slot, row: impl Display, plain: &[u8]) -> Sealed {
        self.ring.seal(slot.name(), &row.to_string(), plain)
    }

    pub fn open(&self, slot: Slot, row: impl Display, sealed: &Sealed) -> Result<Vec<u8>, VaultError> {
        self.ring.open(slot.name(), &row.to_string(), sealed).ok_or(VaultError::Unopenable(slot))
    }

    /// Seals a value as JSON.
    pub fn seal_json<T: Serialize>(&self, slot: Slot, row: impl Display, value: &T) -> Sealed {
        let plain = serde_json::to_vec(value).expect("our own values serialize");
        self.seal(slot, row, &plain)
    }

    pub fn open_json<T: DeserializeOwned>(
        &self,
        slot: Slot,
        row: impl Display,
        sealed: &Sealed,
    ) -> Result<T, VaultError> {
        serde_json::from_slice(&self.open(slot, row, sealed)?).map_err(|_| VaultError::Shape(slot))
    }

    /// Opens a value that is text.
    pub fn open_text(&self, slot: Slot, row: impl Display, sealed: &Sealed) -> Result<String, VaultError> {
        String::from_utf8(self.open(slot, row, sealed)?).map_err(|_| VaultError::Shape(slot))
    }

    /// HMAC-SHA256 of `parts`, each preceded by its length, under a key of this purpose alone.
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut derive = hmac(self.root.expose_secret());
        derive.update(purpose.as_bytes());
        let mut mac = hmac(&derive.finalize().into_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(random: &Random, keys: &[[u8; 32]]) -> Vault {
        let ring = KeyRing::new(keys.to_vec(), random.clone());
        let root = Vault::new_root(&ring, random);
        Vault::open_with(ring, &root).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_own_row_and_column() {
        let vault = vault(&Random::seeded(1), &[[7; 32]]);
        let sealed = vault.seal(Slot::EventBody, "row-1", b"secret");
        assert_eq!(vault.open(Slot::EventBody, "row-1", &sealed).unwrap(), b"secret");
        assert!(vault.open(Slot::EventBody, "row-2", &sealed).is_err());
        assert!(vault.open(Slot::JobPayload, "row-1", &sealed).is_err());
    }

    #[test]
    fn a_damaged_or_cut_value_does_not_open() {
        let vault = vault(&Random::seeded(1), &[[7; 32]]);
        let sealed = vault.seal(Slot::EventBody, "row", b"secret");
        for index in 0..sealed.0.len() {
            let mut damaged = sealed.clone();
            damaged.0[index] ^= 1;
            assert!(vault.open(Slot::EventBody, "row", &damaged).is_err(), "byte {index}");
            let cut = Sealed(sealed.0[..index].to_vec());
            assert!(vault.open(Slot::EventBody, "row", &cut).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn an_older_key_of_the_ring_still_opens_and_macs_outlive_a_rotation() {
        let random = Random::seeded(1);
        let old = KeyRing::new(vec![[1; 32]], random.clone());
        let root = Vault::new_root(&old, &random);
        let old = Vault::open_with(old, &root).unwrap();
        let sealed = old.seal(Slot::JobPayload, "row", b"work");
        let new = Vault::open_with(KeyRing::new(vec![[2; 32], [1; 32]], random.clone()), &root).unwrap();
        assert_eq!(new.open(Slot::JobPayload, "row", &sealed).unwrap(), b"work");
        assert_eq!(new.mac("csrf", &[b"x"]), old.mac("csrf", &[b"x"]));
        assert!(Vault::open_with(KeyRing::new(vec![[2; 32]], random), &root).is_err());
    }

    #[test]
    fn macs_of_different_purposes_and_splits_differ() {
        let vault = vault(&Random::seeded(1), &[[7; 32]]);
        assert_ne!(vault.mac("a", &[b"x"]), vault.mac("b", &[b"x"]));
        assert_ne!(vault.mac("a", &[b"x", b"y"]), vault.mac("a", &[b"xy", b""]));
    }
}
