//! The local voice: hibari, a small network with an American English voice, on one thread of its own.
//!
//! A text is made speakable ([`crate::text::normalise`]), cut into sentences ([`crate::text::clauses`]), and each becomes
//! phonemes, then spectra, then sound. The thread takes turns among the texts under way, a sentence of each at a time:
//! a long text holds nobody up, and a dropped receiver is noticed after one sentence (some 100 ms of work).
//!
//! The same text always gives the same samples: the noise in the voice is drawn from a fixed seed for each sentence.

mod acoustics;
mod phonemes;
mod vocoder;

use super::LoadError;
use super::queue::{Abandonable, JobQueue, Refused};
use crate::models::ModelStore;
use crate::text::{MAX_SPEECH_CHARS, clauses, normalise};
use crate::{ProviderError, SpeechEvent, SpeechRequest, Synthesizer, Voice};
use acoustics::Acoustics;
use phonemes::Pronouncer;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;
use vocoder::Vocoder;

/// Rate of the voice in Hz.
pub const HIBARI_RATE: u32 = 24_000;

/// Texts waiting; more fail at once.
const QUEUE: usize = 32;
/// Texts spoken in turns. Further ones wait in the queue.
const AT_ONCE: usize = 8;
/// Half a second of sound per event.
const CHUNK: usize = HIBARI_RATE as usize / 2;
/// Events of one sentence: its chunks are made longer when there would be more. A sentence only begins when there is room for all of it.
const EVENTS_PER_CLAUSE: usize = 32;
/// How long the thread sleeps when all readers are behind.
const READERS_BEHIND: Duration = Duration::from_millis(5);
/// Phonemes that the network takes at once; longer sentences are cut at white space.
const MAX_PHONEMES: usize = 400;

/// The voice, loaded. Dropping it fails what is under way and waits for the current sentence.
#[derive(Debug)]
pub struct Hibari {
    queue: Arc<JobQueue<Job>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    text: String,
    rate: f32,
    events: mpsc::Sender<SpeechEvent>,
    /// Of the asker.
    span: tracing::Span,
}

impl Abandonable for Job {
    fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }
}

impl Hibari {
    /// Loads the voice from the store and speaks a word to nobody, so that the first real one is quick. Blocks for about
    /// a second, so async callers use `spawn_blocking`.
    pub fn load(store: &ModelStore) -> Result<Self, LoadError> {
        let queue = Arc::new(JobQueue::new(QUEUE));
        let (loaded, wait) = std_mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("hibari".into())
            .spawn({
                let (store, queue) = (store.clone(), queue.clone());
                move || run(&store, &queue, &loaded)
            })
            .map_err(LoadError::Thread)?;
        let voice = Self { queue, thread: Some(thread) };
        match wait.recv() {
            Ok(result) => result.map(|()| voice),
            Err(_) => Err(LoadError::Thread(std::io::Error::other("it stopped while the voice was being loaded"))),
        }
    }
}

impl Synthesizer for Hibari {
    fn sample_rate(&self) -> u32 {
        HIBARI_RATE
    }

    fn voices(&self) -> Vec<Voice> {
        vec![Voice { id: "heart".into(), name: "Heart".into(), language: "en-US".into() }]
    }

    /// Text over [`MAX_SPEECH_CHARS`] fails; text without anything to pronounce finishes without sound. The rate is
    /// taken as 0.5 to 2, and is the network's own: pitch stays.
    fn synthesise(&self, request: SpeechRequest) -> mpsc::Receiver<SpeechEvent> {
        let (events, receiver) = mpsc::channel(EVENTS_PER_CLAUSE * 2);
        if request.text.chars().count() > MAX_SPEECH_CHARS {
            fail(&events, "the text is too long to be spoken at once", false);
            return receiver;
        }
        let rate = if request.rate.is_finite() { request.rate.clamp(0.5, 2.0) as f32 } else { 1.0 };
        match self.queue.push(Job { text: request.text, rate, events, span: tracing::Span::current() }) {
            Ok(()) => {}
            Err(Refused::Full(job)) => fail(&job.events, "too many texts wait for the voice", true),
            Err(Refused::Closed(job)) => fail(&job.events, STOPPED, false),
        }
        receiver
    }
}

impl Drop for Hibari {
    fn drop(&mut self) {
        for job in self.queue.close() {
            fail(&job.events, STOPPED, false);
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the voice had panicked");
        }
    }
}

const STOPPED: &str = "the voice has stopped";

/// The last event of a text. One place in the channel is always left for it, or the reader is gone.
fn fail(events: &mpsc::Sender<SpeechEvent>, message: &str, retryable: bool) {
    events.try_send(SpeechEvent::Failed(ProviderError { message: message.into(), retryable })).ok();
}

