//! The recogniser without threads, for whoever has a clock of its own: the same rules of when an interim run is due and what it
//! shows, and every run done by the time the call returns.

use super::decode::Decoder;
use super::engine::decode;
use super::language::Language;
use super::prompt::Prompt;
use super::utterance::Utterance;
use crate::local::ort_env::LoadError;
use crate::models::ModelStore;
use std::fmt;
use tokio::sync::mpsc;

pub struct WhisperInline {
    decoder: Decoder,
    language: Language,
}

/// One utterance as it grows.
pub struct WhisperUtterance(Utterance);

impl WhisperInline {
    /// `language`: the vendor's id; none: it is detected.
    pub fn load(store: &ModelStore, language: Option<&str>) -> Result<WhisperInline, LoadError> {
        let decoder = Decoder::load(store)?;
        let language = Language::of(language, &decoder.tokens);
        Ok(WhisperInline { decoder, language })
    }

    /// `expected`: as in [`RecognitionParams`](crate::RecognitionParams).
    pub fn open(&self, expected: &[String]) -> WhisperUtterance {
        let prompt = Prompt::new(&[], expected, &self.decoder.tokens);
        // Nothing is sent through it.
        let (events, _) = mpsc::channel(1);
        WhisperUtterance(Utterance::new(self.language.clone(), prompt, events))
    }

    /// Runs over the audio so far; what is to be shown, if that is new.
    pub fn interim(&mut self, utterance: &WhisperUtterance) -> Option<String> {
        let end = utterance.0.begin_interim();
        let text = self.run(utterance, end)?;
        utterance.0.interim(&text)
    }

    /// The text of the audio so far, and whether an earlier run had found it.
    pub fn text(&mut self, utterance: &WhisperUtterance) -> (String, bool) {
        let end = utterance.0.end();
        match utterance.0.known_text(end) {
            Some(text) => (text, true),
            None => (self.run(utterance, end).unwrap_or_default(), false),
        }
    }

    fn run(&mut self, utterance: &WhisperUtterance, end: u64) -> Option<String> {
        decode(&mut self.decoder, &utterance.0, end, &|| false).unwrap_or_else(|error| {
            tracing::error!(%error, "recognition failed");
            None
        })
    }
}

impl WhisperUtterance {
    /// Whether an interim run is due after this audio.
    pub fn push(&self, audio: &[f32]) -> bool {
        self.0.push(audio)
    }
}

impl fmt::Debug for WhisperInline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhisperInline").field("language", &self.language).finish_non_exhaustive()
    }
}

impl fmt::Debug for WhisperUtterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhisperUtterance").finish_non_exhaustive()
    }
}
