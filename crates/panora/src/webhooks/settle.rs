//! Writes what attempts came to, as many as wait in one transaction.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::worker::InFlight;
use crate::app::App;
use crate::model::EndpointId;
use crate::store::{Attempt, Settled, StoreError};

/// The most results of one transaction.
const GROUP: usize = 128;

/// An attempt that ended.
pub struct Finished {
    pub settled: Settled,
    pub attempt: Attempt,
    pub endpoint: EndpointId,
}

pub fn queue() -> (Sender<Finished>, Receiver<Finished>) {
    channel(1024)
}

/// Settles until every sender of results is gone: nothing that was attempted is forgotten at shutdown.
pub async fn run(app: App, mut finished: Receiver<Finished>, in_flight: Arc<InFlight>) {
    let mut group = Vec::with_capacity(GROUP);
    while finished.recv_many(&mut group, GROUP).await > 0 {
        if settle(&app, &group).await.is_err() {
            // One bad row must not hold up the others.
            for one in &group {
                if let Err(error) = settle(&app, std::slice::from_ref(one)).await {
                    // The lease ends by itself and the delivery is sent again.
                    let (id, code) = (one.settled.id, error.code());
                    tracing::error!(delivery = %id, code, "an attempt could not be recorded");
                }
            }
        }
        for one in group.drain(..) {
            in_flight.end(one.endpoint);
        }
        app.wake.deliveries.notify_one();
    }
}

async fn settle(app: &App, group: &[Finished]) -> Result<(), StoreError> {
    let settled: Vec<_> = group.iter().map(|it| it.settled.clone()).collect();
    let attempts: Vec<_> = group.iter().map(|it| it.attempt.clone()).collect();
    let mut tx = app.store.begin().await?;
    app.store.settle_deliveries(&mut tx, &settled).await?;
    app.store.add_attempts(&mut tx, &attempts).await?;
    tx.commit().await
}
