//! Speech of an OpenAI-compatible service: `POST <base>/audio/speech`, answered with bare samples as they are made.

use super::OpenAiError;
use crate::giving::give_to_the_end;
use crate::http::{self, Patience, Service, error};
use crate::text::{MAX_SPEECH_CHARS, has_words};
use crate::{ProviderError, SpeechEvent, SpeechRequest, Synthesizer, Voice, pcm};
use ringline_model::Secret;
use serde_json::json;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Pieces of sound waiting for the reader; beyond that the service is read no faster than the reader reads.
pub(crate) const CAPACITY: usize = 16;

/// What OpenAI's own service and those like it send as `pcm`.
const RATE: u32 = 24_000;

/// Where a voice is and what to send to it.
#[derive(Clone, Debug)]
pub struct SpeechConfig {
    /// `/audio/speech` is appended.
    pub base_url: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    pub model: String,
    /// Voice ids that may be asked for; the first is the default. None: the model has one voice.
    pub voices: Vec<String>,
    /// Rate of the samples that come, in Hz; none: 24,000.
    pub sample_rate: Option<u32>,
    pub patience: Patience,
}

/// A voice behind an OpenAI-compatible address.
#[derive(Clone, Debug)]
pub struct OpenAiSynthesizer {
    speaker: Arc<Speaker>,
    runtime: Handle,
}

#[derive(Debug)]
struct Speaker {
    service: Service,
    model: String,
    voices: Vec<String>,
    rate: u32,
}

impl OpenAiSynthesizer {
    /// `client` decides whom it connects to and how long that may take; `runtime` runs the requests.
    pub fn new(config: SpeechConfig, client: reqwest::Client, runtime: Handle) -> Result<Self, OpenAiError> {
        let SpeechConfig { base_url, api_key, model, voices, sample_rate, patience } = config;
        let url = http::under(&base_url, "audio/speech").ok_or(OpenAiError::Address(base_url))?;
        let service = Service::new("speech synthesis", url, api_key, client, patience)?;
        let speaker = Speaker { service, model, voices, rate: sample_rate.unwrap_or(RATE) };
        Ok(Self { speaker: Arc::new(speaker), runtime })
    }
}

impl Synthesizer for OpenAiSynthesizer {
    fn sample_rate(&self) -> u32 {
        self.speaker.rate
    }

    fn voices(&self) -> Vec<Voice> {
        named_voices(&self.speaker.voices)
    }

    fn synthesise(&self, request: SpeechRequest) -> mpsc::Receiver<SpeechEvent> {
        let speaker = self.speaker.clone();
        // Leaving the exchange closes its connection.
        give_to_the_end(&self.runtime, CAPACITY, |events| async move { speaker.speak(&request, &events).await })
    }
}

impl Speaker {
    async fn speak(&self, request: &SpeechRequest, events: &mpsc::Sender<SpeechEvent>) -> Result<(), ProviderError> {
        if !is_audible(&request.text)? {
            return Ok(());
        }
        let voice = choose(&self.voices, request.voice.as_deref()).unwrap_or("default");
        let speed = speed(request.rate);
        let body = json!({
            "model": self.model, "input": request.text, "voice": voice, "response_format": "pcm", "speed": speed,
        });
        let response = self.service.post(&self.service.url, |sending| sending.json(&body)).await?;
        pcm::stream(&self.service, response, self.rate, events).await
    }
}

/// Whether there is anything to be spoken; too much is an error.
pub(crate) fn is_audible(text: &str) -> Result<bool, ProviderError> {
    if text.chars().count() > MAX_SPEECH_CHARS {
        return Err(error("the text is too long to be spoken at once", false));
    }
    Ok(has_words(text))
}

/// The voice that is asked for, or the first.
pub(crate) fn choose<'v>(voices: &'v [String], wanted: Option<&str>) -> Option<&'v str> {
    let known = wanted.and_then(|wanted| voices.iter().find(|voice| *voice == wanted));
    known.or(voices.first()).map(String::as_str)
}

pub(crate) fn named_voices(ids: &[String]) -> Vec<Voice> {
    let voice = |id: &str| Voice { id: id.to_owned(), name: id.to_owned(), language: "und".to_owned() };
    if ids.is_empty() { vec![voice("default")] } else { ids.iter().map(|id| voice(id)).collect() }
}

fn speed(rate: f64) -> f64 {
    if rate.is_finite() && rate > 0.0 { rate.clamp(0.5, 2.0) } else { 1.0 }
}
