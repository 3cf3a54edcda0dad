use crate::database::{self, Database, Write};
use crate::{StoreError, limits};

const READ: &str = "read a setting";
const SELECT: &str = "SELECT value FROM settings WHERE name = $1";

pub(super) async fn put_if_absent<D: Database>(database: &D, key: &str, value: &str) -> Result<String, StoreError> {
    limits::text("a setting's key", key, limits::NAME_BYTES)?;
    limits::text("a setting", value, limits::SETTING_BYTES)?;
    let mut write = Write::begin(database, "store a setting").await?;
    let statement = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    write.execute(statement, &[key.into(), value.into()]).await?;
    let row = write.row(SELECT, &[key.into()]).await?.expect("it was there or has come");
    let stored = text(&row, write.operation)?;
    write.commit().await?;
    Ok(stored)
}

pub(super) async fn one<D: Database>(database: &D, key: &str) -> Result<Option<String>, StoreError> {
    if limits::has_nul(key) {
        return Ok(None);
    }
    let row = database::row(database, READ, SELECT, &[key.into()]).await?;
    row.map(|row| text(&row, READ)).transpose()
}

fn text<R: database::Row>(row: &R, operation: &'static str) -> Result<String, StoreError> {
    let text = row.text("value").map_err(|error| StoreError::Backend { operation, source: Box::new(error) })?;
    Ok(text.to_owned())
}
