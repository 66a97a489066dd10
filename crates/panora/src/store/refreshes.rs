//! The refreshing of credentials: who does it now, what came of it, when it is due. Due times and leases are compared
//! with the database's clock.

use std::time::Duration;

use super::connections::{COLUMNS, stored};
use super::deliveries::millis_of;
use super::row::{json_text, millis};
use super::{LEASE, Sql, Store, StoreError, StoredConnection, Tx};
use crate::model::{Connection, ConnectionId, CredentialLife, ProjectId, Setback, Time};
use crate::vault::Sealed;

/// Credentials that are due though nobody asks.
pub struct DueRefresh {
    pub id: ConnectionId,
    pub id_project: ProjectId,
    pub provider_slug: String,
}

impl Store {
    /// A connection and the present.
    pub async fn lookup_refresh(
        &self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<Option<(StoredConnection, Time)>, StoreError> {
        let row = self.db.optional(self.with_present(project, id, "")).await?;
        row.map(|row| Ok((stored(&row)?, row.time("present")?))).transpose()
    }

    /// The same, locked until the transaction ends.
    pub async fn lock_refresh(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<Option<(StoredConnection, Time)>, StoreError> {
        let lock = if tx.is_postgres() { " FOR UPDATE" } else { "" };
        let row = tx.optional(self.with_present(project, id, lock)).await?;
        row.map(|row| Ok((stored(&row)?, row.time("present")?))).transpose()
    }

    fn with_present(&self, project: ProjectId, id: ConnectionId, lock: &str) -> Sql {
        let (now, parameter) = self.db_now();
        Sql::new(format!(
            "SELECT {COLUMNS}, {now} AS present FROM connections WHERE id_project = $2 AND id = $3{lock}"
        ))
        .bind(parameter)
        .bind(project)
        .bind(id)
    }

    /// Leases the refresh of these very credentials for [`LEASE`], and notes that it begins. False where somebody else
    /// was faster. If this node dies, they are due when the lease ends.
    pub async fn begin_refresh(&self, it: &StoredConnection, owner: &str) -> Result<bool, StoreError> {
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "UPDATE connections SET refresh_lease_owner = $2, refresh_lease_until = {now} + $3, \
             refresh_begun_at = {now}, refresh_due_at = {now} + $3 WHERE id_project = $4 AND id = $5 \
             AND credentials = $6 AND status <> 'revoked' AND (refresh_lease_until <= {now} OR refresh_lease_owner = $2)"
        ))
        .bind(parameter)
        .bind(owner)
        .bind(millis_of(LEASE))
        .bind(it.connection.id_project)
        .bind(it.connection.id)
        .bind(it.credentials.as_ref().map(|sealed| sealed.0.clone()));
        Ok(self.db.execute(sql).await? == 1)
    }

    /// Writes what a refresh has changed of a connection, and ends its lease.
    pub async fn save_refreshed(
        &self,
        tx: &mut Tx,
        it: &Connection,
        credentials: &Sealed,
        life: &CredentialLife,
    ) -> Result<(), StoreError> {
        self.changed_connections.note(it.id);
        let sql = Sql::new(
            "UPDATE connections SET status = $3, account_url = $4, scopes = $5, missing_scopes = $6, expires_at = $7, \
             updated_at = $8, credentials = $9 WHERE id_project = $1 AND id = $2",
        )
        .bind(it.id_project)
        .bind(it.id)
        .bind(it.status.as_str())
        .bind(&it.account_url)
        .bind(json_text(&it.scopes))
        .bind(json_text(&it.missing_scopes))
        .bind(millis(it.expires_at))
        .bind(it.updated_at.millis())
        .bind(credentials.0.as_slice());
        tx.execute(sql).await?;
        self.save_credential_life(tx, (it.id_project, it.id), life).await
    }

