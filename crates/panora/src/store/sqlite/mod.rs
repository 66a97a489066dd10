//! SQLite, called on threads where nobody else waits: one connection writes, a few read. Statements of a transaction whose
//! answers nobody needs yet are kept and run together with the next, since each visit to another thread costs more than
//! most of them.

mod connection;
mod statements;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use self::connection::{BUSY, LARGE_LOG, checkpoint, connect, log_bytes};
pub use self::statements::{Outcome, Rows, SqliteRow, numbered};
use self::statements::{Step, Texts, give_up, run};
use super::StoreError;
use super::db::Sql;

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
            run(locked(&write).as_ref().ok_or(StoreError::Closed)?, vec![Step::of(sql)])
        })
        .await
    }

    /// Runs a statement that reads.
    pub async fn read(&self, sql: Sql) -> Result<Outcome, StoreError> {
        self.reading(|connection| run(connection, vec![Step::of(sql)])).await
    }

    /// Does work with one of the connections that read.
    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.readers.clone().acquire_owned();
        let permit: OwnedSemaphorePermit = patiently(permit).await?.map_err(|_| StoreError::Closed)?;
        let read = self.read.clone();
        elsewhere(move || {
            let _permit = permit;
            // There are as many as permits.
            let free = read.iter().find_map(|one| one.try_lock().ok());
            let connection = free.unwrap_or_else(|| locked(&read[0]));
            work(connection.as_ref().ok_or(StoreError::Closed)?)
        })
        .await
    }

    /// Copies what the log holds into the database, while others write on: whoever commits would else do it, and keep
    /// everybody waiting.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.reading(|connection| {
            if checkpoint(connection, "PASSIVE")? && log_bytes(connection) > LARGE_LOG {
                // It waits for nobody, neither who writes nor who reads: another time then.
                connection.busy_timeout(Duration::ZERO)?;
                let cut = checkpoint(connection, "TRUNCATE");
                connection.busy_timeout(BUSY)?;
                cut?;
            }
            Ok(())
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
            let connection = locked(&write);
            let connection = connection.as_ref().ok_or(StoreError::Closed)?;
            if left.load(Ordering::Relaxed) { Err(StoreError::Busy) } else { run(connection, steps) }
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
    use std::path::PathBuf;

    use futures_util::FutureExt;

    use super::*;

    /// A database with one table, in a folder of its own.
    fn opened(name: &str) -> (Sqlite, PathBuf) {
        let folder = std::env::temp_dir().join(format!("panora-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("test.sqlite");
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE notes (note)").unwrap();
        (Sqlite::open(&file).unwrap(), folder)
    }

    #[tokio::test]
    async fn a_log_that_a_burst_left_large_is_cut_once_nobody_writes() {
        let (sqlite, folder) = opened("large-log");
        let size = || std::fs::metadata(folder.join("test.sqlite-wal")).unwrap().len();
        sqlite.write(Sql::new("INSERT INTO notes VALUES (zeroblob(1000))")).await.unwrap();
        sqlite.checkpoint().await.unwrap();
        assert!(size() > 0);
        sqlite.write(Sql::new("INSERT INTO notes VALUES (zeroblob(20000000))")).await.unwrap();
        // Whoever writes is not waited for, and none of it is lost.
        let mut tx = sqlite.begin().await.unwrap();
        tx.run(Sql::new("INSERT INTO notes VALUES (1)")).await.unwrap();
        sqlite.checkpoint().await.unwrap();
        assert!(size() > LARGE_LOG);
        tx.commit().await.unwrap();
        sqlite.checkpoint().await.unwrap();
        assert_eq!(size(), 0);
        let count = sqlite.read(Sql::new("SELECT COUNT(*) AS n FROM notes")).await.unwrap();
        assert_eq!(count.rows[0].get::<i64>("n"), Some(3));
        sqlite.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_step_of_a_transaction_that_was_left_never_runs_outside_it() {
        let (sqlite, folder) = opened("left");
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
