//! Forgets what is over: old flows and idempotency records, in bounded steps that block nothing.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::store::StoreError;

const EVERY: Duration = Duration::from_mins(10);
/// Rows of one step.
const STEP: u32 = 500;

pub async fn run(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = forget(&app).await {
            tracing::warn!(code = error.code(), "old records could not be forgotten yet");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.clock.sleep(EVERY) => {}
        }
    }
}

async fn forget(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    // A flow's last page is readable for 30 minutes, its state for ten: a day is ample.
    let flows = now.minus(Duration::from_hours(24));
    while app.store.forget_flows(flows, STEP).await? == u64::from(STEP) {}
    let answers = now.minus(Duration::from_hours(24));
    while app.store.forget_idempotency_records(answers, STEP).await? == u64::from(STEP) {}
    Ok(())
}
