//! Deliveries: the queue is this table. Added with their event, claimed in batches under a lease, settled in groups.
//! While somebody sends one, `due_at` is the end of the lease: after that it is due again by itself.

use std::time::Duration;

use super::row::millis;
use super::{Batch, Column, LEASE, Row, Sql, Store, StoreError, Tx};
use crate::model::{
    DeliveryCause, DeliveryId, DeliveryState, EndpointId, EventId, Progress, ProjectId, Time,
};

/// A delivery about to be added.
pub struct NewDelivery<'a> {
    pub id: DeliveryId,
    pub id_project: ProjectId,
    pub id_event: EventId,
    pub id_endpoint: EndpointId,
    /// `Open`, or `Test`.
    pub state: DeliveryState,
    /// Who sends it at once, without claiming it.
    pub lease_owner: Option<&'a str>,
    /// The endpoint's release.
    pub release: i64,
}

/// A delivery that this node may send until its lease ends.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    pub id_project: ProjectId,
    pub id_event: EventId,
    pub id_endpoint: EndpointId,
    /// Tries used before this one.
    pub tries: u32,
    pub first_try_at: Option<Time>,
}

/// Which deliveries of an endpoint are claimed.
#[derive(Clone, Copy, Debug)]
pub enum Claim {
    /// Those that are due.
    Due,
    /// Those scheduled before the endpoint's last release, oldest first, after that one.
    Released(Option<DeliveryId>),
    /// Of those that wait the one with the fewest probes.
    Probe,
}

/// What a step of cancelling came to.
#[derive(Clone, Copy, Debug)]
pub struct CancelStep {
    pub cancelled: u64,
    /// Some node may have one of them in hand.
    pub leased: bool,
    /// Where the next step goes on; none when this was the last.
    pub next: Option<DeliveryId>,
}

/// Deliveries of one step: others wait for the endpoint's lock meanwhile.
const CANCEL_STEP: u32 = 1000;

const CLAIMED: &str = "id, id_project, id_event, id_endpoint, tries, first_try_at";

fn claimed(row: &Row) -> Result<ClaimedDelivery, StoreError> {
    Ok(ClaimedDelivery {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_event: row.parsed("id_event")?,
        id_endpoint: row.parsed("id_endpoint")?,
        tries: row.count("tries")?,
        first_try_at: row.time_option("first_try_at")?,
    })
}

