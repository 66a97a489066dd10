//! How many streams an API key may hold open at once on this node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::ApiKeyId;

/// The most streams of one key.
pub const MOST_STREAMS: usize = 100;

/// A key's places are counted by who holds a clone.
#[derive(Default)]
pub struct StreamSlots(Mutex<HashMap<ApiKeyId, Arc<()>>>);

/// A stream's place, given back when it is dropped.
pub struct StreamSlot(#[expect(dead_code, reason = "counts while it is held")] Arc<()>);

impl StreamSlots {
    /// A place, unless the key has none left.
    pub fn take(&self, key: ApiKeyId) -> Option<StreamSlot> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, place| Arc::strong_count(place) > 1);
        let place = places.entry(key).or_default();
        (Arc::strong_count(place) <= MOST_STREAMS).then(|| StreamSlot(place.clone()))
    }
}
