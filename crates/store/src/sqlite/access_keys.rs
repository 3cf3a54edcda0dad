use super::row::{Reading, failed};
use super::{SqlitePool, SqliteStore};
use crate::{AccessKeyRecord, StoreError, limits};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;

const READ: &str = "read access keys";

impl SqliteStore {
    pub(super) async fn put_access_key_row(&self, key: &AccessKeyRecord) -> Result<(), StoreError> {
        const OPERATION: &str = "store an access key";
        limits::text("an access key's id", &key.id, limits::NAME_BYTES)?;
        limits::text("an access key's secret", &key.secret, limits::NAME_BYTES)?;
        let operations = key.operations.as_deref().map(Value::from);
        let operations = operations
            .map(|list| limits::json("an access key's operations", &list, limits::OPERATIONS_BYTES))
            .transpose()?;
        let mut tx = self.write(OPERATION).await?;
        sqlx::query(
            "INSERT INTO access_keys (id, secret, active, operations, created_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (id) DO UPDATE SET secret = excluded.secret, active = excluded.active, \
             operations = excluded.operations",
        )
        .bind(&key.id)
        .bind(&key.secret)
        .bind(key.active)
        .bind(operations)
        .bind(key.created_ms)
        .execute(&mut *tx)
        .await
        .map_err(failed(OPERATION))?;
        self.commit(tx, OPERATION).await
    }
}

pub(super) async fn one(reader: &SqlitePool, id: &str) -> Result<Option<AccessKeyRecord>, StoreError> {
    let row = sqlx::query("SELECT * FROM access_keys WHERE id = $1")
        .bind(id)
        .fetch_optional(reader)
        .await
        .map_err(failed(READ))?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn list(reader: &SqlitePool, limit: u32) -> Result<Vec<AccessKeyRecord>, StoreError> {
    let rows = sqlx::query("SELECT * FROM access_keys ORDER BY created_ms, id LIMIT $1")
        .bind(limits::rows(limit, limits::LIST_ROWS)?)
        .fetch_all(reader)
        .await
        .map_err(failed(READ))?;
    rows.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<AccessKeyRecord, StoreError> {
    let row = Reading { row, operation: READ };
    let operations = match row.optional_json("operations")? {
        Some(list) => Some(serde_json::from_value(list).map_err(|_| StoreError::Corrupt { what: "operations" })?),
        None => None,
    };
    Ok(AccessKeyRecord {
        id: row.get("id")?,
        secret: row.get("secret")?,
        active: row.get("active")?,
        operations,
        created_ms: row.get("created_ms")?,
    })
}
