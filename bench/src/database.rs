//! The database of a server that is stopped, as far as filling it takes. It never opens one that is in use.

use std::io::Read;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::because;
use crate::copies::{Column, Dialect, Kind};
use crate::home::Home;
use crate::schema::{TABLES, Table};

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

pub enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    pub async fn open(home: &Home) -> Result<Self, String> {
        let cannot = because::<sqlx::Error>("the server's database cannot be opened");
        if let Some(url) = &home.database {
            return Ok(Self::Postgres(PgConnection::connect(url).await.map_err(cannot)?));
        }
        Self::open_file(&sqlite_in(&home.data())?).await
    }

    pub async fn open_file(file: &Path) -> Result<Self, String> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            // Only until `settle`: what a crash would cost here is made again by the next run.
            .pragma("synchronous", "OFF")
            .pragma("cache_size", "-200000");
        let cannot = because::<sqlx::Error>("the server's database cannot be opened");
        Ok(Self::Sqlite(SqliteConnection::connect_with(&options).await.map_err(cannot)?))
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub async fn execute(&mut self, sql: &str) -> Result<(), String> {
        let statement = AssertSqlSafe(sql.to_owned());
        let done = match self {
            Self::Sqlite(it) => it.execute(statement).await.map(|_| ()),
            Self::Postgres(it) => it.execute(statement).await.map(|_| ()),
        };
        done.map_err(because(sql))
    }

    pub async fn number(&mut self, sql: &str) -> Result<u64, String> {
        let statement = AssertSqlSafe(sql.to_owned());
        let number = match self {
            Self::Sqlite(it) => it.fetch_one(statement).await.and_then(|row| row.try_get::<i64, _>(0)),
            Self::Postgres(it) => it.fetch_one(statement).await.and_then(|row| row.try_get::<i64, _>(0)),
        };
        number.map(i64::unsigned_abs).map_err(because(sql))
    }

    /// Its columns but those that the database computes.
    pub async fn columns(&mut self, table: Table) -> Result<Vec<Column>, String> {
        let name = table.name;
        let sql = match self.dialect() {
            Dialect::Sqlite => format!("SELECT name, type FROM pragma_table_info('{name}')"),
            Dialect::Postgres => format!(
                "SELECT column_name::text, udt_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = '{name}' AND is_generated = 'NEVER'"
            ),
        };
        let statement = AssertSqlSafe(sql);
        let pairs: Result<Vec<(String, String)>, sqlx::Error> = match self {
            Self::Sqlite(it) => {
                let rows = it.fetch_all(statement).await;
                rows.and_then(|rows| rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect())
            }
            Self::Postgres(it) => {
                let rows = it.fetch_all(statement).await;
                rows.and_then(|rows| rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect())
            }
        };
        let pairs = pairs.map_err(because(name))?;
        if pairs.is_empty() {
            return Err(format!("the server has no table {name}: see bench/src/schema.rs"));
        }
        Ok(pairs.into_iter().map(|(name, of)| Column { name, kind: Kind::of_type(&of) }).collect())
    }

    /// Brings it into the state of one that has run for long: on the disk, and known to the planner.
    pub async fn settle(mut self) -> Result<(), String> {
        let statements: Vec<String> = match self.dialect() {
            Dialect::Sqlite => {
                vec!["PRAGMA synchronous = FULL".into(), "PRAGMA wal_checkpoint(TRUNCATE)".into()]
            }
            Dialect::Postgres => {
                let vacuum = TABLES.map(|table| format!("VACUUM (ANALYZE) {}", table.name));
                vacuum.into_iter().chain(["CHECKPOINT".to_owned()]).collect()
            }
        };
        for statement in statements {
            self.execute(&statement).await?;
        }
        let closed = match self {
            Self::Sqlite(it) => it.close().await,
            Self::Postgres(it) => it.close().await,
        };
        closed.map_err(because("the server's database"))
    }
}

/// The one SQLite file of a data folder.
fn sqlite_in(folder: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(because("the server's data folder"))?;
    let is_one = |path: &PathBuf| {
        let mut head = [0; MAGIC.len()];
        std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == MAGIC
    };
    let found = entries.flatten().map(|entry| entry.path()).find(|path| path.is_file() && is_one(path));
    found.ok_or_else(|| format!("there is no SQLite file in {}", folder.display()))
}