impl Store {
    /// Adds deliveries, due at once, or leased to who sends them at once.
    pub async fn add_deliveries(&self, tx: &mut Tx, new: &[NewDelivery<'_>]) -> Result<(), StoreError> {
        use Column::{Int, Text};
        let (now, parameter) = self.db_now();
        let text = format!(
            "WITH new (id, id_project, id_event, id_endpoint, state, delay, release_number, lease_owner) AS ({{rows}}) \
             INSERT INTO deliveries (id, id_project, id_event, id_endpoint, state, tries, probes, due_at, \
             release_number, lease_owner, created_at) SELECT new.id, new.id_project, new.id_event, \
             new.id_endpoint, new.state, 0, 0, {now} + new.delay, new.release_number, new.lease_owner, \
             CAST($2 AS BIGINT) FROM new"
        );
        let mut batch = Batch::new(&text, &[Text, Text, Text, Text, Text, Int, Int, Text]);
        batch = batch.bind(parameter).bind(self.now().millis());
        for it in new {
            let delay = if it.lease_owner.is_some() { millis_of(LEASE) } else { 0 };
            batch.row([
                it.id.into(),
                it.id_project.into(),
                it.id_event.into(),
                it.id_endpoint.into(),
                it.state.as_str().into(),
                delay.into(),
                it.release.into(),
                it.lease_owner.into(),
            ]);
        }
        tx.execute_batch(batch).await
    }

    /// Claims at most `most` open deliveries of an endpoint for [`LEASE`], oldest first. `release` is the endpoint's
    /// present one.
    pub async fn claim_deliveries(
        &self,
        tx: &mut Tx,
        owner: &str,
        (endpoint, release): (EndpointId, i64),
        claim: Claim,
        most: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let (now, parameter) = self.db_now();
        let skip = if tx.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
        // Materialised: PostgreSQL may run a subquery more than once, which would skip what it has locked and take more.
        // Not one that somebody sends at this moment.
        let idle = format!("(lease_owner IS NULL OR due_at <= {now})");
        let (condition, order) = match claim {
            Claim::Due => (format!("due_at <= {now}"), "due_at"),
            Claim::Released(_) => (format!("release_number < $5 AND id > $7 AND {idle}"), "id"),
            Claim::Probe => (format!("probes = 0 AND {idle}"), "id"),
        };
        let text = |condition: &str, order: &str| {
            Sql::new(format!(
                "WITH taken AS MATERIALIZED (SELECT id FROM deliveries WHERE id_endpoint = $4 AND state = 'open' \
                 AND {condition} ORDER BY {order} LIMIT $6{skip}) \
                 UPDATE deliveries SET lease_owner = $2, due_at = {now} + $3, release_number = $5 \
                 WHERE id IN (SELECT id FROM taken) RETURNING {CLAIMED}"
            ))
            .bind(parameter)
            .bind(owner)
            .bind(millis_of(LEASE))
            .bind(endpoint)
            .bind(release)
            .bind(most)
        };
        let mut sql = text(&condition, order);
        if let Claim::Released(after) = claim {
            sql = sql.bind(after.map(|id| id.to_string()).unwrap_or_default());
        }
        let mut rows = tx.all(sql).await?;
        if rows.is_empty() && matches!(claim, Claim::Probe) {
            // All have been probed, so there are no more of them than probes were made.
            rows = tx.all(text(&idle, "probes, id")).await?;
        }
        let mut claimed: Vec<_> = rows.iter().map(claimed).collect::<Result<_, _>>()?;
        claimed.sort_unstable_by_key(|it| it.id);
        Ok(claimed)
    }

    /// When the next open delivery of an endpoint is due, or its lease ends.
    pub async fn next_due(&self, tx: &mut Tx, endpoint: EndpointId) -> Result<Option<Time>, StoreError> {
        let sql = Sql::new(
            "SELECT MIN(due_at) AS due_at FROM deliveries WHERE id_endpoint = $1 AND state = 'open'",
        )
        .bind(endpoint);
        tx.optional(sql).await?.map_or(Ok(None), |row| row.time_option("due_at"))
    }

    /// How these deliveries stand, locked.
    pub async fn lock_deliveries(
        &self,
        tx: &mut Tx,
        ids: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, Progress)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(
            "SELECT id, state, cause, tries, probes, first_try_at, due_at FROM deliveries WHERE id IN ",
        );
        sql.push_list(ids.iter().copied());
        sql.push(" ORDER BY id");
        if tx.is_postgres() {
            sql.push(" FOR UPDATE");
        }
        tx.all(sql).await?.iter().map(|row| Ok((row.parsed("id")?, progress(row)?))).collect()
    }

    /// Writes how deliveries stand after attempts, and ends their leases. What was delivered stays so. `release` is
    /// the endpoint's present one.
    pub async fn save_deliveries(
        &self,
        tx: &mut Tx,
        settled: impl IntoIterator<Item = (DeliveryId, Progress, i64)>,
    ) -> Result<(), StoreError> {
        use Column::{Int, Text};
        let (now, parameter) = self.db_now();
        let text = format!(
            "WITH new (id, state, cause, tries, probes, first_try_at, due_at, release_number) AS ({{rows}}) \
             UPDATE deliveries SET state = new.state, cause = new.cause, tries = new.tries, probes = new.probes, \
             first_try_at = new.first_try_at, due_at = new.due_at, release_number = new.release_number, \
             lease_owner = NULL, ended_at = CASE WHEN new.state IN ('open', 'test') THEN NULL \
             WHEN new.state = deliveries.state THEN deliveries.ended_at ELSE {now} END FROM new \
             WHERE deliveries.id = new.id AND deliveries.state <> 'delivered'"
        );
        let mut batch = Batch::new(&text, &[Text, Text, Text, Int, Int, Int, Int, Int]).bind(parameter);
        for (id, it, release) in settled {
            batch.row([
                id.into(),
                it.state.as_str().into(),
                it.cause.map(DeliveryCause::as_str).into(),
                it.tries.into(),
                it.probes.into(),
                millis(it.first_try_at).into(),
                it.due_at.millis().into(),
                release.into(),
            ]);
        }
        tx.execute_batch(batch).await
    }

