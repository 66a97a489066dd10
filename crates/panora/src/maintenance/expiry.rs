//! A delivery that is still open 30 days after its event has failed; one that a recovery has restarted, 30 days after that. Of an endpoint's at most one event an hour tells.

use std::time::{Duration, Instant};

use super::rest;
use crate::app::App;
use crate::model::{DeliveryId, DeliveryState, EndpointId, ProjectId};
use crate::store::StoreError;
use crate::webhooks::{Publication, expired};

const LIFE: Duration = Duration::from_hours(24 * 30);
const TELLS: Duration = Duration::from_hours(1);
/// Endpoints that are looked at, and told of, at a time.
const PAGE: u32 = 200;

type Place = (ProjectId, EndpointId);

pub async fn expire(app: &App) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let began = Instant::now();
        let page = app.store.list_oldest_open(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        rest(began).await;
        let floor = DeliveryId::floor(app.clock.now().minus(LIFE));
        for it in page {
            // A delivery is as old as its event, or younger.
            for (state, oldest) in [(DeliveryState::Open, it.open), (DeliveryState::Test, it.test)] {
                if oldest.is_some_and(|oldest| oldest < floor) {
                    expire_at(app, (it.id_project, it.id), state).await?;
                }
            }
        }
    }
    // Only now, so that one event tells of all.
    tell(app).await
}

async fn expire_at(app: &App, place: Place, state: DeliveryState) -> Result<(), StoreError> {
    loop {
        let began = Instant::now();
        let mut tx = app.store.begin().await?;
        app.store.lock_project(&mut tx, place.0).await?;
        let (now, _) = app.store.lock_endpoints(&mut tx, &[place.1]).await?;
        let step = app.store.expire_deliveries(&mut tx, place.1, state, now.minus(LIFE)).await?;
        if step.to_tell > 0 {
            app.store.add_expired(&mut tx, place, step.to_tell).await?;
        }
        tx.commit().await?;
        if !step.more {
            return Ok(());
        }
        rest(began).await;
    }
}

async fn tell(app: &App) -> Result<(), StoreError> {
    loop {
        let due = app.store.list_due_expiries(PAGE).await?;
        if due.is_empty() {
            return Ok(());
        }
        for place in due {
            tell_of(app, place).await?;
        }
    }
}

async fn tell_of(app: &App, place: Place) -> Result<(), StoreError> {
    let began = Instant::now();
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, place.0, 1).await?;
    let (_, endpoints) = app.store.lock_endpoints(&mut tx, &[place.1]).await?;
    let count = app.store.take_expired(&mut tx, place, TELLS).await?;
    // Nobody asks after a deleted endpoint.
    let endpoint = endpoints.first().filter(|endpoint| !endpoint.deleted);
    if let Some((endpoint, count)) = endpoint.zip(count) {
        // A few ids and a URL: far below the bound.
        drop(publication.add(app, place.0, expired(endpoint, count)));
    }
    publication.commit(app, tx).await?;
    rest(began).await;
    Ok(())
}
