//! A connection to the file, and the log beside it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

/// How long SQLite itself waits for another process.
pub const BUSY: Duration = Duration::from_secs(10);
/// A log of more bytes, as a burst leaves it, is cut once all of it was copied: nobody's erased data stays in its tail.
pub const LARGE_LOG: u64 = 16 * 1024 * 1024;

pub fn connect(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_prepared_statement_cache_capacity(512);
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An answer means durable: FULL syncs the log at every commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Statements that change many rows keep a journal of their own, which then needs no file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // In KiB. After a page was split a commit walks the whole table of this cache: a larger one costs more than it saves.
    connection.pragma_update(None, "cache_size", -4096)?;
    // In pages: 250 MiB. Mostly done beside the writer: see [`super::Sqlite::checkpoint`]. What is left of it here begins the log
    // anew, and keeps the writer from its work.
    connection.pragma_update(None, "wal_autocheckpoint", 64_000)?;
    Ok(connection)
}

/// Whether all that the log holds is in the database now.
pub fn checkpoint(connection: &Connection, mode: &str) -> Result<bool, StoreError> {
    let pages = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (held, copied) = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], pages)?;
    Ok(held == copied)
}

/// How large the log's file is.
pub fn log_bytes(connection: &Connection) -> u64 {
    let file = connection.path().map(|path| format!("{path}-wal")).unwrap_or_default();
    std::fs::metadata(file).map_or(0, |file| file.len())
}
