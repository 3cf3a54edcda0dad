//! Ears: the inference threads that listen. Each call belongs to one thread of the pool, which runs its voice activity
//! detection, keeps the audio of the open utterance, and feeds recognition.
//!
//! Audio arrives in chunks of at most 20 ms by value, so nothing is allocated per chunk. When a thread falls behind, new
//! audio is dropped and counted while commands still get through; the missing stretch is heard as silence, so that
//! times stay true. What the network lost is no silence: it ends no speech and begins none.
//!
//! What is done for a call is done in a span that names it, so that a model's log lines, too, say whose audio they are about.

mod hearing;
mod speech_detector;
mod voices;

use super::clock::CallClock;
use super::{CallEvent, CallEvents};
use crate::metrics::{METRICS, ProviderMeter, Request};
use crate::scheduling;
pub use hearing::Hearing;
use hearing::samples;
use ringline_audio::{EAR_RATE, MOUTH_FRAME};
use ringline_conversation::{Input, Stage};
use ringline_model::{CallTime, InstanceId, UtteranceId};
use ringline_providers::{
    Embedder, EndOfTurn, Recognition, RecognitionEvent, RecognitionParams, Recognizer, VoiceActivity,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tracing::Instrument as _;
use voices::Voices;

/// Samples of one chunk: 20 ms at 16 kHz.
pub const CHUNK: usize = 320;
/// Messages a thread may have waiting …
const QUEUE: usize = 2048;
/// … of which the last quarter is kept for commands.
const QUEUE_AUDIO: usize = QUEUE * 3 / 4;
/// Audio kept from before an utterance opens, so that its first sound is in it, also if it is told of late (`hearing`).
const PREROLL: usize = 2 * EAR_RATE as usize;
/// Longest utterance kept for the end-of-turn model; it looks at the last 8 s (Smart Turn v3).
const TURN_AUDIO: usize = 8 * EAR_RATE as usize;
/// Longest gap filled with silence; after a longer one listening starts anew.
const MAX_GAP: usize = 2 * EAR_RATE as usize;
/// Recognition events waiting for the call; a full channel loses interim texts only (the trait's contract).
const RECOGNITION_EVENTS: usize = 32;

/// What a call's ears are made of.
pub struct Senses {
    pub instance: InstanceId,
    pub voice_activity: Box<dyn VoiceActivity>,
    pub recognizer: Arc<dyn Recognizer>,
    pub end_of_turn: Arc<dyn EndOfTurn>,
    /// None: no voice is known from another.
    pub embedder: Option<Arc<dyn Embedder>>,
    pub params: RecognitionParams,
    pub meter: ProviderMeter,
    pub vad_level: u32,
}

/// Audio lies in the message itself on purpose: the queue's places are made once, so a chunk costs no allocation.
#[allow(clippy::large_enum_variant)]
enum Message {
    Open { ear: u64, senses: Box<Senses>, events: CallEvents, clock: CallClock },
    Audio { ear: u64, at: CallTime, len: u16, pcm: [f32; CHUNK] },
    Lost { ear: u64, at: CallTime, samples: usize },
    Sent { ear: u64, at: CallTime, pcm: [f32; MOUTH_FRAME] },
    OpenUtterance { ear: u64, utterance: UtteranceId, from: CallTime },
    Transcribe { ear: u64, utterance: UtteranceId, revision: u32 },
    Score { ear: u64, utterance: UtteranceId, revision: u32 },
    Identify { ear: u64, utterance: UtteranceId, asked: u32 },
    LearnVoice { ear: u64, utterance: UtteranceId },
    RegisterVoice { ear: u64, recording: Vec<u8> },
    ForgetVoice { ear: u64 },
    CloseUtterance { ear: u64, utterance: UtteranceId },
    Adjust { ear: u64, vad_level: u32, hot_words: Vec<String> },
    Close { ear: u64 },
}

/// The pool.
pub struct EarPool {
    threads: Vec<Lane>,
    next: AtomicU64,
}

#[derive(Clone)]
struct Lane {
    queue: SyncSender<Message>,
    waiting: Arc<AtomicUsize>,
}

impl Lane {
    fn command(&self, call: &InstanceId, message: Message) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // A full queue here means that the thread has not moved for seconds: waiting is all that keeps the call whole.
        if self.queue.send(message).is_err() {
            tracing::error!(call.id = %call, "the call's ear thread is gone");
        }
    }

    fn audio(&self, message: Message) {
        if self.waiting.load(Ordering::Relaxed) >= QUEUE_AUDIO {
            METRICS.dropped_ear_audio.inc();
            return;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(message).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            METRICS.dropped_ear_audio.inc();
        }
    }
}

