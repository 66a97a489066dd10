//! SQLite, called on threads where nobody else waits: one connection writes, a few read. Statements of a transaction whose
//! answers nobody needs yet are kept and run together with the next, since each visit to another thread costs more than
//! most of them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::types::{FromSql, Null, Value as Cell, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement};
use tokio::runtime::Handle;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::StoreError;
use super::db::{Sql, Value};

const READERS: usize = 4;
/// How long one waits for others that write or read.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that is used by one thread at a time; none once closed.
type Shared = Arc<Mutex<Option<Connection>>>;

/// The connections to one file.
#[derive(Clone)]
pub struct Sqlite {
    write: Shared,
    /// SQLite has one writer, and waiting here is fairer than `SQLITE_BUSY`.
    turn: Arc<tokio::sync::Mutex<()>>,
    read: Arc<[Shared]>,
    readers: Arc<Semaphore>,
    texts: Arc<Texts>,
}

/// A transaction. Dropping it without [`SqliteTx::commit`] rolls it back.
pub struct SqliteTx {
    write: Shared,
    /// Given back when the transaction has ended.
    turn: Option<OwnedMutexGuard<()>>,
    /// It was dropped: what is still to run for it must not. Changed and read by whoever holds the connection.
    left: Arc<AtomicBool>,
    /// What runs before the next statement.
    kept: Vec<Step>,
    /// Something of it has run.
    begun: bool,
    /// A statement has failed: nothing more is run, as on PostgreSQL.
    failed: bool,
    pub texts: Arc<Texts>,
}

/// Texts that were made of others, each once. For texts of the program only: none is forgotten.
#[derive(Default)]
pub struct Texts(Mutex<HashMap<String, Arc<str>>>);

impl Texts {
    pub fn made_of(&self, text: &str, make: impl FnOnce(&str) -> String) -> Arc<str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = known.get(text) {
            return made.clone();
        }
        let made: Arc<str> = make(text).into();
        known.insert(text.to_owned(), made.clone());
        made
    }
}

/// The parameters of a statement that is run once a row.
pub struct Rows {
    pub width: usize,
    /// Row after row.
    pub values: Vec<Value>,
    /// What follows each row.
    pub binds: Vec<Value>,
}

impl Rows {
    /// The only one.
    const fn one(values: Vec<Value>) -> Self {
        Self { width: values.len(), values, binds: Vec::new() }
    }

    pub fn iter(&self) -> impl Iterator<Item = impl Iterator<Item = &Value>> {
        // A statement without parameters is run once as well.
        let alone = self.values.is_empty().then_some(&[][..]);
        let rows = self.values.chunks(self.width.max(1)).chain(alone);
        rows.map(|row| row.iter().chain(&self.binds))
    }
}

/// What is done on another thread.
enum Step {
    Begin,
    /// The same statement once with each of these rows.
    Run(Arc<str>, Rows),
    Commit,
}

/// What a statement came to.
#[derive(Default)]
pub struct Outcome {
    pub changed: u64,
    pub rows: Vec<SqliteRow>,
}

/// A row, and what its columns are called.
pub struct SqliteRow {
    columns: Arc<[String]>,
    cells: Vec<Cell>,
}

