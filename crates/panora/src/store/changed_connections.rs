//! Which connections this process has written lately: who keeps one in memory then reads it again. Other nodes learn by
//! reading, too, so nobody may keep one for as long as five seconds.

use std::time::Duration;

use super::Store;
use crate::model::ConnectionId;

/// Longer than anybody keeps a connection, and than a transaction takes to its commit.
const LATELY: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct ChangedConnections(moka::sync::Cache<ConnectionId, ()>);

impl ChangedConnections {
    pub(super) fn new() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(100_000).time_to_live(LATELY).build())
    }

    /// To be called before the commit: whoever reads meanwhile reads again after it.
    pub(super) fn note(&self, id: ConnectionId) {
        self.0.insert(id, ());
    }
}

impl Store {
    /// Whether this process has changed the connection within the last five seconds, or is about to.
    pub fn has_changed_connection(&self, id: ConnectionId) -> bool {
        self.changed_connections.0.contains_key(&id)
    }
}
