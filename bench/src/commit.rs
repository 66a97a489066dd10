//! A batch first committed to SQLite: the least that a durable sender must do. It never reads anything back.

use std::path::Path;

use bytes::Bytes;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor, QueryBuilder, Sqlite, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::because;

/// The most bodies of one transaction, and of one statement.
const GROUP: usize = 512;
const ROWS: usize = 64;

type Waiting = (Bytes, oneshot::Sender<()>);

/// Hands bodies to the one writer.
#[derive(Clone)]
pub struct Committer(mpsc::Sender<Waiting>);

impl Committer {
    /// Opens a database in that folder; the writer ends with the last committer.
    pub async fn open(folder: &Path) -> Result<Self, String> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("limit.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .statement_cache_capacity(2 * ROWS);
        let cannot = because::<sqlx::Error>("SQLite cannot be opened");
        let mut database = SqliteConnection::connect_with(&options).await.map_err(&cannot)?;
        let table = "CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL)";
        database.execute(table).await.map_err(&cannot)?;
        let (sender, waiting) = mpsc::channel(GROUP);
        tokio::spawn(write(database, waiting));
        Ok(Self(sender))
    }

    /// Returns when the body is on the disk.
    pub async fn commit(&self, body: Bytes) -> Result<(), String> {
        let (committed, wait) = oneshot::channel();
        self.0.send((body, committed)).await.map_err(because("the writer has ended"))?;
        wait.await.map_err(because("the commit failed"))
    }
}

/// Commits whatever waits, again and again. An error ends it, and so the run.
async fn write(mut database: SqliteConnection, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        if let Err(error) = write_group(&mut database, &group).await {
            eprintln!("SQLite: {error}");
            return;
        }
        for (_, committed) in group.drain(..) {
            // A caller that went away needs no answer.
            let _ = committed.send(());
        }
    }
}

async fn write_group(database: &mut SqliteConnection, group: &[Waiting]) -> Result<(), sqlx::Error> {
    let mut transaction = database.begin().await?;
    for rows in group.chunks(ROWS) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO bodies (body) ");
        insert.push_values(rows, |mut row, (body, _)| {
            row.push_bind(body.as_ref());
        });
        insert.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
