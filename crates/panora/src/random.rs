//! The only source of randomness: the operating system's, or a seeded one in tests.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use uuid::Uuid;

use crate::model::Time;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A shared, cryptographically strong generator.
#[derive(Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// Seeded by the operating system.
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(rand::make_rng())))
    }

    /// The same numbers for the same seed. For tests only.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    fn with<T>(&self, use_rng: impl FnOnce(&mut StdRng) -> T) -> T {
        use_rng(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// `len` random base62 characters; 43 of them carry 256 bits.
    pub fn base62(&self, len: usize) -> String {
        self.with(|rng| (0..len).map(|_| char::from(BASE62[rng.random_range(0..BASE62.len())])).collect())
    }

    /// A number from 0 up to, but not including, `below` (1 or more).
    pub fn below(&self, below: u64) -> u64 {
        self.with(|rng| rng.random_range(0..below.max(1)))
    }

    /// A version 7 UUID (RFC 9562, section 5.7) of that millisecond.
    pub fn uuid(&self, now: Time) -> Uuid {
        let millis = now.millis().unsigned_abs();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

/// `value` in base62, padded on the left to `width` characters.
pub fn base62_number(mut value: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(value % 62) as usize];
        value /= 62;
    }
    digits.into_iter().map(char::from).collect()
}
