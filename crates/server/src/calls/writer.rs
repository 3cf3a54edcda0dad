//! The writer: one task that carries journals, dialogues and instance states to the store, in order.
//!
//! Journal rows of one call are gathered for at most [`GATHER`] and written in one transaction, so the journal is durable
//! up to the last second. What is told to the app server (callbacks) is stored in the transaction of what it reports, in the
//! order in which it happened; then the dispatcher is woken. A call's end waits for its rows. If the store is busy a batch is tried again; if it stays so,
//! the call's journal ends there (a hole would replay to something that never happened) and the call goes on.

use super::{Configured, UpdateAnswer};
use crate::callbacks::Wake;
use ringline_model::{InstanceId, RegistrationMode, UserId};
use ringline_protocol::error::ApiError;
use ringline_store::{DialogueRecord, EventRecord, JournalRow, Store, StoreError, VoiceprintRecord};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Entries waiting for the store; a call that finds the queue full waits.
const QUEUE: usize = 8192;
const GATHER: Duration = Duration::from_millis(250);
/// Rows and events gathered; then they are written at once, one transaction a call.
const BATCH: usize = 256;
const TRIES: u32 = 5;

enum Entry {
    /// A step with what it reports, or an event that reports nothing else that is stored.
    Journal(InstanceId, Option<JournalRow>, Vec<EventRecord>),
    Dialogue(DialogueRecord, Vec<EventRecord>),
    Voiceprint(VoiceprintRecord),
    ForgetVoiceprint(String, RegistrationMode),
    Executing(InstanceId, UserId, i64, Option<EventRecord>),
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
        event: Option<EventRecord>,
        done: oneshot::Sender<()>,
    },
}

/// Handle to the writer task.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Entry>,
}

impl Writer {
    /// `wake` is woken for callbacks, `ended` when a call's end is stored.
    pub fn start(store: Arc<dyn Store>, wake: Wake, ended: Wake) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, inbox, wake, ended));
        Self { queue }
    }

    async fn send(&self, entry: Entry) {
        if self.queue.send(entry).await.is_err() {
            tracing::error!("the writer is gone; nothing is stored any more");
        }
    }

    pub async fn journal(&self, instance: &InstanceId, row: JournalRow, events: Vec<EventRecord>) {
        self.send(Entry::Journal(instance.clone(), Some(row), events)).await;
    }

    pub async fn event(&self, instance: &InstanceId, event: EventRecord) {
        self.send(Entry::Journal(instance.clone(), None, vec![event])).await;
    }

    pub async fn dialogue(&self, dialogue: DialogueRecord, events: Vec<EventRecord>) {
        self.send(Entry::Dialogue(dialogue, events)).await;
    }

    pub async fn voiceprint(&self, voiceprint: VoiceprintRecord) {
        self.send(Entry::Voiceprint(voiceprint)).await;
    }

    pub async fn forget_voiceprint(&self, id: String, mode: RegistrationMode) {
        self.send(Entry::ForgetVoiceprint(id, mode)).await;
    }

    pub async fn executing(&self, instance: &InstanceId, user: &UserId, at_ms: i64, event: Option<EventRecord>) {
        self.send(Entry::Executing(instance.clone(), user.clone(), at_ms, event)).await;
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
    pub async fn finished(&self, instance: &InstanceId, reason: &'static str, at_ms: i64, event: Option<EventRecord>) {
        let (done, stored) = oneshot::channel();
        self.send(Entry::Finished { instance: instance.clone(), reason, at_ms, event, done }).await;
        if stored.await.is_err() {
            tracing::error!(call.id = %instance, "the end of the call was not stored");
        }
    }
}

#[derive(Default)]
struct Gathered {
    waiting: BTreeMap<InstanceId, Waiting>,
    /// Rows and events.
    count: usize,
    /// Journals that ended early.
    broken: BTreeSet<InstanceId>,
    wake: Wake,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<JournalRow>,
    events: Vec<EventRecord>,
}

async fn write(store: Arc<dyn Store>, mut inbox: mpsc::Receiver<Entry>, wake: Wake, ended: Wake) {
    let mut gathered = Gathered { wake, ..Gathered::default() };
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
            Some(Entry::Journal(instance, row, events)) => {
                gathered.add(instance, row, events);
                due.get_or_insert_with(|| Instant::now() + GATHER);
                if gathered.count >= BATCH {
                    gathered.write_all(&*store).await;
                    due = None;
                }
            }
            Some(Entry::Dialogue(dialogue, events)) => {
                // What happened before it is told before it.
                gathered.write(&*store, &dialogue.instance).await;
                retry(|| store.append_dialogue(&dialogue, &events)).await;
                gathered.wake_for(&events);
            }
            Some(Entry::Voiceprint(voiceprint)) => {
                retry(|| store.put_voiceprint(&voiceprint)).await;
            }
            Some(Entry::ForgetVoiceprint(id, mode)) => {
                retry(|| store.delete_voiceprint(&id, mode)).await;
            }
            Some(Entry::Executing(instance, user, at_ms, event)) => {
                gathered.write(&*store, &instance).await;
                retry(|| store.set_executing(&instance, &user, at_ms, event.as_slice())).await;
                gathered.wake_for(event.as_slice());
            }
            Some(Entry::Updated { instance, configured, user_data, at_ms, answer }) => {
                let Configured { json, template, .. } = &configured;
                let user_data = user_data.as_deref();
                let stored = retry(|| store.update_instance(&instance, json, template, user_data, at_ms)).await;
                if answer.send(if stored { Ok(()) } else { Err(ApiError::internal()) }).is_err() {
                    tracing::debug!(call.id = %instance, "nobody waited for the update to be stored");
                }
            }
            Some(Entry::Finished { instance, reason, at_ms, event, done }) => {
                gathered.write(&*store, &instance).await;
                gathered.broken.remove(&instance);
                retry(|| store.finish_instance(&instance, reason, at_ms, event.as_slice())).await;
                gathered.wake_for(event.as_slice());
                ended.wake();
                if done.send(()).is_err() {
                    tracing::debug!(call.id = %instance, "nobody waited for the end to be stored");
                }
            }
        }
    }
}

impl Gathered {
    fn add(&mut self, instance: InstanceId, row: Option<JournalRow>, events: Vec<EventRecord>) {
        let row = row.filter(|_| !self.broken.contains(&instance));
        self.count += usize::from(row.is_some()) + events.len();
        let waiting = self.waiting.entry(instance).or_default();
        waiting.rows.extend(row);
        waiting.events.extend(events);
    }

    fn wake_for(&self, events: &[EventRecord]) {
        if !events.is_empty() {
            self.wake.wake();
        }
    }

    async fn write_all(&mut self, store: &dyn Store) {
        let instances: Vec<_> = self.waiting.keys().cloned().collect();
        for instance in instances {
            self.write(store, &instance).await;
        }
    }

    async fn write(&mut self, store: &dyn Store, instance: &InstanceId) {
        let Some(Waiting { rows, events }) = self.waiting.remove(instance) else { return };
        self.count -= rows.len() + events.len();
        if !retry(|| store.append_journal(instance, &rows, &events)).await && !rows.is_empty() {
            tracing::error!(call.id = %instance, "the call's journal ends here");
            self.broken.insert(instance.clone());
        }
        self.wake_for(&events);
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
