//! The attempts of deliveries.

use super::row::millis;
use super::{Batch, Column, Row, Sql, Store, StoreError, Tx};
use crate::model::{AttemptId, AttemptKind, DeliveryId, EventId, ProjectId, Time};
use crate::vault::Sealed;

/// One request that was made, or could not be made, for a delivery.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub id: AttemptId,
    pub id_project: ProjectId,
    pub id_delivery: DeliveryId,
    pub kind: AttemptKind,
    pub started_at: Time,
    pub ended_at: Time,
    /// None when no answer came.
    pub status: Option<u16>,
    /// A stable code when no answer came.
    pub error: Option<String>,
    /// Address, headers, answer: JSON, sealed. None once the person was erased.
    pub detail: Option<Sealed>,
}

fn attempt(row: &Row) -> Result<Attempt, StoreError> {
    Ok(Attempt {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_delivery: row.parsed("id_delivery")?,
        kind: row.get::<String>("kind")?.parse().map_err(|()| StoreError::Corrupt("kind"))?,
        started_at: row.time("started_at")?,
        ended_at: row.time("ended_at")?,
        status: row.get::<Option<i64>>("status")?.and_then(|status| u16::try_from(status).ok()),
        error: row.get("error")?,
        detail: row.get::<Option<Vec<u8>>>("detail")?.map(Sealed),
    })
}

impl Store {
    /// Adds attempts, each with the event it carried. What an endpoint answered about a person who was erased
    /// meanwhile is not kept; nor are attempts of an event that is gone.
    pub async fn add_attempts(
        &self,
        tx: &mut Tx,
        attempts: impl IntoIterator<Item = (EventId, Attempt)>,
    ) -> Result<(), StoreError> {
        use Column::{Blob, Int, Text};
        let mut batch = Batch::new(
            "WITH new (id, id_project, id_delivery, id_event, kind, started_at, ended_at, status, error, detail) \
             AS ({rows}) INSERT INTO attempts (id, id_project, id_delivery, kind, started_at, ended_at, status, error, \
             detail) SELECT new.id, new.id_project, new.id_delivery, new.kind, new.started_at, new.ended_at, \
             new.status, new.error, CASE WHEN ev.body IS NULL THEN NULL ELSE new.detail END FROM new \
             JOIN events ev ON ev.id = new.id_event",
            &[Text, Text, Text, Text, Text, Int, Int, Int, Text, Blob],
        );
        for (event, it) in attempts {
            batch.row([
                it.id.into(),
                it.id_project.into(),
                it.id_delivery.into(),
                event.into(),
                it.kind.as_str().into(),
                it.started_at.millis().into(),
                millis(Some(it.ended_at)).into(),
                it.status.map(i64::from).into(),
                it.error.into(),
                it.detail.map(|sealed| sealed.0).into(),
            ]);
        }
        tx.execute_batch(batch).await
    }

    /// A delivery's attempts, oldest first: at most 200.
    pub async fn list_attempts(
        &self,
        project: ProjectId,
        delivery: DeliveryId,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.db.all(of_delivery(project, delivery)).await?.iter().map(attempt).collect()
    }

    /// The same inside a transaction.
    pub async fn read_attempts(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        delivery: DeliveryId,
    ) -> Result<Vec<Attempt>, StoreError> {
        tx.all(of_delivery(project, delivery)).await?.iter().map(attempt).collect()
    }
}

fn of_delivery(project: ProjectId, delivery: DeliveryId) -> Sql {
    Sql::new(
        "SELECT id, id_project, id_delivery, kind, started_at, ended_at, status, error, detail FROM attempts \
         WHERE id_project = $1 AND id_delivery = $2 ORDER BY id LIMIT 200",
    )
    .bind(project)
    .bind(delivery)
}
