//! From rows to values, and from the driver's errors to ours.

use crate::StoreError;
use ringline_model::{AgentKind, IdError};
use serde_json::Value;
use sqlx::{Decode, Row, Sqlite, Type, sqlite::SqliteRow};

/// SQLite's primary result codes for "locked by someone else".
const BUSY: i64 = 5;
const LOCKED: i64 = 6;

/// For `map_err`: what failed while trying to `operation`.
pub(super) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        if matches!(error, sqlx::Error::PoolTimedOut) || matches!(primary_code(&error), Some(BUSY | LOCKED)) {
            StoreError::Busy { operation }
        } else {
            StoreError::Backend { operation, source: Box::new(error) }
        }
    }
}

/// For the `map_err` of an insert: `itself` (what, id) if the row exists, `parent` (what, id) if the row it belongs to
/// doesn't.
pub(super) fn rejected(
    operation: &'static str,
    itself: (&'static str, &str),
    parent: (&'static str, &str),
) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match error.as_database_error() {
        Some(e) if e.is_unique_violation() => StoreError::Exists { what: itself.0, id: itself.1.to_owned() },
        Some(e) if e.is_foreign_key_violation() => StoreError::NotFound { what: parent.0, id: parent.1.to_owned() },
        _ => failed(operation)(error),
    }
}

/// SQLite's result code without its extension.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i64>().ok().map(|code| code & 0xff)
}

/// One row being read for `operation`.
pub(super) struct Reading<'r> {
    pub row: &'r SqliteRow,
    pub operation: &'static str,
}

impl<'r> Reading<'r> {
    pub fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(failed(self.operation))
    }

    pub fn id<T>(&self, column: &'static str, parse: fn(String) -> Result<T, IdError>) -> Result<T, StoreError> {
        parse(self.get(column)?).map_err(|_| StoreError::Corrupt { what: column })
    }

    pub fn json(&self, column: &'static str) -> Result<Value, StoreError> {
        serde_json::from_str(self.get(column)?).map_err(|_| StoreError::Corrupt { what: column })
    }

    pub fn optional_json(&self, column: &'static str) -> Result<Option<Value>, StoreError> {
        let text: Option<&str> = self.get(column)?;
        text.map(serde_json::from_str).transpose().map_err(|_| StoreError::Corrupt { what: column })
    }

    pub fn unsigned(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.get::<i64>(column)?).map_err(|_| StoreError::Corrupt { what: column })
    }

    /// The one of `all` that is written as the column says.
    pub fn word<T: Copy>(
        &self,
        column: &'static str,
        all: &[T],
        written: fn(T) -> &'static str,
    ) -> Result<T, StoreError> {
        let text: &str = self.get(column)?;
        all.iter().copied().find(|&word| written(word) == text).ok_or(StoreError::Corrupt { what: column })
    }

    pub fn agent_kind(&self, column: &'static str) -> Result<AgentKind, StoreError> {
        serde_json::from_value(self.get::<String>(column)?.into()).map_err(|_| StoreError::Corrupt { what: column })
    }
}
