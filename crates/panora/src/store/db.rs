//! The dialect layer: one way to say a statement to SQLite and to PostgreSQL. Knows no noun.
//!
//! Statements use `$1`-style parameters.

use rusqlite::types::FromSql;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Decode, PgPool, Postgres, Row as _, Type};
use uuid::Uuid;

use super::sqlite::{Outcome, Sqlite, SqliteRow, SqliteTx};
use super::{StoreError, crash};
use crate::model::Id;

/// Connections to the database in use.
#[derive(Clone)]
pub enum Db {
    Sqlite(Sqlite),
    Postgres(PgPool),
}

/// A transaction. Dropping it without [`Tx::commit`] rolls it back.
pub enum Tx {
    Sqlite(SqliteTx),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A parameter's value.
#[derive(Clone)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
    /// Kept as its text.
    Id(Option<Uuid>),
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

    pub(super) fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.values)
    }

    pub(super) fn extended(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.values.extend(values);
        self
    }

    #[cfg(any(debug_assertions, test))]
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
    pub(super) fn announce(&self) {
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

    fn for_postgres(self) -> Result<(AssertSqlSafe<String>, PgArguments), StoreError> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Blob(value) => arguments.add(value),
                Value::Id(value) => arguments.add(value.map(|id| id.to_string())),
                Value::Ints(values) => arguments.add(values),
                Value::Texts(values) => arguments.add(values),
                Value::Blobs(values) => arguments.add(values),
            }
            .map_err(StoreError::encode)?;
        }
        Ok((AssertSqlSafe(self.text), arguments))
    }
}

/// Runs a statement on a connection to PostgreSQL.
async fn rows_of(connection: &mut sqlx::PgConnection, sql: Sql) -> Result<Vec<Row>, StoreError> {
    let (text, arguments) = sql.for_postgres()?;
    let rows = sqlx::query_with(text, arguments).fetch_all(connection).await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

/// The same; how many rows were changed.
async fn changed_by(connection: &mut sqlx::PgConnection, sql: Sql) -> Result<u64, StoreError> {
    let (text, arguments) = sql.for_postgres()?;
    Ok(sqlx::query_with(text, arguments).execute(connection).await?.rows_affected())
}

impl Tx {
    pub async fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        sql.announce();
        match self {
            Self::Sqlite(tx) => Ok(Row::of_sqlite(tx.run(sql).await?)),
            Self::Postgres(tx) => rows_of(tx, sql).await,
        }
    }

    /// The first row.
    pub async fn optional(&mut self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// How many rows were changed.
    pub async fn execute(&mut self, sql: Sql) -> Result<u64, StoreError> {
        sql.announce();
        match self {
            Self::Sqlite(tx) => Ok(tx.run(sql).await?.changed),
            Self::Postgres(tx) => changed_by(tx, sql).await,
        }
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
            Self::Sqlite(sqlite) => Tx::Sqlite(sqlite.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Reads outside a transaction.
    pub async fn all(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        sql.announce();
        match self {
            Self::Sqlite(sqlite) => Ok(Row::of_sqlite(sqlite.read(sql).await?)),
            Self::Postgres(pool) => rows_of(&mut *pool.acquire().await?, sql).await,
        }
    }

    /// Reads the first row outside a transaction.
    pub async fn optional(&self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// One statement that writes, a transaction of its own.
    pub async fn execute(&self, sql: Sql) -> Result<u64, StoreError> {
        sql.announce();
        let count = match self {
            Self::Sqlite(sqlite) => sqlite.write(sql).await?.changed,
            Self::Postgres(pool) => changed_by(&mut *pool.acquire().await?, sql).await?,
        };
        crash::point("after a statement");
        Ok(count)
    }

    /// One statement that writes and returns rows, a transaction of its own.
    pub async fn execute_returning(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        sql.announce();
        let rows = match self {
            Self::Sqlite(sqlite) => Row::of_sqlite(sqlite.write(sql).await?),
            Self::Postgres(pool) => rows_of(&mut *pool.acquire().await?, sql).await?,
        };
        crash::point("after a statement");
        Ok(rows)
    }

    /// The present as a due time is compared with it: `($n)` on SQLite, where the process owns the file; the
    /// server's own clock plus an offset on PostgreSQL, where nodes' clocks may differ. That of the statement: an index
    /// can be searched by it, by `clock_timestamp()` not, which may change from row to row.
    pub const fn now_expression(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "CAST($1 AS BIGINT)",
            Self::Postgres(_) => "(CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT) + $1)",
        }
    }
}

impl Row {
    pub(super) fn of_sqlite(outcome: Outcome) -> Vec<Self> {
        outcome.rows.into_iter().map(Row::Sqlite).collect()
    }

    /// A column's value; a wrong name or type is an error of ours.
    pub fn get<'r, T>(&'r self, column: &'static str) -> Result<T, StoreError>
    where
        T: FromSql + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.get(column).ok_or(StoreError::Corrupt(column)),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

impl<T: Id> From<T> for Value {
    fn from(id: T) -> Self {
        Self::Id(Some(id.uuid()))
    }
}

impl<T: Id> From<Option<T>> for Value {
    fn from(id: Option<T>) -> Self {
        Self::Id(id.map(T::uuid))
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
