//! Events: written once, in the transaction of their cause.

use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{EventId, EventType, LinkedUserId, ProjectId, Time};
use crate::vault::Sealed;

/// An event about to be published.
pub struct NewEvent<'a> {
    pub id: EventId,
    pub id_project: ProjectId,
    /// From the project's counter, whose lock the transaction holds.
    pub position: i64,
    pub kind: EventType,
    /// Whom it is about, so that erasing the person finds it.
    pub id_linked_user: Option<LinkedUserId>,
    pub created_at: Time,
    /// The canonical envelope, sealed.
    pub body: &'a Sealed,
}

#[derive(Clone, Debug)]
pub struct StoredEvent {
    pub id: EventId,
    pub id_project: ProjectId,
    /// None once the person it is about was erased.
    pub body: Option<Sealed>,
}

fn event(row: &Row) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        body: row.get::<Option<Vec<u8>>>("body")?.map(Sealed),
    })
}

impl Store {
    pub async fn add_event(&self, tx: &mut Tx, new: &NewEvent<'_>) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO events (id, id_project, position, type, id_linked_user, created_at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(new.id.to_string())
        .bind(new.id_project.to_string())
        .bind(new.position)
        .bind(new.kind.as_str())
        .bind(new.id_linked_user.map(|id| id.to_string()))
        .bind(new.created_at.millis())
        .bind(new.body.0.as_slice());
        tx.execute(sql).await.map(|_| ())
    }

    /// The events that claimed deliveries carry.
    pub async fn lookup_events(&self, ids: &[EventId]) -> Result<Vec<StoredEvent>, StoreError> {
        let mut sql = Sql::new("SELECT id, id_project, body FROM events WHERE id IN ");
        sql.push_list(ids.iter().map(ToString::to_string));
        self.db.all(sql).await?.iter().map(event).collect()
    }

    /// Erases what is stored of a person: the bodies of events, the answers of receivers, and cancels what
    /// was not sent yet.
    pub async fn erase_events_of(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        user: LinkedUserId,
        at: Time,
    ) -> Result<(), StoreError> {
        const OF_PERSON: &str = "(SELECT id FROM events WHERE id_project = $1 AND id_linked_user = $2)";
        let bound = |text: String| Sql::new(text).bind(project.to_string()).bind(user.to_string());
        let cancel = bound(format!(
            "UPDATE deliveries SET state = 'cancelled', ended_at = $3 \
             WHERE id_project = $1 AND state = 'open' AND id_event IN {OF_PERSON}"
        ));
        tx.execute(cancel.bind(at.millis())).await?;
        tx.execute(bound(format!(
            "UPDATE attempts SET detail = NULL WHERE id_project = $1 AND id_delivery IN \
             (SELECT id FROM deliveries WHERE id_project = $1 AND id_event IN {OF_PERSON})"
        )))
        .await?;
        let erase =
            bound("UPDATE events SET body = NULL WHERE id_project = $1 AND id_linked_user = $2".into());
        tx.execute(erase).await.map(|_| ())
    }
}
