//! What somebody has changed of endpoints that this node sends to, here or on another node: looked for twice a second,
//! one statement for all projects of which something is in hand. What may not be sent any more is given back.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::work::{give_back, withdrawn};
use crate::app::App;
use crate::model::ProjectId;
use crate::store::StoreError;

/// How long a change that another node has made may go unnoticed.
const LOOK: Duration = Duration::from_millis(500);
/// Projects asked for in one statement.
const STEP: usize = 500;

/// Looks until told to stop.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.wake.changes.notified() => {}
            _ = looks.tick() => {
                if let Err(error) = look(app).await {
                    tracing::warn!(code = error.code(), "changed endpoints could not be looked for");
                }
            }
        }
        for endpoint in app.listeners.take_changed() {
            give_back(app, withdrawn(app, endpoint)).await;
        }
    }
}

/// Reads again what was changed in projects of which something is in hand.
async fn look(app: &App) -> Result<(), StoreError> {
    app.store.read_present().await?;
    let projects: Vec<ProjectId> = app.lanes.projects().into_iter().collect();
    for projects in projects.chunks(STEP) {
        let versions = app.store.list_endpoints_versions(projects).await?;
        let changed =
            versions.into_iter().filter(|(id, version)| app.listeners.version(*id) != Some(*version));
        app.listeners.refresh_if_possible(app, changed.map(|(id, _)| id)).await;
    }
    Ok(())
}