    /// Ends this node's leases of what was not sent, so that others may take it at once. The caller holds the locks of
    /// the endpoints.
    pub async fn release_deliveries(
        &self,
        tx: &mut Tx,
        owner: &str,
        ids: &[DeliveryId],
    ) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        for part in ids.chunks(500) {
            let mut sql = Sql::new(format!(
                "UPDATE deliveries SET lease_owner = NULL, due_at = {now} WHERE lease_owner = $2 AND id IN "
            ))
            .bind(parameter)
            .bind(owner);
            sql.push_list(part.iter().copied());
            tx.execute(sql).await?;
        }
        Ok(())
    }

    /// One step of cancelling what is open at an endpoint and was made before `before`: looks at so many of its open
    /// deliveries that follow `after`. The caller holds the endpoint's lock.
    pub async fn cancel_deliveries(
        &self,
        tx: &mut Tx,
        (project, endpoint): (ProjectId, EndpointId),
        before: Option<Time>,
        cause: DeliveryCause,
        after: Option<DeliveryId>,
    ) -> Result<CancelStep, StoreError> {
        let page = Sql::new(
            "SELECT id, lease_owner FROM deliveries WHERE id_endpoint = $1 AND state = 'open' AND id > $2 \
             ORDER BY id LIMIT $3",
        )
        .bind(endpoint)
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(CANCEL_STEP);
        let ids = tx.all(page).await?;
        let Some(last) = ids.last() else {
            return Ok(CancelStep { cancelled: 0, leased: false, next: None });
        };
        let last: DeliveryId = last.parsed("id")?;
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new(format!(
            "UPDATE deliveries SET state = 'cancelled', cause = $2, ended_at = {now} \
             WHERE id_project = $3 AND created_at < $4 AND state = 'open' AND id IN "
        ))
        .bind(parameter)
        .bind(cause.as_str())
        .bind(project)
        .bind(before.map_or(i64::MAX, Time::millis));
        let texts: Vec<String> = ids.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
        sql.push_list(texts);
        let next = (ids.len() == CANCEL_STEP as usize).then_some(last);
        let owners: Vec<Option<String>> =
            ids.iter().map(|row| row.get("lease_owner")).collect::<Result<_, _>>()?;
        let cancelled = tx.execute(sql).await?;
        Ok(CancelStep { cancelled, leased: cancelled > 0 && owners.iter().any(Option::is_some), next })
    }

    /// Gives failed and cancelled deliveries a full schedule again, due now. `release` is the endpoint's present one.
    /// The caller holds the endpoint's lock.
    pub async fn restart_deliveries(
        &self,
        tx: &mut Tx,
        ids: &[DeliveryId],
        release: i64,
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new(format!(
            "UPDATE deliveries SET state = 'open', cause = NULL, tries = 0, probes = 0, first_try_at = NULL, \
             due_at = {now}, release_number = $2, lease_owner = NULL, restarted_at = {now}, ended_at = NULL \
             WHERE state IN ('failed', 'cancelled') AND id IN "
        ))
        .bind(parameter)
        .bind(release);
        sql.push_list(ids.iter().copied());
        tx.execute(sql).await.map(|_| ())
    }
}

fn progress(row: &Row) -> Result<Progress, StoreError> {
    let cause = row.get::<Option<String>>("cause")?;
    Ok(Progress {
        state: row.get::<String>("state")?.parse().map_err(|()| StoreError::Corrupt("state"))?,
        cause: cause.and_then(|text| text.parse().ok()),
        tries: row.count("tries")?,
        probes: row.count("probes")?,
        first_try_at: row.time_option("first_try_at")?,
        due_at: row.time("due_at")?,
    })
}

pub(super) fn millis_of(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
