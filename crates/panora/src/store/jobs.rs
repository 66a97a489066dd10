//! Work promised in a transaction and done after it.

use std::time::Duration;

use super::deliveries::millis_of;
use super::{LEASE, Row, Sql, Store, StoreError, Tx};
use crate::model::{JobId, ProjectId};
use crate::vault::Sealed;

/// A job about to be promised.
pub struct NewJob<'a> {
    pub id: JobId,
    pub id_project: ProjectId,
    pub kind: &'a str,
    /// JSON, sealed.
    pub payload: &'a Sealed,
    /// Not done before.
    pub due_in: Duration,
}

/// Whether somebody has begun a job.
#[derive(Clone, Copy, Debug)]
pub enum JobStage {
    Waiting,
    Begun,
    Any,
}

/// A job that this node has claimed.
#[derive(Debug)]
pub struct Job {
    pub id: JobId,
    pub id_project: ProjectId,
    pub kind: String,
    pub payload: Sealed,
    pub tries: u32,
}

fn job(row: &Row) -> Result<Job, StoreError> {
    Ok(Job {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        kind: row.get("kind")?,
        payload: Sealed(row.get("payload")?),
        tries: row.count("tries")?,
    })
}

impl Store {
    pub async fn add_job(&self, tx: &mut Tx, job: &NewJob<'_>) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "INSERT INTO jobs (id, id_project, kind, payload, tries, due_at, lease_until, created_at) \
             VALUES ($2, $3, $4, $5, 0, {now} + $7, 0, $6)"
        ))
        .bind(parameter)
        .bind(job.id)
        .bind(job.id_project)
        .bind(job.kind)
        .bind(job.payload.0.as_slice())
        .bind(self.now().millis())
        .bind(millis_of(job.due_in));
        tx.execute(sql).await.map(|_| ())
    }

    /// Claims at most `most` due jobs, of any project, for [`LEASE`].
    pub async fn claim_jobs(&self, owner: &str, most: u32) -> Result<Vec<Job>, StoreError> {
        let (now, parameter) = self.db_now();
        let skip = if matches!(self.db, super::Db::Postgres(_)) { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = Sql::new(format!(
            "WITH taken AS MATERIALIZED (SELECT id FROM jobs WHERE due_at <= {now} AND lease_until <= {now} \
             ORDER BY due_at LIMIT $4{skip}) \
             UPDATE jobs SET lease_owner = $2, lease_until = {now} + $3, tries = tries + 1 \
             WHERE id IN (SELECT id FROM taken) RETURNING id, id_project, kind, payload, tries"
        ))
        .bind(parameter)
        .bind(owner)
        .bind(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX))
        .bind(most);
        self.db.execute_returning(sql).await?.iter().map(job).collect()
    }

    /// Leaves the rest of a job to whoever takes it next, at once.
    pub async fn continue_job(&self, job: &Job, payload: &Sealed) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "UPDATE jobs SET payload = $2, due_at = {now}, lease_until = 0 WHERE id_project = $3 AND id = $4"
        ))
        .bind(parameter)
        .bind(payload.0.as_slice())
        .bind(job.id_project)
        .bind(job.id);
        self.db.execute(sql).await.map(|_| ())
    }

    /// The payload of a job that nobody has begun.
    pub async fn lookup_waiting_job(
        &self,
        project: ProjectId,
        (id, kind): (JobId, &str),
    ) -> Result<Option<Sealed>, StoreError> {
        let sql = Sql::new(
            "SELECT payload FROM jobs WHERE id_project = $1 AND id = $2 AND kind = $3 AND tries = 0",
        )
        .bind(project)
        .bind(id)
        .bind(kind);
        let row = self.db.optional(sql).await?;
        row.map(|row| row.get("payload").map(Sealed)).transpose()
    }

    /// Takes a job out: its payload, unless it is gone, or not in that stage.
    pub async fn take_job(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        (id, stage): (JobId, JobStage),
    ) -> Result<Option<Sealed>, StoreError> {
        let stage = match stage {
            JobStage::Waiting => " AND tries = 0",
            JobStage::Begun => " AND tries > 0",
            JobStage::Any => "",
        };
        let sql = format!("DELETE FROM jobs WHERE id_project = $1 AND id = $2{stage} RETURNING payload");
        let row = tx.optional(Sql::new(sql).bind(project).bind(id)).await?;
        row.map(|row| row.get("payload").map(Sealed)).transpose()
    }

    pub async fn finish_job(&self, project: ProjectId, id: JobId) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM jobs WHERE id_project = $1 AND id = $2").bind(project).bind(id);
        self.db.execute(sql).await.map(|_| ())
    }

    /// Tries the job again after `delay`.
    pub async fn postpone_job(&self, job: &Job, delay: Duration) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "UPDATE jobs SET due_at = {now} + $2, lease_until = 0 WHERE id_project = $3 AND id = $4"
        ))
        .bind(parameter)
        .bind(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
        .bind(job.id_project)
        .bind(job.id);
        self.db.execute(sql).await.map(|_| ())
    }
}
