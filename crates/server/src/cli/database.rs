//! Which store a command works on: SQLite in the data directory, or Postgres.

use crate::config::DatabaseUrl;
use anyhow::{Context, bail};
use ringline_store::{PostgresStore, SqliteStore, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The SQLite database of a data directory.
pub fn file(data: &Path) -> PathBuf {
    data.join("ringline.db")
}

/// Opens Postgres at `url`; without one, the file in `data`, which is created if there is none.
pub async fn open(url: &DatabaseUrl, data: &Path) -> anyhow::Result<Arc<dyn Store>> {
    match url.get() {
        None => {
            let file = file(data);
            let opened = SqliteStore::open(&file).await;
            Ok(Arc::new(opened.with_context(|| format!("cannot open the database {}", file.display()))?))
        }
        Some(url) => Ok(Arc::new(PostgresStore::connect(url).await.context(
            "cannot use the database: start Postgres or correct the address (--database, RINGLINE_DATABASE or \
             server.database, e.g. postgres://user:password@host:5432/database); without one SQLite is used",
        )?)),
    }
}

/// As [`open`], but nothing is created.
pub async fn open_existing(url: &DatabaseUrl, data: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let file = file(data);
    if url.get().is_none() && !file.exists() {
        bail!(
            "{} does not exist; name the server's data directory with --data or its database with --database",
            file.display()
        );
    }
    open(url, data).await
}

/// What to call it in messages.
pub fn name(url: &DatabaseUrl, data: &Path) -> String {
    if url.get().is_none() { file(data).display().to_string() } else { "that database".to_owned() }
}
