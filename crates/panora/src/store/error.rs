//! What can go wrong in the store. Messages never hold SQL or values.

/// The store's errors, each with a stable code.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first: a unique index refused the row.
    #[error("a row with this key exists already")]
    Conflict,
    /// Another transaction holds what this one waits for.
    #[error("waited too long for another transaction")]
    Busy,
    /// The connection was lost during a commit: what was written may be there.
    #[error("the database did not confirm that it has written")]
    Unconfirmed(#[source] sqlx::Error),
    /// The database cannot be reached, is full, or refused the statement.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The same of SQLite.
    #[error("the database failed")]
    Sqlite(#[source] rusqlite::Error),
    /// It was closed, as this process ends.
    #[error("the database is closed")]
    Closed,
    #[error("the database's shape could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value that we cannot read back.
    #[error("a stored {0} is not readable")]
    Corrupt(&'static str),
}

impl StoreError {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::Unconfirmed(_) => "commit_unconfirmed",
            Self::Database(_) | Self::Sqlite(_) => "database_failed",
            Self::Closed => "database_closed",
            Self::Migration(_) => "migration_failed",
            Self::Corrupt(_) => "corrupt_row",
        }
    }

    /// Whether the database as a whole is out, as far as one can see: not that it refused this statement.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Database(error) => !matches!(error, sqlx::Error::Database(_)),
            _ => false,
        }
    }

    /// What a commit came to on a database that is reached over a network.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        match error {
            // It has answered, with a refusal.
            sqlx::Error::Database(_) => error.into(),
            error => Self::Unconfirmed(error),
        }
    }

    pub(super) fn encode(error: sqlx::error::BoxDynError) -> Self {
        Self::Database(sqlx::Error::Encode(error))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy;
        }
        if let sqlx::Error::Database(refusal) = &error {
            if refusal.is_unique_violation() {
                return Self::Conflict;
            }
            // lock_not_available, deadlock_detected, serialization_failure.
            if matches!(refusal.code().as_deref(), Some("55P03" | "40P01" | "40001")) {
                return Self::Busy;
            }
        }
        Self::Database(error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
        use rusqlite::{Error, ErrorCode};
        let Error::SqliteFailure(failure, _) = &error else { return Self::Sqlite(error) };
        match (failure.code, failure.extended_code) {
            (_, SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE) => Self::Conflict,
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Busy,
            _ => Self::Sqlite(error),
        }
    }
}
