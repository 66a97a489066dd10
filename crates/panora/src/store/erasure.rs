//! Erasing a person from the events, step by step along their positions: bodies, what receivers answered, and whatever
//! was not sent yet. Doing a step again changes nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Sql, Store, StoreError, Tx};
use crate::model::{EndpointId, LinkedUserId, ProjectId, Time};

/// The most events of a step, and of deliveries about so many.
const EVENTS: u32 = 200;
const DELIVERIES: i64 = 1000;

/// Which of a person's events are to be erased.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Erasure {
    pub id_project: ProjectId,
    pub id_linked_user: LinkedUserId,
    /// The events up to that position are done.
    pub after: i64,
    /// What was published later holds ids only.
    pub until: i64,
}

impl Store {
    /// Erases the next of a person's events; what is left to erase then. The caller holds the project's lock.
    pub async fn erase_events(
        &self,
        tx: &mut Tx,
        erasure: Erasure,
        at: Time,
    ) -> Result<Option<Erasure>, StoreError> {
        let (events, last) = events_of(tx, erasure).await?;
        if events.is_empty() {
            return Ok(None);
        }
        let project = erasure.id_project;
        let mut sql =
            Sql::new("SELECT id, id_endpoint, state, lease_owner FROM deliveries WHERE id_project = ");
        sql.push_bind(project).push(" AND id_event IN ").push_list(&events);
        let rows = tx.all(sql).await?;
        let deliveries: Vec<String> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
        let endpoints: BTreeSet<EndpointId> =
            rows.iter().map(|row| row.parsed("id_endpoint")).collect::<Result<_, _>>()?;
        let mut leased = BTreeSet::new();
        for row in &rows {
            if row.get::<String>("state")? == "open" && row.get::<Option<String>>("lease_owner")?.is_some() {
                leased.insert(row.parsed("id_endpoint")?);
            }
        }
        // Whoever settles or claims there waits, or is waited for: nothing is sent or recorded in between.
        let endpoints = Vec::from_iter(endpoints);
        self.lock_endpoints(tx, &endpoints).await?;
        for part in deliveries.chunks(500) {
            let mut sql = Sql::new(
                "UPDATE deliveries SET state = 'cancelled', cause = 'erased', ended_at = $1 \
                 WHERE id_project = $2 AND state IN ('open', 'test') AND id IN ",
            )
            .bind(at.millis())
            .bind(project);
            sql.push_list(part);
            tx.execute(sql).await?;
            let mut sql = Sql::new("DELETE FROM resends WHERE id_project = ");
            sql.push_bind(project).push(" AND id_endpoint IN ");
            sql.push_list(endpoints.iter().copied());
            sql.push(" AND id_delivery IN ").push_list(part);
            tx.execute(sql).await?;
            let mut sql =
                Sql::new("UPDATE attempts SET detail = NULL WHERE detail IS NOT NULL AND id_project = ");
            sql.push_bind(project).push(" AND id_delivery IN ").push_list(part);
            tx.execute(sql).await?;
        }
        if !leased.is_empty() {
            self.mark_withdrawn(tx, project, leased).await?;
        }
        let mut sql = Sql::new("UPDATE events SET body = NULL WHERE body IS NOT NULL AND id_project = ");
        sql.push_bind(project).push(" AND id IN ").push_list(&events);
        tx.execute(sql).await?;
        Ok(last.map(|after| Erasure { after, ..erasure }))
    }
}

/// The ids of the next events, and the last one's position if there are more.
async fn events_of(tx: &mut Tx, erasure: Erasure) -> Result<(Vec<String>, Option<i64>), StoreError> {
    let sql = Sql::new(
        "SELECT e.id, e.position, (SELECT COUNT(*) FROM deliveries d WHERE d.id_event = e.id) AS deliveries \
         FROM events e WHERE e.id_project = $1 AND e.id_linked_user = $2 AND e.position > $3 AND e.position <= $4 \
         ORDER BY e.position LIMIT $5",
    )
    .bind(erasure.id_project)
    .bind(erasure.id_linked_user)
    .bind(erasure.after)
    .bind(erasure.until)
    .bind(EVENTS);
    let rows = tx.all(sql).await?;
    let (mut events, mut last, mut deliveries) = (Vec::new(), erasure.after, 0);
    for row in &rows {
        deliveries += row.get::<i64>("deliveries")?;
        if !events.is_empty() && deliveries > DELIVERIES {
            break;
        }
        events.push(row.get("id")?);
        last = row.get("position")?;
    }
    let more = events.len() < rows.len() || rows.len() == EVENTS as usize;
    Ok((events, more.then_some(last)))
}
