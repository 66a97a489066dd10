//! Deliveries: the queue is this table. Claimed in batches under a lease, settled in groups.

use std::time::Duration;

use super::{LEASE, Row, Sql, Store, StoreError, Tx};
use crate::model::{
    AfterAttempt, DeliveryId, DeliveryState, DeliveryStatus, EndpointId, EventId, EventType, PageQuery,
    Paged, ProjectId, Time,
};

/// A delivery that this node may send until its lease ends.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    pub id_project: ProjectId,
    pub id_event: EventId,
    pub id_endpoint: EndpointId,
    /// Tries used before this one.
    pub tries: u32,
}

/// What an attempt made of a delivery.
#[derive(Clone, Debug)]
pub struct Settled {
    pub id: DeliveryId,
    pub id_project: ProjectId,
    pub outcome: AfterAttempt,
}

/// A line of the delivery log.
#[derive(Clone, Debug)]
pub struct DeliveryListing {
    pub id: DeliveryId,
    pub id_event: EventId,
    pub id_endpoint: EndpointId,
    pub event_type: String,
    pub state: DeliveryState,
    /// Whether the endpoint takes deliveries now: an open one shows as `pending`, else as `waiting`.
    pub endpoint_active: bool,
    pub tries: u32,
    pub due_at: Time,
    pub created_at: Time,
    pub ended_at: Option<Time>,
}

/// What an endpoint's delivery log may be narrowed by; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub status: Option<DeliveryStatus>,
    pub event_type: Option<EventType>,
    pub id_event: Option<EventId>,
    /// Made at that moment or later.
    pub since: Option<Time>,
    /// Made before that moment.
    pub until: Option<Time>,
}

const LISTING: &str = "SELECT d.id, d.id_event, d.id_endpoint, d.state, d.tries, d.due_at, d.created_at, d.ended_at, \
                       ev.type, en.active FROM deliveries d JOIN events ev ON ev.id = d.id_event \
                       JOIN endpoints en ON en.id = d.id_endpoint";

fn claimed(row: &Row) -> Result<ClaimedDelivery, StoreError> {
    Ok(ClaimedDelivery {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_event: row.parsed("id_event")?,
        id_endpoint: row.parsed("id_endpoint")?,
        tries: row.count("tries")?,
    })
}

fn listing(row: &Row) -> Result<DeliveryListing, StoreError> {
    Ok(DeliveryListing {
        id: row.parsed("id")?,
        id_event: row.parsed("id_event")?,
        id_endpoint: row.parsed("id_endpoint")?,
        event_type: row.get("type")?,
        state: row.get::<String>("state")?.parse().map_err(|()| StoreError::Corrupt("state"))?,
        endpoint_active: row.flag("active")?,
        tries: row.count("tries")?,
        due_at: row.time("due_at")?,
        created_at: row.time("created_at")?,
        ended_at: row.time_option("ended_at")?,
    })
}

