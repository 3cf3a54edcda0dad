//! Any service that speaks the OpenAI protocol for chat completions, in the form of the vendor's self-hosted models
//! (server-api §12.1): always streamed, with the call's ids in `extendData`.
//!
//! Limits, each of which fails the answer: 10 s to connect, 20 s to the first byte and between bytes, 256 KiB for a
//! line, 1 MiB for an answer. A request that could not connect, or was answered with 429 or 5xx, is sent once more.

mod exchange;
mod request;
mod response;
mod sse;

use crate::{ChatEvent, ChatRequest, LanguageModel, ProviderError};
use reqwest::Url;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Events waiting for the reader; beyond that the service is read no faster than the reader reads.
const CAPACITY: usize = 64;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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

/// How long to wait for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From sending the request to the first byte of the answer's body.
    pub first_byte: Duration,
    /// Between pieces of the body.
    pub idle: Duration,
    /// Before the second attempt.
    pub before_retry: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(20),
            idle: Duration::from_secs(20),
            before_retry: Duration::from_millis(250),
        }
    }
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

#[derive(Debug, thiserror::Error)]
pub enum OpenAiError {
    #[error("`{0}` is not the http or https address of a service")]
    Address(String),
    #[error("the API key has characters that cannot be sent")]
    Key,
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

/// A language model behind an OpenAI-compatible address.
#[derive(Clone, Debug)]
pub struct OpenAiLanguageModel {
    service: Arc<Service>,
    runtime: Handle,
}

#[derive(Debug)]
struct Service {
    config: OpenAiConfig,
    url: Url,
    client: reqwest::Client,
}

impl OpenAiLanguageModel {
    /// With a client of its own. `runtime` runs the requests.
    pub fn new(config: OpenAiConfig, runtime: Handle) -> Result<Self, OpenAiError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Self::with_client(config, client, runtime)
    }

    /// With the caller's client, which decides whom it connects to and how long that may take.
    pub fn with_client(config: OpenAiConfig, client: reqwest::Client, runtime: Handle) -> Result<Self, OpenAiError> {
        let url = request::url(&config.base_url).ok_or_else(|| OpenAiError::Address(config.base_url.clone()))?;
        let sendable = |key: &String| reqwest::header::HeaderValue::from_str(key).is_ok();
        if !config.api_key.iter().all(sendable) {
            return Err(OpenAiError::Key);
        }
        Ok(Self { service: Arc::new(Service { config, url, client }), runtime })
    }
}

impl LanguageModel for OpenAiLanguageModel {
    fn generate(&self, request: ChatRequest) -> mpsc::Receiver<ChatEvent> {
        let (events, receiver) = mpsc::channel(CAPACITY);
        let service = self.service.clone();
        self.runtime.spawn(async move {
            let answer = async {
                let last = match exchange::answer(&service, &request, &events).await {
                    Ok(()) => ChatEvent::Finished,
                    Err(error) => ChatEvent::Failed(error),
                };
                // The reader may have left just now; then nobody misses the ending.
                events.send(last).await.ok();
            };
            // Leaving the exchange closes its connection.
            tokio::select! {
                () = events.closed() => {}
                () = answer => {}
            }
        });
        receiver
    }
}

fn error(message: impl Into<String>, retryable: bool) -> ProviderError {
    ProviderError { message: message.into(), retryable }
}
