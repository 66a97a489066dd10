//! Deliveries that stayed open too long, and what is to be told of them.

use super::deliveries::millis_of;
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{DeliveryCause, DeliveryId, DeliveryState, EndpointId, EventType, ProjectId, Time};

/// Deliveries of one step.
const STEP: u32 = 200;

/// An endpoint with the oldest of its deliveries that are open, or tests.
#[derive(Clone, Copy, Debug)]
pub struct OldestOpen {
    pub id: EndpointId,
    pub id_project: ProjectId,
    pub open: Option<DeliveryId>,
    pub test: Option<DeliveryId>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug)]
pub struct ExpiryStep {
    /// Those that others are told of: not of `webhook.*`, and no tests.
    pub to_tell: u32,
    /// There may be more.
    pub more: bool,
}

impl Store {
    /// At most `most` endpoints after `after`, deleted ones too: a look at an index for each.
    pub async fn list_oldest_open(
        &self,
        after: Option<EndpointId>,
        most: u32,
    ) -> Result<Vec<OldestOpen>, StoreError> {
        // The condition on `state` of the second is its index's.
        let sql = Sql::new(
            "SELECT e.id, e.id_project, \
             (SELECT MIN(d.id) FROM deliveries d WHERE d.id_endpoint = e.id AND d.state = 'open') AS open_id, \
             (SELECT MIN(d.id) FROM deliveries d WHERE d.id_endpoint = e.id AND d.state = 'test' \
             AND d.state <> 'open') AS test_id \
             FROM (SELECT id, id_project FROM endpoints WHERE id > $1 ORDER BY id LIMIT $2) e ORDER BY e.id",
        )
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(most);
        let oldest = |row: &Row| {
            Ok(OldestOpen {
                id: row.parsed("id")?,
                id_project: row.parsed("id_project")?,
                open: row.parsed_option("open_id")?,
                test: row.parsed_option("test_id")?,
            })
        };
        self.db.all(sql).await?.iter().map(oldest).collect()
    }

    /// Ends the oldest deliveries of an endpoint that have that state and were made, or given a full schedule again by a
    /// recovery, before `before`; not one that
    /// somebody sends at this moment. The caller holds the locks of the project and the endpoint.
    pub async fn expire_deliveries(
        &self,
        tx: &mut Tx,
        endpoint: EndpointId,
        state: DeliveryState,
        before: Time,
    ) -> Result<ExpiryStep, StoreError> {
        let (now, parameter) = self.db_now();
        // As the indexes say it.
        let condition = if state == DeliveryState::Open {
            "d.state = 'open'"
        } else {
            "d.state = 'test' AND d.state <> 'open'"
        };
        let mut sql = Sql::new(format!(
            "SELECT d.id, e.type FROM deliveries d LEFT JOIN events e ON e.id = d.id_event \
             WHERE d.id_endpoint = $2 AND {condition} AND d.id < $3 \
             AND (d.restarted_at IS NULL OR d.restarted_at < $5) AND (d.lease_owner IS NULL OR d.due_at <= {now}) ORDER BY d.id LIMIT $4"
        ))
        .bind(parameter)
        .bind(endpoint)
        .bind(DeliveryId::floor(before))
        .bind(STEP)
        .bind(before.millis());
        if tx.is_postgres() {
            sql.push(" FOR UPDATE OF d SKIP LOCKED");
        }
        let rows = tx.all(sql).await?;
        let is_to_tell = |row: &Row| {
            let kind = row.get::<Option<String>>("type")?.unwrap_or_default();
            Ok(!kind.parse().is_ok_and(EventType::is_about_webhooks))
        };
        let to_tell = rows.iter().map(is_to_tell).collect::<Result<Vec<bool>, StoreError>>()?;
        let ids: Vec<String> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
        let mut sql = Sql::new(format!(
            "UPDATE deliveries SET state = 'failed', cause = $2, ended_at = {now}, lease_owner = NULL WHERE id IN "
        ))
        .bind(parameter)
        .bind(DeliveryCause::Expired.as_str());
        sql.push_list(&ids);
        tx.execute(sql).await?;
        let told = if state == DeliveryState::Open { to_tell.iter().filter(|it| **it).count() } else { 0 };
        Ok(ExpiryStep { to_tell: u32::try_from(told).unwrap_or(STEP), more: ids.len() == STEP as usize })
    }

    /// Notes that so many are to be told of; at once, unless some were told within the last hour.
    pub async fn add_expired(
        &self,
        tx: &mut Tx,
        (project, endpoint): (ProjectId, EndpointId),
        count: u32,
    ) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "INSERT INTO expiries (id_endpoint, id_project, count, tell_at) VALUES ($2, $3, $4, {now}) \
             ON CONFLICT (id_endpoint) DO UPDATE SET count = expiries.count + excluded.count"
        ))
        .bind(parameter)
        .bind(endpoint)
        .bind(project)
        .bind(count);
        tx.execute(sql).await.map(|_| ())
    }

    /// At most `most` endpoints of which something may be to tell now, the longest due first.
    pub async fn list_due_expiries(&self, most: u32) -> Result<Vec<(ProjectId, EndpointId)>, StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "SELECT id_project, id_endpoint FROM expiries WHERE tell_at <= {now} ORDER BY tell_at LIMIT $2"
        ))
        .bind(parameter)
        .bind(most);
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id_project")?, row.parsed("id_endpoint")?))).collect()
    }

    /// How many are to be told of now. They count as told, and the next ones are told after `gap`; where there are
    /// none nothing is remembered. The caller holds the project's lock.
    pub async fn take_expired(
        &self,
        tx: &mut Tx,
        (project, endpoint): (ProjectId, EndpointId),
        gap: std::time::Duration,
    ) -> Result<Option<i64>, StoreError> {
        let (now, parameter) = self.db_now();
        let due = |text: &str| {
            Sql::new(format!("{text} WHERE id_project = $2 AND id_endpoint = $3 AND tell_at <= {now}"))
                .bind(parameter)
                .bind(project)
                .bind(endpoint)
        };
        let Some(row) = tx.optional(due("SELECT count FROM expiries")).await? else { return Ok(None) };
        let count = row.get::<i64>("count")?;
        if count == 0 {
            tx.execute(due("DELETE FROM expiries")).await?;
            return Ok(None);
        }
        let set = format!("UPDATE expiries SET count = 0, tell_at = {now} + $4");
        tx.execute(due(&set).bind(millis_of(gap))).await?;
        Ok(Some(count))
    }
}