impl Store {
    /// Adds an open delivery of one event for each endpoint, due at once.
    pub async fn add_deliveries(
        &self,
        tx: &mut Tx,
        event: (ProjectId, EventId),
        deliveries: &[(DeliveryId, EndpointId)],
    ) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        // 500 rows of three parameters stay below what either database takes in one statement.
        for part in deliveries.chunks(500) {
            let mut sql = Sql::new(format!(
                "WITH new (id, id_endpoint) AS (VALUES {}) INSERT INTO deliveries (id, id_project, id_event, \
                 id_endpoint, state, tries, due_at, lease_until, created_at) SELECT id, CAST($2 AS TEXT), \
                 CAST($3 AS TEXT), id_endpoint, 'open', 0, {now}, 0, CAST($4 AS BIGINT) FROM new",
                numbered_pairs(5, part.len())
            ))
            .bind(parameter)
            .bind(event.0.to_string())
            .bind(event.1.to_string())
            .bind(self.now().millis());
            for (id, endpoint) in part {
                sql = sql.bind(id.to_string()).bind(endpoint.to_string());
            }
            tx.execute(sql).await?;
        }
        Ok(())
    }

    /// Claims at most `most` due deliveries, oldest first, of any project, for [`LEASE`]; none for the
    /// endpoints in `busy`, nor for inactive ones.
    pub async fn claim_deliveries(
        &self,
        owner: &str,
        most: u32,
        busy: &[EndpointId],
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new(format!(
            "UPDATE deliveries SET lease_owner = $2, lease_until = {now} + $3 WHERE id IN (SELECT d.id \
             FROM deliveries d JOIN endpoints e ON e.id = d.id_endpoint WHERE d.state = 'open' \
             AND d.due_at <= {now} AND d.lease_until <= {now} AND e.active = 1 AND e.deleted_at IS NULL"
        ))
        .bind(parameter)
        .bind(owner)
        .bind(millis_of(LEASE));
        if !busy.is_empty() {
            sql.push(" AND d.id_endpoint NOT IN ").push_list(busy.iter().map(ToString::to_string));
        }
        sql.push(" ORDER BY d.due_at LIMIT ").push_bind(most);
        if matches!(self.db, super::Db::Postgres(_)) {
            sql.push(" FOR UPDATE OF d SKIP LOCKED");
        }
        sql.push(") RETURNING id, id_project, id_event, id_endpoint, tries");
        self.db.execute_returning(sql).await?.iter().map(claimed).collect()
    }

    /// Writes what attempts made of their deliveries, and ends their leases. A 2xx wins over any state; a
    /// failure changes an open delivery only.
    pub async fn settle_deliveries(&self, tx: &mut Tx, settled: &[Settled]) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new("WITH done (id, id_project, state, delay) AS (VALUES ").bind(parameter);
        sql.push_rows(settled, |it| {
            let (state, delay) = match it.outcome {
                AfterAttempt::Delivered => (DeliveryState::Delivered, Duration::ZERO),
                AfterAttempt::TryAgain(delay) => (DeliveryState::Open, delay),
                AfterAttempt::Failed => (DeliveryState::Failed, Duration::ZERO),
            };
            vec![
                it.id.to_string().into(),
                it.id_project.to_string().into(),
                state.as_str().into(),
                millis_of(delay).into(),
            ]
        });
        sql.push(&format!(
            ") UPDATE deliveries SET state = done.state, tries = tries + 1, due_at = {now} + done.delay, \
             lease_owner = NULL, lease_until = 0, ended_at = CASE WHEN done.state = 'open' THEN NULL ELSE {now} END \
             FROM done WHERE deliveries.id = done.id AND deliveries.id_project = done.id_project \
             AND (deliveries.state = 'open' OR (done.state = 'delivered' AND deliveries.state <> 'delivered'))"
        ));
        tx.execute(sql).await.map(|_| ())
    }

    /// Gives back claims that were not used, so that others may take them at once.
    pub async fn release_deliveries(&self, owner: &str, ids: &[DeliveryId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new(
            "UPDATE deliveries SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = $1 AND id IN ",
        )
        .bind(owner);
        sql.push_list(ids.iter().map(ToString::to_string));
        self.db.execute(sql).await.map(|_| ())
    }

    /// An endpoint's deliveries, newest first.
    pub async fn list_deliveries(
        &self,
        project: ProjectId,
        endpoint: EndpointId,
        filter: &DeliveryFilter,
        page: &PageQuery,
    ) -> Result<Paged<DeliveryListing>, StoreError> {
        let mut sql = Sql::new(format!("{LISTING} WHERE d.id_project = $1 AND d.id_endpoint = $2"))
            .bind(project.to_string())
            .bind(endpoint.to_string());
        narrow(&mut sql, filter);
        if let Some(after) = &page.after {
            sql.push(" AND d.id < ").push_bind(after);
        }
        sql.push(" ORDER BY d.id DESC LIMIT ").push_bind(page.fetch_limit());
        let rows = self.db.all(sql).await?.iter().map(listing).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |it| it.id.to_string()))
    }

    pub async fn lookup_delivery(
        &self,
        project: ProjectId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryListing>, StoreError> {
        let sql = Sql::new(format!("{LISTING} WHERE d.id_project = $1 AND d.id = $2"))
            .bind(project.to_string())
            .bind(id.to_string());
        self.db.optional(sql).await?.as_ref().map(listing).transpose()
    }
}

fn narrow(sql: &mut Sql, filter: &DeliveryFilter) {
    if let Some(status) = filter.status {
        sql.push(match status {
            DeliveryStatus::Pending => " AND d.state = 'open' AND en.active = 1",
            DeliveryStatus::Waiting => " AND d.state = 'open' AND en.active = 0",
            DeliveryStatus::Delivered => " AND d.state = 'delivered'",
            DeliveryStatus::Failed => " AND d.state = 'failed'",
            DeliveryStatus::Cancelled => " AND d.state = 'cancelled'",
        });
    }
    if let Some(kind) = filter.event_type {
        sql.push(" AND ev.type = ").push_bind(kind.as_str());
    }
    if let Some(id) = filter.id_event {
        sql.push(" AND d.id_event = ").push_bind(id.to_string());
    }
    if let Some(since) = filter.since {
        sql.push(" AND d.created_at >= ").push_bind(since.millis());
    }
    if let Some(until) = filter.until {
        sql.push(" AND d.created_at < ").push_bind(until.millis());
    }
}

fn millis_of(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// `($5, $6), ($7, $8)` for two pairs from 5 on.
fn numbered_pairs(first: usize, count: usize) -> String {
    let pair = |index: usize| format!("(${}, ${})", first + 2 * index, first + 2 * index + 1);
    (0..count).map(pair).collect::<Vec<_>>().join(", ")
}
