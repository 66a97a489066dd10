//! Deleted endpoints go after the last of their deliveries; recoveries go when they have been over for as long as events
//! are kept, and entries of the request log when they are as old.

use std::time::Instant;

use super::rest;
use crate::app::App;
use crate::store::StoreError;

/// Endpoints of one look, and recoveries of one step.
const STEP: u32 = 500;

pub async fn forget(app: &App) -> Result<(), StoreError> {
    let before = app.clock.now().minus(app.retention);
    loop {
        let unused = app.store.list_unused_endpoints(before, STEP).await?;
        for place in &unused {
            let began = Instant::now();
            let mut tx = app.store.begin().await?;
            app.store.lock_project(&mut tx, place.0).await?;
            app.store.forget_endpoint(&mut tx, *place).await?;
            tx.commit().await?;
            rest(began).await;
        }
        if unused.len() < STEP as usize {
            break;
        }
    }
    loop {
        let began = Instant::now();
        if app.store.forget_recoveries(before, STEP).await? < u64::from(STEP) {
            break;
        }
        rest(began).await;
    }
    loop {
        let began = Instant::now();
        if app.store.forget_requests(before, STEP).await? < u64::from(STEP) {
            return Ok(());
        }
        rest(began).await;
    }
}
