//! The statements that copy rows: each copy has keys, a position and moments of its own. It only writes SQL.
//!
//! An attempt, its delivery and that one's event are copied together, so that a copy's number alone says what each of
//! the three is called. Copies are spread over the day before, in the order of their numbers, as if they had come
//! one after another.

use crate::schema::{ATTEMPTS, DELIVERIES, DELIVERY, EVENT, EVENTS, ID, Meaning, Table};

const DAY_MS: u64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// How a column stores what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Whole,
    Bytes,
    Uuid,
    Other,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// How many there will be, and what time it is, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub dialect: Dialect,
    pub total: u64,
    pub now: u64,
}

impl Kind {
    /// From the type's name in either database.
    pub fn of_type(name: &str) -> Self {
        let name = name.to_lowercase();
        match name.as_str() {
            "blob" | "bytea" => Self::Bytes,
            "uuid" => Self::Uuid,
            name if name.contains("int") => Self::Whole,
            _ => Self::Other,
        }
    }
}

/// Sets rows of the server aside, numbered from 0, as what is copied: at most so many of each table.
pub fn seeds(most: u32) -> [String; 3] {
    let linked = |table: Table, from: Table, link: &str| {
        format!(
            "CREATE TEMP TABLE seed_{0} AS SELECT t.*, s.seed FROM seed_{1} s JOIN {0} t ON t.{ID} = s.{link}",
            table.name, from.name
        )
    };
    let attempts = format!(
        "CREATE TEMP TABLE seed_{0} AS SELECT * FROM (SELECT t.*, row_number() OVER (ORDER BY t.{ID}) - 1 AS seed \
         FROM {0} t) numbered WHERE seed < {most}",
        ATTEMPTS.name
    );
    [attempts, linked(DELIVERIES, ATTEMPTS, DELIVERY), linked(EVENTS, DELIVERIES, EVENT)]
}

impl Plan {
    /// Copies of the numbers from `first` to before `end`, of `seeds` rows that were set aside.
    pub fn insert(self, table: Table, columns: &[Column], seeds: u64, (first, end): (u64, u64)) -> String {
        let names: Vec<String> = columns.iter().map(|it| format!("\"{}\"", it.name)).collect();
        let values: Vec<String> = columns.iter().map(|it| self.value(table, it)).collect();
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT CAST({first} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers \
             WHERE n + 1 < {end}) INSERT INTO {0} ({1}) SELECT {2} FROM numbers JOIN seed_{0} s \
             ON s.seed = n % {seeds}",
            table.name,
            names.join(", "),
            values.join(", ")
        )
    }

    fn value(self, table: Table, column: &Column) -> String {
        let own = format!("s.\"{}\"", column.name);
        match (table.meaning(&column.name), column.kind) {
            (Meaning::Key(_) | Meaning::Position, Kind::Whole) => self.before_all(),
            (Meaning::Key(of), kind) => self.key(of, kind),
            (Meaning::Moment, Kind::Whole) => {
                format!("CASE WHEN {own} > 0 THEN {own} - {} ELSE {own} END", self.age())
            }
            _ => own,
        }
    }

    /// A whole number of its own, below what the server gives out.
    fn before_all(self) -> String {
        format!("n - {}", self.total)
    }

    /// How long before now, in milliseconds.
    fn age(self) -> String {
        format!("({0} - n) * {DAY_MS} / {0}", self.total)
    }

    /// A UUID of version 7.
    fn key(self, of: Table, kind: Kind) -> String {
        let (time, number) = (self.hex(&format!("{} - {}", self.now, self.age())), self.hex("n"));
        let middle = format!("7{:03x}", of.number);
        let text =
            format!("substr({time}, 1, 8) || '-' || substr({time}, 9, 4) || '-{middle}-8000-' || {number}");
        match (kind, self.dialect) {
            (Kind::Bytes, Dialect::Sqlite) => format!("unhex({time} || '{middle}8000' || {number})"),
            (Kind::Bytes, Dialect::Postgres) => {
                format!("decode({time} || '{middle}8000' || {number}, 'hex')")
            }
            (Kind::Uuid, _) => format!("CAST({text} AS UUID)"),
            _ => text,
        }
    }

    /// Twelve digits.
    fn hex(self, number: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("printf('%012x', {number})"),
            Dialect::Postgres => format!("lpad(to_hex({number}), 12, '0')"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { dialect: Dialect::Sqlite, total: 10, now: 1000 };

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.to_owned(), kind }
    }

    #[test]
    fn types_of_both_databases_are_known() {
        let kinds = ["BIGINT", "int8", "BLOB", "bytea", "uuid", "TEXT", "timestamptz"].map(Kind::of_type);
        let [whole, bytes] = [Kind::Whole, Kind::Bytes].map(|kind| [kind; 2]);
        assert_eq!(kinds[..2], whole);
        assert_eq!(kinds[2..4], bytes);
        assert_eq!(kinds[4..], [Kind::Uuid, Kind::Other, Kind::Other]);
    }

    #[test]
    fn only_keys_positions_and_moments_are_replaced() {
        let value = |name, kind| PLAN.value(DELIVERIES, &column(name, kind));
        assert_eq!(value("state", Kind::Other), "s.\"state\"");
        assert_eq!(value("tries", Kind::Whole), "s.\"tries\"");
        assert_eq!(value("position", Kind::Whole), "n - 10");
        assert_eq!(value("id", Kind::Whole), "n - 10");
        assert!(value("ended_at", Kind::Whole).contains("(10 - n) * 86400000 / 10"));
        assert_eq!(value("ended_at", Kind::Other), "s.\"ended_at\"");
        assert!(value("id", Kind::Other).contains("'-7002-8000-'"));
        assert!(value("id_event", Kind::Other).contains("'-7001-8000-'"));
        assert!(value("id", Kind::Bytes).starts_with("unhex("));
    }
}
