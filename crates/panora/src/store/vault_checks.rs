//! A sealed value by which a node with other keys is known.

use super::{Sql, Store, StoreError};
use crate::vault::Sealed;

impl Store {
    /// `(key id, sealed)` of every key that was ever the newest.
    pub async fn list_vault_checks(&self) -> Result<Vec<(String, Sealed)>, StoreError> {
        let rows = self.db.all(Sql::new("SELECT key_id, sealed FROM vault_checks LIMIT 1000")).await?;
        rows.iter().map(|row| Ok((row.get("key_id")?, Sealed(row.get("sealed")?)))).collect()
    }

    pub async fn add_vault_check(&self, key_id: &str, sealed: &Sealed) -> Result<(), StoreError> {
        let sql = Sql::new("INSERT INTO vault_checks (key_id, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(key_id)
            .bind(sealed.0.as_slice());
        self.db.execute(sql).await.map(|_| ())
    }
}
