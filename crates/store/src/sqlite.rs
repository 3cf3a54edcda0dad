//! The SQLite back end: one file, one writing connection, a few reading ones.
//!
//! Durability. The file is in WAL mode with `synchronous=NORMAL`: a commit is in the operating system's hands when the
//! method returns, so the death of the process (`kill -9`) loses nothing. `NORMAL` alone would let a power failure take
//! everything since the last checkpoint, which may be minutes; `FULL` would wait for the disk in every commit, with
//! all calls queueing behind one connection. So a task syncs the write-ahead log once a second if something
//! was written: at most the last second is lost, and no call waits. What is left of the log is a prefix of the commits
//! (SQLite's checksums end it), so a journal never has a hole.

mod access_keys;
mod agents;
mod dialogues;
mod durability;
mod file;
mod instances;
mod journal;
mod row;
mod schema;
mod settings;

use crate::{
    AccessKeyRecord, AgentRecord, DialogueQuery, DialogueRecord, InstanceQuery, InstanceRecord, JournalRow, Store,
    StoreError,
};
use async_trait::async_trait;
use durability::Durability;
use ringline_model::{AgentId, InstanceId, SessionId};
use row::failed;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};
use std::{fmt, path::Path, time::Duration};

/// How long a statement waits for another process that writes, and a method for a free connection. Then it fails
/// with [`StoreError::Busy`].
const BUSY: Duration = Duration::from_secs(5);
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

    /// Takes the write lock at once: a transaction that only later turned into a writing one could fail on the way.
    async fn write(&self, operation: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(operation))
    }

    async fn commit(&self, tx: Transaction<'static, Sqlite>, operation: &'static str) -> Result<(), StoreError> {
        tx.commit().await.map_err(failed(operation))?;
        self.durability.note_write();
        Ok(())
    }
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
impl Store for SqliteStore {
    async fn put_agent(&self, agent: &AgentRecord) -> Result<(), StoreError> {
        self.put_agent_row(agent).await
    }

    async fn agent(&self, id: &AgentId) -> Result<Option<AgentRecord>, StoreError> {
        agents::one(&self.reader, id).await
    }

    async fn agents(&self, limit: u32) -> Result<Vec<AgentRecord>, StoreError> {
        agents::list(&self.reader, limit).await
    }

    async fn put_access_key(&self, key: &AccessKeyRecord) -> Result<(), StoreError> {
        self.put_access_key_row(key).await
    }

    async fn access_key(&self, id: &str) -> Result<Option<AccessKeyRecord>, StoreError> {
        access_keys::one(&self.reader, id).await
    }

    async fn access_keys(&self, limit: u32) -> Result<Vec<AccessKeyRecord>, StoreError> {
        access_keys::list(&self.reader, limit).await
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        settings::one(&self.reader, key).await
    }

    async fn put_setting_if_absent(&self, key: &str, value: &str) -> Result<String, StoreError> {
        self.put_setting_row_if_absent(key, value).await
    }

    async fn create_instance(&self, instance: &InstanceRecord) -> Result<(), StoreError> {
        self.insert_instance(instance).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Option<InstanceRecord>, StoreError> {
        instances::one(&self.reader, id).await
    }

    async fn instances(&self, query: &InstanceQuery) -> Result<Vec<InstanceRecord>, StoreError> {
        instances::list(&self.reader, query).await
    }

    async fn set_executing(&self, id: &InstanceId, at_ms: i64) -> Result<bool, StoreError> {
        self.execute_instance(id, at_ms).await
    }

    async fn finish_instance(&self, id: &InstanceId, reason: &str, at_ms: i64) -> Result<bool, StoreError> {
        self.end_instance(id, reason, at_ms).await
    }

    async fn set_recordings(&self, id: &InstanceId, recordings: &Value, at_ms: i64) -> Result<(), StoreError> {
        self.note_recordings(id, recordings, at_ms).await
    }

    async fn update_instance(
        &self,
        id: &InstanceId,
        config: &Value,
        template: &Value,
        user_data: Option<&str>,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        self.replace_config(id, config, template, user_data, at_ms).await
    }

    async fn count_active_of(&self, agent: &AgentId) -> Result<u64, StoreError> {
        instances::count_active_of(&self.reader, agent).await
    }

    async fn count_active(&self) -> Result<u64, StoreError> {
        instances::count_active(&self.reader).await
    }

    async fn unfinished(&self, limit: u32) -> Result<Vec<InstanceRecord>, StoreError> {
        instances::unfinished(&self.reader, limit).await
    }

    async fn append_journal(&self, id: &InstanceId, rows: &[JournalRow]) -> Result<(), StoreError> {
        self.append_journal_rows(id, rows).await
    }

    async fn journal(&self, id: &InstanceId, from_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreError> {
        journal::page(&self.reader, id, from_seq, limit).await
    }

    async fn append_dialogue(&self, dialogue: &DialogueRecord) -> Result<(), StoreError> {
        self.append_dialogue_row(dialogue).await
    }

    async fn dialogues(&self, query: &DialogueQuery) -> Result<Vec<DialogueRecord>, StoreError> {
        dialogues::list(&self.reader, query).await
    }

    async fn instance_dialogues(&self, id: &InstanceId, limit: u32) -> Result<Vec<DialogueRecord>, StoreError> {
        dialogues::of_instance(&self.reader, id, limit).await
    }

    async fn session_turns(&self, session: &SessionId, limit: u32) -> Result<Vec<DialogueRecord>, StoreError> {
        dialogues::newest_of_session(&self.reader, session, limit).await
    }

    async fn delete_dialogue(&self, session: &SessionId, id: &str) -> Result<bool, StoreError> {
        self.delete_dialogue_row(session, id).await
    }

    async fn close(&self) {
        // The last connection to close checkpoints the log into the file and syncs both.
        self.reader.close().await;
        self.writer.close().await;
        self.durability.stop();
    }
}
