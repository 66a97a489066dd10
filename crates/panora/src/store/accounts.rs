//! What the accounts are made of: a project's events in their order with what became of them, and the scopes that were
//! in force. Reads only; each statement sees one moment, in which an event and its deliveries are there or gone together.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Row, Sql, Store, StoreError};
use crate::model::{DeliveryState, EndpointId, EventId, EventScope, ProjectId, ScopeChange, Time};

/// A project, up to the last position that it had given out.
#[derive(Clone, Debug)]
pub struct CountedProject {
    pub id: ProjectId,
    pub handle: String,
    pub last_position: i64,
}

/// An event with its deliveries.
#[derive(Clone, Debug)]
pub struct CountedEvent {
    pub id: EventId,
    pub position: i64,
    pub kind: String,
    pub about_endpoint: Option<EndpointId>,
    pub created_at: Time,
    pub deliveries: Vec<CountedDelivery>,
}

#[derive(Clone, Copy, Debug)]
pub struct CountedDelivery {
    pub id_endpoint: EndpointId,
    pub state: DeliveryState,
    /// It counts as delivered, and no attempt with a 2xx is recorded.
    pub unproven: bool,
}

/// What a delivery says of itself.
#[derive(Clone, Copy, Debug)]
pub struct CountedClaim {
    pub id_project: ProjectId,
    pub id_event: EventId,
    pub id_endpoint: EndpointId,
    /// The event is not there.
    pub without_event: bool,
}

/// How far the deliveries have been walked.
#[derive(Clone, Copy, Debug)]
pub struct ClaimCursor {
    pub id_event: EventId,
    pub id_endpoint: Option<EndpointId>,
}

/// How an endpoint stands with its open deliveries.
#[derive(Clone, Copy, Debug)]
pub struct CountedEndpoint {
    pub takes: bool,
    pub deleted: bool,
}

impl Store {
    /// The projects after `after`, by their ids; the one of that handle, where one is named.
    pub async fn list_counted_projects(
        &self,
        handle: Option<&str>,
        after: Option<ProjectId>,
        most: u32,
    ) -> Result<Vec<CountedProject>, StoreError> {
        let mut sql = Sql::new("SELECT id, handle, last_position FROM projects WHERE id > ");
        sql.push_bind(after.map(|id| id.to_string()).unwrap_or_default());
        if let Some(handle) = handle {
            sql.push(" AND handle = ").push_bind(handle);
        }
        sql.push(" ORDER BY id LIMIT ").push_bind(most);
        let project = |row: &Row| {
            Ok(CountedProject {
                id: row.parsed("id")?,
                handle: row.get("handle")?,
                last_position: row.get("last_position")?,
            })
        };
        self.db.all(sql).await?.iter().map(project).collect()
    }

    /// All that was noted of the scopes of a project's endpoints.
    pub async fn list_scope_changes(&self, project: ProjectId) -> Result<Vec<ScopeChange>, StoreError> {
        let sql =
            Sql::new("SELECT id_endpoint, after_position, scope FROM endpoint_scopes WHERE id_project = $1")
                .bind(project);
        let change = |row: &Row| {
            Ok(ScopeChange {
                after_position: row.get("after_position")?,
                id_endpoint: row.parsed("id_endpoint")?,
                scope: EventScope::from_stored(row.json("scope")?),
            })
        };
        self.db.all(sql).await?.iter().map(change).collect()
    }

    /// A project's endpoints, deleted ones too.
    pub async fn list_counted_endpoints(
        &self,
        project: ProjectId,
    ) -> Result<BTreeMap<EndpointId, CountedEndpoint>, StoreError> {
        let sql =
            Sql::new("SELECT id, status, deleted_at FROM endpoints WHERE id_project = $1").bind(project);
        let endpoint = |row: &Row| {
            let takes = matches!(row.get::<String>("status")?.as_str(), "ok" | "draining");
            let deleted = row.time_option("deleted_at")?.is_some();
            Ok((row.parsed("id")?, CountedEndpoint { takes, deleted }))
        };
        self.db.all(sql).await?.iter().map(endpoint).collect()
    }

    /// At most `most` events that stand beyond `positions.start` and up to `positions.end`, oldest first.
    pub async fn list_counted_events(
        &self,
        project: ProjectId,
        positions: Range<i64>,
        most: u32,
    ) -> Result<Vec<CountedEvent>, StoreError> {
        // Said so that PostgreSQL, with old statistics or none, still goes by the indexes row by row: no EXISTS, which it
        // may answer from all attempts at once, and the range's end is judged here.
        let sql = Sql::new(
            "SELECT e.id, e.position, e.type, e.about_endpoint, e.created_at, d.id_endpoint, d.state, \
             CAST(CASE WHEN d.state = 'delivered' AND (SELECT a.id FROM attempts a \
             WHERE a.id_delivery = d.id AND a.status BETWEEN 200 AND 299 LIMIT 1) IS NULL THEN 1 ELSE 0 END AS BIGINT) AS unproven \
             FROM (SELECT id, position, type, about_endpoint, created_at FROM events WHERE id_project = $1 \
             AND position > $2 ORDER BY position LIMIT $3) e \
             LEFT JOIN deliveries d ON d.id_event = e.id ORDER BY e.position",
        )
        .bind(project)
        .bind(positions.start)
        .bind(most);
        let mut events: Vec<CountedEvent> = Vec::new();
        for row in &self.db.all(sql).await? {
            let position = row.get("position")?;
            if position > positions.end {
                break;
            }
            if events.last().is_none_or(|last| last.position != position) {
                events.push(CountedEvent {
                    id: row.parsed("id")?,
                    position,
                    kind: row.get("type")?,
                    about_endpoint: row.parsed_option("about_endpoint")?,
                    created_at: row.time("created_at")?,
                    deliveries: Vec::new(),
                });
            }
            let delivery = delivery(row)?;
            events.last_mut().into_iter().for_each(|event| event.deliveries.extend(delivery));
        }
        Ok(events)
    }

    /// At most `most` deliveries, whoever's, in the order of their events' ids, after that event and endpoint.
    pub async fn list_claims(&self, after: &ClaimCursor, most: u32) -> Result<Vec<CountedClaim>, StoreError> {
        let sql = Sql::new(
            "SELECT d.id_project, d.id_event, d.id_endpoint, \
             CAST(CASE WHEN e.id IS NULL THEN 1 ELSE 0 END AS BIGINT) AS without_event \
             FROM (SELECT id_project, id_event, id_endpoint FROM deliveries WHERE (id_event, id_endpoint) > ($1, $2) \
             ORDER BY id_event, id_endpoint LIMIT $3) d LEFT JOIN events e ON e.id = d.id_event \
             ORDER BY d.id_event, d.id_endpoint",
        )
        .bind(after.id_event)
        .bind(after.id_endpoint.map(|id| id.to_string()).unwrap_or_default())
        .bind(most);
        let claim = |row: &Row| {
            Ok(CountedClaim {
                id_project: row.parsed("id_project")?,
                id_event: row.parsed("id_event")?,
                id_endpoint: row.parsed("id_endpoint")?,
                without_event: row.flag("without_event")?,
            })
        };
        self.db.all(sql).await?.iter().map(claim).collect()
    }
}

fn delivery(row: &Row) -> Result<Option<CountedDelivery>, StoreError> {
    let Some(id_endpoint) = row.parsed_option("id_endpoint")? else { return Ok(None) };
    let state = row.get::<String>("state")?.parse().map_err(|()| StoreError::Corrupt("state"))?;
    Ok(Some(CountedDelivery { id_endpoint, state, unproven: row.flag("unproven")? }))
}
