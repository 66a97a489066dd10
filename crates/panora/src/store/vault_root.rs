//! The one sealed secret that every node shares.

use super::{Sql, Store, StoreError};
use crate::vault::Sealed;

impl Store {
    /// The root as it stands; `offered` where there was none. Of nodes that start together one decides.
    pub async fn ensure_vault_root(&self, offered: &Sealed) -> Result<Sealed, StoreError> {
        let sql =
            Sql::new("INSERT INTO vault_root (name, sealed) VALUES ('root', $1) ON CONFLICT DO NOTHING")
                .bind(offered.0.as_slice());
        self.db.execute(sql).await?;
        let row = self.db.optional(Sql::new("SELECT sealed FROM vault_root WHERE name = 'root'")).await?;
        row.ok_or(StoreError::Corrupt("vault root"))?.get("sealed").map(Sealed)
    }
}
