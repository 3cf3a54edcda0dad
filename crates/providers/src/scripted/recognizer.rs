//! Recognition that reads the script: interim words come with the audio, the final text is the line.

use super::{How, Performance, Stage};
use crate::{EAR_RATE, ProviderError, Recognition, RecognitionEvent, RecognitionParams, Recognizer};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Utterances with less audio than this have no text and take no line of the script.
const LEAST_SPEECH_MS: u64 = 250;
/// Final texts under way per utterance; a request beyond that fails at once.
const MAX_PENDING: usize = 16;

#[derive(Debug)]
pub struct ScriptedRecognizer {
    performance: Arc<Performance>,
    runtime: Handle,
}

impl ScriptedRecognizer {
    pub(super) fn new(performance: Arc<Performance>, runtime: Handle) -> Self {
        Self { performance, runtime }
    }
}

impl Recognizer for ScriptedRecognizer {
    fn open(&self, _params: RecognitionParams, events: mpsc::Sender<RecognitionEvent>) -> Box<dyn Recognition> {
        let (requests, pending) = mpsc::channel(MAX_PENDING);
        let task = self.runtime.spawn(answer(pending, events.clone()));
        Box::new(Utterance {
            performance: self.performance.clone(),
            requests,
            events,
            task: task.abort_handle(),
            samples: 0,
            words_shown: 0,
            turn: None,
        })
    }
}

struct Utterance {
    performance: Arc<Performance>,
    requests: mpsc::Sender<Pending>,
    events: mpsc::Sender<RecognitionEvent>,
    task: AbortHandle,
    samples: u64,
    words_shown: usize,
    /// Set by the first request for a final text: from then on the line is this utterance's own.
    turn: Option<usize>,
}

/// A final text on its way. No event: the script lets this request stall.
struct Pending {
    due: Instant,
    event: Option<RecognitionEvent>,
}

impl Utterance {
    fn speech_ms(&self) -> u64 {
        self.samples * 1000 / u64::from(EAR_RATE)
    }
}

impl Recognition for Utterance {
    fn push(&mut self, audio: &[f32]) {
        self.samples = self.samples.saturating_add(audio.len() as u64);
        if self.speech_ms() < LEAST_SPEECH_MS {
            return;
        }
        let turn = self.turn.unwrap_or_else(|| self.performance.next_turn());
        let script = &self.performance.script;
        let spoken = (self.speech_ms() / script.timing.asr_word_ms.max(1)) as usize;
        let words: Vec<&str> = script.turns[turn].hears.split_whitespace().take(spoken).collect();
        if words.len() > self.words_shown {
            self.words_shown = words.len();
            // A full channel loses interim texts, as the contract allows.
            self.events.try_send(RecognitionEvent::Interim { text: words.join(" ") }).ok();
        }
    }

    fn transcribe(&mut self, revision: u32) {
        let event = if self.speech_ms() < LEAST_SPEECH_MS {
            Some(RecognitionEvent::Final { revision, text: String::new() })
        } else {
            let performance = &self.performance;
            let turn = *self.turn.get_or_insert_with(|| performance.take_turn());
            match performance.trouble(turn, Stage::Recognition) {
                None => {
                    let text = performance.script.turns[turn].hears.clone();
                    Some(RecognitionEvent::Final { revision, text })
                }
                Some(trouble) if trouble.how == How::Stall => None,
                Some(trouble) => Some(failed(revision, "the script lets recognition fail here", trouble.retryable)),
            }
        };
        let due = Instant::now() + Duration::from_millis(self.performance.script.timing.asr_final_ms);
        if self.requests.try_send(Pending { due, event }).is_err() {
            self.events.try_send(failed(revision, "too many final texts asked for at once", true)).ok();
        }
    }
}

impl Drop for Utterance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn failed(revision: u32, message: &str, retryable: bool) -> RecognitionEvent {
    RecognitionEvent::Failed { revision, error: ProviderError { message: message.into(), retryable } }
}

/// Sends final texts when they are due, in the order asked for.
async fn answer(mut pending: mpsc::Receiver<Pending>, events: mpsc::Sender<RecognitionEvent>) {
    while let Some(Pending { due, event }) = pending.recv().await {
        tokio::time::sleep_until(due).await;
        let Some(event) = event else { continue };
        if events.send(event).await.is_err() {
            return;
        }
    }
}
