//! XChaCha20-Poly1305 under a ring of keys: the newest seals, every one opens.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::Sealed;
use super::xchacha::{NONCE, TAG, XChaCha};
use crate::random::Random;

const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const HEAD: usize = 1 + KEY_ID + NONCE;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("name at least one encryption key")]
    None,
    #[error("encryption key {0} is not base64 of 32 bytes (make one with `openssl rand -base64 32`)")]
    Malformed(usize),
}

struct Key {
    /// The first bytes of the key's SHA-256: which key sealed a value.
    id: [u8; KEY_ID],
    cipher: XChaCha,
}

/// The installation's keys, newest first.
pub struct KeyRing {
    keys: Vec<Key>,
    random: Random,
}

impl KeyRing {
    /// Reads `base64,base64,…`, newest first.
    pub fn parse(text: &str, random: Random) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (index, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            let bytes = BASE64_STANDARD.decode(part).map_err(|_| KeyError::Malformed(index + 1))?;
            keys.push(<[u8; 32]>::try_from(bytes).map_err(|_| KeyError::Malformed(index + 1))?);
        }
        if keys.is_empty() { Err(KeyError::None) } else { Ok(Self::new(keys, random)) }
    }

    /// # Panics
    /// Without any key.
    pub fn new(keys: Vec<[u8; 32]>, random: Random) -> Self {
        assert!(!keys.is_empty(), "a key ring has a key");
        let key = |bytes: [u8; 32]| {
            let mut id = [0; KEY_ID];
            id.copy_from_slice(&Sha256::digest(bytes)[..KEY_ID]);
            Key { id, cipher: XChaCha::new(bytes) }
        };
        Self { keys: keys.into_iter().map(key).collect(), random }
    }

    /// `version (1) | key id (8) | nonce (24) | ciphertext and tag`
    pub(super) fn seal(&self, slot: &str, row: &str, plain: &[u8]) -> Sealed {
        let key = &self.keys[0];
        let nonce: [u8; NONCE] = self.random.bytes();
        let mut bytes = Vec::with_capacity(HEAD + plain.len() + TAG);
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.id);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plain);
        let tag = key.cipher.seal(nonce, &place(slot, row), &mut bytes[HEAD..]);
        bytes.extend_from_slice(&tag);
        Sealed(bytes)
    }

    pub(super) fn open(&self, slot: &str, row: &str, sealed: &Sealed) -> Option<Vec<u8>> {
        let (head, sealed) = sealed.0.split_at_checked(HEAD)?;
        let (version, rest) = head.split_first()?;
        let (id, nonce) = rest.split_at(KEY_ID);
        let key = self.keys.iter().find(|key| *version == VERSION && key.id == id)?;
        key.cipher.open(<[u8; NONCE]>::try_from(nonce).ok()?, &place(slot, row), sealed.to_vec())
    }
}

/// A slot's name has no NUL, so no two places share their text.
fn place(slot: &str, row: &str) -> Vec<u8> {
    [slot.as_bytes(), b"\0", row.as_bytes()].concat()
}