impl Sqlite {
    /// Opens a file that is there.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let connect = || -> Result<Shared, StoreError> { Ok(Arc::new(Mutex::new(Some(connect(file)?)))) };
        let read = (0..READERS).map(|_| connect()).collect::<Result<_, _>>()?;
        let readers = Arc::new(Semaphore::new(READERS));
        Ok(Self { write: connect()?, turn: Arc::default(), read, readers, texts: Arc::default() })
    }

    /// Opens a transaction that writes, once nobody else does.
    pub async fn begin(&self) -> Result<SqliteTx, StoreError> {
        let turn = self.turn().await?;
        Ok(SqliteTx {
            write: self.write.clone(),
            turn: Some(turn),
            left: Arc::default(),
            kept: vec![Step::Begin],
            begun: false,
            failed: false,
            texts: self.texts.clone(),
        })
    }

    /// Runs a statement that writes, a transaction of its own.
    pub async fn write(&self, sql: Sql) -> Result<Outcome, StoreError> {
        let (turn, write) = (self.turn().await?, self.write.clone());
        elsewhere(move || {
            // Given back when this has ended, also where nobody waits for it any more.
            let _turn = turn;
            run(&mut locked(&write), vec![Step::of(sql)])
        })
        .await
    }

    /// Runs a statement that reads.
    pub async fn read(&self, sql: Sql) -> Result<Outcome, StoreError> {
        let permit = self.readers.clone().acquire_owned();
        let permit: OwnedSemaphorePermit = patiently(permit).await?.map_err(|_| StoreError::Closed)?;
        let read = self.read.clone();
        elsewhere(move || {
            let _permit = permit;
            // There are as many as permits.
            let free = read.iter().find_map(|one| one.try_lock().ok());
            let mut connection = free.unwrap_or_else(|| locked(&read[0]));
            run(&mut connection, vec![Step::of(sql)])
        })
        .await
    }

    /// Closes the connections, once nobody writes or reads.
    pub async fn close(&self) {
        let turn = self.turn().await;
        let all = u32::try_from(READERS).unwrap_or_default();
        let permits = patiently(self.readers.clone().acquire_many_owned(all)).await;
        self.readers.close();
        let (write, read) = (self.write.clone(), self.read.clone());
        let closed = elsewhere(move || {
            let _held = (turn, permits);
            for shared in read.iter().chain([&write]) {
                drop(locked(shared).take());
            }
            Ok(())
        });
        drop(closed.await);
    }

    async fn turn(&self) -> Result<OwnedMutexGuard<()>, StoreError> {
        patiently(self.turn.clone().lock_owned()).await
    }
}

impl SqliteTx {
    /// Runs a statement, after those that were kept.
    pub async fn run(&mut self, sql: Sql) -> Result<Outcome, StoreError> {
        self.go(Step::of(sql)).await
    }

    /// Runs a statement once with each row.
    pub async fn run_rows(&mut self, text: Arc<str>, rows: Rows) -> Result<Outcome, StoreError> {
        self.go(Step::Run(text, rows)).await
    }

    /// Keeps a statement until the next is run, or the transaction is committed: its error is then that one's.
    pub fn keep_rows(&mut self, text: Arc<str>, rows: Rows) {
        self.kept.push(Step::Run(text, rows));
    }

    /// Durable once this returns.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.go(Step::Commit).await?;
        self.begun = false;
        Ok(())
    }

    async fn go(&mut self, last: Step) -> Result<Outcome, StoreError> {
        if self.failed {
            return Err(StoreError::Busy);
        }
        let mut steps = std::mem::take(&mut self.kept);
        steps.push(last);
        // Until it is known that it went well.
        (self.begun, self.failed) = (true, true);
        let (write, left) = (self.write.clone(), self.left.clone());
        let outcome = elsewhere(move || {
            let mut connection = locked(&write);
            if left.load(Ordering::Relaxed) { Err(StoreError::Busy) } else { run(&mut connection, steps) }
        });
        let outcome = outcome.await;
        self.failed = outcome.is_err();
        outcome
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        let (write, turn, left) = (self.write.clone(), self.turn.take(), self.left.clone());
        // Without a runtime the process is about to end.
        if let (true, Ok(runtime)) = (self.begun, Handle::try_current()) {
            // After what may still be running for it, in place of what has not begun, and before anybody else.
            drop(runtime.spawn_blocking(move || {
                let connection = locked(&write);
                left.store(true, Ordering::Relaxed);
                connection.as_ref().map(give_up);
                drop(connection);
                drop(turn);
            }));
        }
    }
}

impl Step {
    fn of(sql: Sql) -> Self {
        let (text, values) = sql.into_parts();
        Self::Run(numbered(&text).into(), Rows::one(values))
    }
}

impl SqliteRow {
    /// A column's value; none if there is no such column or it is of another type.
    pub fn get<T: FromSql>(&self, column: &str) -> Option<T> {
        let index = self.columns.iter().position(|name| name == column)?;
        T::column_result(ValueRef::from(&self.cells[index])).ok()
    }
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_prepared_statement_cache_capacity(512);
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An answer means durable: FULL syncs the log at every commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Statements that change many rows keep a journal of their own, which then needs no file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // In KiB. After a page was split a commit walks the whole table of this cache: a larger one costs more than it saves.
    connection.pragma_update(None, "cache_size", -4096)?;
    // In pages: 250 MiB. Mostly done beside the writer: see [`super::Store::checkpoint`]. What is left of it here begins the
    // log anew, and keeps the writer from its work.
    connection.pragma_update(None, "wal_autocheckpoint", 64_000)?;
    Ok(connection)
}

