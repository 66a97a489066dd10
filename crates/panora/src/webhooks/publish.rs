//! Publishing: an event and its deliveries, in the transaction of what they tell.

use serde_json::Value;

use crate::app::App;
use crate::model::{DeliveryId, Event, EventId, EventScope, EventType, LinkedUserId, ProjectId};
use crate::store::{NewEvent, StoreError, Tx};
use crate::vault::Slot;

/// The most bytes of an event's canonical body.
const MAX_BODY: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an event's body would exceed 64 KiB")]
    TooLarge,
}

/// A fact to tell.
pub struct Draft {
    pub kind: EventType,
    /// Whom it is about.
    pub id_linked_user: Option<LinkedUserId>,
    pub data: Value,
}

/// The right to publish in a transaction: holds the project's lock, so that readers of positions never miss a
/// late commit, and knows who listens.
pub struct Publication {
    project: ProjectId,
    next_position: i64,
    last_position: i64,
    scopes: Vec<(crate::model::EndpointId, EventScope)>,
}

impl Publication {
    /// Opens a transaction's publication; more events than `count` cost one statement more each. Must be the transaction's first
    /// statement: every publisher takes this lock before any other.
    pub async fn open(app: &App, tx: &mut Tx, project: ProjectId, count: u32) -> Result<Self, StoreError> {
        let last = app.store.take_positions(tx, project, count).await?;
        let scopes = app.store.list_scopes(tx, project).await?;
        Ok(Self { project, next_position: last - i64::from(count) + 1, last_position: last, scopes })
    }

    /// Adds the event and one open delivery for each endpoint in scope.
    pub async fn publish(&mut self, app: &App, tx: &mut Tx, draft: Draft) -> Result<EventId, PublishError> {
        let event = Event {
            id: EventId::new(&app.clock, &app.random),
            id_project: self.project,
            kind: draft.kind,
            created_at: app.clock.now(),
            data: draft.data,
        };
        let body = panora_signature::canonical_json(&event.envelope());
        if body.len() > MAX_BODY {
            return Err(PublishError::TooLarge);
        }
        if self.next_position > self.last_position {
            self.last_position = app.store.take_positions(tx, self.project, 1).await?;
            self.next_position = self.last_position;
        }
        let new = NewEvent {
            id: event.id,
            id_project: self.project,
            position: self.next_position,
            kind: event.kind,
            id_linked_user: draft.id_linked_user,
            created_at: event.created_at,
            body: &app.vault.seal(Slot::EventBody, event.id, &body),
        };
        self.next_position += 1;
        app.store.add_event(tx, &new).await?;
        let listening = self.scopes.iter().filter(|(_, scope)| scope.takes(event.kind));
        let deliveries: Vec<_> =
            listening.map(|(endpoint, _)| (DeliveryId::new(&app.clock, &app.random), *endpoint)).collect();
        if !deliveries.is_empty() {
            app.store.add_deliveries(tx, (self.project, event.id), &deliveries).await?;
        }
        Ok(event.id)
    }
}
