//! The database's clock, as this node knows it without asking each time. On PostgreSQL nodes' clocks may differ, and what
//! is compared with the times that the database wrote must be compared by its clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::{Db, Sql, Store, StoreError};
use crate::model::Time;

/// What the database's clock said when it was read last, and when that was by a clock that does not jump.
pub(super) type ReadClock = Arc<Mutex<Option<(Time, Instant)>>>;

impl Store {
    /// The present by the database's clock, to a few milliseconds.
    pub fn present(&self) -> Time {
        let read = *self.read_clock.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Some((then, since)) => {
                let offset = self.clock.offset_ms();
                Time::from_millis(then.plus(since.elapsed()).millis().saturating_add(offset))
            }
            // On SQLite the process owns the file: its clock is the database's.
            None => self.now(),
        }
    }

    /// Reads PostgreSQL's clock for [`Store::present`]; to be called again and again.
    pub async fn read_present(&self) -> Result<(), StoreError> {
        let Db::Postgres(_) = &self.db else { return Ok(()) };
        let text = format!("SELECT {} AS present", self.db.now_expression());
        // Had before the time is taken: there may be a long queue for connections.
        let mut tx = self.begin().await?;
        let asked = Instant::now();
        let row = tx.optional(Sql::new(text).bind(0_i64)).await?.ok_or(StoreError::Corrupt("clock"))?;
        let read = Some((row.time("present")?, asked));
        *self.read_clock.lock().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }
}
