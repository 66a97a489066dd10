//! A PostgreSQL database for each server of a run, and which processes work for it. It never touches another
//! database.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use url::Url;
use uuid::Uuid;

use crate::because;
use crate::usage;

pub struct Postgres {
    admin: Url,
    /// Of the databases' names, and how many were begun to be made.
    prefix: String,
    made: AtomicU32,
    /// The first process of the cluster; all others are its children.
    pub postmaster: u32,
    /// What decides whether a commit is on the disk when it is answered.
    pub settings: String,
}

impl Postgres {
    /// The cluster must run on this machine, or its CPU could not be counted.
    pub async fn connect(admin: &str) -> Result<Self, String> {
        let cannot = because::<sqlx::Error>("PostgreSQL");
        let admin = Url::parse(admin).map_err(because("--database"))?;
        let mut connection = PgConnection::connect(admin.as_str()).await.map_err(&cannot)?;
        let settings = "SELECT pg_backend_pid(), version(), current_setting('fsync'), \
                        current_setting('synchronous_commit'), current_setting('full_page_writes')";
        let row = connection.fetch_one(settings).await.map_err(&cannot)?;
        let text = |column: usize| row.get::<String, _>(column);
        let version = text(1).split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let settings = format!(
            "{version}, fsync={}, synchronous_commit={}, full_page_writes={}",
            text(2),
            text(3),
            text(4)
        );
        let postmaster = usage::postmaster_of(row.get::<i32, _>(0).unsigned_abs())?;
        let prefix = format!("panora_bench_{}", Uuid::now_v7().simple());
        Ok(Self { admin, prefix, made: AtomicU32::new(0), postmaster, settings })
    }

    /// Makes a database; gives its URL.
    pub async fn make_database(&self) -> Result<String, String> {
        let name = self.name(self.made.fetch_add(1, Ordering::Relaxed));
        let cannot = because::<sqlx::Error>("a database cannot be made");
        let mut connection = PgConnection::connect(self.admin.as_str()).await.map_err(&cannot)?;
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        connection.execute(AssertSqlSafe(create)).await.map_err(&cannot)?;
        let mut url = self.admin.clone();
        url.set_path(&name);
        Ok(url.into())
    }

    /// Drops what was made, whoever is still connected.
    pub async fn drop_databases(self) -> Result<(), String> {
        let cannot = because::<sqlx::Error>("a database of the run cannot be dropped");
        let mut connection = PgConnection::connect(self.admin.as_str()).await.map_err(&cannot)?;
        for number in 0..self.made.load(Ordering::Relaxed) {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name(number));
            connection.execute(AssertSqlSafe(sql)).await.map_err(&cannot)?;
        }
        Ok(())
    }

    fn name(&self, number: u32) -> String {
        format!("{}_{number}", self.prefix)
    }
}
