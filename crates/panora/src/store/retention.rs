//! Forgetting what has been over for longer than it is kept: events with their deliveries and attempts, deleted
//! endpoints, recoveries. Each step is small, and doing it again changes nothing.

use std::collections::BTreeSet;

use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{EndpointId, EventId, ProjectId, RecoveryId, Time};

/// An event made before the time from which events are kept.
#[derive(Clone, Copy, Debug)]
pub struct OldEvent {
    pub id: EventId,
    pub id_project: ProjectId,
    pub deliveries: u32,
    /// A delivery of it is open or has ended later.
    pub stays: bool,
}

// Below no EXISTS: with old statistics or none PostgreSQL may answer it from a whole table at once.

/// Whether a delivery `d` keeps its event: it is open, has ended at `$1` or later, or is about to be sent again.
const KEEPS: &str = "(d.state IN ('open', 'test') OR COALESCE(d.ended_at, d.created_at) >= $1 OR (SELECT r.id FROM \
                     resends r WHERE r.id_endpoint = d.id_endpoint AND r.id_delivery = d.id LIMIT 1) IS NOT NULL)";

/// Nothing is left of what was to be delivered to an endpoint `e`; said as the indexes say it.
const UNUSED: &str = "(SELECT d.id FROM deliveries d WHERE d.id_endpoint = e.id AND d.state = 'open' LIMIT 1) IS NULL \
                      AND (SELECT d.id FROM deliveries d WHERE d.id_endpoint = e.id AND d.state <> 'open' LIMIT 1) IS NULL";

impl Store {
    /// At most `most` events made before `before`, tests too, oldest first, after `after`.
    pub async fn list_old_events(
        &self,
        after: Option<EventId>,
        before: Time,
        most: u32,
    ) -> Result<Vec<OldEvent>, StoreError> {
        // Ids are in the order of time, so the primary key is the way to walk.
        let sql = Sql::new(format!(
            "SELECT e.id, e.id_project, (SELECT COUNT(*) FROM deliveries d WHERE d.id_event = e.id) AS deliveries, \
             CAST(CASE WHEN (SELECT d.id FROM deliveries d WHERE d.id_event = e.id AND {KEEPS} LIMIT 1) IS NOT NULL \
             THEN 1 ELSE 0 END AS BIGINT) AS stays \
             FROM (SELECT id, id_project FROM events WHERE id > $2 AND id < $3 ORDER BY id LIMIT $4) e ORDER BY e.id"
        ))
        .bind(before.millis())
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(EventId::floor(before))
        .bind(most);
        let old = |row: &Row| {
            Ok(OldEvent {
                id: row.parsed("id")?,
                id_project: row.parsed("id_project")?,
                deliveries: row.count("deliveries")?,
                stays: row.flag("stays")?,
            })
        };
        self.db.all(sql).await?.iter().map(old).collect()
    }

    /// Forgets those of the events that nothing keeps, with their deliveries and attempts. The caller holds the
    /// project's lock, under which nobody asks for anything to be sent again.
    pub async fn forget_events(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        events: &[EventId],
        before: Time,
    ) -> Result<u64, StoreError> {
        let mut sql = Sql::new(format!(
            "SELECT d.id, d.id_event, CAST(CASE WHEN {KEEPS} THEN 1 ELSE 0 END AS BIGINT) AS keeps FROM deliveries d \
             WHERE d.id_project = $2 AND d.id_event IN "
        ))
        .bind(before.millis())
        .bind(project);
        sql.push_list(events.iter().copied()).push(" ORDER BY d.id");
        if tx.is_postgres() {
            sql.push(" FOR UPDATE");
        }
        let (mut kept, mut deliveries) = (BTreeSet::new(), Vec::new());
        for row in tx.all(sql).await? {
            let event: EventId = row.parsed("id_event")?;
            if row.flag("keeps")? {
                kept.insert(event);
            }
            deliveries.push((event, row.get::<String>("id")?));
        }
        deliveries.retain(|(event, _)| !kept.contains(event));
        let deliveries: Vec<_> = deliveries.into_iter().map(|(_, id)| id).collect();
        for (table, column) in [("attempts", "id_delivery"), ("deliveries", "id")] {
            for part in deliveries.chunks(500) {
                delete(tx, project, (table, column), part).await?;
            }
        }
        let gone = events.iter().filter(|event| !kept.contains(event)).map(ToString::to_string);
        delete(tx, project, ("events", "id"), &gone.collect::<Vec<_>>()).await
    }

    /// At most `most` endpoints that were deleted before `before` and of whose deliveries none is left.
    pub async fn list_unused_endpoints(
        &self,
        before: Time,
        most: u32,
    ) -> Result<Vec<(ProjectId, EndpointId)>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT e.id, e.id_project FROM endpoints e WHERE e.deleted_at IS NOT NULL AND e.deleted_at < $1 \
             AND {UNUSED} ORDER BY e.deleted_at LIMIT $2"
        ))
        .bind(before.millis())
        .bind(most);
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id_project")?, row.parsed("id")?))).collect()
    }

    /// Forgets such an endpoint with all that was noted of it. The caller holds the project's lock.
    pub async fn forget_endpoint(
        &self,
        tx: &mut Tx,
        (project, endpoint): (ProjectId, EndpointId),
    ) -> Result<(), StoreError> {
        let sql = Sql::new(format!(
            "DELETE FROM endpoints WHERE id_project = $1 AND deleted_at IS NOT NULL AND id IN \
             (SELECT e.id FROM endpoints e WHERE e.id = $2 AND {UNUSED}) RETURNING version"
        ))
        .bind(project)
        .bind(endpoint);
        let Some(row) = tx.optional(sql).await? else { return Ok(()) };
        let ids = [endpoint.to_string()];
        for table in ["endpoint_scopes", "recoveries", "resends", "expiries"] {
            delete(tx, project, (table, "id_endpoint"), &ids).await?;
        }
        // Nodes that have not read of the deletion find nothing to read any more.
        let sql = Sql::new(
            "UPDATE projects SET endpoints_forgotten = $1 WHERE id = $2 AND endpoints_forgotten < $1",
        )
        .bind(row.get::<i64>("version")?)
        .bind(project);
        tx.execute(sql).await.map(|_| ())
    }

    /// Forgets at most `most` recoveries that have ended before `before`.
    pub async fn forget_recoveries(&self, before: Time, most: u32) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM recoveries WHERE id IN (SELECT id FROM recoveries WHERE id < $1 AND state <> 'running' \
             AND COALESCE(ended_at, created_at) < $2 ORDER BY id LIMIT $3)",
        )
        .bind(RecoveryId::floor(before))
        .bind(before.millis())
        .bind(most);
        self.db.execute(sql).await
    }
}

async fn delete(
    tx: &mut Tx,
    project: ProjectId,
    (table, column): (&str, &str),
    ids: &[String],
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let mut sql = Sql::new(format!("DELETE FROM {table} WHERE id_project = "));
    sql.push_bind(project).push(&format!(" AND {column} IN ")).push_list(ids);
    tx.execute(sql).await
}
