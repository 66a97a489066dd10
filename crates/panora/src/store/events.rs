//! Events: written once, in the transaction of their cause.

use super::{Batch, Column, Row, Sql, Store, StoreError, Tx};
use crate::model::{EndpointId, EventId, EventType, LinkedUserId, ProjectId, Time};
use crate::vault::Sealed;

/// An event about to be published.
pub struct NewEvent {
    pub id: EventId,
    pub id_project: ProjectId,
    /// From the project's counter, whose lock the transaction holds. None of a test.
    pub position: Option<i64>,
    pub kind: EventType,
    /// Whom it is about, so that erasing the person finds it.
    pub id_linked_user: Option<LinkedUserId>,
    /// The endpoint that it tells of.
    pub about_endpoint: Option<EndpointId>,
    pub created_at: Time,
    /// The canonical envelope, sealed.
    pub body: Sealed,
}

#[derive(Clone, Debug)]
pub struct StoredEvent {
    pub id: EventId,
    pub id_project: ProjectId,
    /// By its name: another node may know more types than this one.
    pub is_about_webhooks: bool,
    /// None once the person it is about was erased.
    pub body: Option<Sealed>,
}

fn event(row: &Row) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        is_about_webhooks: row.get::<String>("type")?.starts_with("webhook."),
        body: row.get::<Option<Vec<u8>>>("body")?.map(Sealed),
    })
}

impl Store {
    pub async fn add_events(
        &self,
        tx: &mut Tx,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Result<(), StoreError> {
        use Column::{Blob, Int, Text};
        let mut batch = Batch::new(
            "INSERT INTO events (id, id_project, position, type, id_linked_user, about_endpoint, created_at, body) {rows}",
            &[Text, Text, Int, Text, Text, Text, Int, Blob],
        );
        for new in events {
            batch.row([
                new.id.into(),
                new.id_project.into(),
                new.position.into(),
                new.kind.as_str().into(),
                new.id_linked_user.into(),
                new.about_endpoint.into(),
                new.created_at.millis().into(),
                new.body.0.into(),
            ]);
        }
        tx.execute_batch(batch).await
    }

    /// The events that claimed deliveries carry.
    pub async fn read_events(&self, tx: &mut Tx, ids: &[EventId]) -> Result<Vec<StoredEvent>, StoreError> {
        let mut events = Vec::with_capacity(ids.len());
        for part in ids.chunks(500) {
            let mut sql = Sql::new("SELECT id, id_project, type, body FROM events WHERE id IN ");
            sql.push_list(part.iter().copied());
            for row in tx.all(sql).await? {
                events.push(event(&row)?);
            }
        }
        Ok(events)
    }
}