/// Loads, reports how that went, and speaks until the queue is closed.
fn run(store: &ModelStore, queue: &JobQueue<Job>, loaded: &std_mpsc::SyncSender<Result<(), LoadError>>) {
    let started = std::time::Instant::now();
    let speaker = Speaker::load(store).and_then(|mut speaker| {
        let warm = speaker.say("Warm up.", 1.0, 0);
        warm.map(|_| speaker).map_err(|message| LoadError::Model { path: store.dir().join("hibari.onnx"), message })
    });
    let (speaker, result) = match speaker {
        Ok(speaker) => (Some(speaker), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let wanted = loaded.send(result).is_ok();
    if let Some(speaker) = speaker.filter(|_| wanted) {
        tracing::info!(seconds = started.elapsed().as_secs_f32(), "voice loaded");
        speak(speaker, queue);
    }
}

/// A text being spoken.
struct Speech {
    clauses: VecDeque<String>,
    spoken: u64,
    rate: f32,
    events: mpsc::Sender<SpeechEvent>,
    span: tracing::Span,
}

fn speak(mut speaker: Speaker, queue: &JobQueue<Job>) {
    let mut speeches: VecDeque<Speech> = VecDeque::new();
    let mut behind = 0;
    while !queue.is_closed() {
        while speeches.len() < AT_ONCE {
            let Some(job) = (if speeches.is_empty() { queue.pop() } else { queue.try_pop() }) else { break };
            let text = normalise(&job.text);
            let clauses = clauses(&text).into_iter().map(str::to_owned).collect();
            let Job { rate, events, span, .. } = job;
            speeches.push_back(Speech { clauses, spoken: 0, rate, events, span });
        }
        let Some(mut speech) = speeches.pop_front() else { continue };
        if speech.events.is_closed() {
            continue;
        }
        // One more place for the ending.
        if speech.events.capacity() <= EVENTS_PER_CLAUSE {
            speeches.push_back(speech);
            behind += 1;
            if behind >= speeches.len() {
                std::thread::sleep(READERS_BEHIND);
                behind = 0;
            }
            continue;
        }
        behind = 0;
        let Some(clause) = speech.clauses.pop_front() else {
            speech.events.try_send(SpeechEvent::Finished).ok();
            continue;
        };
        match speaker.say(&clause, speech.rate, speech.spoken) {
            Ok(audio) => {
                let chunk = CHUNK.max(audio.len().div_ceil(EVENTS_PER_CLAUSE));
                for chunk in audio.chunks(chunk) {
                    // There is room; if this fails the reader has left, which the next turn notices.
                    speech.events.try_send(SpeechEvent::Audio(chunk.to_vec())).ok();
                }
                speech.spoken += 1;
                if speech.clauses.is_empty() {
                    speech.events.try_send(SpeechEvent::Finished).ok();
                } else {
                    speeches.push_back(speech);
                }
            }
            Err(message) => {
                tracing::error!(parent: &speech.span, message, "the voice failed");
                fail(&speech.events, "the voice failed on this text", true);
            }
        }
    }
    for speech in speeches {
        fail(&speech.events, STOPPED, false);
    }
}

/// The three stages of the voice.
struct Speaker {
    pronouncer: Pronouncer,
    acoustics: Acoustics,
    vocoder: Vocoder,
}

impl Speaker {
    fn load(store: &ModelStore) -> Result<Self, LoadError> {
        Ok(Self { pronouncer: Pronouncer::load(store)?, acoustics: Acoustics::load(store)?, vocoder: Vocoder::new() })
    }

    /// The sound of one sentence, within −1…1.
    fn say(&mut self, clause: &str, rate: f32, seed: u64) -> Result<Vec<f32>, String> {
        // The lexicon is other people's code fed with a language model's text: a panic in it costs this sentence only.
        let said = catch_unwind(AssertUnwindSafe(|| self.sound(clause, rate, seed)));
        said.unwrap_or_else(|_| Err("pronouncing the text panicked".into()))
    }

    fn sound(&mut self, clause: &str, rate: f32, seed: u64) -> Result<Vec<f32>, String> {
        let phonemes = self.pronouncer.phonemes(clause)?;
        let mut audio = Vec::new();
        for part in parts(&phonemes) {
            let ids = self.pronouncer.ids(part);
            if ids.is_empty() {
                continue;
            }
            let spectra = self.acoustics.spectra(&ids, rate)?;
            audio.extend(self.vocoder.sound(&spectra, seed));
        }
        for sample in &mut audio {
            *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        }
        Ok(audio)
    }
}

/// Pieces of at most [`MAX_PHONEMES`] phonemes, cut between words where possible.
fn parts(phonemes: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = phonemes.trim();
    while let Some((limit, _)) = rest.char_indices().nth(MAX_PHONEMES) {
        let at = rest[..limit].rfind(' ').filter(|at| *at > 0).unwrap_or(limit);
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_of_phonemes_are_cut_between_words() {
        let words = "həlˈO ".repeat(200);
        let cut = parts(&words);
        assert!(cut.iter().all(|part| part.chars().count() <= MAX_PHONEMES && part.ends_with('O')));
        assert_eq!(cut.join(" "), words.trim());
        assert_eq!(parts(&"ə".repeat(1_000)).len(), 3);
        assert!(parts("  ").is_empty());
    }
}
