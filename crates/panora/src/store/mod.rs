//! All SQL lives here, one file a noun. Knows nothing of HTTP, and only seals and hashes what it is given.

mod accounts;
mod api_keys;
mod apps;
mod attempts;
mod batch;
mod changed_connections;
mod connections;
mod crash;
mod db;
mod deliveries;
mod delivery_log;
mod endpoint_states;
mod endpoints;
mod erasure;
mod error;
mod event_log;
mod events;
mod expiry;
mod flows;
mod idempotency;
mod installation;
mod jobs;
mod linked_users;
mod magic_links;
mod migrations;
mod oauth_states;
mod present;
mod projects;
mod provider_settings;
mod recoveries;
mod refreshes;
mod requests;
mod resends;
mod retention;
mod row;
mod sandbox;
mod sqlite;
#[cfg(debug_assertions)]
mod statements;
mod troubles;
mod vault_root;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::clock::Clock;
use crate::model::Time;

use self::changed_connections::ChangedConnections;
use self::sqlite::Sqlite;
pub use accounts::{
    ClaimCursor, CountedClaim, CountedDelivery, CountedEndpoint, CountedEvent, CountedProject,
};
pub use apps::{AppKey, StoredApp};
pub use attempts::Attempt;
pub use batch::{Batch, Column};
pub use connections::{ConnectionFilter, GrantKey, NewConnection, StoredConnection};
pub use db::{Db, Row, Sql, Tx, Value};
pub use deliveries::{CancelStep, Claim, ClaimedDelivery, NewDelivery};
pub use delivery_log::{DeliveryFilter, DeliveryListing};
pub use endpoint_states::{EndpointStanding, LookAt, NEVER};
pub use endpoints::{ChangedEndpoint, StoredEndpoint};
pub use erasure::Erasure;
pub use error::StoreError;
pub use event_log::{EventFilter, LoggedEvent};
pub use events::{NewEvent, StoredEvent};
pub use expiry::{ExpiryStep, OldestOpen};
pub use flows::Flow;
pub use idempotency::IdempotencyRecord;
pub use jobs::{Job, JobStage, NewJob};
pub use magic_links::TimelineStep;
pub use oauth_states::StoredState;
pub use projects::TakenPositions;
pub use recoveries::RunningRecovery;
pub use refreshes::DueRefresh;
pub use resends::{ClaimedResend, DueResend, NewResend};
pub use retention::OldEvent;
pub use sandbox::{ContactRow, SandboxGrant, SandboxKey, SandboxTokens};
#[cfg(debug_assertions)]
pub use statements::record_statements;
pub use troubles::{Departures, Loss, Trouble};

/// How long a claim on a delivery or a job lasts.
pub const LEASE: Duration = Duration::from_mins(1);

/// The database, and the clock by which its due times are read.
#[derive(Clone)]
pub struct Store {
    db: Db,
    clock: Clock,
    changed_connections: ChangedConnections,
    read_clock: present::ReadClock,
}

impl Store {
    /// Opens (and creates) the SQLite file.
    pub async fn open_sqlite(file: &Path, clock: Clock) -> Result<Self, StoreError> {
        migrations::migrate_sqlite(file).await?;
        Self::opened(Db::Sqlite(Sqlite::open(file)?), clock).await
    }

    /// Connects to PostgreSQL at a `postgres://` URL.
    pub async fn open_postgres(url: &str, clock: Clock) -> Result<Self, StoreError> {
        let options =
            PgConnectOptions::from_str(url)?.application_name("panora").statement_cache_capacity(512);
        let options = options.disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(20)
            .acquire_timeout(Duration::from_secs(20))
            .connect_with(options)
            .await?;
        migrations::migrate_postgres(&pool).await?;
        Self::opened(Db::Postgres(pool), clock).await
    }

    async fn opened(db: Db, clock: Clock) -> Result<Self, StoreError> {
        let changed_connections = ChangedConnections::new();
        let store = Self { db, clock, changed_connections, read_clock: present::ReadClock::default() };
        store.read_present().await?;
        Ok(store)
    }

    /// Opens a transaction. Never hold one over network I/O.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        self.db.begin().await
    }

    /// Whether transactions run side by side, and lock rows.
    pub const fn has_row_locks(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    /// Runs work that writes without end. With SQLite it gets a thread of its own: to visit another one for each statement
    /// takes longer than most of them.
    pub async fn run_writer(&self, work: impl Future<Output = ()> + Send + 'static) {
        match &self.db {
            Db::Sqlite(_) => {
                if let Err(error) = sqlite::on_patient_thread(work).await {
                    tracing::error!(%error, "there is no thread for the writer");
                }
            }
            Db::Postgres(_) => work.await,
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.optional(Sql::new("SELECT id FROM projects LIMIT 1")).await.map(|_| ())
    }

    /// Keeps SQLite's log short: see [`sqlite::Sqlite::checkpoint`].
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        match &self.db {
            Db::Sqlite(sqlite) => sqlite.checkpoint().await,
            Db::Postgres(_) => Ok(()),
        }
    }

    /// Closes every connection, after what runs has ended.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite(sqlite) => sqlite.close().await,
            Db::Postgres(pool) => pool.close().await,
        }
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    /// `(expression, parameter)` for the present: see [`Db::now_expression`].
    fn db_now(&self) -> (&'static str, i64) {
        let parameter = match &self.db {
            Db::Sqlite(_) => self.clock.now().millis(),
            Db::Postgres(_) => self.clock.offset_ms(),
        };
        (self.db.now_expression(), parameter)
    }
}
