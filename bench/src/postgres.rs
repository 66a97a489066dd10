//! A PostgreSQL database for one run, and which processes work for it. It never touches another database.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use url::Url;
use uuid::Uuid;

use crate::because;
use crate::usage;

pub struct Postgres {
    admin: Url,
    name: String,
    /// The first process of the cluster; all others are its children.
    pub postmaster: u32,
    /// What decides whether a commit is on the disk when it is answered.
    pub settings: String,
}

impl Postgres {
    /// Makes a database. The cluster must run on this machine, or its CPU could not be counted.
    pub async fn create(admin: &str) -> Result<Self, String> {
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
        let name = format!("panora_bench_{}", Uuid::now_v7().simple());
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        connection.execute(AssertSqlSafe(create)).await.map_err(&cannot)?;
        Ok(Self { admin, name, postmaster, settings })
    }

    /// The URL of the run's own database.
    pub fn url(&self) -> String {
        let mut url = self.admin.clone();
        url.set_path(&self.name);
        url.into()
    }

    /// Drops the database, whoever is still connected.
    pub async fn drop_database(self) -> Result<(), String> {
        let cannot = because::<sqlx::Error>("the database of the run cannot be dropped");
        let mut connection = PgConnection::connect(self.admin.as_str()).await.map_err(&cannot)?;
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        connection.execute(AssertSqlSafe(sql)).await.map_err(&cannot)?;
        Ok(())
    }
}
