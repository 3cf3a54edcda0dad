//! Any service that speaks OpenAI's protocols: chat completions, here, in the form of the vendor's self-hosted models
//! (server-api §12.1), always streamed; audio transcriptions and speech in the files beside.
//!
//! Limits, each of which fails the answer: 10 s to connect, 20 s to the first byte and between bytes (5 s for audio), 256 KiB
//! for a line, 1 MiB for an answer. A request that could not connect, or was answered with 429 or 5xx, is sent once more.

mod exchange;
mod request;
mod response;
pub(crate) mod speech;
mod sse;
pub(crate) mod transcription;

pub use crate::http::{Patience, ServiceError as OpenAiError};
pub use speech::{OpenAiSynthesizer, SpeechConfig};
pub use transcription::{OpenAiRecognizer, TranscriptionConfig};

use crate::giving::give_to_the_end;
use crate::http::{self, Service};
use crate::{ChatEvent, ChatRequest, LanguageModel};
use ringline_model::Secret;
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Events waiting for the reader; beyond that the service is read no faster than the reader reads.
const CAPACITY: usize = 64;

/// Where a model is and what to send to it.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// `/chat/completions` is appended.
    pub base_url: String,
    /// Sent as a bearer token.
    pub api_key: Option<String>,
    pub model: String,
    /// Whether to send the call's ids along. The vendor's protocol has them; OpenAI's own service refuses unknown fields.
    pub extend_data: bool,
    pub temperature: Option<f32>,
    pub max_tokens: Option<u32>,
    pub patience: Patience,
}

impl OpenAiConfig {
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            model: model.into(),
            extend_data: true,
            temperature: None,
            max_tokens: None,
            patience: Patience::default(),
        }
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiConfig")
            .field("base_url", &self.base_url)
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("model", &self.model)
            .field("extend_data", &self.extend_data)
            .field("temperature", &self.temperature)
            .field("max_tokens", &self.max_tokens)
            .field("patience", &self.patience)
            .finish()
    }
}

/// A language model behind an OpenAI-compatible address.
#[derive(Clone, Debug)]
pub struct OpenAiLanguageModel {
    model: Arc<Model>,
    runtime: Handle,
}

#[derive(Debug)]
struct Model {
    config: OpenAiConfig,
    service: Service,
}

impl OpenAiLanguageModel {
    /// With a client of its own. `runtime` runs the requests.
    pub fn new(config: OpenAiConfig, runtime: Handle) -> Result<Self, OpenAiError> {
        Self::with_client(config, http::client()?, runtime)
    }

    /// With the caller's client, which decides whom it connects to and how long that may take.
    pub fn with_client(config: OpenAiConfig, client: reqwest::Client, runtime: Handle) -> Result<Self, OpenAiError> {
        let url = http::under(&config.base_url, "chat/completions");
        let url = url.ok_or_else(|| OpenAiError::Address(config.base_url.clone()))?;
        let service = Service::new(
            "the language model",
            url,
            config.api_key.as_deref().map(Secret::from),
            client,
            config.patience,
        )?;
        Ok(Self { model: Arc::new(Model { config, service }), runtime })
    }
}

impl LanguageModel for OpenAiLanguageModel {
    fn generate(&self, request: ChatRequest) -> mpsc::Receiver<ChatEvent> {
        let model = self.model.clone();
        // Leaving the exchange closes its connection.
        give_to_the_end(
            &self.runtime,
            CAPACITY,
            |events| async move { exchange::answer(&model, &request, &events).await },
        )
    }
}
