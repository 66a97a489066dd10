//! Reading our types out of rows.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::{Row, StoreError};
use crate::model::Time;

impl Row {
    /// An id or another value kept as its text.
    pub fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.get::<String>(column)?.parse().map_err(|_| StoreError::Corrupt(column))
    }

    pub fn parsed_option<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text = self.get::<Option<String>>(column)?;
        text.map(|text| text.parse().map_err(|_| StoreError::Corrupt(column))).transpose()
    }

    pub fn time(&self, column: &'static str) -> Result<Time, StoreError> {
        Ok(Time::from_millis(self.get(column)?))
    }

    pub fn time_option(&self, column: &'static str) -> Result<Option<Time>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Time::from_millis))
    }

    pub fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.get::<i64>(column)? != 0)
    }

    pub fn count(&self, column: &'static str) -> Result<u32, StoreError> {
        u32::try_from(self.get::<i64>(column)?).map_err(|_| StoreError::Corrupt(column))
    }

    /// A list or object kept as JSON text.
    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|_| StoreError::Corrupt(column))
    }
}

/// A list or object as the JSON text that is kept.
pub fn json_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own lists and objects serialize")
}

/// A time as the number that is kept.
pub fn millis(time: Option<Time>) -> Option<i64> {
    time.map(Time::millis)
}
