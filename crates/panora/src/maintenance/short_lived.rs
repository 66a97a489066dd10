//! Forgets what lives for a day: flows with their states, and answers kept for callers that ask again.

use std::time::{Duration, Instant};

use super::rest;
use crate::app::App;
use crate::store::StoreError;

/// Rows of one step.
const STEP: u32 = 500;

pub async fn forget(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    // A flow's last page is readable for 30 minutes, its state for ten: a day is ample.
    let flows = now.minus(Duration::from_hours(24));
    let mut began = Instant::now();
    while app.store.forget_flows(flows, STEP).await? == u64::from(STEP) {
        rest(began).await;
        began = Instant::now();
    }
    let answers = now.minus(Duration::from_hours(24));
    while app.store.forget_idempotency_records(answers, STEP).await? == u64::from(STEP) {
        rest(began).await;
        began = Instant::now();
    }
    Ok(())
}
