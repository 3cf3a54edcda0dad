use super::row::failed;
use super::{SqlitePool, SqliteStore};
use crate::{StoreError, limits};

const SELECT: &str = "SELECT value FROM settings WHERE name = $1";

impl SqliteStore {
    pub(super) async fn put_setting_row_if_absent(&self, key: &str, value: &str) -> Result<String, StoreError> {
        const OPERATION: &str = "store a setting";
        limits::text("a setting's key", key, limits::NAME_BYTES)?;
        limits::text("a setting", value, limits::SETTING_BYTES)?;
        let mut tx = self.write(OPERATION).await?;
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(key)
            .bind(value)
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let stored = sqlx::query_scalar(SELECT).bind(key).fetch_one(&mut *tx).await.map_err(failed(OPERATION))?;
        self.commit(tx, OPERATION).await?;
        Ok(stored)
    }
}

pub(super) async fn one(reader: &SqlitePool, key: &str) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar(SELECT).bind(key).fetch_optional(reader).await.map_err(failed("read a setting"))
}
