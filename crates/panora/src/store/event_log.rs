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
        sql.push_bind(project).push(" AND position IS NOT NULL");
        if let Some(kind) = filter.kind {
            sql.push(" AND type = ").push_bind(kind.as_str());
        }
        let (from, before) = self.position_range(project, filter.since, filter.until).await?;
        if let Some((since, from)) = filter.since.zip(from) {
            sql.push(" AND created_at >= ").push_bind(since.millis());
            sql.push(" AND position >= ").push_bind(from.number());
        }
        if let Some((until, before)) = filter.until.zip(before) {
            sql.push(" AND created_at < ").push_bind(until.millis());
            sql.push(" AND position < ").push_bind(before.number());
        }
        if let Some(after) = page.after {
            sql.push(" AND position < ").push_bind(after.number());
        }
        sql.push(" ORDER BY position DESC LIMIT ").push_bind(page.fetch_limit());
        let rows = self.db.all(sql).await?.iter().map(logged_event).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |event| event.position.to_string()))
    }

    /// Among which positions the events made at `since` or later, and before `until`, are: from the first on, before
    /// the second. Wide enough for nodes whose clocks agree to [`SKEW`]: the times themselves are still to be compared.
    pub async fn position_range(
        &self,
        project: ProjectId,
        since: Option<Time>,
        until: Option<Time>,
    ) -> Result<(Option<EventPosition>, Option<EventPosition>), StoreError> {
        let mut range = (None, None);
        if let Some(since) = since {
            range.0 = Some(self.position_of(project, since.minus(SKEW)).await?);
        }
        if let Some(until) = until {
            range.1 = Some(self.position_of(project, until.plus(SKEW)).await?);
        }
        Ok(range)
    }

    /// Where the events made at `at` or later begin; behind the last where there are none. By bisection, since no index
    /// knows their times: a few look-ups by position.
    async fn position_of(&self, project: ProjectId, at: Time) -> Result<EventPosition, StoreError> {
        let last = self.nearest(project, i64::MAX, "<= $2 ORDER BY position DESC").await?;
        let (mut from, mut to) = (0, last.map_or(0, |(position, _)| position + 1));
        while from < to {
            let middle = from + (to - from) / 2;
            match self.nearest(project, middle, ">= $2 ORDER BY position").await? {
                Some((position, created_at)) if created_at < at => from = position + 1,
                _ => to = middle,
            }
        }
        Ok(EventPosition::new(from))
    }

    /// The event nearest to a position, and when it was made.
    async fn nearest(
        &self,
        project: ProjectId,
        position: i64,
        condition_and_order: &str,
    ) -> Result<Option<(i64, Time)>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT position, created_at FROM events WHERE id_project = $1 AND position {condition_and_order} LIMIT 1"
        ));
        let row = self.db.optional(sql.bind(project).bind(position)).await?;
        row.map(|row| Ok((row.get("position")?, row.time("created_at")?))).transpose()
    }

    pub async fn lookup_event(
        &self,
        project: ProjectId,
        id: EventId,
    ) -> Result<Option<LoggedEvent>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT {COLUMNS}, body FROM events WHERE id_project = $1 AND id = $2 AND position IS NOT NULL"
        ))
        .bind(project)
        .bind(id);
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
        sql.push(" FROM events WHERE id_project = ").push_bind(project);
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
        sql.push_list(projects.iter().copied());
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id")?, position(row)?))).collect()
    }
}