impl EarPool {
    /// `runtime` is where answers of providers are waited for.
    pub fn start(threads: usize, runtime: &tokio::runtime::Handle) -> std::io::Result<Self> {
        let lanes = (0..threads)
            .map(|n| {
                let (queue, inbox) = sync_channel(QUEUE);
                let waiting = Arc::new(AtomicUsize::new(0));
                let lane = Lane { queue, waiting: waiting.clone() };
                let runtime = runtime.clone();
                std::thread::Builder::new().name(format!("ears-{n}")).spawn(move || {
                    scheduling::before_most();
                    listen(&inbox, &waiting, &runtime);
                })?;
                Ok(lane)
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { threads: lanes, next: AtomicU64::new(0) })
    }

    pub fn open(&self, senses: Senses, events: CallEvents, clock: CallClock) -> Ears {
        let ear = self.next.fetch_add(1, Ordering::Relaxed);
        let lane = self.threads[(ear % self.threads.len() as u64) as usize].clone();
        let call = senses.instance.clone();
        lane.command(&call, Message::Open { ear, senses: Box::new(senses), events, clock });
        Ears { shared: Arc::new(Shared { ear, call, lane }) }
    }
}

/// One call's ears. Dropping the last clone closes them.
#[derive(Clone)]
pub struct Ears {
    shared: Arc<Shared>,
}

struct Shared {
    ear: u64,
    call: InstanceId,
    lane: Lane,
}

impl Shared {
    fn command(&self, message: Message) {
        self.lane.command(&self.call, message);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.command(Message::Close { ear: self.ear });
    }
}

impl Ears {
    /// Audio that begins at `at`; cut into chunks. Never blocks.
    pub fn audio(&self, mut at: CallTime, audio: &[f32]) {
        for part in audio.chunks(CHUNK) {
            let mut pcm = [0.0; CHUNK];
            pcm[..part.len()].copy_from_slice(part);
            self.shared.lane.audio(Message::Audio { ear: self.shared.ear, at, len: part.len() as u16, pcm });
            at = at + samples(part.len());
        }
    }

    /// So many samples from `at` on were lost: nobody knows whether they were speech, so they end none and begin none.
    pub fn lost(&self, at: CallTime, samples: usize) {
        if samples > 0 {
            self.shared.lane.audio(Message::Lost { ear: self.shared.ear, at, samples });
        }
    }

    /// A frame that leaves for the user at `at`. Never blocks.
    pub fn sent(&self, at: CallTime, frame: &[f32; MOUTH_FRAME]) {
        self.shared.lane.audio(Message::Sent { ear: self.shared.ear, at, pcm: *frame });
    }

    pub fn open_utterance(&self, utterance: UtteranceId, from: CallTime) {
        self.shared.command(Message::OpenUtterance { ear: self.shared.ear, utterance, from });
    }

    pub fn transcribe(&self, utterance: UtteranceId, revision: u32) {
        self.shared.command(Message::Transcribe { ear: self.shared.ear, utterance, revision });
    }

    pub fn score(&self, utterance: UtteranceId, revision: u32) {
        self.shared.command(Message::Score { ear: self.shared.ear, utterance, revision });
    }

