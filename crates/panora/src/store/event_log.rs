//! Reading events back: in pages, newest first, or onwards from a position. Their order is the project's
//! position, never an id or a time. An event without a position is a test of one endpoint: it is not read here.

use std::time::Duration;

use super::{Row, Sql, Store, StoreError};
use crate::model::{EventId, EventPosition, EventType, PageQuery, Paged, ProjectId, Time};
use crate::vault::Sealed;

/// How far the clocks of two nodes may be apart before a filter by time misses an event. With half of that,
/// receivers refuse what the node that is off has signed.
const SKEW: Duration = Duration::from_mins(10);

const COLUMNS: &str = "id, id_project, position, type, created_at";

/// An event as it is kept.
#[derive(Clone, Debug)]
pub struct LoggedEvent {
    pub id: EventId,
    pub id_project: ProjectId,
    pub position: EventPosition,
    /// The type's name: another node may know more types than this one.
    pub kind: String,
    pub created_at: Time,
    /// None once the person it is about was erased.
    pub body: Option<Sealed>,
}

/// What the log may be narrowed by; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    pub kind: Option<EventType>,
    /// Made at that moment or later.
    pub since: Option<Time>,
    /// Made before that moment.
    pub until: Option<Time>,
}

fn logged_event(row: &Row) -> Result<LoggedEvent, StoreError> {
    Ok(LoggedEvent {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        position: position(row)?,
        kind: row.get("type")?,
        created_at: row.time("created_at")?,
        body: row.get::<Option<Vec<u8>>>("body")?.map(Sealed),
    })
}

fn position(row: &Row) -> Result<EventPosition, StoreError> {
    row.get("position").map(EventPosition::new)
}

impl Store {
    /// Newest first.
    pub async fn list_events(
        &self,
        project: ProjectId,
        filter: &EventFilter,
        page: &PageQuery<EventPosition>,
    ) -> Result<Paged<LoggedEvent>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS}, body FROM events WHERE id_project = "));
        sql.push_bind(project.to_string()).push(" AND position IS NOT NULL");
        if let Some(kind) = filter.kind {
            sql.push(" AND type = ").push_bind(kind.as_str());
        }
        if let Some(since) = filter.since {
            // `+` keeps this column's index out: what is walked is positions, in their order.
            sql.push(" AND +created_at >= ").push_bind(since.millis());
            if let Some(before) = self.last_before(project, since.minus(SKEW)).await? {
                sql.push(" AND position > ").push_bind(before.number());
            }
        }
        if let Some(until) = filter.until {
            sql.push(" AND +created_at < ").push_bind(until.millis());
            if let Some(beyond) = self.first_from(project, until.plus(SKEW)).await? {
                sql.push(" AND position < ").push_bind(beyond.number());
            }
        }
        if let Some(after) = page.after {
            sql.push(" AND position < ").push_bind(after.number());
        }
        sql.push(" ORDER BY position DESC LIMIT ").push_bind(page.fetch_limit());
        let rows = self.db.all(sql).await?.iter().map(logged_event).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |event| event.position.to_string()))
    }

    /// A position up to which everything was made before `at`, as long as clocks agree to [`SKEW`]: found by halving,
    /// since positions rise with time. `last` is the project's last one.
    pub async fn position_before(&self, project: ProjectId, at: Time, last: i64) -> Result<i64, StoreError> {
        let at = at.minus(SKEW);
        let (mut before, mut beyond) = (0, last + 1);
        while beyond - before > 1 {
            let middle = before + (beyond - before) / 2;
            let sql = Sql::new(
                "SELECT position, created_at FROM events WHERE id_project = $1 AND position >= $2 \
                 ORDER BY position LIMIT 1",
            )
            .bind(project.to_string())
            .bind(middle);
            match self.db.optional(sql).await? {
                Some(row) if row.time("created_at")? < at => before = row.get("position")?,
                _ => beyond = middle,
            }
        }
        Ok(before)
    }

    /// The last event made before `at`: while clocks agree to [`SKEW`], whatever was made that much later than
    /// `at` stands behind it.
    async fn last_before(&self, project: ProjectId, at: Time) -> Result<Option<EventPosition>, StoreError> {
        self.nearest(project, at, "created_at < $2 ORDER BY created_at DESC").await
    }

    /// The first event made at `at` or later.
    async fn first_from(&self, project: ProjectId, at: Time) -> Result<Option<EventPosition>, StoreError> {
        self.nearest(project, at, "created_at >= $2 ORDER BY created_at").await
    }

    async fn nearest(
        &self,
        project: ProjectId,
        at: Time,
        condition_and_order: &str,
    ) -> Result<Option<EventPosition>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT position FROM events WHERE id_project = $1 AND position IS NOT NULL AND \
             {condition_and_order} LIMIT 1"
        ));
        let sql = sql.bind(project.to_string()).bind(at.millis());
        self.db.optional(sql).await?.as_ref().map(position).transpose()
    }

    pub async fn lookup_event(
        &self,
        project: ProjectId,
        id: EventId,
    ) -> Result<Option<LoggedEvent>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT {COLUMNS}, body FROM events WHERE id_project = $1 AND id = $2 AND position IS NOT NULL"
        ))
        .bind(project.to_string())
        .bind(id.to_string());
        self.db.optional(sql).await?.as_ref().map(logged_event).transpose()
    }

    /// At most `limit` events that follow `after`, oldest first. With a `kind`, those of other types come too,
    /// without their bodies: the reader has to know how far it has read.
    pub async fn read_events_after(
        &self,
        project: ProjectId,
        after: EventPosition,
        kind: Option<EventType>,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS}, "));
        match kind {
            Some(kind) => {
                sql.push("CASE WHEN type = ").push_bind(kind.as_str()).push(" THEN body END AS body")
            }
            None => sql.push("body"),
        };
        sql.push(" FROM events WHERE id_project = ").push_bind(project.to_string());
        sql.push(" AND position > ").push_bind(after.number());
        sql.push(" ORDER BY position LIMIT ").push_bind(limit);
        self.db.all(sql).await?.iter().map(logged_event).collect()
    }

    /// Each project's newest position; what is published from now on comes after it.
    pub async fn list_last_positions(
        &self,
        projects: &[ProjectId],
    ) -> Result<Vec<(ProjectId, EventPosition)>, StoreError> {
        let mut sql = Sql::new("SELECT id, last_position AS position FROM projects WHERE id IN ");
        sql.push_list(projects.iter().map(ToString::to_string));
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id")?, position(row)?))).collect()
    }
}
