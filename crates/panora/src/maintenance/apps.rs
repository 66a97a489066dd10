//! Forgets the secrets of former OAuth clients once nothing needs them, and what doctor remembers for a month or two.

use std::time::{Duration, Instant};

use super::rest;
use crate::app::App;
use crate::store::StoreError;

/// A flow may still end with the client it began with, and a grant is given back in tries over half a day.
const GRACE: Duration = Duration::from_hours(48);
/// How long troubles are remembered after the last of their kind.
const TROUBLES: Duration = Duration::from_hours(24 * 30);
/// How long a lost grant tells how old grants become.
const LOSSES: Duration = Duration::from_hours(24 * 60);
/// Rows of one step.
const STEP: u32 = 500;

pub async fn forget(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    app.store.forget_clients(now.minus(GRACE)).await?;
    app.store.mark_unused_clients().await?;
    let mut began = Instant::now();
    while app.store.forget_troubles(now.minus(TROUBLES), STEP).await? == u64::from(STEP) {
        rest(began).await;
        began = Instant::now();
    }
    while app.store.forget_losses(now.minus(LOSSES), STEP).await? == u64::from(STEP) {
        rest(began).await;
        began = Instant::now();
    }
    Ok(())
}
