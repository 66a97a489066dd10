//! What a project set about a provider.

use std::collections::BTreeMap;

use super::{Sql, Store, StoreError, Tx};
use crate::model::ProjectId;

impl Store {
    /// Slug to enabled, for those that were ever switched: at most one row a provider.
    pub async fn list_provider_settings(
        &self,
        project: ProjectId,
    ) -> Result<BTreeMap<String, bool>, StoreError> {
        let sql =
            Sql::new("SELECT provider_slug, enabled FROM provider_settings WHERE id_project = $1 LIMIT 5000")
                .bind(project);
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.get("provider_slug")?, row.flag("enabled")?))).collect()
    }

    pub async fn save_provider_setting(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        slug: &str,
        enabled: bool,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO provider_settings (id_project, provider_slug, enabled) VALUES ($1, $2, $3) \
             ON CONFLICT (id_project, provider_slug) DO UPDATE SET enabled = excluded.enabled",
        )
        .bind(project)
        .bind(slug)
        .bind(enabled);
        tx.execute(sql).await.map(|_| ())
    }
}
