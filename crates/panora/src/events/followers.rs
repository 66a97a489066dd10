//! Who follows which project's events, and how they learn that there are more. What they learn is a hint:
//! the truth is what they then read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::model::{EventPosition, ProjectId};
use crate::store::StoreError;

/// How long what another node has published may go unnoticed.
const LOOK: Duration = Duration::from_millis(500);
/// Projects asked for in one statement.
const STEP: usize = 500;

type Hints = HashMap<ProjectId, watch::Sender<EventPosition>>;

/// One channel for each project that somebody follows on this node.
#[derive(Default)]
pub struct Followers(Mutex<Hints>);

impl Followers {
    fn hints(&self) -> MutexGuard<'_, Hints> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever the project may have more events.
    pub fn join(&self, project: ProjectId) -> watch::Receiver<EventPosition> {
        let unknown = || watch::Sender::new(EventPosition::new(0));
        self.hints().entry(project).or_insert_with(unknown).subscribe()
    }

    /// Tells that a transaction of this node has published.
    pub fn tell(&self, project: ProjectId) {
        if let Some(hint) = self.hints().get(&project) {
            hint.send_modify(|_| {});
        }
    }

    /// Tells how far the project has come, if that is news.
    fn tell_position(&self, project: ProjectId, position: EventPosition) {
        if let Some(hint) = self.hints().get(&project) {
            hint.send_if_modified(|known| std::mem::replace(known, position) != position);
        }
    }

    /// The projects that are followed; the others are forgotten.
    fn projects(&self) -> Vec<ProjectId> {
        let mut hints = self.hints();
        hints.retain(|_, hint| hint.receiver_count() > 0);
        hints.keys().copied().collect()
    }
}

/// Looks for what other nodes have published: one look for all who follow.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = look(&app).await {
            tracing::warn!(code = error.code(), "new events could not be looked for");
        }
    }
}

async fn look(app: &App) -> Result<(), StoreError> {
    for projects in app.followers.projects().chunks(STEP) {
        for (project, position) in app.store.list_last_positions(projects).await? {
            app.followers.tell_position(project, position);
        }
    }
    Ok(())
}
