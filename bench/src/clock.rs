//! The time that driver and receiver share: two processes of one machine.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970 by the system's clock, which must not be set during a run.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
