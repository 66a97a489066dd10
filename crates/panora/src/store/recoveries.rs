//! Recoveries, and the events and deliveries that they find along the positions.

use std::time::Duration;

use super::deliveries::millis_of;
use super::row::{json_text, millis};
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{
    DeliveryState, EndpointId, EventScope, Found, ProjectId, Recoverable, Recovery, RecoveryId, Time,
};

/// A recovery that goes on, and how long until its next step.
pub struct RunningRecovery {
    pub id: RecoveryId,
    pub id_project: ProjectId,
    pub wait: Duration,
}

const COLUMNS: &str = "id, id_project, id_endpoint, since, until, types, statuses, rate, state, position, last_position, \
                       recovered, created_at, ended_at";

fn recovery(row: &Row) -> Result<Recovery, StoreError> {
    let statuses: Vec<Recoverable> = row.json("statuses")?;
    Ok(Recovery {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_endpoint: row.parsed("id_endpoint")?,
        since: row.time("since")?,
        until: row.time_option("until")?,
        types: EventScope::from_stored(row.json("types")?),
        statuses,
        rate: row.count("rate")?,
        status: row.get::<String>("state")?.parse().map_err(|()| StoreError::Corrupt("state"))?,
        position: row.get("position")?,
        last_position: row.get("last_position")?,
        recovered: row.get::<i64>("recovered")?.unsigned_abs(),
        created_at: row.time("created_at")?,
        ended_at: row.time_option("ended_at")?,
    })
}

fn found(row: &Row) -> Result<Found, StoreError> {
    let state = row.get::<Option<String>>("state")?;
    let state = state.map(|text| text.parse::<DeliveryState>().map_err(|()| StoreError::Corrupt("state")));
    Ok(Found {
        id_event: row.parsed("id")?,
        position: row.get("position")?,
        kind: row.get::<String>("type")?.parse().ok(),
        erased: row.flag("erased")?,
        about_endpoint: row.parsed_option("about_endpoint")?,
        delivery: row.parsed_option("id_delivery")?.zip(state.transpose()?),
    })
}

const ERASED: &str = "CAST(CASE WHEN ev.body IS NULL THEN 1 ELSE 0 END AS BIGINT)";

/// Appends which events a recovery is about, from `after` to `last`.
fn push_events(sql: &mut Sql, it: &Recovery, (after, last): (i64, i64)) {
    sql.push(" FROM events ev LEFT JOIN deliveries d ON d.id_event = ev.id AND d.id_endpoint = ");
    sql.push_bind(it.id_endpoint);
    sql.push(" WHERE ev.id_project = ").push_bind(it.id_project);
    sql.push(" AND ev.position > ").push_bind(after).push(" AND ev.position <= ").push_bind(last);
    sql.push(" AND ev.created_at >= ").push_bind(it.since.millis());
    if let Some(until) = it.until {
        sql.push(" AND ev.created_at < ").push_bind(until.millis());
    }
}

