//! API keys: stored and found by hash.

use super::row::millis;
use super::{Row, Sql, Store, StoreError};
use crate::model::{ApiKeyId, ApiKeyRecord, ProjectId, Time, TokenHash};

const COLUMNS: &str = "id, id_project, name, ending, created_at, expires_at, last_used_at, revoked_at";

fn api_key(row: &Row) -> Result<ApiKeyRecord, StoreError> {
    Ok(ApiKeyRecord {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        name: row.get("name")?,
        ending: row.get("ending")?,
        created_at: row.time("created_at")?,
        expires_at: row.time_option("expires_at")?,
        last_used_at: row.time_option("last_used_at")?,
        revoked_at: row.time_option("revoked_at")?,
    })
}

impl Store {
    pub async fn add_api_key(&self, key: &ApiKeyRecord, hash: TokenHash) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO api_keys (id, id_project, name, ending, created_at, expires_at, token_hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(key.id)
        .bind(key.id_project)
        .bind(&key.name)
        .bind(&key.ending)
        .bind(key.created_at.millis())
        .bind(millis(key.expires_at))
        .bind(hash);
        self.db.execute(sql).await.map(|_| ())
    }

    /// Finds the project by a secret's hash: the one look-up that cannot name its project.
    pub async fn lookup_api_key(&self, hash: TokenHash) -> Result<Option<ApiKeyRecord>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM api_keys WHERE token_hash = $1")).bind(hash);
        self.db.optional(sql).await?.as_ref().map(api_key).transpose()
    }

    /// A project's keys, newest first: at most 1,000.
    pub async fn list_api_keys(&self, project: ProjectId) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT {COLUMNS} FROM api_keys WHERE id_project = $1 ORDER BY id DESC LIMIT 1000"
        ))
        .bind(project);
        self.db.all(sql).await?.iter().map(api_key).collect()
    }

    /// Whether there was such a live key.
    pub async fn revoke_api_key(&self, project: ProjectId, id: ApiKeyId) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "UPDATE api_keys SET revoked_at = $1 WHERE id_project = $2 AND id = $3 AND revoked_at IS NULL",
        )
        .bind(self.now().millis())
        .bind(project)
        .bind(id);
        Ok(self.db.execute(sql).await? == 1)
    }

    /// Notes that a key was used; callers do so at most once a minute a key.
    pub async fn touch_api_key(&self, project: ProjectId, id: ApiKeyId, at: Time) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE api_keys SET last_used_at = $1 WHERE id_project = $2 AND id = $3")
            .bind(at.millis())
            .bind(project)
            .bind(id);
        self.db.execute(sql).await.map(|_| ())
    }
}
