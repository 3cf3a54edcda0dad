//! Syncs the write-ahead log once a second while there is something new in it.

use super::file;
use crate::StoreError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::{task::JoinHandle, time};

/// What a power failure may cost.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Durability {
    log: Option<Arc<Log>>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// Commits so far, and how many of them are known to be on the disk.
    written: AtomicU64,
    synced: AtomicU64,
}

impl Durability {
    /// Starts the task for the database at `path`. It ends with [`Durability::stop`] or when this value is dropped.
    pub fn of(path: &Path) -> Self {
        let log = Arc::new(Log {
            path: file::log_of(path),
            // The migrations count as written.
            written: AtomicU64::new(1),
            synced: AtomicU64::new(0),
        });
        let task = tokio::spawn(sync_every_interval(Arc::clone(&log)));
        Self { log: Some(log), task: Some(task) }
    }

    pub fn none() -> Self {
        Self { log: None, task: None }
    }

    pub fn note_write(&self) {
        if let Some(log) = &self.log {
            log.written.fetch_add(1, Ordering::Release);
        }
    }

    pub async fn sync(&self) -> Result<(), StoreError> {
        match &self.log {
            Some(log) => Arc::clone(log).sync().await,
            None => Ok(()),
        }
    }

    pub fn stop(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Drop for Durability {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Log {
    fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire) == self.written.load(Ordering::Acquire)
    }

    async fn sync(self: Arc<Self>) -> Result<(), StoreError> {
        let failed = |source: std::io::Error, path: &Path| StoreError::File {
            path: path.to_owned(),
            action: "made durable",
            source,
        };
        let log = Arc::clone(&self);
        let synced = tokio::task::spawn_blocking(move || {
            let written = log.written.load(Ordering::Acquire);
            file::sync_log(&log.path)?;
            log.synced.fetch_max(written, Ordering::Release);
            Ok(())
        });
        synced.await.unwrap_or_else(|e| Err(e.into())).map_err(|e| failed(e, &self.path))
    }
}

async fn sync_every_interval(log: Arc<Log>) {
    let mut ticks = time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if log.is_synced() {
            continue;
        }
        // Tried again at the next tick: nothing is lost unless the power fails, too.
        if let Err(error) = Arc::clone(&log).sync().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "The journal could not be synced to the disk; a power failure would lose what was written since."
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{AgentRecord, SqliteStore, Store};
    use ringline_model::{AgentId, AgentKind};
    use std::time::Duration;

    #[tokio::test]
    async fn a_commit_is_synced_without_being_asked() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(directory.path().join("r.db")).await.expect("opens");
        let log = store.durability.log.clone().expect("a file has a log");
        let until_synced = || async {
            while !log.is_synced() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, until_synced()).await.expect("the schema is synced");

        let id = AgentId::parse("a").expect("an id");
        let config = serde_json::json!({});
        let agent = AgentRecord {
            id,
            name: "A".into(),
            kind: AgentKind::VoiceChat,
            config,
            settings: ringline_model::AgentSettings::default(),
            created_ms: 1,
            modified_ms: 1,
        };
        let before = log.written.load(std::sync::atomic::Ordering::Acquire);
        store.put_agent(&agent).await.expect("stored");
        assert_eq!(log.written.load(std::sync::atomic::Ordering::Acquire), before + 1);
        tokio::time::timeout(limit, until_synced()).await.expect("the commit is synced");
    }
}
