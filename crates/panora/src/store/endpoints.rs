//! Endpoints, and what is sealed of them.

use super::endpoint_states::{STATE, endpoint_state};
use super::row::{json_text, millis};
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{Endpoint, EndpointId, EventScope, PageQuery, Paged, ProjectId, RetrySchedule, Time};
use crate::vault::Sealed;

/// An endpoint of which something was changed.
pub enum ChangedEndpoint {
    Stands(Box<StoredEndpoint>),
    Deleted(EndpointId),
}

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

/// All columns that an endpoint is read from.
fn columns() -> String {
    format!("{SETTINGS}, created_at, withdrawals, {STATE}")
}

const SETTINGS: &str = "id, id_project, url, description, scope, rate_limit, retry_schedule, headers, secret, \
                        previous_secret, previous_secret_until, updated_at";

fn stored(row: &Row) -> Result<StoredEndpoint, StoreError> {
    let endpoint = Endpoint {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        url: row.get("url")?,
        description: row.get("description")?,
        scope: EventScope::from_stored(row.json("scope")?),
        rate_limit: row.get::<Option<i64>>("rate_limit")?.and_then(|rate| u32::try_from(rate).ok()),
        retry_schedule: RetrySchedule::new(row.json("retry_schedule")?)
            .ok_or(StoreError::Corrupt("schedule"))?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        state: endpoint_state(row)?,
        withdrawals: row.get("withdrawals")?,
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
    /// Adds an endpoint, from the event after `position` on. The caller holds the project's lock.
    pub async fn add_endpoint(
        &self,
        tx: &mut Tx,
        new: &StoredEndpoint,
        position: i64,
    ) -> Result<(), StoreError> {
        let endpoint = &new.endpoint;
        let version = self.next_endpoints_version(tx, endpoint.id_project).await?;
        let sql = Sql::new(format!(
            "INSERT INTO endpoints ({SETTINGS}, created_at, status, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ));
        let sql = bind(sql, new).bind(endpoint.created_at.millis());
        tx.execute(sql.bind(endpoint.state.status.as_str()).bind(version)).await?;
        self.note_scope(tx, endpoint, position, &endpoint.scope).await
    }

    /// Writes what was changed, and has the engine look at the endpoint. `position` is the project's last one. The
    /// caller holds the project's lock.
    pub async fn save_endpoint(
        &self,
        tx: &mut Tx,
        it: &StoredEndpoint,
        position: i64,
    ) -> Result<(), StoreError> {
        let endpoint = &it.endpoint;
        let version = self.next_endpoints_version(tx, endpoint.id_project).await?;
        let sql = Sql::new(
            "UPDATE endpoints SET url = $3, description = $4, scope = $5, rate_limit = $6, retry_schedule = $7, \
             headers = $8, secret = $9, previous_secret = $10, previous_secret_until = $11, updated_at = $12, \
             version = $13 WHERE id = $1 AND id_project = $2 AND deleted_at IS NULL",
        );
        tx.execute(bind(sql, it).bind(version)).await?;
        self.note_scope(tx, endpoint, position, &endpoint.scope).await?;
        // Whoever alone sends to it goes on doing so, and has what it needs in hand.
        let (_, mut standings) = self.lock_endpoints(tx, &[endpoint.id]).await?;
        for standing in &mut standings {
            (standing.state, standing.look_at) = (endpoint.state.clone(), Time::from_millis(0));
        }
        self.save_endpoint_states(tx, &standings).await
    }

    /// Notes which types an endpoint takes from the event after `position` on, where that is something else than
    /// before: other changes are not to fill the table.
    async fn note_scope(
        &self,
        tx: &mut Tx,
        endpoint: &Endpoint,
        position: i64,
        scope: &EventScope,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO endpoint_scopes (id_endpoint, id_project, after_position, scope) \
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS TEXT) WHERE NOT EXISTS \
             (SELECT 1 FROM endpoint_scopes s WHERE s.id_endpoint = $1 AND s.scope = $4 AND s.after_position = \
             (SELECT MAX(after_position) FROM endpoint_scopes l WHERE l.id_endpoint = $1)) \
             ON CONFLICT (id_endpoint, after_position) DO UPDATE SET scope = excluded.scope",
        )
        .bind(endpoint.id)
        .bind(endpoint.id_project)
        .bind(position)
        .bind(json_text(&scope.patterns()));
        tx.execute(sql).await.map(|_| ())
    }

    pub async fn lookup_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<StoredEndpoint>, StoreError> {
        self.db.optional(by_id(project, id)).await?.as_ref().map(stored).transpose()
    }

    /// The endpoint as it is now, locked. The caller holds the project's lock.
    pub async fn read_endpoint(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<StoredEndpoint>, StoreError> {
        let mut sql = by_id(project, id);
        if tx.is_postgres() {
            sql.push(" FOR UPDATE");
        }
        tx.optional(sql).await?.as_ref().map(stored).transpose()
    }

    /// Newest first.
    pub async fn list_endpoints(
        &self,
        project: ProjectId,
        page: &PageQuery,
    ) -> Result<Paged<StoredEndpoint>, StoreError> {
        let mut sql = Sql::new(format!(
            "SELECT {} FROM endpoints WHERE deleted_at IS NULL AND id_project = ",
            columns()
        ));
        sql.push_bind(project);
        sql.push_page(page);
        let rows = self.db.all(sql).await?.iter().map(stored).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |it| it.endpoint.id.to_string()))
    }

    /// A project's endpoints that were changed after `version`, deleted ones too, inactive ones too: what is
    /// published for those waits. The caller holds the project's lock.
    pub async fn list_changed_endpoints(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        version: i64,
    ) -> Result<Vec<ChangedEndpoint>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT {}, deleted_at FROM endpoints WHERE id_project = $1 AND version > $2",
            columns()
        ))
        .bind(project)
        .bind(version);
        let changed = |row: &Row| match row.time_option("deleted_at")? {
            Some(_) => Ok(ChangedEndpoint::Deleted(row.parsed("id")?)),
            None => stored(row).map(|it| ChangedEndpoint::Stands(Box::new(it))),
        };
        tx.all(sql).await?.iter().map(changed).collect()
    }

    /// How many a project has. The caller holds the project's lock.
    pub async fn count_endpoints(&self, tx: &mut Tx, project: ProjectId) -> Result<u32, StoreError> {
        let sql =
            Sql::new("SELECT COUNT(*) AS number FROM endpoints WHERE id_project = $1 AND deleted_at IS NULL")
                .bind(project);
        tx.optional(sql).await?.ok_or(StoreError::Corrupt("count"))?.count("number")
    }

    /// Deletes an endpoint; its log stays. What is open there is cancelled later, step by step: the log shows it so at
    /// once. `position` is the project's last one. The caller holds the project's lock.
    pub async fn delete_endpoint(
        &self,
        tx: &mut Tx,
        it: &Endpoint,
        position: i64,
        at: Time,
    ) -> Result<(), StoreError> {
        let version = self.next_endpoints_version(tx, it.id_project).await?;
        let sql = Sql::new(
            "UPDATE endpoints SET deleted_at = $1, version = $2, look_at = 0, lease_owner = NULL, lease_until = 0 \
             WHERE id_project = $3 AND id = $4",
        )
        .bind(at.millis())
        .bind(version)
        .bind(it.id_project)
        .bind(it.id);
        tx.execute(sql).await?;
        self.note_scope(tx, it, position, &EventScope::from_stored(Vec::new())).await?;
        self.stop_recoveries(tx, it.id_project, it.id, at).await
    }
}

fn by_id(project: ProjectId, id: EndpointId) -> Sql {
    Sql::new(format!(
        "SELECT {} FROM endpoints WHERE id_project = $1 AND id = $2 AND deleted_at IS NULL",
        columns()
    ))
    .bind(project)
    .bind(id)
}

/// Binds what a person has set, in the order of [`SETTINGS`].
fn bind(sql: Sql, it: &StoredEndpoint) -> Sql {
    let (endpoint, previous) = (&it.endpoint, it.previous_secret.as_ref());
    sql.bind(endpoint.id)
        .bind(endpoint.id_project)
        .bind(&endpoint.url)
        .bind(&endpoint.description)
        .bind(json_text(&endpoint.scope.patterns()))
        .bind(endpoint.rate_limit.map(i64::from))
        .bind(json_text(&endpoint.retry_schedule.gaps()))
        .bind(it.headers.as_ref().map(|sealed| sealed.0.clone()))
        .bind(it.secret.0.as_slice())
        .bind(previous.map(|(sealed, _)| sealed.0.clone()))
        .bind(millis(previous.map(|(_, until)| *until)))
        .bind(endpoint.updated_at.millis())
}
