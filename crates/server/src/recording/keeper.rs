//! The task that does what follows a call: index, seal, the app server's callback, storage, retention.
//!
//! What is to be done is read from what is there: finished instances without a seal (the store), sealed recordings that are not stored
//! (the work directory), recordings beyond their age (the object store). So nothing is forgotten, whenever the process dies, and
//! nothing waits for anything: a call that has ended only wakes the task.
//!
//! Limits: a store that is away is asked again after 5 s, then after twice as long each time, up to a minute, for ever; until then recordings
//! stay in the work directory. Retention looks once an hour: beyond `max_age_days` recordings are removed, and beyond
//! `max_bytes` the oldest are, until the rest fits. Recordings that still wait to be stored are never removed.

use super::archive::Archive;
use super::index::{self, Index};
use super::seal::{self, Document, JournalEnd, SealKey};
use crate::app::App;
use crate::callbacks::{Reporter, Wake};
use crate::calls::Recorder;
use crate::config::RecordingRetention;
use anyhow::Context;
use ringline_model::{InstanceId, Secret};
use ringline_protocol::callback::{FullAudioRecord, Happened};
use ringline_protocol::recording::{Recorded, address};
use ringline_protocol::time_format::utc_seconds;
use ringline_store::{EndedInstance, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often what is left to do is looked for, besides being woken.
const TICK: Duration = Duration::from_secs(5);
/// Instances sealed in one transaction.
const BATCH: u32 = 50;
/// Calls that end within so long are sealed together.
const GATHER: Duration = Duration::from_millis(200);
/// A call's last packets may be on their way to the file when its end is stored already: they are waited for so long, and then
/// until the next look.
const CLOSING_TRIES: u32 = 20;
const CLOSING_WAIT: Duration = Duration::from_millis(50);
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MOST: Duration = Duration::from_secs(60);
const RETENTION_EVERY: Duration = Duration::from_secs(3600);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What the task needs.
pub struct Keeper {
    pub store: Arc<dyn Store>,
    pub archive: Archive,
    pub recorder: Arc<Recorder>,
    pub key: Arc<SealKey>,
    pub retention: RecordingRetention,
    pub addresses: Addresses,
    /// A call has ended.
    pub ended: Wake,
    /// There are callbacks.
    pub told: Wake,
}

/// How addresses of recordings are made.
pub struct Addresses {
    pub base_url: String,
    /// Signs them.
    pub key: Secret,
    /// In s.
    pub life: u64,
}

/// Runs until `stop` is true and the calls that have ended by then are sealed.
pub async fn keep(keeper: Keeper, mut stop: watch::Receiver<bool>) {
    let mut storing = Storing { due: Instant::now(), wait: RETRY_FIRST };
    let mut retention_due = Instant::now();
    loop {
        keeper.seal_all().await;
        if *stop.borrow_and_update() {
            return;
        }
        storing.store_waiting(&keeper).await;
        if Instant::now() >= retention_due {
            retention_due = Instant::now() + RETENTION_EVERY;
            if let Err(error) = keeper.retain(App::now_ms()).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "what is too old could not be removed; it is tried again in an hour"
                );
            }
        }
        tokio::select! {
            () = keeper.ended.woken() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(TICK) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

struct Storing {
    due: Instant,
    /// Until the next attempt, if this one fails.
    wait: Duration,
}

impl Storing {
    async fn store_waiting(&mut self, keeper: &Keeper) {
        if Instant::now() < self.due {
            return;
        }
        let waiting = match keeper.archive.waiting() {
            Ok(waiting) => waiting,
            Err(error) => return tracing::error!(%error, "the directory of recordings cannot be read"),
        };
        for instance in &waiting {
            if let Err(error) = keeper.store_one(instance).await {
                let (again_s, left) = (self.wait.as_secs(), waiting.len());
                tracing::warn!(call.id = %instance, error = format!("{error:#}"), again_s, left, "a recording could not be stored; it is tried again");
                self.due = Instant::now() + self.wait;
                self.wait = (self.wait * 2).min(RETRY_MOST);
                return;
            }
            self.wait = RETRY_FIRST;
            // Calls that end meanwhile are sealed all the same.
            keeper.seal_all().await;
        }
    }
}

impl Keeper {
    /// Seals what has ended, [`BATCH`] calls at a time.
    async fn seal_all(&self) {
        loop {
            let unsealed = match self.store.unsealed(BATCH).await {
                Ok(unsealed) => unsealed,
                Err(error) => return tracing::warn!(%error, "calls wait to be sealed: the store could not be read"),
            };
            let mut seals = Vec::new();
            for ended in &unsealed {
                if !self.is_closed(&ended.id).await {
                    continue;
                }
                match self.seal(ended).await {
                    Ok(seal) => seals.push((ended.id.clone(), seal)),
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::error!(call.id = %ended.id, error, "a call could not be sealed; it is tried again");
                    }
                }
            }
            if seals.is_empty() {
                return;
            }
            if let Err(error) = self.store.seal_instances(&seals).await {
                return tracing::warn!(%error, "calls wait to be sealed: the store could not be written");
            }
        }
    }

    async fn is_closed(&self, id: &InstanceId) -> bool {
        for _ in 0..CLOSING_TRIES {
            if !self.recorder.is_open(id) {
                return true;
            }
            tokio::time::sleep(CLOSING_WAIT).await;
        }
        false
    }

    /// Indexes and signs a call that is over; the seal.
    async fn seal(&self, ended: &EndedInstance) -> anyhow::Result<String> {
        let id = ended.id.clone();
        let (directory, created_ms) = (self.archive.directory(&id), ended.created_ms);
        let is_recorded = directory.exists();
        let made = if is_recorded {
            let (directory, id) = (directory.clone(), id.clone());
            tokio::task::spawn_blocking(move || index::finalise(&directory, &id, created_ms)).await?
        } else {
            Ok(None)
        };
        let (index, recording) = made.context("the recording cannot be put in order")?.unzip();
        let document = Document {
            version: 1,
            instance: id.clone(),
            sealed: utc_seconds(App::now_s()),
            after_crash: ended.end_reason.as_deref() == Some("crashed"),
            key: self.key.public(),
            journal: ended.head.clone().map(|head| JournalEnd { rows: ended.rows, head }),
            recording,
        };
        let seal = serde_json::to_string(&self.key.sign(&document)).context("a seal does not serialise")?;
        if let Some(mut index) = index {
            index.stored = Some(self.archive.name().to_owned());
            tokio::fs::write(directory.join(index::NAME), serde_json::to_vec_pretty(&index)?).await?;
            let noted = serde_json::to_value(index.brief())?;
            self.store.set_recordings(&id, &noted, App::now_ms()).await?;
            self.tell(ended, &index).await?;
            // Whole at once: where the seal is, the recording is complete.
            let new = directory.join("seal.new");
            tokio::fs::write(&new, &seal).await?;
            tokio::fs::rename(new, directory.join(seal::NAME)).await?;
        }
        tracing::debug!(call.id = %id, after_crash = document.after_crash, "sealed");
        Ok(seal)
    }

    /// Tells the app server of the whole call's recording, if the agent wants it. Told twice if we die before the seal is stored.
    async fn tell(&self, ended: &EndedInstance, index: &Index) -> anyhow::Result<()> {
        let Some(agent) = self.store.agent(&ended.agent).await? else { return Ok(()) };
        if !agent.settings.recording.whole_call || index.duration_ms == 0 {
            return Ok(());
        }
        let expires = App::now_s() + self.addresses.life as i64;
        let (base_url, key) = (&self.addresses.base_url, self.addresses.key.reveal());
        let record = FullAudioRecord {
            audio_url: address(base_url, key, &ended.id, Recorded::Call, expires),
            start_ms: index.began_ms,
            duration_ms: index.duration_ms,
        };
        let callbacks = agent.settings.recording_callbacks();
        let reporter = Reporter::new(&callbacks, agent.id, ended.id.clone(), ended.channel.clone());
        let told = reporter.report(&Happened::FullAudioRecord(record), ended.user_data.as_deref(), App::now_ms());
        if told.is_some() {
            self.store.append_journal(&ended.id, &[], told.as_slice()).await?;
            self.told.wake();
        }
        Ok(())
    }

    async fn store_one(&self, instance: &InstanceId) -> anyhow::Result<()> {
        self.archive.upload(instance).await?;
        tracing::info!(call.id = %instance, "the recording is stored");
        Ok(())
    }

    /// Removes what is too old, and the oldest of what is too much.
    async fn retain(&self, now_ms: i64) -> anyhow::Result<()> {
        let RecordingRetention { max_age_days, max_bytes } = self.retention;
        if max_age_days == 0 && max_bytes == 0 {
            return Ok(());
        }
        let kept = self.archive.list().await?;
        let waiting = self.archive.waiting()?;
        let mut by_age: Vec<_> =
            kept.iter().filter(|(id, _)| !waiting.contains(id) && !self.recorder.is_open(id)).collect();
        by_age.sort_by_key(|(_, kept)| kept.modified_ms);
        let mut bytes: u64 = kept.values().map(|kept| kept.bytes).sum();
        let oldest_ms = now_ms - i64::from(max_age_days) * DAY_MS;
        for (id, kept) in by_age {
            let is_too_old = max_age_days > 0 && kept.modified_ms < oldest_ms;
            let is_too_much = max_bytes > 0 && bytes > max_bytes;
            let why = match (is_too_old, is_too_much) {
                (true, _) => format!("older than {max_age_days} days"),
                (false, true) => format!("all recordings together had more than {max_bytes} bytes"),
                // Those behind are younger.
                (false, false) => break,
            };
            // A call that runs has no seal yet; what isn't ours to remove stays.
            if self.store.seal(id).await?.is_none() {
                continue;
            }
            self.archive.remove(id, kept).await?;
            bytes -= kept.bytes;
            tracing::info!(call.id = %id, why, "a recording was removed");
            self.note_removal(id, &why, now_ms).await?;
        }
        Ok(())
    }

    async fn note_removal(&self, id: &InstanceId, why: &str, now_ms: i64) -> anyhow::Result<()> {
        let Some(record) = self.store.instance(id).await? else { return Ok(()) };
        let mut index: Index = record.recordings.map(serde_json::from_value).transpose()?.unwrap_or_default();
        index.stored = None;
        index.removed = Some(format!("{}: {why}", utc_seconds(now_ms / 1000)));
        index.tracks = BTreeMap::new();
        Ok(self.store.set_recordings(id, &serde_json::to_value(index)?, now_ms).await?)
    }
}
