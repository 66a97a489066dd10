//! The database's shape, applied at start. A migration that was released is never edited.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool, SqlSafeStr};

use super::StoreError;

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../migrations/0001_foundation.sql")),
    (2, "engine", include_str!("../../migrations/0002_engine.sql")),
    (3, "credentials", include_str!("../../migrations/0003_credentials.sql")),
    (4, "requests", include_str!("../../migrations/0004_requests.sql")),
    (5, "apps", include_str!("../../migrations/0005_apps.sql")),
    (6, "leases", include_str!("../../migrations/0006_leases.sql")),
    (7, "grants", include_str!("../../migrations/0007_grants.sql")),
    (8, "installation", include_str!("../../migrations/0008_installation.sql")),
];

/// Brings a file to the newest shape, and makes it if there is none; processes that start together wait for each other.
pub async fn migrate_sqlite(file: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    migrator(false).run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// The same of PostgreSQL, where nodes wait for each other.
pub async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    Ok(migrator(true).run(pool).await?)
}

fn migrator(postgres: bool) -> Migrator {
    migrator_of(MIGRATIONS, postgres)
}

fn migrator_of(migrations: &[(i64, &str, &'static str)], postgres: bool) -> Migrator {
    let migrations = migrations
        .iter()
        .map(|(version, name, text)| {
            let sql = AssertSqlSafe(in_dialect(text, postgres)).into_sql_str();
            Migration::new(*version, Cow::Owned((*name).to_owned()), MigrationType::Simple, sql, false)
        })
        .collect();
    Migrator::with_migrations(migrations)
}

fn in_dialect(text: &str, postgres: bool) -> String {
    let (id, plain, blob) =
        if postgres { ("TEXT COLLATE \"C\"", "TEXT", "BYTEA") } else { ("TEXT", "TEXT", "BLOB") };
    text.replace("{ID}", id).replace("{TEXT}", plain).replace("{BLOB}", blob)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Counts, Found, Query, verify};
    use crate::clock::Clock;
    use crate::random::Random;
    use crate::store::sqlite::Sqlite;
    use crate::store::{Db, Sql, Store};

    const ID: &str = "01234567-0000-7000-8000-00000000000";

    /// Writes an event at that position, and its delivery to the one endpoint.
    async fn add(db: &Db, position: i64, with_delivery: bool, columns: &str, values: &str) {
        let event = format!(
            "INSERT INTO events (id, id_project, position, type, created_at) \
             VALUES ('{ID}{position}', '{ID}0', {position}, 'connection.created', {position})"
        );
        db.execute(Sql::new(event)).await.unwrap();
        if with_delivery {
            let delivery = format!(
                "INSERT INTO deliveries (id, id_project, id_event, id_endpoint, state, tries, due_at, created_at{columns}) \
                 VALUES ('{ID}{position}', '{ID}0', '{ID}{position}', '{ID}0', 'open', 0, 0, 0{values})"
            );
            db.execute(Sql::new(delivery)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_accounts_are_complete_after_an_upgrade_and_count_what_follows() {
        let folder = std::env::temp_dir().join(format!("panora_{}", Random::system().base62(16)));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("panora.sqlite");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        migrator_of(&MIGRATIONS[..1], false).run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let db = Db::Sqlite(Sqlite::open(&file).unwrap());
        for sql in [
            "INSERT INTO projects (id, handle, name, allowed_origins, return_urls, hand_over, last_position, created_at) \
             VALUES ('{ID}0', 'default', 'default', '[]', '[]', 0, 2, 0)",
            "INSERT INTO endpoints (id, id_project, url, description, scope, active, retry_schedule, secret, created_at, \
             updated_at) VALUES ('{ID}0', '{ID}0', 'https://example.com', '', '[\"*\"]', 1, '[]', x'00', 0, 0)",
        ] {
            db.execute(Sql::new(sql.replace("{ID}", ID))).await.unwrap();
        }
        // Of the second nobody knows any more whether it was in scope.
        add(&db, 1, true, ", lease_until", ", 0").await;
        add(&db, 2, false, "", "").await;
        let store = Store::open_sqlite(&file, Clock::system()).await.unwrap();
        add(&db, 3, true, ", probes, release_number", ", 0, 0").await;
        add(&db, 4, false, "", "").await;
        db.execute(Sql::new("UPDATE projects SET last_position = 4")).await.unwrap();
        let accounts = verify(&store, &Query::default()).await.unwrap();
        let [account] = &accounts.accounts[..] else { panic!("{accounts:?}") };
        assert_eq!((account.in_scope, account.beyond_scope), (2, 1));
        assert_eq!(account.counts, Counts { pending: 1, missing: 1, ..Counts::default() });
        let found: Vec<_> = accounts.exceptions.iter().map(|it| (it.position, it.found)).collect();
        assert_eq!(found, [(Some(4), Found::NoDelivery)]);
        store.close().await;
        drop(std::fs::remove_dir_all(folder));
    }
}
