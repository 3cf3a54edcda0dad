//! Self-hosted speech (server-api §12.3): one POST for each text, answered with bare samples as they are made. The protocol has no
//! rate of speech, so the voice speaks as fast as it does.

use crate::giving::give_to_the_end;
use crate::http::{self, Patience, Service, ServiceError};
use crate::openai::speech::{CAPACITY, choose, is_audible, named_voices};
use crate::{ProviderError, SpeechEvent, SpeechRequest, Synthesizer, Voice, pcm};
use ringline_model::Secret;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Where a voice is and what to send to it.
#[derive(Clone, Debug)]
pub struct SpeechConfig {
    pub url: String,
    /// Sent in the body, as the protocol has it.
    pub token: Option<Secret>,
    /// Voice ids that may be asked for; the first is the default. None: whatever a call asks for is passed on.
    pub voices: Vec<String>,
    /// In Hz: 8,000, 16,000, 24,000 or 48,000.
    pub sample_rate: u32,
    pub patience: Patience,
}

/// A voice behind the vendor's protocol.
#[derive(Clone, Debug)]
pub struct SelfHostedSynthesizer {
    speaker: Arc<Speaker>,
    runtime: Handle,
}

#[derive(Debug)]
struct Speaker {
    service: Service,
    token: Option<Secret>,
    voices: Vec<String>,
    rate: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'r> {
    text: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice_id: Option<&'r str>,
    sample_rate: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'r str>,
    extend_data: String,
}

impl SelfHostedSynthesizer {
    /// `client` decides whom it connects to and how long that may take; `runtime` runs the requests.
    pub fn new(config: SpeechConfig, client: reqwest::Client, runtime: Handle) -> Result<Self, ServiceError> {
        let SpeechConfig { url, token, voices, sample_rate, patience } = config;
        let url = http::web(&url).ok_or(ServiceError::Address(url))?;
        let service = Service::new("speech synthesis", url, None, client, patience)?;
        Ok(Self { speaker: Arc::new(Speaker { service, token, voices, rate: sample_rate }), runtime })
    }
}

impl Synthesizer for SelfHostedSynthesizer {
    fn sample_rate(&self) -> u32 {
        self.speaker.rate
    }

    fn voices(&self) -> Vec<Voice> {
        named_voices(&self.speaker.voices)
    }

    fn synthesise(&self, request: SpeechRequest) -> mpsc::Receiver<SpeechEvent> {
        let speaker = self.speaker.clone();
        give_to_the_end(&self.runtime, CAPACITY, |events| async move { speaker.speak(&request, &events).await })
    }
}

impl Speaker {
    async fn speak(&self, request: &SpeechRequest, events: &mpsc::Sender<SpeechEvent>) -> Result<(), ProviderError> {
        if !is_audible(&request.text)? {
            return Ok(());
        }
        let context = &request.context;
        let mut extend_data = json!({
            "InstanceId": context.instance_id,
            "ChannelId": context.channel_id,
            "SentenceId": context.sentence_id,
        });
        if let Some(emotion) = context.emotion {
            extend_data["Emotion"] = json!(emotion);
        }
        if let Some(user_data) = &context.user_data {
            extend_data["UserData"] = json!(user_data);
        }
        let wanted = request.voice.as_deref();
        let body = Body {
            text: &request.text,
            voice_id: if self.voices.is_empty() { wanted } else { choose(&self.voices, wanted) },
            sample_rate: self.rate,
            token: self.token.as_ref().map(Secret::reveal),
            extend_data: extend_data.to_string(),
        };
        let response = self.service.post(&self.service.url, |sending| sending.json(&body)).await;
        let response = response.map_err(|error| self.without_token(error))?;
        pcm::stream(&self.service, response, self.rate, events).await.map_err(|error| self.without_token(error))
    }

    /// A service may quote what it was sent.
    fn without_token(&self, error: ProviderError) -> ProviderError {
        match self.token.as_ref().map(Secret::reveal).filter(|token| !token.is_empty()) {
            Some(token) => ProviderError { message: error.message.replace(token, "…"), ..error },
            None => error,
        }
    }
}
