//! Many rows of one statement: it is prepared once and run for each row on SQLite, and gets an `UNNEST` of arrays on
//! PostgreSQL. Knows no noun.

use std::sync::Arc;

use super::StoreError;
use super::db::{Row, Sql, Tx, Value};
use super::sqlite::{Rows, SqliteTx, numbered};

/// A column's type in the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Int,
    Text,
    Blob,
}

/// A statement whose text says `{rows}` where the rows stand, in a form that both databases read after `INSERT INTO
/// ...` and within `WITH new (...) AS (...)`.
pub struct Batch<'a> {
    text: &'a str,
    columns: &'static [Column],
    /// Parameters `$1` and on, before those of the rows.
    binds: Vec<Value>,
    values: Vec<Value>,
}

impl<'a> Batch<'a> {
    pub const fn new(text: &'a str, columns: &'static [Column]) -> Self {
        Self { text, columns, binds: Vec::new(), values: Vec::new() }
    }

    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.binds.push(value.into());
        self
    }

    /// Adds a row, its values in the order of the columns.
    pub fn row<const N: usize>(&mut self, values: [Value; N]) {
        debug_assert_eq!(N, self.columns.len(), "a row has a value for each column");
        self.values.extend(values);
    }

    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Its rows, for the statement of [`for_each_row`].
    fn into_rows(self) -> Rows {
        Rows { width: self.columns.len(), values: self.values, binds: self.binds }
    }

    fn unnested(self) -> Sql {
        let (width, first) = (self.columns.len(), self.binds.len() + 1);
        let arrays = self.columns.iter().enumerate().map(|(index, column)| {
            let kind = match column {
                Column::Int => "BIGINT",
                Column::Text => "TEXT",
                Column::Blob => "BYTEA",
            };
            format!("${}::{kind}[]", first + index)
        });
        let rows = format!("SELECT * FROM UNNEST({})", arrays.collect::<Vec<_>>().join(", "));
        let mut columns: Vec<Value> = self.columns.iter().map(|column| column.empty()).collect();
        for (index, value) in self.values.into_iter().enumerate() {
            columns[index % width].push(value);
        }
        Sql::with_values(self.text.replace("{rows}", &rows), self.binds).extended(columns)
    }
}

impl Column {
    const fn empty(self) -> Value {
        match self {
            Self::Int => Value::Ints(Vec::new()),
            Self::Text => Value::Texts(Vec::new()),
            Self::Blob => Value::Blobs(Vec::new()),
        }
    }
}

impl Value {
    /// Adds a value to a column of its type.
    fn push(&mut self, value: Self) {
        match (self, value) {
            (Self::Ints(column), Self::Int(value)) => column.push(value),
            (Self::Texts(column), Self::Text(value)) => column.push(value),
            (Self::Texts(column), Self::Id(value)) => column.push(value.map(|id| id.to_string())),
            (Self::Blobs(column), Self::Blob(value)) => column.push(value),
            _ => debug_assert!(false, "a row's value is of its column's type"),
        }
    }
}

/// The statement that SQLite runs for each row of `width` columns.
fn for_each_row(text: &str, width: usize) -> String {
    numbered(&of_one_row(&renumbered(text, width), width))
}

/// The statement that does for one row what `text` does for many: `new.column` is the row's parameter, where rows are
/// joined to nothing but the table or one other.
fn of_one_row(text: &str, width: usize) -> String {
    let one = text.strip_prefix("WITH new (").and_then(|rest| rest.split_once(") AS ({rows}) "));
    let Some((names, one)) = one.filter(|(_, one)| one.contains(" FROM new")) else {
        let places: Vec<_> = (1..=width).map(|number| format!("${number}")).collect();
        return text.replace("{rows}", &format!("VALUES ({})", places.join(", ")));
    };
    let mut names: Vec<_> = names.split(", ").zip(1..).collect();
    // The longest first: none is then taken for the beginning of another.
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let places = |text: String, (name, number): &(&str, usize)| {
        text.replace(&format!("new.{name}"), &format!("${number}"))
    };
    let one = names.iter().fold(one.to_owned(), places);
    let one = match one.split_once(" FROM new JOIN ") {
        Some((before, joined)) => format!("{before} FROM {}", joined.replacen(" ON ", " WHERE ", 1)),
        None => one.replacen(" FROM new", "", 1),
    };
    // A failure ends the transaction: nothing has to be kept by which this statement alone could be undone.
    one.replacen("INSERT INTO ", "INSERT OR FAIL INTO ", 1).replacen("UPDATE ", "UPDATE OR FAIL ", 1)
}

