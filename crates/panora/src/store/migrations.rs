//! The database's shape, applied at start. A migration that was released is never edited.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::{Db, StoreError};

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../migrations/0001_foundation.sql")),
    (2, "engine", include_str!("../../migrations/0002_engine.sql")),
];

/// Brings the database to the newest shape; nodes that start together wait for each other.
pub async fn migrate(db: &Db) -> Result<(), StoreError> {
    match db {
        Db::Sqlite { write, .. } => migrator(false).run(write).await?,
        Db::Postgres(pool) => migrator(true).run(pool).await?,
    }
    Ok(())
}

fn migrator(postgres: bool) -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, name, text)| {
            let sql = AssertSqlSafe(in_dialect(text, postgres)).into_sql_str();
            Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
        })
        .collect();
    Migrator::with_migrations(migrations)
}

fn in_dialect(text: &str, postgres: bool) -> String {
    let (id, plain, blob) =
        if postgres { ("TEXT COLLATE \"C\"", "TEXT", "BYTEA") } else { ("TEXT", "TEXT", "BLOB") };
    text.replace("{ID}", id).replace("{TEXT}", plain).replace("{BLOB}", blob)
}
