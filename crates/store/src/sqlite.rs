//! The SQLite back end: one file, one writing connection, a few reading ones.
//!
//! Durability. The file is in WAL mode with `synchronous=NORMAL`: a commit is in the operating system's hands when the
//! method returns, so the death of the process (`kill -9`) loses nothing. `NORMAL` alone would let a power failure take
//! everything since the last checkpoint, which may be minutes; `FULL` would wait for the disk in every commit, with
//! all calls queueing behind one connection. So a task syncs the write-ahead log once a second if something
//! was written: at most the last second is lost, and no call waits. What is left of the log is a prefix of the commits
//! (SQLite's checksums end it), so a journal never has a hole.

mod durability;
mod file;
mod schema;

use crate::StoreError;
use crate::database::{BUSY, Changed, Database, Value, bound, failed as failed_on};
use async_trait::async_trait;
use durability::Durability;
use futures_util::stream::BoxStream;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteQueryResult, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};
use std::{fmt, path::Path};

/// SQLite's primary result codes for "locked": by another connection, or by another statement of this one.
const LOCKED_BY_ANOTHER: i64 = 5;
const LOCKED_BY_OURSELVES: i64 = 6;
/// Reading connections. Reads are short; more would only wait for the same disk.
const READERS: u32 = 4;
/// A write-ahead log that once grew larger is cut back to this many bytes.
const LOG_BYTES: &str = "67108864";

/// A [`Store`] in one SQLite file, readable and writable by its owner alone (it holds secrets). Several processes may
/// open the same file.
pub struct SqliteStore {
    writer: SqlitePool,
    reader: SqlitePool,
    durability: Durability,
}

impl SqliteStore {
    /// Opens the database at `path`, creates it if there is none, and brings its schema up to date. The directory must
    /// exist. Must be called within a tokio runtime.
    ///
    /// Fails with [`StoreError::NotOurs`] for another program's file and with [`StoreError::NewerSchema`] for a later
    /// version's, both of which are left as they were.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        file::create(path)?;
        schema::check_unopened(path).await?;
        file::protect(path)?;

        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("journal_size_limit", LOG_BYTES);
        let writer = pool(1).connect_with(options.clone()).await.map_err(failed("open the database"))?;
        schema::migrate(&writer, path).await?;
        let reader = pool(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(failed("open the database"))?;
        file::sync_directory(path)?;
        Ok(Self { writer, reader, durability: Durability::of(path) })
    }

    /// A database that lives as long as this value, for tests.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        // Each connection would have a database of its own, so there is exactly one.
        let only = pool(1).connect_with(options).await.map_err(failed("open the database"))?;
        schema::migrate(&only, Path::new(":memory:")).await?;
        Ok(Self { writer: only.clone(), reader: only, durability: Durability::none() })
    }

    /// Returns once everything written so far would survive a power failure.
    pub async fn sync(&self) -> Result<(), StoreError> {
        self.durability.sync().await
    }
}

fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    failed_on::<SqliteStore>(operation)
}

/// SQLite's result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i64>().ok().map(|code| code & 0xff)
}

/// Connections stay open for good: an in-memory database would vanish with its connection.
fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(BUSY)
        .idle_timeout(None)
        .max_lifetime(None)
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("durability", &self.durability).finish_non_exhaustive()
    }
}

#[async_trait]
impl Database for SqliteStore {
    type Row = SqliteRow;
    type Tx = Transaction<'static, Sqlite>;

    /// There is one writing transaction at a time.
    const HOLD_INSTANCE: &'static str = "SELECT id FROM instances WHERE id = $1";
    const HOLD_AGENT: &'static str = "SELECT id FROM agents WHERE id = $1";
    const CLOCK_MS: &'static str = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS now_ms";

    /// Takes the write lock at once: a transaction that only later turned into a writing one could fail on the way.
    async fn begin(&self) -> Result<Self::Tx, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    async fn commit(&self, tx: Self::Tx) -> Result<(), sqlx::Error> {
        tx.commit().await?;
        self.durability.note_write();
        Ok(())
    }

    async fn execute(&self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let changed = bound::<Sqlite>(statement, values).execute(&self.writer).await?.rows();
        self.durability.note_write();
        Ok(changed)
    }

    fn rows<'a>(
        &'a self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> BoxStream<'a, Result<SqliteRow, sqlx::Error>> {
        bound::<Sqlite>(statement, values).fetch(&self.reader)
    }

    fn is_busy(error: &sqlx::Error) -> bool {
        matches!(primary_code(error), Some(LOCKED_BY_ANOTHER | LOCKED_BY_OURSELVES))
    }

    async fn close(&self) {
        // The last connection to close checkpoints the log into the file and syncs both.
        self.reader.close().await;
        self.writer.close().await;
        self.durability.stop();
    }
}

impl Changed for SqliteQueryResult {
    fn rows(&self) -> u64 {
        self.rows_affected()
    }
}
