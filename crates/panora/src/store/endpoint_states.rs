//! What the engine knows of endpoints: read under a lock, decided on by the model, written back in groups.

use super::deliveries::millis_of;
use super::row::millis;
use super::{Batch, Column, LEASE, Row, Sql, Store, StoreError, Tx};
use crate::model::{EndpointId, EndpointState, ProjectId, RetrySchedule, Time};

/// Stands for a time that never comes.
pub const NEVER: Time = Time::from_millis(i64::MAX);

/// An endpoint as the engine decides on it.
#[derive(Clone, Debug)]
pub struct EndpointStanding {
    pub id: EndpointId,
    pub id_project: ProjectId,
    pub url: String,
    pub rate_limit: Option<u32>,
    pub retry_schedule: RetrySchedule,
    pub deleted: bool,
    pub state: EndpointState,
    /// When the engine must look at its deliveries next.
    pub look_at: Time,
    /// Which node alone sends to it, and until when.
    pub lease: Option<(String, Time)>,
}

impl EndpointStanding {
    /// Looks at it no later than at `at`.
    pub fn look_by(&mut self, at: Time) {
        self.look_at = self.look_at.min(at.max(self.state.not_before));
    }

    /// Whether one node alone sends to it.
    pub fn is_leased_out(&self, now: Time) -> bool {
        self.rate_limit.is_some() || !self.state.is_free(now)
    }
}

/// When an endpoint is to be looked at, after something was published for it: at once, or when the lease of what is
/// sent now ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookAt {
    Once,
    LeaseEnd,
}

/// The columns of an endpoint's state.
pub(super) const STATE: &str = "status, failures, failing_since, last_success_at, held_since, failed_probes, pauses, \
                                not_before, drain_rate, drain_since, release_number";

pub(super) fn endpoint_state(row: &Row) -> Result<EndpointState, StoreError> {
    Ok(EndpointState {
        status: row.get::<String>("status")?.parse().map_err(|()| StoreError::Corrupt("status"))?,
        failures: row.count("failures")?,
        failing_since: row.time_option("failing_since")?,
        last_success_at: row.time_option("last_success_at")?,
        held_since: row.time_option("held_since")?,
        failed_probes: row.count("failed_probes")?,
        pauses: row.count("pauses")?,
        not_before: row.time("not_before")?,
        drain_rate: row.count("drain_rate")?,
        drain_since: row.time("drain_since")?,
        release: row.get("release_number")?,
    })
}

fn standing(row: &Row) -> Result<EndpointStanding, StoreError> {
    let owner = row.get::<Option<String>>("lease_owner")?;
    Ok(EndpointStanding {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        url: row.get("url")?,
        rate_limit: row.get::<Option<i64>>("rate_limit")?.and_then(|rate| u32::try_from(rate).ok()),
        retry_schedule: RetrySchedule::new(row.json("retry_schedule")?)
            .ok_or(StoreError::Corrupt("schedule"))?,
        deleted: row.time_option("deleted_at")?.is_some(),
        state: endpoint_state(row)?,
        look_at: row.time("look_at")?,
        lease: owner.zip(Some(row.time("lease_until")?)),
    })
}