    pub fn identify(&self, utterance: UtteranceId, asked: u32) {
        self.shared.command(Message::Identify { ear: self.shared.ear, utterance, asked });
    }

    /// Before the utterance is closed.
    pub fn learn_voice(&self, utterance: UtteranceId) {
        self.shared.command(Message::LearnVoice { ear: self.shared.ear, utterance });
    }

    /// A recording of the registered speaker: 16 kHz, 16-bit little-endian.
    pub fn register_voice(&self, recording: Vec<u8>) {
        self.shared.command(Message::RegisterVoice { ear: self.shared.ear, recording });
    }

    pub fn forget_voice(&self) {
        self.shared.command(Message::ForgetVoice { ear: self.shared.ear });
    }

    /// What counts as speech from now on, and the hot words of utterances that open from now on.
    pub fn adjust(&self, vad_level: u32, hot_words: Vec<String>) {
        self.shared.command(Message::Adjust { ear: self.shared.ear, vad_level, hot_words });
    }

    pub fn close_utterance(&self, utterance: UtteranceId) {
        self.shared.command(Message::CloseUtterance { ear: self.shared.ear, utterance });
    }
}

fn listen(inbox: &Receiver<Message>, waiting: &AtomicUsize, runtime: &tokio::runtime::Handle) {
    let mut ears = BTreeMap::new();
    while let Ok(message) = inbox.recv() {
        waiting.fetch_sub(1, Ordering::Relaxed);
        match message {
            Message::Open { ear, senses, events, clock } => {
                // Of the highest level, so that no filter takes it from the lines within.
                let of_call = tracing::error_span!("ears", call.id = %senses.instance);
                ears.insert(ear, (of_call, Ear::new(*senses, events, clock)));
            }
            Message::Close { ear } => {
                ears.remove(&ear);
            }
            Message::Audio { ear, at, len, pcm } => {
                with(&mut ears, ear, |ear| ear.hear(at, &pcm[..usize::from(len)]));
            }
            Message::Lost { ear, at, samples } => {
                with(&mut ears, ear, |ear| ear.miss(at, samples));
            }
            Message::Sent { ear, at, pcm } => {
                with(&mut ears, ear, |ear| ear.hearing.sent(at, &pcm));
            }
            Message::OpenUtterance { ear, utterance, from } => {
                with(&mut ears, ear, |ear| ear.open_utterance(utterance, from, runtime));
            }
            Message::Transcribe { ear, utterance, revision } => {
                with(&mut ears, ear, |ear| ear.transcribe(utterance, revision));
            }
            Message::Score { ear, utterance, revision } => {
                with(&mut ears, ear, |ear| ear.score(utterance, revision, runtime));
            }
            Message::Identify { ear, utterance, asked } => with(&mut ears, ear, |ear| {
                if let Some(audio) = ear.audio_of(utterance) {
                    ear.voices.identify(utterance, asked, audio, runtime);
                }
            }),
            Message::LearnVoice { ear, utterance } => with(&mut ears, ear, |ear| {
                if let Some(audio) = ear.audio_of(utterance) {
                    ear.voices.learn(audio, runtime);
                }
            }),
            Message::RegisterVoice { ear, recording } => {
                with(&mut ears, ear, |ear| ear.voices.register(&recording, runtime));
            }
            Message::ForgetVoice { ear } => with(&mut ears, ear, |ear| ear.voices.forget()),
            Message::Adjust { ear, vad_level, hot_words } => with(&mut ears, ear, |ear| {
                ear.hearing.set_level(vad_level);
                ear.params.hot_words = hot_words;
            }),
            Message::CloseUtterance { ear, utterance } => with(&mut ears, ear, |ear| {
                if ear.utterance(utterance).is_some() {
                    ear.open = None;
                }
            }),
        }
    }
}

/// Does something to an ear that is still there, in its call's span.
fn with(ears: &mut BTreeMap<u64, (tracing::Span, Ear)>, ear: u64, act: impl FnOnce(&mut Ear)) {
    if let Some((of_call, ear)) = ears.get_mut(&ear) {
        of_call.in_scope(|| act(ear));
    }
}

/// Measures the answer to the last request; one to an earlier request is nobody's any more.
fn note(asked: &Mutex<Option<(u32, Request)>>, event: &RecognitionEvent) {
    let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    match (event, &mut *asked) {
        (RecognitionEvent::Final { revision, .. }, Some((last, request))) if revision == last => request.answered(),
        (RecognitionEvent::Failed { revision, .. }, Some((last, request))) if revision == last => request.failed(),
        _ => {}
    }
}

struct OpenUtterance {
    id: UtteranceId,
    span: tracing::Span,
    recognition: Box<dyn Recognition>,
    /// The last transcript that was asked for.
    asked: Arc<Mutex<Option<(u32, Request)>>>,
    /// The last [`TURN_AUDIO`] samples.
    audio: VecDeque<f32>,
}

struct Ear {
    hearing: Hearing,
    recognizer: Arc<dyn Recognizer>,
    end_of_turn: Arc<dyn EndOfTurn>,
    params: RecognitionParams,
    meter: ProviderMeter,
    voices: Voices,
    events: CallEvents,
    clock: CallClock,
    /// When the next sample is due.
    next_at: Option<CallTime>,
    /// The last [`PREROLL`] samples; they end at `next_at`.
    recent: VecDeque<f32>,
    open: Option<OpenUtterance>,
    /// When the speech that was told of last was said to begin.
    told: CallTime,
}

impl Ear {
    fn new(senses: Senses, events: CallEvents, clock: CallClock) -> Self {
        Self {
            hearing: Hearing::new(senses.voice_activity, senses.vad_level),
            recognizer: senses.recognizer,
            end_of_turn: senses.end_of_turn,
            params: senses.params,
            meter: senses.meter,
            voices: Voices::new(senses.embedder, events.clone()),
            events,
            clock,
            next_at: None,
            recent: VecDeque::with_capacity(PREROLL + CHUNK),
            open: None,
            told: CallTime::ZERO,
        }
    }

