//! The only source of the present: system time plus an offset that tests move. Never call
//! `SystemTime::now` anywhere else.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::Time;

/// Tells the time. Clones share one offset, so a test that advances its clock moves the whole server.
#[derive(Clone)]
pub struct Clock {
    offset_ms: Arc<watch::Sender<i64>>,
    /// By how much the machine's clock is wrong.
    wrong_ms: i64,
}

impl Clock {
    /// The system's clock, with no offset.
    pub fn system() -> Self {
        Self { offset_ms: Arc::new(watch::Sender::new(0)), wrong_ms: 0 }
    }

    /// A machine's clock that is ahead by so much of those of others, such as the database's.
    pub fn ahead_by(span: Duration) -> Self {
        let wrong_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self { wrong_ms, ..Self::system() }
    }

    /// The present, to the millisecond.
    pub fn now(&self) -> Time {
        Time::from_millis(jiff::Timestamp::now().as_millisecond() + self.wrong_ms + self.offset_ms())
    }

    /// Milliseconds added to the system's clock: zero but in tests.
    pub fn offset_ms(&self) -> i64 {
        *self.offset_ms.borrow()
    }

    /// Moves the clock; whoever sleeps in [`Clock::sleep_until`] looks again.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.send_modify(|offset| *offset += by);
    }

    /// Moves the clock back, as somebody who sets the machine's does.
    pub fn set_back(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.send_modify(|offset| *offset -= by);
    }

    /// Sleeps until `at`, waking early when the clock is moved past it.
    pub async fn sleep_until(&self, at: Time) {
        let mut moved = self.offset_ms.subscribe();
        loop {
            let wait = at.millis_since(self.now());
            if wait <= 0 {
                return;
            }
            let wait = Duration::from_millis(wait.unsigned_abs());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = moved.changed() => {}
            }
        }
    }

    /// Sleeps for `span` of this clock's time.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now().plus(span)).await;
    }
}
