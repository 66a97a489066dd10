//! The dialect layer: one way to say a statement to SQLite and to PostgreSQL. Knows no noun.
//!
//! Statements use `$1`-style parameters, which both databases read. We do not use sqlx's `Any` driver: it
//! refuses boolean columns on SQLite, panics on shared text, and copies every row it reads.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, ColumnIndex, Decode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Type,
};

use super::{StoreError, crash};

/// Connections to the database in use.
#[derive(Clone)]
pub enum Db {
    Sqlite {
        read: SqlitePool,
        /// One connection: SQLite has one writer, and waiting here is fairer than `SQLITE_BUSY`.
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction. Dropping it without [`Tx::commit`] rolls it back.
pub enum Tx {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A parameter's value.
#[derive(Clone)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
    /// A column of many rows, for PostgreSQL's `UNNEST`.
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

/// A statement and its parameters.
#[derive(Clone, Default)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
}

/// A row of either database.
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Sql {
    /// A statement whose text holds its own `$n`; [`Sql::bind`] gives their values in order.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    pub(super) const fn with_values(text: String, values: Vec<Value>) -> Self {
        Self { text, values }
    }

    pub(super) fn extended(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.values.extend(values);
        self
    }

    #[cfg(any(test, debug_assertions))]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The same statement behind another word, such as `EXPLAIN`.
    #[cfg(debug_assertions)]
    pub(super) fn prefixed(mut self, word: &str) -> Self {
        self.text.insert_str(0, &format!("{word} "));
        self
    }

    fn writes(&self) -> bool {
        !["SELECT", "PRAGMA"].iter().any(|word| self.text.starts_with(word))
    }

    /// To be called before it runs.
    fn announce(&self) {
        if self.writes() {
            crash::point(&self.text);
        }
        #[cfg(debug_assertions)]
        super::statements::note(self);
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends text.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a parameter with its value.
    pub fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let number = self.values.len();
        self.text.push_str(&format!("${number}"));
        self
    }

    /// Appends `($1, $2, …)` for an `IN`; `(NULL)` for nothing, which matches nothing.
    pub fn push_list<T: Into<Value>>(&mut self, items: impl IntoIterator<Item = T>) -> &mut Self {
        self.push("(");
        let mut empty = true;
        for item in items {
            if !empty {
                self.push(", ");
            }
            empty = false;
            self.push_bind(item);
        }
        self.push(if empty { "NULL)" } else { ")" })
    }

    fn for_sqlite(self) -> Result<(AssertSqlSafe<String>, SqliteArguments), StoreError> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Blob(value) => arguments.add(value),
                Value::Ints(_) | Value::Texts(_) | Value::Blobs(_) => {
                    Err("SQLite has no arrays: batches are written as rows".into())
                }
            }
            .map_err(StoreError::encode)?;
        }
        // The text is ours: every value that came from outside is a parameter.
        Ok((AssertSqlSafe(self.text), arguments))
    }

    fn for_postgres(self) -> Result<(AssertSqlSafe<String>, PgArguments), StoreError> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Blob(value) => arguments.add(value),
                Value::Ints(values) => arguments.add(values),
                Value::Texts(values) => arguments.add(values),
                Value::Blobs(values) => arguments.add(values),
            }
            .map_err(StoreError::encode)?;
        }
        Ok((AssertSqlSafe(self.text), arguments))
    }
}

macro_rules! run {
    ($self:ident, $sql:ident, $method:ident, $($wrap:tt)*) => {
        match $self {
            Runner::Sqlite(executor) => {
                let (text, arguments) = $sql.for_sqlite()?;
                run!(@ sqlx::query_with(text, arguments).$method(executor).await?, Sqlite, $($wrap)*)
            }
            Runner::Postgres(executor) => {
                let (text, arguments) = $sql.for_postgres()?;
                run!(@ sqlx::query_with(text, arguments).$method(executor).await?, Postgres, $($wrap)*)
            }
        }
    };
    (@ $result:expr, $side:ident, rows) => { Ok($result.into_iter().map(Row::$side).collect()) };
    (@ $result:expr, $side:ident, row) => { Ok($result.map(Row::$side)) };
    (@ $result:expr, $side:ident, count) => { Ok($result.rows_affected()) };
}

