//! Endpoints, and what is sealed of them.

use super::row::{json_text, millis};
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{Endpoint, EndpointId, EventScope, PageQuery, Paged, ProjectId, RetrySchedule, Time};
use crate::vault::Sealed;

/// An endpoint with its secrets.
#[derive(Clone, Debug)]
pub struct StoredEndpoint {
    pub endpoint: Endpoint,
    pub secret: Sealed,
    /// The secret before a rotation, which signs too until then.
    pub previous_secret: Option<(Sealed, Time)>,
    /// Custom headers: JSON, sealed.
    pub headers: Option<Sealed>,
}

const COLUMNS: &str = "id, id_project, url, description, scope, active, rate_limit, retry_schedule, headers, secret, \
                       previous_secret, previous_secret_until, created_at, updated_at";

fn stored(row: &Row) -> Result<StoredEndpoint, StoreError> {
    let endpoint = Endpoint {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        url: row.get("url")?,
        description: row.get("description")?,
        scope: EventScope::from_stored(row.json("scope")?),
        active: row.flag("active")?,
        rate_limit: row.get::<Option<i64>>("rate_limit")?.and_then(|rate| u32::try_from(rate).ok()),
        retry_schedule: RetrySchedule::new(row.json("retry_schedule")?)
            .ok_or(StoreError::Corrupt("schedule"))?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    let previous = row.get::<Option<Vec<u8>>>("previous_secret")?.map(Sealed);
    let until = row.time_option("previous_secret_until")?;
    Ok(StoredEndpoint {
        endpoint,
        secret: Sealed(row.get("secret")?),
        previous_secret: previous.zip(until),
        headers: row.get::<Option<Vec<u8>>>("headers")?.map(Sealed),
    })
}

impl Store {
    /// Adds an endpoint. The caller holds the project's lock.
    pub async fn add_endpoint(&self, tx: &mut Tx, new: &StoredEndpoint) -> Result<(), StoreError> {
        let sql = Sql::new(format!(
            "INSERT INTO endpoints ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        ));
        tx.execute(
            bind(sql, new).bind(new.endpoint.created_at.millis()).bind(new.endpoint.updated_at.millis()),
        )
        .await
        .map(|_| ())
    }

    /// Writes what was changed. The caller holds the project's lock.
    pub async fn save_endpoint(&self, tx: &mut Tx, it: &StoredEndpoint) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE endpoints SET url = $3, description = $4, scope = $5, active = $6, rate_limit = $7, \
             retry_schedule = $8, headers = $9, secret = $10, previous_secret = $11, previous_secret_until = $12, \
             updated_at = $13 WHERE id = $1 AND id_project = $2 AND deleted_at IS NULL",
        );
        tx.execute(bind(sql, it).bind(it.endpoint.updated_at.millis())).await.map(|_| ())
    }

    pub async fn lookup_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<StoredEndpoint>, StoreError> {
        self.db.optional(by_id(project, id)).await?.as_ref().map(stored).transpose()
    }

    /// The endpoint as it is now. The caller holds the project's lock, so it stays so.
    pub async fn read_endpoint(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<StoredEndpoint>, StoreError> {
        tx.optional(by_id(project, id)).await?.as_ref().map(stored).transpose()
    }

    /// Newest first.
    pub async fn list_endpoints(
        &self,
        project: ProjectId,
        page: &PageQuery,
    ) -> Result<Paged<StoredEndpoint>, StoreError> {
        let mut sql =
            Sql::new(format!("SELECT {COLUMNS} FROM endpoints WHERE deleted_at IS NULL AND id_project = "));
        sql.push_bind(project.to_string());
        sql.push_page(page);
        let rows = self.db.all(sql).await?.iter().map(stored).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |it| it.endpoint.id.to_string()))
    }

    /// Whom a project's events may be for, inactive ones too: theirs wait. The caller holds the project's lock.
    pub async fn list_scopes(
        &self,
        tx: &mut Tx,
        project: ProjectId,
    ) -> Result<Vec<(EndpointId, EventScope)>, StoreError> {
        let sql = Sql::new("SELECT id, scope FROM endpoints WHERE id_project = $1 AND deleted_at IS NULL")
            .bind(project.to_string());
        let rows = tx.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id")?, EventScope::from_stored(row.json("scope")?)))).collect()
    }

    /// How many a project has. The caller holds the project's lock.
    pub async fn count_endpoints(&self, tx: &mut Tx, project: ProjectId) -> Result<u32, StoreError> {
        let sql =
            Sql::new("SELECT COUNT(*) AS number FROM endpoints WHERE id_project = $1 AND deleted_at IS NULL")
                .bind(project.to_string());
        tx.optional(sql).await?.ok_or(StoreError::Corrupt("count"))?.count("number")
    }

    /// The endpoints that claimed deliveries go to.
    pub async fn lookup_endpoints(&self, ids: &[EndpointId]) -> Result<Vec<StoredEndpoint>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM endpoints WHERE id IN "));
        sql.push_list(ids.iter().map(ToString::to_string));
        self.db.all(sql).await?.iter().map(stored).collect()
    }

    /// Deletes an endpoint and cancels what is open there; its log stays. The caller holds the project's lock.
    pub async fn delete_endpoint(&self, tx: &mut Tx, it: &Endpoint, at: Time) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE endpoints SET deleted_at = $1 WHERE id_project = $2 AND id = $3")
            .bind(at.millis())
            .bind(it.id_project.to_string())
            .bind(it.id.to_string());
        tx.execute(sql).await?;
        let sql = Sql::new(
            "UPDATE deliveries SET state = 'cancelled', ended_at = $1 \
             WHERE id_project = $2 AND id_endpoint = $3 AND state = 'open'",
        )
        .bind(at.millis())
        .bind(it.id_project.to_string())
        .bind(it.id.to_string());
        tx.execute(sql).await.map(|_| ())
    }
}

fn by_id(project: ProjectId, id: EndpointId) -> Sql {
    Sql::new(format!(
        "SELECT {COLUMNS} FROM endpoints WHERE id_project = $1 AND id = $2 AND deleted_at IS NULL"
    ))
    .bind(project.to_string())
    .bind(id.to_string())
}

/// Binds all columns but the times of creation and change.
fn bind(sql: Sql, it: &StoredEndpoint) -> Sql {
    let (endpoint, previous) = (&it.endpoint, it.previous_secret.as_ref());
    sql.bind(endpoint.id.to_string())
        .bind(endpoint.id_project.to_string())
        .bind(&endpoint.url)
        .bind(&endpoint.description)
        .bind(json_text(&endpoint.scope.patterns()))
        .bind(endpoint.active)
        .bind(endpoint.rate_limit.map(i64::from))
        .bind(json_text(&endpoint.retry_schedule.gaps()))
        .bind(it.headers.as_ref().map(|sealed| sealed.0.clone()))
        .bind(it.secret.0.as_slice())
        .bind(previous.map(|(sealed, _)| sealed.0.clone()))
        .bind(millis(previous.map(|(_, until)| *until)))
}
