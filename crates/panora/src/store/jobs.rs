//! Work promised in a transaction and done after it.

use super::{LEASE, Row, Sql, Store, StoreError, Tx};
use crate::model::{JobId, ProjectId, Time};
use crate::vault::Sealed;

/// A job about to be promised.
pub struct NewJob<'a> {
    pub id: JobId,
    pub id_project: ProjectId,
    pub kind: &'a str,
    /// JSON, sealed.
    pub payload: &'a Sealed,
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
        let now = self.now().millis();
        let sql = Sql::new(
            "INSERT INTO jobs (id, id_project, kind, payload, tries, due_at, lease_until, created_at) \
             VALUES ($1, $2, $3, $4, 0, $5, 0, $5)",
        )
        .bind(job.id.to_string())
        .bind(job.id_project.to_string())
        .bind(job.kind)
        .bind(job.payload.0.as_slice())
        .bind(now);
        tx.execute(sql).await.map(|_| ())
    }

    /// Claims at most `most` due jobs, of any project, for [`LEASE`].
    pub async fn claim_jobs(&self, owner: &str, most: u32) -> Result<Vec<Job>, StoreError> {
        let (now, parameter) = self.db_now();
        let skip = if matches!(self.db, super::Db::Postgres(_)) { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = Sql::new(format!(
            "UPDATE jobs SET lease_owner = $2, lease_until = {now} + $3, tries = tries + 1 WHERE id IN \
             (SELECT id FROM jobs WHERE due_at <= {now} AND lease_until <= {now} ORDER BY due_at LIMIT $4{skip}) \
             RETURNING id, id_project, kind, payload, tries"
        ))
        .bind(parameter)
        .bind(owner)
        .bind(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX))
        .bind(most);
        self.db.execute_returning(sql).await?.iter().map(job).collect()
    }

    /// When the next job is due, for the worker that sleeps until then.
    pub async fn next_job_due(&self) -> Result<Option<Time>, StoreError> {
        let sql = Sql::new(
            "SELECT CASE WHEN due_at > lease_until THEN due_at ELSE lease_until END AS at FROM jobs \
             ORDER BY due_at LIMIT 1",
        );
        self.db.optional(sql).await?.map(|row| row.time("at")).transpose()
    }

    pub async fn finish_job(&self, job: &Job) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM jobs WHERE id_project = $1 AND id = $2")
            .bind(job.id_project.to_string())
            .bind(job.id.to_string());
        self.db.execute(sql).await.map(|_| ())
    }

    pub async fn postpone_job(&self, job: &Job, due_at: Time) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE jobs SET due_at = $1, lease_until = 0 WHERE id_project = $2 AND id = $3")
            .bind(due_at.millis())
            .bind(job.id_project.to_string())
            .bind(job.id.to_string());
        self.db.execute(sql).await.map(|_| ())
    }
}
