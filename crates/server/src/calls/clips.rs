//! A call's clips: audio files from URLs, loaded beside the call's task and kept until they are played or forgotten.
//!
//! Limits: [`MAX_FILE`] bytes, [`FETCH`] to fetch them, [`LONGEST`] of audio, [`MAX_CLIPS`] of one call; and for all calls
//! together [`DECODING`] files being decoded at once (others wait) and [`HELD_SECONDS`] of audio held. What is beyond a limit has
//! failed, and the conversation goes on without it.

use super::{CallEvent, CallEvents};
use crate::outward::Outward;
use ringline_audio::{MOUTH_RATE, decode_file};
use ringline_conversation::Input;
use ringline_model::ClipId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// Largest file, in bytes.
const MAX_FILE: usize = 10 << 20;
/// For fetching it. The conversation gives a clip up after as long.
const FETCH: Duration = Duration::from_secs(10);
/// Longest audio; as the conversation takes it.
const LONGEST: Duration = Duration::from_secs(300);
/// Clips of one call; the conversation keeps fewer.
const MAX_CLIPS: usize = 20;
/// Each may have a whole file and its samples in memory, and keeps a core busy.
const DECODING: usize = 2;
/// Audio of all calls, in s: about 115 MB.
const HELD_SECONDS: usize = 1200;

/// What all calls share.
#[derive(Clone, Debug)]
pub struct ClipLoader {
    outward: Outward,
    decoding: Arc<Semaphore>,
    held: Arc<Semaphore>,
}

/// Audio that is there.
#[derive(Debug)]
pub struct Clip {
    /// At [`MOUTH_RATE`].
    pub pcm: Vec<f32>,
    /// Counted until it is dropped.
    _held: OwnedSemaphorePermit,
}

impl AsRef<[f32]> for Clip {
    fn as_ref(&self) -> &[f32] {
        &self.pcm
    }
}

enum Entry {
    Loading(AbortHandle),
    Ready(Clip),
}

/// One call's.
pub struct Clips {
    loader: ClipLoader,
    events: CallEvents,
    entries: Arc<Mutex<BTreeMap<ClipId, Entry>>>,
}

impl ClipLoader {
    pub fn new(outward: Outward) -> Self {
        let (decoding, held) = (Arc::new(Semaphore::new(DECODING)), Arc::new(Semaphore::new(HELD_SECONDS)));
        Self { outward, decoding, held }
    }

    pub fn open(&self, events: CallEvents) -> Clips {
        Clips { loader: self.clone(), events, entries: Arc::default() }
    }

    pub async fn load(&self, url: &str) -> Result<Clip, String> {
        let file = self.outward.get(url, MAX_FILE, FETCH).await.map_err(|error| error.to_string())?;
        let place = self.decoding.clone().acquire_owned().await.expect("never closed");
        let decoded = tokio::task::spawn_blocking(move || {
            let _place = place;
            decode_file(file, MOUTH_RATE, LONGEST)
        });
        let pcm = match decoded.await {
            Ok(decoded) => decoded.map_err(|error| error.to_string())?,
            Err(error) => {
                tracing::error!(%error, "decoding an audio file failed");
                return Err("the audio file cannot be decoded".to_owned());
            }
        };
        let seconds = u32::try_from(pcm.len().div_ceil(MOUTH_RATE as usize)).expect("bounded by LONGEST");
        match self.held.clone().try_acquire_many_owned(seconds) {
            Ok(held) => Ok(Clip { pcm, _held: held }),
            Err(_) => Err("too much audio of all calls waits to be played".to_owned()),
        }
    }
}

impl Clips {
    /// Answered with [`Input::ClipReady`] or [`Input::ClipFailed`], unless the clip is forgotten before.
    pub fn load(&self, clip: ClipId, url: String) {
        let (loader, events, shared) = (self.loader.clone(), self.events.clone(), self.entries.clone());
        let mut entries = lock(&self.entries);
        let full = entries.len() >= MAX_CLIPS;
        // Not before the entry is there: the lock is held.
        let task = tokio::spawn(async move {
            let outcome = if full { Err("the call has too many clips".to_owned()) } else { loader.load(&url).await };
            let input = match outcome {
                Ok(audio) => {
                    let duration_ms = (audio.pcm.len() as u64 * 1000 / u64::from(MOUTH_RATE)) as u32;
                    match lock(&shared).get_mut(&clip) {
                        Some(entry) => *entry = Entry::Ready(audio),
                        None => return,
                    }
                    Input::ClipReady { clip, duration_ms }
                }
                Err(error) => {
                    if lock(&shared).remove(&clip).is_none() && !full {
                        return;
                    }
                    Input::ClipFailed { clip, error }
                }
            };
            if events.send(CallEvent::Input(input)).await.is_err() {
                tracing::debug!("a clip came after its call's end");
            }
        });
        if !full {
            entries.insert(clip, Entry::Loading(task.abort_handle()));
        }
    }

    /// The clip's audio, which is then the caller's.
    pub fn take(&self, clip: ClipId) -> Option<Clip> {
        match lock(&self.entries).remove(&clip) {
            Some(Entry::Ready(audio)) => Some(audio),
            Some(Entry::Loading(task)) => {
                task.abort();
                None
            }
            None => None,
        }
    }

    pub fn forget(&self, clip: ClipId) {
        drop(self.take(clip));
    }
}

impl Drop for Clips {
    fn drop(&mut self) {
        for (_, entry) in std::mem::take(&mut *lock(&self.entries)) {
            if let Entry::Loading(task) = entry {
                task.abort();
            }
        }
    }
}

/// Nothing that is done under the lock leaves it half done.
fn lock(entries: &Mutex<BTreeMap<ClipId, Entry>>) -> MutexGuard<'_, BTreeMap<ClipId, Entry>> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}
