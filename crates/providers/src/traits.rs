//! What a speech or language provider is. Audio is `f32` mono in −1…1 with its rate stated.
//!
//! Work that takes long happens on threads or tasks of the provider's own, never on the caller's; answers come through
//! bounded channels. **Dropping the receiving end cancels the request**: a provider notices within one step of its work.

use ringline_model::{ToolCall, ToolDefinition};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Rate of all audio towards recognition, in Hz.
pub const EAR_RATE: u32 = 16_000;

/// A request failed. `retryable` says whether the same request may succeed later or elsewhere.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    pub message: String,
    pub retryable: bool,
}

/// Speech or not, frame by frame. State is per call; cheap enough to run inline on an inference thread.
pub trait VoiceActivity: Send {
    /// Samples at 16 kHz that [`Self::predict`] takes.
    fn frame_len(&self) -> usize;
    /// Probability of speech in this frame.
    fn predict(&mut self, frame: &[f32]) -> f32;
    fn reset(&mut self);
}

/// Whether a pause ends the speaker's turn.
#[async_trait::async_trait]
pub trait EndOfTurn: Send + Sync {
    /// `audio`: the utterance so far at 16 kHz including its trailing silence (the provider takes what it needs from the end).
    async fn probability(&self, audio: Arc<[f32]>, text: &str) -> Result<f32, ProviderError>;
}

/// What a voice is like, as a vector: voices are alike as far as their vectors point the same way ([`similarity`]).
#[async_trait::async_trait]
pub trait Embedder: Send + Sync {
    /// `audio`: speech of one person at 16 kHz, pauses cut out. The longer the surer; of less than a second it tells little. The
    /// vector has length 1, and its loudness does not matter.
    async fn embed(&self, audio: Arc<[f32]>) -> Result<Vec<f32>, ProviderError>;

    /// Two vectors at least so similar are one person's.
    fn same_from(&self) -> f32;
}

/// The cosine of the angle between two vectors of length 1.
pub fn similarity(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[derive(Clone, Debug, Default)]
pub struct RecognitionParams {
    /// The vendor's language ids (`en`, `zh_mandarin`, …); none = the provider's default.
    pub language: Option<String>,
    pub hot_words: Vec<String>,
    /// Words that are likely where the utterance begins, for who recognises short ones badly. They must not bring themselves in: a recogniser
    /// that can tell how much of its text it owes to them is to leave out what it would not have heard without them.
    pub expected: Vec<String>,
    /// `k=v&k=v`: instead of a self-hosted recogniser's own parameters (server-api §12.4).
    pub custom: Option<String>,
}

#[derive(Clone, Debug)]
pub enum RecognitionEvent {
    /// The text so far; may change.
    Interim {
        text: String,
    },
    /// Answer to [`Recognition::transcribe`].
    Final {
        revision: u32,
        text: String,
    },
    Failed {
        revision: u32,
        error: ProviderError,
    },
    /// The recogniser `failed` gave no text; `next` is asked.
    FellBack {
        failed: String,
        error: String,
        next: String,
    },
}

pub trait Recognizer: Send + Sync {
    /// Opens one utterance. Capacity and backpressure: events are `try_send`; a full channel loses interim texts only.
    fn open(&self, params: RecognitionParams, events: mpsc::Sender<RecognitionEvent>) -> Box<dyn Recognition>;
}

/// One utterance being recognised. Dropping it cancels what is under way.
pub trait Recognition: Send {
    /// Audio at 16 kHz, in order. Must not block.
    fn push(&mut self, audio: &[f32]);
    /// Asks for the text of all audio so far. May be called again with a higher revision after more audio.
    fn transcribe(&mut self, revision: u32);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatRole {
    System,
    User,
    Assistant,
}

#[derive(Clone, Debug)]
pub struct ChatMessage {
    pub role: ChatRole,
    pub text: String,
    /// Tools that the model called here, with their results.
    pub calls: Vec<ToolCall>,
}

impl ChatMessage {
    pub fn new(role: ChatRole, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), calls: Vec::new() }
    }
}

/// What the vendor's protocol sends along with a chat request (server-api §12.1).
#[derive(Clone, Debug, Default)]
pub struct ChatContext {
    pub instance_id: String,
    pub channel_id: String,
    pub sentence_id: u64,
    pub user_data: Option<String>,
    /// `k=v&k=v`, appended to the request URL.
    pub extra_query: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ChatRequest {
    pub messages: Vec<ChatMessage>,
    /// Tools that the model may call. A model that knows none answers without.
    pub tools: Vec<ToolDefinition>,
    pub context: ChatContext,
}

#[derive(Clone, Debug)]
pub enum ChatEvent {
    Text(String),
    /// What the model thinks aloud before it answers; not to be spoken.
    Reasoning(String),
    /// The model wants these tools run before it goes on; only `Finished` follows. Their results come with the next request.
    ToolCalls(Vec<ToolCall>),
    /// The model `failed` gave nothing; `next` is asked.
    FellBack {
        failed: String,
        error: String,
        next: String,
    },
    Finished,
    Failed(ProviderError),
}

pub trait LanguageModel: Send + Sync {
    /// Streams one answer. Exactly one of `Finished` and `Failed` comes last.
    fn generate(&self, request: ChatRequest) -> mpsc::Receiver<ChatEvent>;
}

#[derive(Clone, Debug)]
pub struct SpeechRequest {
    pub text: String,
    /// A voice id of [`Synthesizer::voices`]; unknown or none = the default.
    pub voice: Option<String>,
    /// 1.0 = normal, 0.5..2.0.
    pub rate: f64,
    pub context: SpeechContext,
}

/// What the vendor's protocol sends along with a speech request (server-api §12.3).
#[derive(Clone, Debug, Default)]
pub struct SpeechContext {
    pub instance_id: String,
    pub channel_id: String,
    pub sentence_id: u64,
    pub user_data: Option<String>,
    /// How the text is said, e.g. `happy`; none: as usual.
    pub emotion: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub enum SpeechEvent {
    /// Audio at [`Synthesizer::sample_rate`], or the last [`SpeechEvent::Rate`].
    Audio(Vec<f32>),
    /// The audio from here on has this rate in Hz. Comes before any audio.
    Rate(u32),
    /// The voice `failed` gave nothing; `next` is asked.
    FellBack {
        failed: String,
        error: String,
        next: String,
    },
    Finished,
    Failed(ProviderError),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    pub id: String,
    pub name: String,
    /// BCP 47, e.g. `en-US`.
    pub language: String,
}

pub trait Synthesizer: Send + Sync {
    fn sample_rate(&self) -> u32;
    fn voices(&self) -> Vec<Voice>;
    /// Streams the speech of one text. Exactly one of `Finished` and `Failed` comes last.
    fn synthesise(&self, request: SpeechRequest) -> mpsc::Receiver<SpeechEvent>;
}