    /// Writes how the credentials' life goes on; nobody has a lease then.
    pub async fn save_credential_life(
        &self,
        tx: &mut Tx,
        (project, id): (ProjectId, ConnectionId),
        life: &CredentialLife,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE connections SET refresh_due_at = $3, refresh_lease_owner = NULL, refresh_lease_until = 0, \
             refresh_begun_at = $4, refresh_failures = $5, refresh_error = $6, refresh_not_before = $7, \
             refreshed_at = $8 WHERE id_project = $1 AND id = $2",
        )
        .bind(project)
        .bind(id)
        .bind(millis(life.due_at))
        .bind(millis(life.begun_at))
        .bind(life.failures)
        .bind(&life.error)
        .bind(life.not_before.millis())
        .bind(millis(life.refreshed_at));
        tx.execute(sql).await.map(|_| ())
    }

    /// Notes that a refresh gave nothing for now. What another has done since is left alone. `unknown`: nobody knows
    /// whether the provider has granted it. Of lost credentials only refusals are counted.
    pub async fn postpone_refresh(
        &self,
        it: &StoredConnection,
        owner: &str,
        (setback, error, unknown): (Setback, &str, bool),
    ) -> Result<(), StoreError> {
        let (now, parameter) = self.db_now();
        let begun = if unknown { "refresh_begun_at" } else { "NULL" };
        let sql = Sql::new(format!(
            "UPDATE connections SET refresh_lease_owner = NULL, refresh_lease_until = 0, refresh_begun_at = {begun}, \
             refresh_failures = refresh_failures + CASE WHEN status = 'valid' THEN 1 ELSE 0 END, refresh_error = $3, refresh_not_before = {now} + $4, \
             refresh_due_at = {now} + $5 WHERE id_project = $6 AND id = $7 AND credentials = $8 \
             AND refresh_lease_owner = $2"
        ))
        .bind(parameter)
        .bind(owner)
        .bind(error)
        .bind(millis_of(setback.pause))
        .bind(millis_of(setback.due_in))
        .bind(it.connection.id_project)
        .bind(it.connection.id)
        .bind(it.credentials.as_ref().map(|sealed| sealed.0.clone()));
        self.db.execute(sql).await.map(|_| ())
    }

    /// Notes when the access token of these very credentials ends, and that they are due in `due_in`, if not sooner.
    pub async fn note_expiry(
        &self,
        it: &StoredConnection,
        ends: Time,
        due_in: Duration,
    ) -> Result<(), StoreError> {
        self.changed_connections.note(it.connection.id);
        let (now, parameter) = self.db_now();
        let sql = Sql::new(format!(
            "UPDATE connections SET expires_at = $2, \
             refresh_due_at = CASE WHEN refresh_due_at > {now} + $3 THEN {now} + $3 ELSE refresh_due_at END \
             WHERE id_project = $4 AND id = $5 AND credentials = $6"
        ))
        .bind(parameter)
        .bind(ends.millis())
        .bind(millis_of(due_in))
        .bind(it.connection.id_project)
        .bind(it.connection.id)
        .bind(it.credentials.as_ref().map(|sealed| sealed.0.clone()));
        self.db.execute(sql).await.map(|_| ())
    }

    /// Nothing of these credentials can be refreshed: nobody looks at them again unasked.
    pub async fn stop_refreshing(&self, it: &StoredConnection) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE connections SET refresh_due_at = NULL WHERE id_project = $1 AND id = $2 AND credentials = $3",
        )
        .bind(it.connection.id_project)
        .bind(it.connection.id)
        .bind(it.credentials.as_ref().map(|sealed| sealed.0.clone()));
        self.db.execute(sql).await.map(|_| ())
    }

    /// Claims at most `most` connections whose credentials are due, of any project, the longest due first: they are
    /// due again in [`LEASE`], unless they are refreshed before.
    pub async fn claim_due_refreshes(&self, most: u32) -> Result<Vec<DueRefresh>, StoreError> {
        let (now, parameter) = self.db_now();
        let skip = if matches!(self.db, super::Db::Postgres(_)) { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = Sql::new(format!(
            "UPDATE connections SET refresh_due_at = {now} + $2 \
             WHERE (id_project, id) IN (SELECT id_project, id FROM connections WHERE refresh_due_at <= {now} \
             ORDER BY refresh_due_at LIMIT $3{skip}) \
             RETURNING id, id_project, provider_slug"
        ))
        .bind(parameter)
        .bind(millis_of(LEASE))
        .bind(most);
        let rows = self.db.execute_returning(sql).await?;
        let due = |row: &super::Row| {
            Ok(DueRefresh {
                id: row.parsed("id")?,
                id_project: row.parsed("id_project")?,
                provider_slug: row.get("provider_slug")?,
            })
        };
        rows.iter().map(due).collect()
    }
}