impl Store {
    /// Adds a recovery, whose first step may be made at once.
    pub async fn add_recovery(&self, tx: &mut Tx, it: &Recovery) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "INSERT INTO recoveries (due_at, {COLUMNS}) \
             VALUES ({now}, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ))
        .bind(parameter)
        .bind(it.id)
        .bind(it.id_project)
        .bind(it.id_endpoint)
        .bind(it.since.millis())
        .bind(millis(it.until))
        .bind(json_text(&it.types.patterns()))
        .bind(json_text(&it.statuses))
        .bind(it.rate)
        .bind(it.status.as_str())
        .bind(it.position)
        .bind(it.last_position)
        .bind(i64::try_from(it.recovered).unwrap_or(i64::MAX))
        .bind(it.created_at.millis())
        .bind(millis(it.ended_at));
        tx.execute(sql).await.map(|_| ())
    }

    /// How many of an endpoint's recoveries go on. The caller holds the project's lock.
    pub async fn count_running_recoveries(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        endpoint: EndpointId,
    ) -> Result<u32, StoreError> {
        let sql = Sql::new(
            "SELECT COUNT(*) AS number FROM recoveries WHERE id_project = $1 AND id_endpoint = $2 AND state = 'running'",
        )
        .bind(project)
        .bind(endpoint);
        tx.optional(sql).await?.ok_or(StoreError::Corrupt("count"))?.count("number")
    }

    pub async fn lookup_recovery(
        &self,
        project: ProjectId,
        id: RecoveryId,
    ) -> Result<Option<Recovery>, StoreError> {
        self.db.optional(by_id(project, id)).await?.as_ref().map(recovery).transpose()
    }

    /// The recovery as it is now, locked.
    pub async fn lock_recovery(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: RecoveryId,
    ) -> Result<Option<Recovery>, StoreError> {
        let mut sql = by_id(project, id);
        if tx.is_postgres() {
            sql.push(" FOR UPDATE");
        }
        tx.optional(sql).await?.as_ref().map(recovery).transpose()
    }

    /// The same if its next step may be made now: another node may have made it.
    pub async fn lock_due_recovery(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: RecoveryId,
    ) -> Result<Option<Recovery>, StoreError> {
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new(format!(
            "SELECT {COLUMNS} FROM recoveries WHERE due_at <= {now} AND state = 'running' AND id_project = $2 AND id = $3"
        ))
        .bind(parameter)
        .bind(project)
        .bind(id);
        if tx.is_postgres() {
            sql.push(" FOR UPDATE");
        }
        tx.optional(sql).await?.as_ref().map(recovery).transpose()
    }

    /// Writes how a recovery stands, which is locked. A `rest` is how long its next step waits.
    pub async fn save_recovery(
        &self,
        tx: &mut Tx,
        it: &Recovery,
        rest: Option<Duration>,
    ) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "UPDATE recoveries SET due_at = CASE WHEN $2 < 0 THEN due_at ELSE {now} + $2 END, rate = $3, state = $4, \
             position = $5, recovered = $6, ended_at = $7 WHERE id_project = $8 AND id = $9"
        ))
        .bind(parameter)
        .bind(rest.map_or(-1, millis_of))
        .bind(it.rate)
        .bind(it.status.as_str())
        .bind(it.position)
        .bind(i64::try_from(it.recovered).unwrap_or(i64::MAX))
        .bind(millis(it.ended_at))
        .bind(it.id_project)
        .bind(it.id);
        tx.execute(sql).await.map(|_| ())
    }

    /// Stops an endpoint's recoveries. The caller holds the project's lock.
    pub async fn stop_recoveries(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        endpoint: EndpointId,
        at: Time,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE recoveries SET state = 'stopped', ended_at = $1 \
             WHERE id_project = $2 AND id_endpoint = $3 AND state = 'running'",
        )
        .bind(at.millis())
        .bind(project)
        .bind(endpoint);
        tx.execute(sql).await.map(|_| ())
    }

    /// Recoveries that go on, the longest due first: at most `most`.
    pub async fn list_running_recoveries(&self, most: u32) -> Result<Vec<RunningRecovery>, StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "SELECT id, id_project, due_at - {now} AS wait FROM recoveries WHERE state = 'running' \
             ORDER BY due_at LIMIT $2"
        ))
        .bind(parameter)
        .bind(most);
        let running = |row: &Row| {
            let wait = u64::try_from(row.get::<i64>("wait")?).unwrap_or(0);
            let (id, id_project) = (row.parsed("id")?, row.parsed("id_project")?);
            Ok(RunningRecovery { id, id_project, wait: Duration::from_millis(wait) })
        };
        self.db.all(sql).await?.iter().map(running).collect()
    }

    /// The next events that a recovery looks at, each with the endpoint's delivery of it. The caller holds the locks of
    /// the project and the endpoint.
    pub async fn read_recoverable(
        &self,
        tx: &mut Tx,
        it: &Recovery,
        most: u32,
    ) -> Result<Vec<Found>, StoreError> {
        let mut sql = Sql::new(format!(
            "SELECT ev.id, ev.position, ev.type, ev.about_endpoint, {ERASED} AS erased, d.id AS id_delivery, d.state"
        ));
        push_events(&mut sql, it, (it.position, it.last_position));
        sql.push(" ORDER BY ev.position LIMIT ").push_bind(most);
        tx.all(sql).await?.iter().map(found).collect()
    }

    /// What a recovery would find from `after` to `last`: one of each kind, with their number.
    pub async fn count_recoverable(
        &self,
        it: &Recovery,
        (after, last): (i64, i64),
    ) -> Result<Vec<(Found, u64)>, StoreError> {
        let mut sql = Sql::new("SELECT ev.type, CASE WHEN ev.about_endpoint = ");
        sql.push_bind(it.id_endpoint);
        sql.push(&format!(
            " THEN ev.about_endpoint END AS about_endpoint, {ERASED} AS erased, d.state, MIN(ev.id) AS id, \
             MIN(d.id) AS id_delivery, MAX(ev.position) AS position, COUNT(*) AS number"
        ));
        push_events(&mut sql, it, (after, last));
        sql.push(" GROUP BY 1, 2, 3, 4");
        let counted = |row: &Row| Ok((found(row)?, row.get::<i64>("number")?.unsigned_abs()));
        self.db.all(sql).await?.iter().map(counted).collect()
    }
}

fn by_id(project: ProjectId, id: RecoveryId) -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM recoveries WHERE id_project = $1 AND id = $2"))
        .bind(project)
        .bind(id)
}