impl Store {
    /// Endpoints whose deliveries are to be looked at, the longest due first; not those that another node alone
    /// sends to.
    pub async fn list_endpoints_to_look_at(
        &self,
        owner: &str,
        most: u32,
    ) -> Result<Vec<(ProjectId, EndpointId)>, StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "SELECT id, id_project FROM endpoints WHERE look_at <= {now} AND deleted_at IS NULL \
             AND (lease_until <= {now} OR lease_owner = $2) ORDER BY look_at LIMIT $3"
        ))
        .bind(parameter)
        .bind(owner)
        .bind(most);
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id_project")?, row.parsed("id")?))).collect()
    }

    /// Deleted endpoints where something may be left to cancel.
    pub async fn list_endpoints_to_clear(
        &self,
        most: u32,
    ) -> Result<Vec<(ProjectId, EndpointId)>, StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "SELECT id, id_project FROM endpoints WHERE look_at <= {now} AND deleted_at IS NOT NULL \
             ORDER BY look_at LIMIT $2"
        ))
        .bind(parameter)
        .bind(most);
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id_project")?, row.parsed("id")?))).collect()
    }

    /// How these endpoints stand, locked, and the present. Whoever publishes or changes an endpoint locks its project
    /// first.
    pub async fn lock_endpoints(
        &self,
        tx: &mut Tx,
        ids: &[EndpointId],
    ) -> Result<(Time, Vec<EndpointStanding>), StoreError> {
        self.lock_endpoints_as(tx, ids, " FOR UPDATE").await
    }

    /// The same without those that somebody else has locked.
    pub async fn lock_free_endpoints(
        &self,
        tx: &mut Tx,
        ids: &[EndpointId],
    ) -> Result<(Time, Vec<EndpointStanding>), StoreError> {
        self.lock_endpoints_as(tx, ids, " FOR UPDATE SKIP LOCKED").await
    }

    async fn lock_endpoints_as(
        &self,
        tx: &mut Tx,
        ids: &[EndpointId],
        lock: &str,
    ) -> Result<(Time, Vec<EndpointStanding>), StoreError> {
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new(format!(
            "SELECT id, id_project, url, rate_limit, retry_schedule, deleted_at, {STATE}, look_at, lease_owner, \
             lease_until, {now} AS present FROM endpoints WHERE id IN "
        ))
        .bind(parameter);
        sql.push_list(ids.iter().copied());
        sql.push(" ORDER BY id");
        if tx.is_postgres() {
            sql.push(lock);
        }
        let rows = tx.all(sql).await?;
        let present = rows.first().map_or_else(|| Ok(self.now()), |row| row.time("present"))?;
        Ok((present, rows.iter().map(standing).collect::<Result<_, _>>()?))
    }

    /// The projects of the endpoints that this node alone sends to.
    pub async fn list_projects_leased_by(&self, owner: &str) -> Result<Vec<ProjectId>, StoreError> {
        const TEXT: &str = "SELECT DISTINCT id_project FROM endpoints WHERE lease_owner = $1";
        let rows = self.db.all(Sql::new(TEXT).bind(owner)).await?;
        rows.iter().map(|row| row.parsed("id_project")).collect()
    }

    /// Gives back those of a project. The caller holds its lock.
    pub async fn give_up_endpoints(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        owner: &str,
    ) -> Result<(), StoreError> {
        const TEXT: &str = "UPDATE endpoints SET lease_owner = NULL, lease_until = 0 \
                            WHERE lease_owner = $1 AND id_project = $2";
        let sql = Sql::new(TEXT).bind(owner).bind(project);
        tx.execute(sql).await.map(|_| ())
    }

    /// Has those of these endpoints looked at now that wait for another time. The caller holds their locks.
    pub async fn look_at_once(&self, tx: &mut Tx, endpoints: &[EndpointId]) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new(format!(
            "UPDATE endpoints SET look_at = CASE WHEN not_before > {now} THEN not_before ELSE {now} END \
             WHERE look_at > {now} AND id IN "
        ))
        .bind(parameter);
        sql.push_list(endpoints.iter().copied());
        tx.execute(sql).await.map(|_| ())
    }

    /// Writes how endpoints stand.
    pub async fn save_endpoint_states(
        &self,
        tx: &mut Tx,
        endpoints: &[EndpointStanding],
    ) -> Result<(), StoreError> {
        use Column::{Int, Text};
        let mut batch = Batch::new(
            "WITH new (id, status, failures, failing_since, last_success_at, held_since, failed_probes, pauses, \
             not_before, drain_rate, drain_since, release_number, look_at, lease_owner, lease_until) AS ({rows}) \
             UPDATE endpoints SET status = new.status, failures = new.failures, failing_since = new.failing_since, \
             last_success_at = new.last_success_at, held_since = new.held_since, \
             failed_probes = new.failed_probes, pauses = new.pauses, not_before = new.not_before, \
             drain_rate = new.drain_rate, drain_since = new.drain_since, release_number = new.release_number, \
             look_at = new.look_at, lease_owner = new.lease_owner, lease_until = new.lease_until \
             FROM new WHERE endpoints.id = new.id",
            &[Text, Text, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Text, Int],
        );
        for EndpointStanding { id, state, look_at, lease, .. } in endpoints {
            batch.row([
                (*id).into(),
                state.status.as_str().into(),
                state.failures.into(),
                millis(state.failing_since).into(),
                millis(state.last_success_at).into(),
                millis(state.held_since).into(),
                state.failed_probes.into(),
                state.pauses.into(),
                state.not_before.millis().into(),
                state.drain_rate.into(),
                state.drain_since.millis().into(),
                state.release.into(),
                look_at.millis().into(),
                lease.as_ref().map(|(owner, _)| owner.as_str()).into(),
                lease.as_ref().map_or(0, |(_, until)| until.millis()).into(),
            ]);
        }
        tx.execute_batch(batch).await
    }

    /// Tells the other nodes that these endpoints of a project are to be read again. The caller holds its lock.
    pub async fn mark_endpoints_changed(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        ids: &[EndpointId],
    ) -> Result<(), StoreError> {
        let version = self.next_endpoints_version(tx, project).await?;
        let mut sql = Sql::new("UPDATE endpoints SET version = $1 WHERE id_project = $2 AND id IN ")
            .bind(version)
            .bind(project);
        sql.push_list(ids.iter().copied());
        tx.execute(sql).await.map(|_| ())
    }

    /// Tells every node that something it may have in hand for these endpoints of a project was cancelled. The caller
    /// holds its lock.
    pub async fn mark_withdrawn(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        ids: impl IntoIterator<Item = EndpointId>,
    ) -> Result<(), StoreError> {
        let version = self.next_endpoints_version(tx, project).await?;
        let mut sql = Sql::new(
            "UPDATE endpoints SET version = $1, withdrawals = withdrawals + 1 WHERE id_project = $2 AND id IN ",
        )
        .bind(version)
        .bind(project);
        sql.push_list(ids.into_iter().map(|id| id.to_string()));
        tx.execute(sql).await.map(|_| ())
    }

    /// Has endpoints looked at no later than so, because something was published for them. Where that is so already
    /// nothing is written. The caller holds the locks of their projects, in whose protection nobody looks meanwhile.
    pub async fn look_at_endpoints(
        &self,
        tx: &mut Tx,
        looks: impl IntoIterator<Item = (EndpointId, LookAt)>,
    ) -> Result<(), StoreError> {
        const AT: &str =
            "CASE WHEN e.not_before > {now} + new.delay THEN e.not_before ELSE {now} + new.delay END";
        let (now, parameter) = self.db_now();
        let lock = if tx.is_postgres() { " ORDER BY e.id FOR UPDATE OF e" } else { "" };
        let at = AT.replace("{now}", now);
        let text = format!(
            "WITH new (id, delay) AS ({{rows}}), later AS (SELECT e.id, {at} AS look_at FROM endpoints e \
             JOIN new ON new.id = e.id WHERE e.look_at > {at}{lock}) \
             UPDATE endpoints SET look_at = later.look_at FROM later WHERE endpoints.id = later.id"
        );
        let mut batch = Batch::new(&text, &[Column::Text, Column::Int]).bind(parameter);
        for (id, look) in looks {
            let delay = if look == LookAt::Once { 0 } else { millis_of(LEASE) };
            batch.row([id.into(), delay.into()]);
        }
        tx.execute_batch(batch).await
    }
}