    fn utterance(&mut self, id: UtteranceId) -> Option<&mut OpenUtterance> {
        self.open.as_mut().filter(|open| open.id == id)
    }

    fn audio_of(&mut self, id: UtteranceId) -> Option<Vec<f32>> {
        self.utterance(id).map(|open| open.audio.iter().copied().collect())
    }

    fn hear(&mut self, at: CallTime, audio: &[f32]) {
        if let Some(due) = self.next_at {
            let missing = (at.since(due).as_micros() as u64 * u64::from(EAR_RATE) / 1_000_000) as usize;
            // The mapping to call time breathes by a few ms; only a whole missing chunk is a gap.
            if missing > MAX_GAP {
                self.hearing.restart();
            } else if missing >= CHUNK {
                let silence = [0.0; CHUNK];
                for n in 0..missing / CHUNK {
                    self.take(due + samples(n * CHUNK), &silence);
                }
            }
        }
        self.take(at, audio);
        self.next_at = Some(at + samples(audio.len()));
    }

    /// Recognition hears silence in place of what was lost, so that its times stay true. Voice activity hears nothing: a user
    /// whose words are lost has not stopped speaking.
    fn miss(&mut self, at: CallTime, count: usize) {
        for _ in 0..count / CHUNK {
            self.keep(&[0.0; CHUNK]);
        }
        self.keep(&[0.0; CHUNK][..count % CHUNK]);
        self.next_at = Some(at + samples(count));
    }

    fn take(&mut self, at: CallTime, audio: &[f32]) {
        self.keep(audio);
        self.detect(at, audio);
    }

    fn keep(&mut self, audio: &[f32]) {
        self.recent.extend(audio);
        let excess = self.recent.len().saturating_sub(PREROLL);
        self.recent.drain(..excess);
        if let Some(open) = &mut self.open {
            open.recognition.push(audio);
            open.audio.extend(audio);
            let excess = open.audio.len().saturating_sub(TURN_AUDIO);
            open.audio.drain(..excess);
        }
    }

