//! Speech recognition by OpenAI's Whisper base, multilingual, as two int8 ONNX graphs (see `models::convert`).
//!
//! Whisper is no streaming model. What streams here is repetition: the growing utterance is decoded again after every
//! half second of new audio when nothing more urgent waits, and the beginning on which two runs agree is the interim
//! text. A final text reuses the last run if no speech has come since. Decoding happens on the recogniser's own worker
//! threads, which all calls share; final texts go before interim ones, work for dropped utterances is skipped and work
//! under way for them stops at the next token.
//!
//! Limits: an utterance may be of any length; whatever is older than 25 s is decoded for good, cut at a quiet place, and
//! its audio let go. At most 60 s wait undecoded, of more the oldest are lost (logged). At most 64 final texts wait, more
//! fail as retryable.
//!
//! Hot words are a prompt: Whisper takes them for what was said just before, and so for likelier than it would. Words that are only
//! expected are in it, too, but of short speech over an echo Whisper then makes one of them. So a text behind them that it is not
//! sure of is found again without them, and the surer of the two is taken.
//!
//! Not here: word times, translation.

mod decode;
mod engine;
mod guards;
mod inline;
mod language;
mod prompt;
mod speech;
mod tokens;
mod utterance;

pub use engine::Whisper;
pub use inline::{WhisperInline, WhisperUtterance};

/// Settings of the recogniser.
#[derive(Clone, Debug)]
pub struct WhisperConfig {
    /// Worker threads, 1 to 16. Each has its own copy of the model, 110 MB, and decodes one utterance at a time.
    pub workers: usize,
    /// The vendor's language id for callers that name none. `None`: detect among all that Whisper knows, which errs
    /// on short utterances.
    pub language: Option<String>,
}

impl Default for WhisperConfig {
    fn default() -> Self {
        WhisperConfig { workers: 1, language: None }
    }
}
