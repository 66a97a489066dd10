//! What a server carries before it is measured: deliveries that are stored, and deliveries that are due to another
//! endpoint.
//!
//! The due ones are made through the API, since each event's body is sealed for it alone and will be sent. Of those
//! that are stored nothing but their rows matters: they are copied in the database, from what the server has written.

use crate::bench::Bench;
use crate::clock::now;
use crate::copies::{Plan, seeds};
use crate::database::Database;
use crate::home::Home;
use crate::importer::{Importer, Registered};
use crate::load::drive;
use crate::schema::{ATTEMPTS, EVENTS, TABLES};
use crate::server::Server;
use crate::subject::register;
use crate::trouble::Trouble;

/// The most rows that are copied, and copies of one transaction.
const SEEDS: u32 = 512;
const GROUP: u64 = 50_000;
/// The endpoint to which they are due: no other has its number.
const OTHER: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    pub stored: u64,
    pub due: u64,
    /// What the endpoint does to which they are due.
    pub endpoint: Trouble,
}

impl Backlog {
    pub const NONE: Self = Self { stored: 0, due: 0, endpoint: Trouble::Hang };
}

impl Bench<'_> {
    /// Publishes what will be due once its endpoint, inactive until then, is activated. Nothing else is subscribed
    /// yet, and that endpoint is to nothing later.
    pub async fn make_due(
        &mut self,
        server: &Server,
        home: &Home,
        backlog: Backlog,
    ) -> Result<Vec<Registered>, String> {
        if backlog.due == 0 {
            return Ok(Vec::new());
        }
        eprintln!("making {} due deliveries", backlog.due);
        let url = self.receiver.url(OTHER, Some(backlog.endpoint));
        let wanted = (0..home.keys.len()).map(|project| (project, url.clone())).collect();
        let importer = Importer::open(server, home).await?;
        let endpoints = register(importer, wanted, self.secret.clone(), false).await?;
        let (callers, load) = (self.callers(server, home).await?, self.load(backlog.due, None));
        drive(callers, load).await?;
        let mut importer = Importer::open(server, home).await?;
        for endpoint in &endpoints {
            importer.unsubscribe(*endpoint).await?;
        }
        Ok(endpoints)
    }
}

/// Copies what a stopped server has delivered until there are so many more.
pub async fn store(home: &Home, count: u64) -> Result<(), String> {
    eprintln!("storing {count} deliveries");
    fill(Database::open(home).await?, count).await?;
    // What the copy has left to the system must not be written while a server is measured.
    let written = tokio::process::Command::new("sync").status().await;
    written.map(|_| ()).map_err(|error| format!("sync cannot be run: {error}"))
}

async fn fill(mut database: Database, count: u64) -> Result<(), String> {
    let plan = Plan { dialect: database.dialect(), total: count, now: now() / 1_000_000 };
    for statement in seeds(SEEDS) {
        database.execute(&statement).await?;
    }
    let found = database.number(&format!("SELECT COUNT(*) FROM seed_{}", ATTEMPTS.name)).await?;
    let whole = database.number(&format!("SELECT COUNT(*) FROM seed_{}", EVENTS.name)).await?;
    if found == 0 || found != whole {
        return Err(format!("of {found} attempts {whole} have an event: there is nothing to copy"));
    }
    let mut columns = Vec::new();
    for table in TABLES {
        columns.push((table, database.columns(table).await?));
    }
    for first in (0..count).step_by(usize::try_from(GROUP).unwrap_or(usize::MAX)) {
        let numbers = (first, count.min(first + GROUP));
        database.execute("BEGIN").await?;
        for (table, columns) in &columns {
            database.execute(&plan.insert(*table, columns, found, numbers)).await?;
        }
        database.execute("COMMIT").await?;
    }
    database.settle().await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{Connection, Executor, SqliteConnection};

    use super::*;

    const SERVER: &str =
        "CREATE TABLE events (id TEXT PRIMARY KEY, project TEXT, position BIGINT, created_at BIGINT, \
            UNIQUE (project, position));
        CREATE TABLE deliveries (id BLOB PRIMARY KEY, id_event TEXT, state TEXT, UNIQUE (id_event));
        CREATE TABLE attempts (id INTEGER PRIMARY KEY, id_delivery BLOB, ended_at BIGINT, note TEXT);
        INSERT INTO events VALUES ('a', 'p', 1, 86400000), ('b', 'p', 2, 86400000), ('unsent', 'p', 3, 1);
        INSERT INTO deliveries VALUES (x'01', 'a', 'delivered'), (x'02', 'b', 'delivered');
        INSERT INTO attempts VALUES (1, x'01', 0, 'first'), (2, x'02', 0, 'second')";

    #[tokio::test]
    async fn copies_hang_together_and_collide_with_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let mut server = SqliteConnection::connect_with(&options).await.unwrap();
        server.execute(SERVER).await.unwrap();
        server.close().await.unwrap();

        fill(Database::open_file(&file).await.unwrap(), GROUP + 3).await.unwrap();

        let mut database = Database::open_file(&file).await.unwrap();
        let joined = "SELECT COUNT(*) FROM attempts a JOIN deliveries d ON d.id = a.id_delivery \
                      JOIN events e ON e.id = d.id_event WHERE d.state = 'delivered'";
        assert_eq!(database.number(joined).await.unwrap(), GROUP + 5);
        let second = format!("{joined} AND a.note = 'second' AND e.position <= 0");
        assert_eq!(database.number(&second).await.unwrap(), GROUP / 2 + 1);
        let ordered = "SELECT COUNT(*) FROM events WHERE id LIKE '________-____-7001-8000-____________' \
                       AND created_at BETWEEN 0 AND 86400000";
        assert_eq!(database.number(ordered).await.unwrap(), GROUP + 3);
    }
}
