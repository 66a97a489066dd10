//! OAuth `state` values: single use, ten minutes, stored hashed.

use super::{Row, Sql, Store, StoreError};
use crate::model::{FlowId, ProjectId, Time, TokenHash};
use crate::vault::Sealed;

#[derive(Clone, Debug)]
pub struct StoredState {
    pub hash: TokenHash,
    pub id_project: ProjectId,
    pub id_flow: FlowId,
    pub provider_slug: String,
    /// What the callback needs: JSON, sealed.
    pub context: Sealed,
    pub created_at: Time,
    pub expires_at: Time,
    pub used_at: Option<Time>,
}

fn state(hash: TokenHash, row: &Row) -> Result<StoredState, StoreError> {
    Ok(StoredState {
        hash,
        id_project: row.parsed("id_project")?,
        id_flow: row.parsed("id_flow")?,
        provider_slug: row.get("provider_slug")?,
        context: Sealed(row.get("context")?),
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.time_option("used_at")?,
    })
}

impl Store {
    pub async fn add_oauth_state(&self, state: &StoredState) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO oauth_states (state_hash, id_project, id_flow, provider_slug, context, created_at, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(state.hash)
        .bind(state.id_project)
        .bind(state.id_flow)
        .bind(&state.provider_slug)
        .bind(state.context.0.as_slice())
        .bind(state.created_at.millis())
        .bind(state.expires_at.millis());
        self.db.execute(sql).await.map(|_| ())
    }

    /// Finds a state, and with it the project and the flow, by its hash.
    pub async fn lookup_oauth_state(&self, hash: TokenHash) -> Result<Option<StoredState>, StoreError> {
        let sql = Sql::new(
            "SELECT id_project, id_flow, provider_slug, context, created_at, expires_at, used_at \
             FROM oauth_states WHERE state_hash = $1",
        )
        .bind(hash);
        self.db.optional(sql).await?.as_ref().map(|row| state(hash, row)).transpose()
    }

    /// Spends a state; false when it was spent before.
    pub async fn spend_oauth_state(&self, project: ProjectId, hash: TokenHash) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "UPDATE oauth_states SET used_at = $1 WHERE id_project = $2 AND state_hash = $3 AND used_at IS NULL",
        )
        .bind(self.now().millis())
        .bind(project)
        .bind(hash);
        Ok(self.db.execute(sql).await? == 1)
    }
}
