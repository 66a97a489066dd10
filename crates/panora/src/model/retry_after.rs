//! Placeholder until merged.
use super::Time;
use std::time::Duration;
pub fn retry_after(value: &str, _now: Time) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}
