//! Cancelling what is open at an endpoint: because somebody discards it, or because the endpoint is deleted. In steps,
//! since it may be a million deliveries; whoever settles or sends there waits for one step at most.

use crate::app::App;
use crate::model::{DeliveryCause, EndpointId, ProjectId, Time};
use crate::store::{NEVER, StoreError};

/// Deleted endpoints of one turn.
const TURN: u32 = 16;

/// Cancels what is open there and was made before `before`; how many that were.
pub async fn discard(
    app: &App,
    (project, endpoint): (ProjectId, EndpointId),
    before: Time,
) -> Result<u64, StoreError> {
    let (mut cancelled, mut after) = (0, None);
    loop {
        let mut tx = app.store.begin().await?;
        app.store.lock_project(&mut tx, project).await?;
        // Whoever writes an endpoint's deliveries holds its lock.
        app.store.lock_endpoints(&mut tx, &[endpoint]).await?;
        let place = (project, endpoint);
        let cause = DeliveryCause::Discarded;
        let step = app.store.cancel_deliveries(&mut tx, place, Some(before), cause, after).await?;
        if step.leased {
            app.store.mark_withdrawn(&mut tx, project, [endpoint]).await?;
        }
        tx.commit().await?;
        if step.leased {
            app.listeners.refresh_if_possible(app, [project]).await;
        }
        cancelled += step.cancelled;
        match step.next {
            Some(next) => after = Some(next),
            None => return Ok(cancelled),
        }
    }
}

/// Goes on with what deletions have left open, one step each. Whether there may be more.
pub async fn clear_deleted(app: &App) -> Result<bool, StoreError> {
    let mut more = false;
    for place in app.store.list_endpoints_to_clear(TURN).await? {
        more |= clear(app, place).await?;
    }
    Ok(more)
}

/// Until nothing is left the endpoint is due to be looked at, so that a crash ends nothing.
async fn clear(app: &App, place: (ProjectId, EndpointId)) -> Result<bool, StoreError> {
    let mut tx = app.store.begin().await?;
    let (_, mut endpoints) = app.store.lock_endpoints(&mut tx, &[place.1]).await?;
    let cause = DeliveryCause::EndpointDeleted;
    let step = app.store.cancel_deliveries(&mut tx, place, None, cause, None).await?;
    let more = app.store.forget_resends(&mut tx, place.1).await? || step.next.is_some();
    if !more {
        for endpoint in &mut endpoints {
            endpoint.look_at = NEVER;
        }
        app.store.save_endpoint_states(&mut tx, &endpoints).await?;
    }
    tx.commit().await?;
    Ok(more)
}
