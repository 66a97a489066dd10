//! Which statements ran, and how the database goes about each: for the test that every one finds its rows by an index.
//! In a debug build only, and only once somebody asked for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::db::{Db, Sql};
use super::{Store, StoreError};

static WANTED: AtomicBool = AtomicBool::new(false);
static RAN: Mutex<BTreeMap<String, Sql>> = Mutex::new(BTreeMap::new());

/// Remembers the statements that run from now on, of each text the first.
pub fn record_statements() {
    WANTED.store(true, Ordering::Relaxed);
}

pub(super) fn note(sql: &Sql) {
    if WANTED.load(Ordering::Relaxed) {
        let mut ran = RAN.lock().unwrap_or_else(PoisonError::into_inner);
        if !ran.contains_key(sql.text()) {
            ran.insert(sql.text().to_owned(), sql.clone());
        }
    }
}

impl Store {
    /// The statements that were recorded, each with the database's plan for it now, line by line.
    pub async fn explain_recorded(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        WANTED.store(false, Ordering::Relaxed);
        let ran = std::mem::take(&mut *RAN.lock().unwrap_or_else(PoisonError::into_inner));
        let (explain, column) = match &self.db {
            Db::Sqlite(_) => ("EXPLAIN QUERY PLAN", "detail"),
            Db::Postgres(_) => ("EXPLAIN", "QUERY PLAN"),
        };
        let mut plans = Vec::with_capacity(ran.len());
        for (text, sql) in ran {
            let rows = self.db.all(sql.prefixed(explain)).await?;
            plans.push((text, rows.iter().map(|row| row.get(column)).collect::<Result<_, _>>()?));
        }
        Ok(plans)
    }
}
