use super::row::Reading;
use crate::database::{self, Database, Row, Write};
use crate::{AccessKeyRecord, StoreError, limits};
use serde_json::Value;

const READ: &str = "read access keys";

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, secret, active, operations, created_ms FROM access_keys ", $rest)
    };
}

pub(super) async fn put<D: Database>(database: &D, key: &AccessKeyRecord) -> Result<(), StoreError> {
    limits::text("an access key's id", &key.id, limits::NAME_BYTES)?;
    limits::text("an access key's secret", &key.secret, limits::NAME_BYTES)?;
    let operations = key.operations.as_deref().map(Value::from);
    let operations = operations
        .map(|list| limits::json("an access key's operations", &list, limits::OPERATIONS_BYTES))
        .transpose()?;
    let mut write = Write::begin(database, "store an access key").await?;
    let values = [
        key.id.as_str().into(),
        key.secret.as_str().into(),
        key.active.into(),
        operations.as_deref().into(),
        key.created_ms.into(),
    ];
    write
        .execute(
            "INSERT INTO access_keys (id, secret, active, operations, created_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (id) DO UPDATE SET secret = excluded.secret, active = excluded.active, \
             operations = excluded.operations",
            &values,
        )
        .await?;
    write.commit().await
}

pub(super) async fn one<D: Database>(database: &D, id: &str) -> Result<Option<AccessKeyRecord>, StoreError> {
    if limits::has_nul(id) {
        return Ok(None);
    }
    let row = database::row(database, READ, select!("WHERE id = $1"), &[id.into()]).await?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn list<D: Database>(
    database: &D,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<AccessKeyRecord>, StoreError> {
    let limit = limits::rows(limit, limits::LIST_ROWS)?;
    if after.is_some_and(limits::has_nul) {
        return Ok(Vec::new());
    }
    let rows = match after {
        None => database::rows(database, READ, select!("ORDER BY created_ms, id LIMIT $1"), &[limit.into()]).await?,
        Some(after) => {
            let statement = select!(
                "WHERE (created_ms, id) > (SELECT created_ms, id FROM access_keys WHERE id = $1) \
                 ORDER BY created_ms, id LIMIT $2"
            );
            database::rows(database, READ, statement, &[after.into(), limit.into()]).await?
        }
    };
    rows.iter().map(record).collect()
}

fn record<R: Row>(row: &R) -> Result<AccessKeyRecord, StoreError> {
    let row = Reading { row, operation: READ };
    let operations = match row.optional_json("operations")? {
        Some(list) => Some(serde_json::from_value(list).map_err(|_| StoreError::Corrupt { what: "operations" })?),
        None => None,
    };
    Ok(AccessKeyRecord {
        id: row.owned("id")?,
        secret: row.owned("secret")?,
        active: row.flag("active")?,
        operations,
        created_ms: row.integer("created_ms")?,
    })
}
