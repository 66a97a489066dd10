//! One at a time, by key: whoever asks for a key's turn waits until those before have ended.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

type Lock = tokio::sync::Mutex<()>;

/// Locks that exist while somebody holds or waits for them.
pub struct Turns<K>(Mutex<HashMap<K, Weak<Lock>>>);

impl<K: Eq + Hash> Turns<K> {
    pub fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Waits for the key's turn, which lasts until the guard is dropped.
    pub async fn take(&self, key: K) -> OwnedMutexGuard<()> {
        self.lock_of(key).lock_owned().await
    }

    fn lock_of(&self, key: K) -> Arc<Lock> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        // Forgets the dead ones now and then, so that the map stays as small as what is in use.
        if locks.len() >= 64 && locks.len().is_power_of_two() {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(Lock::default());
        locks.insert(key, Arc::downgrade(&lock));
        lock
    }
}

impl<K: Eq + Hash> Default for Turns<K> {
    fn default() -> Self {
        Self::new()
    }
}
