//! The delivery log: an endpoint's deliveries, newest first. Reads only.

use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{
    DeliveryCause, DeliveryId, DeliveryState, DeliveryStatus, EndpointId, EndpointStatus, EventId, EventType,
    PageQuery, Paged, ProjectId, Time,
};

/// A line of the delivery log.
#[derive(Clone, Debug)]
pub struct DeliveryListing {
    pub id: DeliveryId,
    pub id_event: EventId,
    pub id_endpoint: EndpointId,
    pub event_type: String,
    pub state: DeliveryState,
    pub cause: Option<DeliveryCause>,
    /// Where the endpoint takes deliveries an open one shows as `pending`, else as `waiting`.
    pub endpoint_status: EndpointStatus,
    pub tries: u32,
    /// Nobody sends it at this moment.
    pub idle: bool,
    pub due_at: Time,
    /// Nothing is sent to the endpoint before.
    pub not_before: Time,
    pub created_at: Time,
    pub ended_at: Option<Time>,
    /// The event's body is gone, because the person was erased.
    pub erased: bool,
    /// Its event is a test of this endpoint.
    pub test: bool,
    pub endpoint_deleted_at: Option<Time>,
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

const COLUMNS: &str = "d.id, d.id_event, d.id_endpoint, d.state, d.cause, d.tries, d.lease_owner, d.due_at, d.created_at, \
                       d.ended_at, ev.type, CAST(CASE WHEN ev.body IS NULL THEN 1 ELSE 0 END AS BIGINT) AS erased, \
                       CAST(CASE WHEN ev.position IS NULL THEN 1 ELSE 0 END AS BIGINT) AS test, en.status, \
                       en.not_before, en.deleted_at";

fn listing(row: &Row) -> Result<DeliveryListing, StoreError> {
    let cause = row.get::<Option<String>>("cause")?;
    let listing = DeliveryListing {
        id: row.parsed("id")?,
        id_event: row.parsed("id_event")?,
        id_endpoint: row.parsed("id_endpoint")?,
        event_type: row.get("type")?,
        state: row.get::<String>("state")?.parse().map_err(|()| StoreError::Corrupt("state"))?,
        cause: cause.and_then(|text| text.parse().ok()),
        endpoint_status: row.get::<String>("status")?.parse().map_err(|()| StoreError::Corrupt("status"))?,
        tries: row.count("tries")?,
        idle: row.get::<Option<String>>("lease_owner")?.is_none(),
        due_at: row.time("due_at")?,
        not_before: row.time("not_before")?,
        created_at: row.time("created_at")?,
        ended_at: row.time_option("ended_at")?,
        erased: row.flag("erased")?,
        test: row.flag("test")?,
        endpoint_deleted_at: row.time_option("deleted_at")?,
    };
    Ok(match listing.endpoint_deleted_at {
        Some(at) if matches!(listing.state, DeliveryState::Open | DeliveryState::Test) => {
            cancelled(listing, at)
        }
        _ => listing,
    })
}

/// Deleting an endpoint cancels what is open there, step by step: it shows so from the first moment.
fn cancelled(listing: DeliveryListing, at: Time) -> DeliveryListing {
    let cause = Some(DeliveryCause::EndpointDeleted);
    DeliveryListing { state: DeliveryState::Cancelled, cause, ended_at: Some(at), ..listing }
}

impl Store {
    /// An endpoint's deliveries, newest first. Each state is read from an index of its own, so that none of them
    /// makes another slow.
    pub async fn list_deliveries(
        &self,
        project: ProjectId,
        endpoint: EndpointId,
        filter: &DeliveryFilter,
        page: &PageQuery,
    ) -> Result<Paged<DeliveryListing>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM ("));
        for (index, state) in states(filter.status).iter().enumerate() {
            if index > 0 {
                sql.push(" UNION ALL ");
            }
            // A sub-select of its own: SQLite takes no ORDER BY in the parts of a union.
            sql.push("SELECT * FROM (SELECT d.* FROM deliveries d");
            if filter.event_type.is_some() {
                sql.push(" JOIN events te ON te.id = d.id_event");
            }
            sql.push(&format!(" WHERE d.state = '{state}' AND d.id_endpoint = "));
            sql.push_bind(endpoint).push(" AND d.id_project = ").push_bind(project);
            if *state != DeliveryState::Open {
                // In the index's own words, else SQLite does not see that it may use it.
                sql.push(" AND d.state <> 'open'");
            }
            narrow(&mut sql, filter, page);
            sql.push(" ORDER BY d.id DESC LIMIT ").push_bind(page.fetch_limit());
            sql.push(&format!(") part_{index}"));
        }
        sql.push(") d JOIN events ev ON ev.id = d.id_event JOIN endpoints en ON en.id = d.id_endpoint");
        match filter.status {
            Some(DeliveryStatus::Pending) => {
                sql.push(" WHERE (d.state = 'test' OR en.status IN ('ok', 'draining'))");
            }
            Some(DeliveryStatus::Waiting) => {
                sql.push(" WHERE en.status NOT IN ('ok', 'draining')");
            }
            _ => {}
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
        self.db.optional(by_id(project, id)).await?.as_ref().map(listing).transpose()
    }

    /// The same inside a transaction.
    pub async fn read_delivery(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryListing>, StoreError> {
        tx.optional(by_id(project, id)).await?.as_ref().map(listing).transpose()
    }
}

fn by_id(project: ProjectId, id: DeliveryId) -> Sql {
    Sql::new(format!(
        "SELECT {COLUMNS} FROM deliveries d JOIN events ev ON ev.id = d.id_event \
         JOIN endpoints en ON en.id = d.id_endpoint WHERE d.id_project = $1 AND d.id = $2"
    ))
    .bind(project)
    .bind(id)
}

/// The stored states that a status may stand for.
const fn states(status: Option<DeliveryStatus>) -> &'static [DeliveryState] {
    use DeliveryState::{Cancelled, Delivered, Failed, Open, Test};
    match status {
        None => &[Open, Test, Delivered, Failed, Cancelled],
        Some(DeliveryStatus::Pending) => &[Open, Test],
        Some(DeliveryStatus::Waiting) => &[Open],
        Some(DeliveryStatus::Delivered) => &[Delivered],
        Some(DeliveryStatus::Failed) => &[Failed],
        Some(DeliveryStatus::Cancelled) => &[Cancelled],
    }
}

fn narrow(sql: &mut Sql, filter: &DeliveryFilter, page: &PageQuery) {
    if let Some(kind) = filter.event_type {
        sql.push(" AND te.type = ").push_bind(kind.as_str());
    }
    if let Some(id) = filter.id_event {
        sql.push(" AND d.id_event = ").push_bind(id);
    }
    if let Some(since) = filter.since {
        sql.push(" AND d.created_at >= ").push_bind(since.millis());
    }
    if let Some(until) = filter.until {
        sql.push(" AND d.created_at < ").push_bind(until.millis());
    }
    if let Some(after) = &page.after {
        sql.push(" AND d.id < ").push_bind(after);
    }
}
