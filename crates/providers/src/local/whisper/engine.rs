//! The worker threads and what waits for them.

use super::WhisperConfig;
use super::decode::Decoder;
use super::language::Language;
use super::prompt::Prompt;
use super::tokens::Tokens;
use super::utterance::Utterance;
use crate::local::ort_env::LoadError;
use crate::models::ModelStore;
use crate::{ProviderError, Recognition, RecognitionEvent, RecognitionParams, Recognizer};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Final texts waiting; more fail. At about 0.2 s each on one worker the last would wait 13 s.
const MAX_FINALS: usize = 64;
/// Interim runs waiting, at most one per utterance; more are skipped until the utterance's next half second.
const MAX_INTERIMS: usize = 64;
const WORKERS: std::ops::RangeInclusive<usize> = 1..=16;

/// The recogniser. Clones and open utterances share the workers, which end with the last of them.
#[derive(Clone, Debug)]
pub struct Whisper {
    engine: Arc<Engine>,
}

#[derive(Debug)]
struct Engine {
    queue: Arc<Queue>,
    tokens: Arc<Tokens>,
    language: Option<String>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    finals: VecDeque<FinalJob>,
    interims: VecDeque<Arc<Utterance>>,
    /// Utterances whose final text a worker is finding: the next one of the same utterance waits, so that answers come in
    /// order. At most one per worker.
    answering: Vec<Arc<Utterance>>,
    closed: bool,
}

struct FinalJob {
    utterance: Arc<Utterance>,
    revision: u32,
    /// The text of the audio up to here is asked for.
    end: u64,
    /// A place in the channel, so that the answer is never lost for want of one.
    place: Option<mpsc::OwnedPermit<RecognitionEvent>>,
}

enum Job {
    Final(FinalJob),
    Interim(Arc<Utterance>),
}

impl Whisper {
    /// Loads one copy of the model per worker and starts the threads.
    pub fn load(store: &ModelStore, config: WhisperConfig) -> Result<Whisper, LoadError> {
        let count = config.workers.clamp(*WORKERS.start(), *WORKERS.end());
        let decoders = (0..count).map(|_| Decoder::load(store)).collect::<Result<Vec<_>, _>>()?;
        let tokens = decoders[0].tokens.clone();
        let engine = Engine { queue: Arc::default(), tokens, language: config.language };
        for decoder in decoders {
            let worker = Worker { decoder, queue: engine.queue.clone() };
            let thread = std::thread::Builder::new().name("recognition".to_owned());
            thread.spawn(move || worker.serve()).map_err(LoadError::Thread)?;
        }
        Ok(Whisper { engine: Arc::new(engine) })
    }
}

impl Recognizer for Whisper {
    fn open(&self, params: RecognitionParams, events: mpsc::Sender<RecognitionEvent>) -> Box<dyn Recognition> {
        let id = params.language.as_deref().or(self.engine.language.as_deref());
        let language = Language::of(id, &self.engine.tokens);
        let prompt = Prompt::new(&params.hot_words, &params.expected, &self.engine.tokens);
        Box::new(Open { engine: self.engine.clone(), utterance: Arc::new(Utterance::new(language, prompt, events)) })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
    }
}

/// The caller's end of an utterance.
struct Open {
    engine: Arc<Engine>,
    utterance: Arc<Utterance>,
}

impl Recognition for Open {
    fn push(&mut self, audio: &[f32]) {
        if self.utterance.push(audio) {
            self.engine.queue.add_interim(self.utterance.clone());
        }
    }

    fn transcribe(&mut self, revision: u32) {
        let utterance = self.utterance.clone();
        let place = utterance.events.clone().try_reserve_owned().ok();
        let end = utterance.end();
        self.engine.queue.add_final(FinalJob { utterance, revision, end, place });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.utterance.abandon();
        self.engine.queue.forget(&self.utterance);
    }
}

impl FinalJob {
    fn answer(self, result: Result<String, ProviderError>) {
        let revision = self.revision;
        let event = match result {
            Ok(text) => RecognitionEvent::Final { revision, text },
            Err(error) => RecognitionEvent::Failed { revision, error },
        };
        match self.place {
            Some(place) => drop(place.send(event)),
            None => {
                if self.utterance.events.try_send(event).is_err() && !self.utterance.is_abandoned() {
                    tracing::warn!(revision, "nobody takes a final text; it is lost");
                }
            }
        }
    }
}

impl Queue {
    fn add_final(&self, job: FinalJob) {
        let mut waiting = self.lock();
        if waiting.finals.len() >= MAX_FINALS {
            drop(waiting);
            let message = "too many utterances wait for recognition".to_owned();
            job.answer(Err(ProviderError { message, retryable: true }));
            return;
        }
        waiting.finals.push_back(job);
        drop(waiting);
        self.changed.notify_one();
    }

