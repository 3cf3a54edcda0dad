//! From rows to values.

use crate::StoreError;
use crate::database::Row;
use ringline_model::{AgentKind, IdError};
use serde_json::Value;

/// One row being read for `operation`.
pub(super) struct Reading<'r, R> {
    pub row: &'r R,
    pub operation: &'static str,
}

impl<'r, R: Row> Reading<'r, R> {
    pub fn text(&self, column: &'static str) -> Result<&'r str, StoreError> {
        self.row.text(column).map_err(|e| self.unreadable(e))
    }

    pub fn owned(&self, column: &'static str) -> Result<String, StoreError> {
        self.text(column).map(str::to_owned)
    }

    pub fn optional_text(&self, column: &'static str) -> Result<Option<&'r str>, StoreError> {
        self.row.optional_text(column).map_err(|e| self.unreadable(e))
    }

    pub fn optional_owned(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.optional_text(column)?.map(str::to_owned))
    }

    pub fn integer(&self, column: &'static str) -> Result<i64, StoreError> {
        self.row.integer(column).map_err(|e| self.unreadable(e))
    }

    pub fn optional_integer(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.row.optional_integer(column).map_err(|e| self.unreadable(e))
    }

    pub fn unsigned(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.integer(column)?).map_err(|_| StoreError::Corrupt { what: column })
    }

    pub fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        self.row.flag(column).map_err(|e| self.unreadable(e))
    }

    pub fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.row.bytes(column).map(<[u8]>::to_vec).map_err(|e| self.unreadable(e))
    }

    pub fn id<T>(&self, column: &'static str, parse: fn(String) -> Result<T, IdError>) -> Result<T, StoreError> {
        parse(self.owned(column)?).map_err(|_| StoreError::Corrupt { what: column })
    }

    pub fn optional_id<T>(
        &self,
        column: &'static str,
        parse: fn(String) -> Result<T, IdError>,
    ) -> Result<Option<T>, StoreError> {
        let text = self.optional_owned(column)?;
        text.map(parse).transpose().map_err(|_| StoreError::Corrupt { what: column })
    }

    pub fn json(&self, column: &'static str) -> Result<Value, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|_| StoreError::Corrupt { what: column })
    }

    pub fn optional_json(&self, column: &'static str) -> Result<Option<Value>, StoreError> {
        let text = self.optional_text(column)?;
        text.map(serde_json::from_str).transpose().map_err(|_| StoreError::Corrupt { what: column })
    }

    /// The one of `all` that is written as the column says.
    pub fn word<T: Copy>(
        &self,
        column: &'static str,
        all: &[T],
        written: fn(T) -> &'static str,
    ) -> Result<T, StoreError> {
        let text = self.text(column)?;
        all.iter().copied().find(|&word| written(word) == text).ok_or(StoreError::Corrupt { what: column })
    }

    pub fn agent_kind(&self, column: &'static str) -> Result<AgentKind, StoreError> {
        serde_json::from_value(self.owned(column)?.into()).map_err(|_| StoreError::Corrupt { what: column })
    }

    fn unreadable(&self, error: sqlx::Error) -> StoreError {
        StoreError::Backend { operation: self.operation, source: Box::new(error) }
    }
}
