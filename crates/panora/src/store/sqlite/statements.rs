//! Statements on their way to a connection: steps that are kept and run together, rows and parameters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::{FromSql, Null, Value as Cell, ValueRef};
use rusqlite::{Connection, Statement};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::db::{Sql, Value};

/// The statements of batches for one row, each made once. For texts of the program only: none is forgotten.
#[derive(Default)]
pub struct Texts(Mutex<HashMap<String, (usize, Arc<str>)>>);

impl Texts {
    /// What was made of a text, or is made now. A text always has the same number of columns.
    pub fn made_of(&self, (text, width): (&str, usize), make: impl FnOnce() -> String) -> Arc<str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, made)) = known.get(text) {
            debug_assert_eq!(*of, width, "{text}");
            return made.clone();
        }
        let made: Arc<str> = make().into();
        known.insert(text.to_owned(), (width, made.clone()));
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
pub enum Step {
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

impl Step {
    pub fn of(sql: Sql) -> Self {
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

/// Runs steps until one fails; what the last came to.
pub fn run(connection: &Connection, steps: Vec<Step>) -> Result<Outcome, StoreError> {
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
pub fn give_up(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
}

/// The text with `?1` for `$1`: SQLite numbers those with a dollar in the order in which they come.
pub fn numbered(text: &str) -> String {
    let mut parts = text.split('$');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push(if part.starts_with(|it: char| it.is_ascii_digit()) { '?' } else { '$' });
        result.push_str(part);
    }
    result
}
