//! Walking a project's events in their order, page by page, and waiting at the end for more. Holds one small
//! page, whoever is slow.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::envelope::envelope_text;
use crate::app::App;
use crate::model::{EventPosition, EventType, ProjectId};
use crate::store::{LoggedEvent, StoreError};
use crate::vault::VaultError;

/// Events of one page: at most 2 MiB of bodies.
const PAGE: u32 = 32;
/// Between two looks at the end, so that a busy project's commits are read in groups.
const PACE: Duration = Duration::from_millis(20);

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// An event that was followed to.
pub struct Told {
    pub position: EventPosition,
    pub kind: String,
    /// The canonical envelope, on one line.
    pub envelope: String,
}

/// A walk that stands at a position.
pub struct Follow {
    app: App,
    project: ProjectId,
    kind: Option<EventType>,
    position: EventPosition,
    page: VecDeque<LoggedEvent>,
    hint: watch::Receiver<EventPosition>,
    /// Whether the page before was full: then the next one is there already.
    more: bool,
    read_at: Instant,
}

impl Follow {
    /// A walk through what follows `after`, of that type only if one is given.
    pub fn new(app: &App, project: ProjectId, kind: Option<EventType>, after: EventPosition) -> Self {
        Self {
            app: app.clone(),
            project,
            kind,
            position: after,
            page: VecDeque::new(),
            hint: app.followers.join(project),
            more: true,
            read_at: Instant::now(),
        }
    }

    /// How far it has come, events of other types included.
    pub fn position(&self) -> EventPosition {
        self.position
    }

    /// The next event; none if there was none in a page, or none came within `patience`.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Told>, FollowError> {
        if self.page.is_empty() {
            if !self.more && tokio::time::timeout(patience, self.hint.changed()).await.is_err() {
                return Ok(None);
            }
            self.read().await?;
        }
        while let Some(event) = self.page.pop_front() {
            self.position = event.position;
            if self.kind.is_none_or(|kind| kind.as_str() == event.kind) {
                let envelope = envelope_text(&self.app, &event)?;
                return Ok(Some(Told { position: event.position, kind: event.kind, envelope }));
            }
        }
        Ok(None)
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        if !self.more {
            tokio::time::sleep_until(self.read_at + PACE).await;
        }
        self.read_at = Instant::now();
        // Before the reading: what is told during it may not be in it.
        self.hint.borrow_and_update();
        let page = self.app.store.read_events_after(self.project, self.position, self.kind, PAGE).await?;
        self.more = page.len() == PAGE as usize;
        self.page = page.into();
        Ok(())
    }
}
