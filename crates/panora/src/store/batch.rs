//! Many rows in few statements: `VALUES` lists of a few fixed sizes on SQLite, whose prepared statements are kept,
//! and one `UNNEST` of arrays on PostgreSQL. Knows no noun.

use super::StoreError;
use super::db::{Row, Sql, Tx, Value};

/// A column's type in the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Int,
    Text,
    Blob,
}

/// The sizes in which SQLite takes rows: any number makes two statements or three, and few different ones are prepared.
const SIZES: [usize; 19] = [64, 60, 56, 52, 48, 44, 40, 36, 32, 28, 24, 20, 16, 12, 8, 4, 3, 2, 1];

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

    fn statements(self, postgres: bool) -> Vec<Sql> {
        if self.is_empty() {
            return Vec::new();
        }
        if postgres { vec![self.unnested()] } else { self.listed() }
    }

    /// The rows' parameters have no numbers and come first: SQLite looks a number up for each parameter, in a list
    /// that would be as long as there are parameters.
    fn listed(self) -> Vec<Sql> {
        let width = self.columns.len();
        let row = format!(",({}?)", "?,".repeat(width - 1));
        let mut statements = Vec::new();
        let mut left = self.values.len() / width;
        let mut values = self.values.into_iter();
        for size in SIZES {
            while left >= size {
                left -= size;
                let rows = format!("VALUES {}", &row.repeat(size)[1..]);
                let text = renumbered(self.text, size * width).replace("{rows}", &rows);
                let values = values.by_ref().take(size * width).collect();
                statements.push(Sql::with_values(text, values).extended(self.binds.iter().cloned()));
            }
        }
        statements
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
            (Self::Blobs(column), Self::Blob(value)) => column.push(value),
            _ => debug_assert!(false, "a row's value is of its column's type"),
        }
    }
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
    /// Runs a batch; how many rows were changed.
    pub async fn execute_batch(&mut self, batch: Batch<'_>) -> Result<u64, StoreError> {
        let mut changed = 0;
        for sql in batch.statements(self.is_postgres()) {
            changed += self.execute(sql).await?;
        }
        Ok(changed)
    }

    /// Runs a batch that returns rows.
    pub async fn all_of_batch(&mut self, batch: Batch<'_>) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for sql in batch.statements(self.is_postgres()) {
            rows.extend(self.all(sql).await?);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_gets_a_few_sizes_and_every_row_once() {
        let mut batch =
            Batch::new("INSERT INTO t (a, b) {rows} WHERE $1", &[Column::Int, Column::Text]).bind(7_i64);
        for row in 0..150_i64 {
            batch.row([row.into(), "x".into()]);
        }
        let statements = batch.statements(false);
        let counts: Vec<_> = statements.iter().map(|sql| (sql.values().len() - 1) / 2).collect();
        assert_eq!(counts, [64, 64, 20, 2]);
        assert!(statements[3].text().ends_with("VALUES (?,?),(?,?) WHERE $5"), "{}", statements[3].text());
    }

    #[test]
    fn postgres_gets_one_statement_with_an_array_a_column() {
        let mut batch = Batch::new("INSERT INTO t (a, b) {rows}", &[Column::Int, Column::Blob]);
        batch.row([1_i64.into(), Value::Blob(None)]);
        batch.row([2_i64.into(), vec![1_u8].into()]);
        let statements = batch.statements(true);
        assert_eq!(
            statements[0].text(),
            "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::BIGINT[], $2::BYTEA[])"
        );
        assert_eq!(statements[0].values().len(), 2);
    }

    #[test]
    fn no_number_is_taken_for_the_beginning_of_another() {
        assert_eq!(renumbered("$1 + $2, CAST($12 AS TEXT)", 10), "$11 + $12, CAST($22 AS TEXT)");
        assert_eq!(renumbered("none", 10), "none");
    }

    #[test]
    fn an_empty_batch_is_no_statement() {
        assert!(Batch::new("INSERT INTO t (a) {rows}", &[Column::Int]).statements(false).is_empty());
    }
}
