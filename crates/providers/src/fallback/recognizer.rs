//! Recognisers: the audio of an utterance is kept until it is over, so that the next one hears all of it.
//!
//! The patience counts from asking for a text. A recogniser that gives no interim texts has not failed, and an empty text is a
//! text: nobody spoke. Within an utterance there is no way back to one that failed.

use super::{Fallback, retryable};
use crate::{ProviderError, Recognition, RecognitionEvent, RecognitionParams, Recognizer};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

/// Events of one recogniser waiting to be passed on.
const CAPACITY: usize = 32;
/// Audio kept for the next one, in samples (90 s); of a longer utterance a failure stands.
const KEPT: usize = 90 * crate::EAR_RATE as usize;

impl Recognizer for Fallback<dyn Recognizer> {
    fn open(&self, params: RecognitionParams, events: mpsc::Sender<RecognitionEvent>) -> Box<dyn Recognition> {
        let order = self.order();
        let Some(first) = order.first().copied() else { return Box::new(Deaf { events }) };
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let current = self.list[first].provider.open(params.clone(), sender);
        let utterance = Utterance {
            list: self.clone(),
            params,
            order,
            at: 0,
            current,
            audio: Vec::new(),
            is_whole: true,
            asked: VecDeque::new(),
        };
        let shared = Arc::new(Shared { utterance: Mutex::new(utterance), asked: Notify::new() });
        let task = self.runtime.spawn(relay(shared.clone(), receiver, events).in_current_span());
        Box::new(Handle { shared, task: task.abort_handle() })
    }
}

/// No recogniser at all.
struct Deaf {
    events: mpsc::Sender<RecognitionEvent>,
}

impl Recognition for Deaf {
    fn push(&mut self, _audio: &[f32]) {}

    fn transcribe(&mut self, revision: u32) {
        // A full channel is one that nobody reads.
        self.events.try_send(RecognitionEvent::Failed { revision, error: super::nobody() }).ok();
    }
}

struct Shared {
    utterance: Mutex<Utterance>,
    /// A text was asked for: there is a new deadline.
    asked: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Utterance> {
        self.utterance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Utterance {
    list: Fallback<dyn Recognizer>,
    params: RecognitionParams,
    order: Vec<usize>,
    /// Who of `order` listens.
    at: usize,
    current: Box<dyn Recognition>,
    audio: Vec<f32>,
    /// `audio` is all there was.
    is_whole: bool,
    /// Texts asked for and not given, with the time of asking whoever listens now.
    asked: VecDeque<(u32, Instant)>,
}

impl Utterance {
    fn next(&self) -> Option<usize> {
        self.order.get(self.at + 1).copied().filter(|_| self.is_whole)
    }

    /// When whoever listens has failed.
    fn deadline(&self) -> Option<Instant> {
        let (_, asked) = self.asked.front()?;
        self.next().map(|_| *asked + self.list.patience)
    }

    /// The next one takes over. Returns its events and what is told, or none if there is no next one.
    fn fall_back(&mut self, error: &ProviderError) -> Option<(mpsc::Receiver<RecognitionEvent>, RecognitionEvent)> {
        let (failed, next) = (self.order[self.at], self.next()?);
        self.list.note(failed, false);
        let (sender, receiver) = mpsc::channel(CAPACITY);
        self.current = self.list.list[next].provider.open(self.params.clone(), sender);
        self.at += 1;
        self.current.push(&self.audio);
        for (revision, asked) in &mut self.asked {
            *asked = Instant::now();
            self.current.transcribe(*revision);
        }
        let (failed, next) = (self.list.name(failed), self.list.name(next));
        Some((receiver, RecognitionEvent::FellBack { failed, error: error.to_string(), next }))
    }

    /// Takes note of an answer; false: it was not waited for.
    fn answered(&mut self, revision: u32) -> bool {
        let place = self.asked.iter().position(|(asked, _)| *asked == revision);
        place.and_then(|place| self.asked.remove(place)).is_some()
    }
}

struct Handle {
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Recognition for Handle {
    fn push(&mut self, audio: &[f32]) {
        let mut utterance = self.shared.lock();
        utterance.current.push(audio);
        utterance.is_whole &= utterance.audio.len() + audio.len() <= KEPT;
        if utterance.is_whole {
            utterance.audio.extend_from_slice(audio);
        }
    }

    fn transcribe(&mut self, revision: u32) {
        let mut utterance = self.shared.lock();
        utterance.asked.push_back((revision, Instant::now()));
        utterance.current.transcribe(revision);
        self.shared.asked.notify_one();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes events on, and changes to the next recogniser where one is needed.
async fn relay(
    shared: Arc<Shared>,
    mut receiver: mpsc::Receiver<RecognitionEvent>,
    events: mpsc::Sender<RecognitionEvent>,
) {
    loop {
        let deadline = shared.lock().deadline();
        let late = async {
            match deadline {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let (failure, revision) = tokio::select! {
            event = receiver.recv() => match event {
                Some(RecognitionEvent::Failed { revision, error }) => (error, Some(revision)),
                Some(RecognitionEvent::Final { revision, text }) => {
                    let is_new = {
                        let mut utterance = shared.lock();
                        let (list, index) = (utterance.list.clone(), utterance.order[utterance.at]);
                        list.note(index, true);
                        utterance.answered(revision)
                    };
                    if is_new && events.send(RecognitionEvent::Final { revision, text }).await.is_err() {
                        return;
                    }
                    continue;
                }
                Some(event @ (RecognitionEvent::Interim { .. } | RecognitionEvent::FellBack { .. })) => {
                    // A full channel loses interim texts, as the contract allows.
                    events.try_send(event).ok();
                    continue;
                }
                None => (retryable("recognition ended without a text"), None),
            },
            () = shared.asked.notified() => continue,
            () = late => (retryable("no text in time"), None),
        };
        let replaced = shared.lock().fall_back(&failure);
        match replaced {
            Some((next, told)) => {
                receiver = next;
                if events.send(told).await.is_err() {
                    return;
                }
            }
            None => {
                let asked: Vec<u32> = {
                    let mut utterance = shared.lock();
                    let of_now: Vec<u32> = match revision {
                        Some(revision) => vec![revision],
                        None => utterance.asked.iter().map(|(revision, _)| *revision).collect(),
                    };
                    of_now.into_iter().filter(|revision| utterance.answered(*revision)).collect()
                };
                for revision in asked {
                    let error = failure.clone();
                    if events.send(RecognitionEvent::Failed { revision, error }).await.is_err() {
                        return;
                    }
                }
                if revision.is_none() {
                    // Whoever listened is gone: what is asked from here on is not answered, which the conversation bounds.
                    return;
                }
            }
        }
    }
}
