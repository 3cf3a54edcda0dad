//! Recognition in virtual time: the recogniser's own rules of when it decodes what, with one worker that is busy for as long as a
//! stretch takes.

use ringline_model::CallTime;
use ringline_providers::local::{WhisperInline, WhisperUtterance};
use std::time::Duration;

/// A text, and when it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub text: String,
    pub at: CallTime,
}

/// One utterance after the other. `busy`: how long the worker takes over a stretch of audio.
pub trait Recogniser {
    /// An utterance begins with this audio, in which these words are expected.
    fn open(&mut self, audio: &[f32], expected: &[String]);
    /// More of it; perhaps an interim text.
    fn push(&mut self, audio: &[f32], now: CallTime, busy: Duration) -> Option<Heard>;
    /// The text so far.
    fn transcribe(&mut self, now: CallTime, busy: Duration) -> Heard;
}

/// Whisper, run where it stands.
pub struct InlineWhisper {
    engine: WhisperInline,
    utterance: Option<WhisperUtterance>,
    is_due: bool,
    free_at: CallTime,
}

impl InlineWhisper {
    pub fn new(engine: WhisperInline) -> Self {
        Self { engine, utterance: None, is_due: false, free_at: CallTime::ZERO }
    }
}

impl Recogniser for InlineWhisper {
    fn open(&mut self, audio: &[f32], expected: &[String]) {
        let utterance = self.engine.open(expected);
        self.is_due = utterance.push(audio);
        self.utterance = Some(utterance);
    }

    fn push(&mut self, audio: &[f32], now: CallTime, busy: Duration) -> Option<Heard> {
        let utterance = self.utterance.as_ref()?;
        self.is_due |= utterance.push(audio);
        if !self.is_due || self.free_at > now {
            return None;
        }
        self.is_due = false;
        self.free_at = now + busy;
        let text = self.engine.interim(utterance)?;
        Some(Heard { text, at: self.free_at })
    }

    fn transcribe(&mut self, now: CallTime, busy: Duration) -> Heard {
        let Some(utterance) = self.utterance.as_ref() else {
            return Heard { text: String::new(), at: now };
        };
        let (text, is_known) = self.engine.text(utterance);
        // An interim run makes room at its next token.
        let at = if is_known { now } else { now + busy };
        self.free_at = at;
        Heard { text, at }
    }
}