    fn detect(&mut self, at: CallTime, audio: &[f32]) {
        let (is_open, told, events, clock) = (self.open.is_some(), &mut self.told, &self.events, &self.clock);
        self.hearing.take(at, audio, |heard| {
            let input = heard.input(is_open, clock.now(), told);
            if events.blocking_send(CallEvent::Input(input)).is_err() {
                tracing::debug!("speech heard for a call that has ended");
            }
        });
    }

    fn open_utterance(&mut self, id: UtteranceId, from: CallTime, runtime: &tokio::runtime::Handle) {
        let (sender, mut receiver) = mpsc::channel(RECOGNITION_EVENTS);
        let span = tracing::error_span!("utterance", utterance.id = %id);
        let mut params = self.params.clone();
        let expected = self.hearing.expected_words(from, params.language.as_deref());
        params.expected = expected.map(str::to_owned).collect();
        let mut recognition = span.in_scope(|| self.recognizer.open(params, sender));
        let events = self.events.clone();
        let asked: Arc<Mutex<Option<(u32, Request)>>> = Arc::default();
        let open = asked.clone();
        let answers = async move {
            while let Some(event) = receiver.recv().await {
                note(&asked, &event);
                let input = match event {
                    RecognitionEvent::Interim { text } => Input::InterimTranscript { utterance: id, text },
                    RecognitionEvent::Final { revision, text } => Input::Transcript { utterance: id, revision, text },
                    RecognitionEvent::FellBack { failed, error, next } => {
                        Input::FellBack { stage: Stage::Recognition, failed, error, next }
                    }
                    RecognitionEvent::Failed { revision, error } => {
                        Input::TranscriptFailed { utterance: id, revision, error: error.to_string() }
                    }
                };
                if events.send(CallEvent::Input(input)).await.is_err() {
                    return;
                }
            }
        };
        runtime.spawn(answers.instrument(span.clone()));
        let end = self.next_at.unwrap_or(from);
        let wanted = (end.since(from).as_micros() as u64 * u64::from(EAR_RATE) / 1_000_000) as usize;
        let skip = self.recent.len().saturating_sub(wanted);
        let audio: VecDeque<f32> = self.recent.iter().skip(skip).copied().collect();
        let (front, back) = audio.as_slices();
        recognition.push(front);
        recognition.push(back);
        self.open = Some(OpenUtterance { id, span, recognition, asked: open, audio });
    }

    fn transcribe(&mut self, utterance: UtteranceId, revision: u32) {
        let meter = self.meter.clone();
        let Some(open) = self.utterance(utterance) else { return };
        let request = meter.request();
        *open.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some((revision, request));
        open.span.in_scope(|| open.recognition.transcribe(revision));
    }

    fn score(&mut self, utterance: UtteranceId, revision: u32, runtime: &tokio::runtime::Handle) {
        let model = self.end_of_turn.clone();
        let events = self.events.clone();
        let Some(open) = self.utterance(utterance) else { return };
        let audio: Arc<[f32]> = open.audio.iter().copied().collect();
        let scored = async move {
            match model.probability(audio, "").await {
                // Not a number could be stored in no journal.
                Ok(probability) if !probability.is_finite() => {
                    tracing::warn!("the end-of-turn model gave no number");
                }
                Ok(probability) => {
                    let input = Input::EndOfTurn { utterance, revision, probability };
                    if events.send(CallEvent::Input(input)).await.is_err() {
                        tracing::debug!("end of turn scored for a call that has ended");
                    }
                }
                // Without an answer the silence cap ends the turn.
                Err(error) => tracing::warn!(%error, "the end-of-turn model failed"),
            }
        };
        runtime.spawn(scored.instrument(open.span.clone()));
    }
}

#[cfg(test)]
mod tests;
