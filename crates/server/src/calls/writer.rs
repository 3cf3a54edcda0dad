//! The writer: one task that carries journals, dialogues and instance states to the store, in order.
//!
//! Journal rows of one call are gathered for at most [`GATHER`] and written in one transaction, so the journal is durable
//! up to the last second. A call's end waits for its rows. If the store is busy a batch is tried again; if it stays so,
//! the call's journal ends there (a hole would replay to something that never happened) and the call goes on.

use super::{Configured, UpdateAnswer};
use ringline_model::{InstanceId, UserId};
use ringline_protocol::error::ApiError;
use ringline_store::{DialogueRecord, JournalRow, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Entries waiting for the store; a call that finds the queue full waits.
const QUEUE: usize = 8192;
const GATHER: Duration = Duration::from_millis(250);
/// Rows written in one transaction.
const BATCH: usize = 256;
const TRIES: u32 = 5;

enum Entry {
    Journal(InstanceId, JournalRow),
    Dialogue(DialogueRecord),
    Executing(InstanceId, UserId, i64),
    Updated {
        instance: InstanceId,
        configured: Configured,
        user_data: Option<String>,
        at_ms: i64,
        answer: UpdateAnswer,
    },
    Finished {
        instance: InstanceId,
        reason: &'static str,
        at_ms: i64,
        done: oneshot::Sender<()>,
    },
}

/// Handle to the writer task.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Entry>,
}

impl Writer {
    pub fn start(store: Arc<dyn Store>) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, inbox));
        Self { queue }
    }

    async fn send(&self, entry: Entry) {
        if self.queue.send(entry).await.is_err() {
            tracing::error!("the writer is gone; nothing is stored any more");
        }
    }

    pub async fn journal(&self, instance: &InstanceId, row: JournalRow) {
        self.send(Entry::Journal(instance.clone(), row)).await;
    }

    pub async fn dialogue(&self, dialogue: DialogueRecord) {
        self.send(Entry::Dialogue(dialogue)).await;
    }

    pub async fn executing(&self, instance: &InstanceId, user: &UserId, at_ms: i64) {
        self.send(Entry::Executing(instance.clone(), user.clone(), at_ms)).await;
    }

    /// Answers when the configuration is stored, or that it could not be.
    pub async fn updated(
        &self,
        instance: &InstanceId,
        configured: Configured,
        user_data: Option<String>,
        at_ms: i64,
        answer: UpdateAnswer,
    ) {
        self.send(Entry::Updated { instance: instance.clone(), configured, user_data, at_ms, answer }).await;
    }

    /// Returns when everything of the instance is stored.
    pub async fn finished(&self, instance: &InstanceId, reason: &'static str, at_ms: i64) {
        let (done, stored) = oneshot::channel();
        self.send(Entry::Finished { instance: instance.clone(), reason, at_ms, done }).await;
        if stored.await.is_err() {
            tracing::error!(%instance, "the end of the call was not stored");
        }
    }
}

#[derive(Default)]
struct Gathered {
    rows: BTreeMap<InstanceId, Vec<JournalRow>>,
    count: usize,
    /// Journals that ended early.
    broken: BTreeSet<InstanceId>,
}

async fn write(store: Arc<dyn Store>, mut inbox: mpsc::Receiver<Entry>) {
    let mut gathered = Gathered::default();
    let mut due: Option<Instant> = None;
    loop {
        let entry = match due {
            None => inbox.recv().await,
            Some(at) => match tokio::time::timeout_at(at, inbox.recv()).await {
                Ok(entry) => entry,
                Err(_) => {
                    gathered.write_all(&*store).await;
                    due = None;
                    continue;
                }
            },
        };
        match entry {
            None => return gathered.write_all(&*store).await,
            Some(Entry::Journal(instance, row)) => {
                if gathered.broken.contains(&instance) {
                    continue;
                }
                gathered.rows.entry(instance).or_default().push(row);
                gathered.count += 1;
                due.get_or_insert_with(|| Instant::now() + GATHER);
                if gathered.count >= BATCH {
                    gathered.write_all(&*store).await;
                    due = None;
                }
            }
            Some(Entry::Dialogue(dialogue)) => {
                retry(|| store.append_dialogue(&dialogue, &[])).await;
            }
            Some(Entry::Executing(instance, user, at_ms)) => {
                retry(|| store.set_executing(&instance, &user, at_ms, &[])).await;
            }
            Some(Entry::Updated { instance, configured, user_data, at_ms, answer }) => {
                let Configured { json, template, .. } = &configured;
                let user_data = user_data.as_deref();
                let stored = retry(|| store.update_instance(&instance, json, template, user_data, at_ms)).await;
                if answer.send(if stored { Ok(()) } else { Err(ApiError::internal()) }).is_err() {
                    tracing::debug!(%instance, "nobody waited for the update to be stored");
                }
            }
            Some(Entry::Finished { instance, reason, at_ms, done }) => {
                gathered.write(&*store, &instance).await;
                gathered.broken.remove(&instance);
                retry(|| store.finish_instance(&instance, reason, at_ms, &[])).await;
                if done.send(()).is_err() {
                    tracing::debug!(%instance, "nobody waited for the end to be stored");
                }
            }
        }
    }
}

impl Gathered {
    async fn write_all(&mut self, store: &dyn Store) {
        let instances: Vec<_> = self.rows.keys().cloned().collect();
        for instance in instances {
            self.write(store, &instance).await;
        }
    }

    async fn write(&mut self, store: &dyn Store, instance: &InstanceId) {
        let Some(rows) = self.rows.remove(instance) else { return };
        self.count -= rows.len();
        for batch in rows.chunks(BATCH) {
            if !retry(|| store.append_journal(instance, batch, &[])).await {
                tracing::error!(%instance, "the call's journal ends here");
                self.broken.insert(instance.clone());
                return;
            }
        }
    }
}

/// Tries again while the store is busy. False, with the cause logged, if it did not work.
async fn retry<T, F: Future<Output = Result<T, StoreError>>>(mut attempt: impl FnMut() -> F) -> bool {
    for n in 1.. {
        match attempt().await {
            Ok(_) => return true,
            Err(StoreError::Busy { .. }) if n < TRIES => tokio::time::sleep(Duration::from_millis(50 << n)).await,
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::error!(error = format!("{error:#}"), "the store failed");
                return false;
            }
        }
    }
    false
}