/// A connection to run one statement on.
enum Runner<'c> {
    Sqlite(&'c mut sqlx::SqliteConnection),
    Postgres(&'c mut sqlx::PgConnection),
}

impl Runner<'_> {
    async fn all(self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        sql.announce();
        run!(self, sql, fetch_all, rows)
    }

    async fn optional(self, sql: Sql) -> Result<Option<Row>, StoreError> {
        sql.announce();
        run!(self, sql, fetch_optional, row)
    }

    async fn execute(self, sql: Sql) -> Result<u64, StoreError> {
        sql.announce();
        run!(self, sql, execute, count)
    }
}

impl Tx {
    fn runner(&mut self) -> Runner<'_> {
        match self {
            Self::Sqlite(tx) => Runner::Sqlite(tx),
            Self::Postgres(tx) => Runner::Postgres(tx),
        }
    }

    pub async fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        self.runner().all(sql).await
    }

    pub async fn optional(&mut self, sql: Sql) -> Result<Option<Row>, StoreError> {
        self.runner().optional(sql).await
    }

    /// How many rows were changed.
    pub async fn execute(&mut self, sql: Sql) -> Result<u64, StoreError> {
        self.runner().execute(sql).await
    }

    /// Durable once this returns. With [`StoreError::Unconfirmed`] nobody knows.
    pub async fn commit(self) -> Result<(), StoreError> {
        crash::point("before a commit");
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await.map_err(StoreError::of_commit)?,
        }
        crash::point("after a commit");
        Ok(())
    }

    pub const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl Db {
    /// Opens a transaction that writes.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            // IMMEDIATE: a read that turns into a write later could find the database changed.
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Reads outside a transaction.
    pub async fn all(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite { read, .. } => Runner::Sqlite(&mut *read.acquire().await?).all(sql).await,
            Self::Postgres(pool) => Runner::Postgres(&mut *pool.acquire().await?).all(sql).await,
        }
    }

    /// Reads at most one row outside a transaction.
    pub async fn optional(&self, sql: Sql) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite { read, .. } => Runner::Sqlite(&mut *read.acquire().await?).optional(sql).await,
            Self::Postgres(pool) => Runner::Postgres(&mut *pool.acquire().await?).optional(sql).await,
        }
    }

    /// One statement that writes, a transaction of its own.
    pub async fn execute(&self, sql: Sql) -> Result<u64, StoreError> {
        let count = match self {
            Self::Sqlite { write, .. } => Runner::Sqlite(&mut *write.acquire().await?).execute(sql).await,
            Self::Postgres(pool) => Runner::Postgres(&mut *pool.acquire().await?).execute(sql).await,
        };
        crash::point("after a statement");
        count
    }

    /// One statement that writes and returns rows, a transaction of its own.
    pub async fn execute_returning(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        let rows = match self {
            Self::Sqlite { write, .. } => Runner::Sqlite(&mut *write.acquire().await?).all(sql).await,
            Self::Postgres(pool) => Runner::Postgres(&mut *pool.acquire().await?).all(sql).await,
        };
        crash::point("after a statement");
        rows
    }

    /// The present as a due time is compared with it: `($n)` on SQLite, where the process owns the file; the
    /// server's own clock plus an offset on PostgreSQL, where nodes' clocks may differ. That of the statement: an index
    /// can be searched by it, by `clock_timestamp()` not, which may change from row to row.
    pub const fn now_expression(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "CAST($1 AS BIGINT)",
            Self::Postgres(_) => "(CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT) + $1)",
        }
    }
}

impl Row {
    /// A column's value; a wrong name or type is an error of ours.
    pub fn get<'r, T>(&'r self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
        &'static str: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}

macro_rules! values {
    ($($from:ty => |$value:ident| $into:expr),+ $(,)?) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        }
    )+};
}

values! {
    i64 => |value| Self::Int(Some(value)),
    u32 => |value| Self::Int(Some(i64::from(value))),
    // Booleans are 0 and 1 in both databases, so that a column has one type.
    bool => |value| Self::Int(Some(i64::from(value))),
    Option<i64> => |value| Self::Int(value),
    &str => |value| Self::Text(Some(value.to_owned())),
    String => |value| Self::Text(Some(value)),
    &String => |value| Self::Text(Some(value.clone())),
    Option<&str> => |value| Self::Text(value.map(ToOwned::to_owned)),
    Option<String> => |value| Self::Text(value),
    &Option<String> => |value| Self::Text(value.clone()),
    Vec<u8> => |value| Self::Blob(Some(value)),
    &[u8] => |value| Self::Blob(Some(value.to_vec())),
    [u8; 32] => |value| Self::Blob(Some(value.to_vec())),
    Option<Vec<u8>> => |value| Self::Blob(value),
}