/// The text with each `$n` of a bind raised by `by`.
fn renumbered(text: &str, by: usize) -> String {
    let mut parts = text.split('$');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let number: usize = number.parse().unwrap_or_default();
        result.push_str(&format!("${}{rest}", number + by));
    }
    result
}

impl Tx {
    /// Runs a batch, at the latest with the next statement or the commit, whose error is then this one's.
    pub async fn execute_batch(&mut self, batch: Batch<'_>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        match self {
            Self::Sqlite(tx) => {
                let (text, rows) = announced(tx, batch);
                tx.keep_rows(text, rows);
            }
            Self::Postgres(_) => drop(self.execute(batch.unnested()).await?),
        }
        Ok(())
    }

    /// Runs a batch; how many rows were changed.
    pub async fn count_of_batch(&mut self, batch: Batch<'_>) -> Result<u64, StoreError> {
        if batch.is_empty() {
            return Ok(0);
        }
        match self {
            Self::Sqlite(tx) => {
                let (text, rows) = announced(tx, batch);
                Ok(tx.run_rows(text, rows).await?.changed)
            }
            Self::Postgres(_) => self.execute(batch.unnested()).await,
        }
    }

    /// Runs a batch that returns rows.
    pub async fn all_of_batch(&mut self, batch: Batch<'_>) -> Result<Vec<Row>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Sqlite(tx) => {
                let (text, rows) = announced(tx, batch);
                Ok(Row::of_sqlite(tx.run_rows(text, rows).await?))
            }
            Self::Postgres(_) => self.all(batch.unnested()).await,
        }
    }
}

/// The batch for SQLite, about to be run.
fn announced(tx: &SqliteTx, batch: Batch<'_>) -> (Arc<str>, Rows) {
    let width = batch.columns.len();
    let text = tx.texts.made_of((batch.text, width), || for_each_row(batch.text, width));
    let rows = batch.into_rows();
    // A release build has nobody to tell.
    #[cfg(debug_assertions)]
    Sql::with_values(text.replace('?', "$"), rows.iter().next().into_iter().flatten().cloned().collect())
        .announce();
    (text, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_gets_one_statement_and_every_row_once() {
        let mut batch =
            Batch::new("INSERT INTO t (a, b) {rows} WHERE $1", &[Column::Int, Column::Text]).bind(7_i64);
        for row in 0..150_i64 {
            batch.row([row.into(), "x".into()]);
        }
        assert_eq!(for_each_row(batch.text, 2), "INSERT INTO t (a, b) VALUES (?1, ?2) WHERE ?3");
        let rows = batch.into_rows();
        assert_eq!(rows.iter().count(), 150);
        assert!(rows.iter().all(|row| row.count() == 3));
    }

    #[test]
    fn one_row_is_its_parameters() {
        let insert = "WITH new (id, id_event, at) AS ({rows}) INSERT INTO t (a, b) SELECT new.id, $4 + new.at FROM new \
                      JOIN events ev ON ev.id = new.id_event";
        assert_eq!(
            of_one_row(insert, 3),
            "INSERT OR FAIL INTO t (a, b) SELECT $1, $4 + $3 FROM events ev WHERE ev.id = $2"
        );
        let update =
            "WITH new (id, a) AS ({rows}) UPDATE t SET a = new.a FROM new WHERE t.id = new.id AND b < $3";
        assert_eq!(of_one_row(update, 2), "UPDATE OR FAIL t SET a = $2 WHERE t.id = $1 AND b < $3");
    }

    #[test]
    fn postgres_gets_one_statement_with_an_array_a_column() {
        let mut batch = Batch::new("INSERT INTO t (a, b) {rows}", &[Column::Int, Column::Blob]);
        batch.row([1_i64.into(), Value::Blob(None)]);
        batch.row([2_i64.into(), vec![1_u8].into()]);
        let statement = batch.unnested();
        assert_eq!(statement.text(), "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::BIGINT[], $2::BYTEA[])");
        assert_eq!(statement.values().len(), 2);
    }

    #[test]
    fn no_number_is_taken_for_the_beginning_of_another() {
        assert_eq!(renumbered("$1 + $2, CAST($12 AS TEXT)", 10), "$11 + $12, CAST($22 AS TEXT)");
        assert_eq!(renumbered("none", 10), "none");
    }
}