    fn add_interim(&self, utterance: Arc<Utterance>) {
        let mut waiting = self.lock();
        if waiting.interims.len() >= MAX_INTERIMS {
            drop(waiting);
            utterance.begin_interim();
            return;
        }
        waiting.interims.push_back(utterance);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Removes everything that waits for an utterance.
    fn forget(&self, utterance: &Arc<Utterance>) {
        let mut waiting = self.lock();
        waiting.finals.retain(|job| !Arc::ptr_eq(&job.utterance, utterance));
        waiting.interims.retain(|waits| !Arc::ptr_eq(waits, utterance));
    }

    /// The next job; none when the recogniser is gone.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(job) = waiting.take_final() {
                return Some(Job::Final(job));
            }
            if let Some(utterance) = waiting.interims.pop_front() {
                return Some(Job::Interim(utterance));
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A worker is done with a final text of the utterance.
    fn answered(&self, utterance: &Arc<Utterance>) {
        self.lock().answering.retain(|busy| !Arc::ptr_eq(busy, utterance));
        // One that waited for this may be for a worker that sleeps.
        self.changed.notify_all();
    }

    /// Whether an interim run over `utterance` up to `end` should make room for a final text: one waits, and the run
    /// will not be the answer to it.
    fn is_urgent(&self, utterance: &Arc<Utterance>, end: u64) -> bool {
        let first = {
            let waiting = self.lock();
            let Some(job) = waiting.finals.front() else { return false };
            Arc::ptr_eq(&job.utterance, utterance).then_some(job.end)
        };
        first.is_none_or(|wanted| !utterance.would_answer(end, wanted))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The first final text whose utterance no worker is answering.
    fn take_final(&mut self) -> Option<FinalJob> {
        let is_free = |job: &FinalJob| !self.answering.iter().any(|busy| Arc::ptr_eq(busy, &job.utterance));
        let place = self.finals.iter().position(is_free)?;
        let job = self.finals.remove(place)?;
        self.answering.push(job.utterance.clone());
        Some(job)
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = (self.finals.len(), self.interims.len());
        f.debug_struct("Waiting").field("finals, interims", &counts).field("closed", &self.closed).finish()
    }
}

struct Worker {
    decoder: Decoder,
    queue: Arc<Queue>,
}

impl Worker {
    fn serve(mut self) {
        while let Some(job) = self.queue.clone().next() {
            match job {
                Job::Final(job) => {
                    let utterance = job.utterance.clone();
                    if !utterance.is_abandoned() {
                        utterance.span.in_scope(|| self.final_text(job));
                    }
                    self.queue.answered(&utterance);
                }
                Job::Interim(utterance) if utterance.is_abandoned() => {}
                Job::Interim(utterance) => utterance.span.in_scope(|| self.interim_text(&utterance)),
            }
        }
    }

    fn final_text(&mut self, job: FinalJob) {
        let utterance = job.utterance.clone();
        if let Some(text) = utterance.known_text(job.end) {
            job.answer(Ok(text));
            return;
        }
        match decode(&mut self.decoder, &utterance, job.end, &|| utterance.is_abandoned()) {
            Ok(Some(text)) => job.answer(Ok(text)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "recognition failed");
                job.answer(Err(ProviderError { message: format!("recognition failed: {error}"), retryable: true }));
            }
        }
    }

    fn interim_text(&mut self, utterance: &Arc<Utterance>) {
        let end = utterance.begin_interim();
        let queue = self.queue.clone();
        let stop = || utterance.is_abandoned() || queue.is_urgent(utterance, end);
        match decode(&mut self.decoder, utterance, end, &stop) {
            Ok(Some(text)) => show(utterance, &text),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "an interim run failed; the next one is due in half a second"),
        }
    }
}

/// The text of the utterance up to `end`; none if stopped.
pub(super) fn decode(
    decoder: &mut Decoder,
    utterance: &Utterance,
    end: u64,
    stop: &dyn Fn() -> bool,
) -> ort::Result<Option<String>> {
    loop {
        let piece = utterance.next_piece(end);
        let text = if utterance.has_speech(&piece) {
            match decoder.run(&piece.audio, &utterance.language, &utterance.prompt, stop)? {
                Some(text) => text,
                None => return Ok(None),
            }
        } else {
            String::new()
        };
        if piece.is_last {
            return Ok(Some(utterance.complete(&piece, &text)));
        }
        utterance.settle(&piece, &text);
    }
}

/// Sends what two runs agree on. Half of the channel is left to final texts.
fn show(utterance: &Utterance, text: &str) {
    if let Some(text) = utterance.interim(text)
        && utterance.events.capacity() * 2 > utterance.events.max_capacity()
    {
        // Whoever left, or filled the channel just now, misses an interim text.
        utterance.events.try_send(RecognitionEvent::Interim { text }).ok();
    }
}
