//! What the server that was started last said of itself, for commands that look beside it.

use super::{Sql, Store, StoreError};

impl Store {
    pub async fn note_public_url(&self, url: &str) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO installation (name, public_url) VALUES ('server', $1) \
             ON CONFLICT (name) DO UPDATE SET public_url = excluded.public_url",
        )
        .bind(url);
        self.db.execute(sql).await.map(|_| ())
    }

    /// None where no server was ever started over this database.
    pub async fn last_public_url(&self) -> Result<Option<String>, StoreError> {
        let sql = Sql::new("SELECT public_url FROM installation WHERE name = 'server'");
        self.db.optional(sql).await?.map(|row| row.get("public_url")).transpose()
    }
}