/// Runs steps until one fails; what the last came to.
fn run(connection: &mut Option<Connection>, steps: Vec<Step>) -> Result<Outcome, StoreError> {
    let connection = connection.as_ref().ok_or(StoreError::Closed)?;
    let mut outcome = Outcome::default();
    for step in steps {
        match step {
            Step::Begin => {
                give_up(connection);
                // IMMEDIATE: a read that turns into a write later could find the database changed.
                connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            }
            Step::Commit => drop(connection.prepare_cached("COMMIT")?.execute([])?),
            Step::Run(text, rows) => outcome = run_rows(connection, &text, &rows)?,
        }
    }
    Ok(outcome)
}

fn run_rows(connection: &Connection, text: &str, rows: &Rows) -> Result<Outcome, StoreError> {
    let mut statement = connection.prepare_cached(text)?;
    let columns: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut outcome = Outcome::default();
    for values in rows.iter() {
        for (number, value) in (1..).zip(values) {
            bind(&mut statement, number, value)?;
        }
        if columns.is_empty() {
            outcome.changed += statement.raw_execute()? as u64;
            continue;
        }
        let mut found = statement.raw_query();
        while let Some(row) = found.next()? {
            let cells = (0..columns.len()).map(|index| row.get(index)).collect::<Result<_, _>>()?;
            outcome.rows.push(SqliteRow { columns: columns.clone(), cells });
        }
    }
    Ok(outcome)
}

fn bind(statement: &mut Statement<'_>, number: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::Int(value) => statement.raw_bind_parameter(number, value),
        Value::Text(value) => statement.raw_bind_parameter(number, value),
        Value::Blob(value) => statement.raw_bind_parameter(number, value),
        Value::Id(None) => statement.raw_bind_parameter(number, Null),
        Value::Id(Some(id)) => {
            let mut text = Uuid::encode_buffer();
            statement.raw_bind_parameter(number, &*id.as_hyphenated().encode_lower(&mut text))
        }
        Value::Ints(_) | Value::Texts(_) | Value::Blobs(_) => {
            Err(rusqlite::Error::ToSqlConversionFailure("SQLite has no arrays".into()))
        }
    }
}

/// Ends a transaction that was left. Where writing fails, SQLite has done so by itself.
fn give_up(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
}

/// The text with `?1` for `$1`: SQLite numbers those with a dollar in the order in which they come.
pub(super) fn numbered(text: &str) -> String {
    let mut parts = text.split('$');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push(if part.starts_with(|it: char| it.is_ascii_digit()) { '?' } else { '$' });
        result.push_str(part);
    }
    result
}

fn locked(shared: &Shared) -> MutexGuard<'_, Option<Connection>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

tokio::task_local! {
    /// Set where a thread may wait for the disk.
    static PATIENT: ();
}

/// Runs work on a thread of its own, which also does what the work asks of the database. Returns when it has ended or
/// panicked. Not one of the runtime's threads: those are waited for by a runtime that is given up.
pub async fn on_patient_thread(work: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let (runtime, (ending, ended)) = (Handle::current(), tokio::sync::oneshot::channel::<()>());
    std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
        let _ending = ending;
        runtime.block_on(PATIENT.scope((), work));
    })?;
    // It is never sent: that it is dropped tells.
    drop(ended.await);
    Ok(())
}

async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if PATIENT.try_with(|()| ()).is_ok() {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}

async fn patiently<T>(work: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::Busy)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_step_of_a_transaction_that_was_left_never_runs_outside_it() {
        let folder = std::env::temp_dir().join(format!("panora-left-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("left.sqlite");
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE notes (id INTEGER)").unwrap();
        let sqlite = Sqlite::open(&file).unwrap();
        for _ in 0..2000 {
            let mut tx = sqlite.begin().await.unwrap();
            tx.run(Sql::new("SELECT 1")).await.unwrap();
            // Left while its step waits for a thread, or runs.
            drop(tx.run(Sql::new("INSERT INTO notes VALUES (1)")).now_or_never());
            drop(tx);
        }
        let count =
            sqlite.begin().await.unwrap().run(Sql::new("SELECT COUNT(*) AS n FROM notes")).await.unwrap();
        assert_eq!(count.rows[0].get::<i64>("n"), Some(0));
        sqlite.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
