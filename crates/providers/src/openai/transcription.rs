//! Recognition by an OpenAI-compatible service: `POST <base>/audio/transcriptions` with the whole utterance as a WAV file each
//! time its text is asked for. There are no interim texts.

use super::OpenAiError;
use crate::http::{self, Patience, Service, error};
use crate::{EAR_RATE, ProviderError, Recognition, RecognitionEvent, RecognitionParams, Recognizer};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use reqwest::multipart::{Form, Part};
use ringline_model::Secret;
use serde::Deserialize;
use std::io::Cursor;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

/// Utterances shorter than this have no text (a quarter of a second).
const LEAST: usize = EAR_RATE as usize / 4;
/// Longest utterance that is sent, in samples (90 s); the rest is dropped.
const LONGEST: usize = 90 * EAR_RATE as usize;
/// Texts asked for at once; one more fails.
const MAX_PENDING: usize = 16;
const MAX_ANSWER: usize = 64 * 1024;

/// Where a recogniser is and what to send to it.
#[derive(Clone, Debug)]
pub struct TranscriptionConfig {
    /// `/audio/transcriptions` is appended.
    pub base_url: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    pub model: String,
    pub patience: Patience,
}

/// A recogniser behind an OpenAI-compatible address.
#[derive(Clone, Debug)]
pub struct OpenAiRecognizer {
    listener: Arc<Listener>,
    runtime: Handle,
}

#[derive(Debug)]
struct Listener {
    service: Service,
    model: String,
}

impl OpenAiRecognizer {
    /// `client` decides whom it connects to and how long that may take; `runtime` runs the requests.
    pub fn new(config: TranscriptionConfig, client: reqwest::Client, runtime: Handle) -> Result<Self, OpenAiError> {
        let TranscriptionConfig { base_url, api_key, model, patience } = config;
        let url = http::under(&base_url, "audio/transcriptions").ok_or(OpenAiError::Address(base_url))?;
        let service = Service::new("speech recognition", url, api_key, client, patience)?;
        Ok(Self { listener: Arc::new(Listener { service, model }), runtime })
    }
}

impl Recognizer for OpenAiRecognizer {
    fn open(&self, params: RecognitionParams, events: mpsc::Sender<RecognitionEvent>) -> Box<dyn Recognition> {
        let (requests, inbox) = mpsc::channel(MAX_PENDING);
        let task = self.runtime.spawn(answer(self.listener.clone(), params, inbox, events.clone()).in_current_span());
        Box::new(Utterance { audio: Vec::new(), requests, events, task: task.abort_handle() })
    }
}

struct Utterance {
    audio: Vec<i16>,
    requests: mpsc::Sender<(u32, Arc<[i16]>)>,
    events: mpsc::Sender<RecognitionEvent>,
    task: AbortHandle,
}

impl Recognition for Utterance {
    fn push(&mut self, audio: &[f32]) {
        let room = LONGEST.saturating_sub(self.audio.len());
        self.audio.extend(audio.iter().take(room).map(|sample| to_i16(*sample)));
    }

    fn transcribe(&mut self, revision: u32) {
        if self.requests.try_send((revision, self.audio.as_slice().into())).is_err() {
            let error = error("too many texts asked for at once", true);
            // A full channel is one that nobody reads.
            self.events.try_send(RecognitionEvent::Failed { revision, error }).ok();
        }
    }
}

impl Drop for Utterance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is no number is silence.
pub(crate) fn to_i16(sample: f32) -> i16 {
    (sample.clamp(-1.0, 1.0) * 32_767.0) as i16
}

/// Requests run side by side, and are answered in the order they were made.
async fn answer(
    listener: Arc<Listener>,
    params: RecognitionParams,
    mut requests: mpsc::Receiver<(u32, Arc<[i16]>)>,
    events: mpsc::Sender<RecognitionEvent>,
) {
    let mut running = FuturesOrdered::new();
    let mut is_open = true;
    while is_open || !running.is_empty() {
        tokio::select! {
            request = requests.recv(), if is_open && running.len() < MAX_PENDING => match request {
                Some((revision, audio)) => {
                    let (listener, params) = (&listener, &params);
                    running.push_back(async move {
                        match listener.transcribe(&audio, params).await {
                            Ok(text) => RecognitionEvent::Final { revision, text },
                            Err(error) => RecognitionEvent::Failed { revision, error },
                        }
                    });
                }
                None => is_open = false,
            },
            Some(event) = running.next() => {
                if events.send(event).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Transcription {
    text: String,
}

impl Listener {
    async fn transcribe(&self, audio: &[i16], params: &RecognitionParams) -> Result<String, ProviderError> {
        if audio.len() < LEAST {
            return Ok(String::new());
        }
        let wav = wav(audio).map_err(|cause| error(format!("no WAV file can be written: {cause}"), false))?;
        let fill = |sending: reqwest::RequestBuilder| {
            let file = Part::bytes(wav.clone()).file_name("utterance.wav");
            let mut form = Form::new().part("file", file).text("model", self.model.clone());
            form = form.text("response_format", "json");
            if let Some(language) = params.language.as_deref().and_then(language) {
                form = form.text("language", language);
            }
            let words = [params.hot_words.as_slice(), &params.expected].concat();
            if !words.is_empty() {
                form = form.text("prompt", words.join(", "));
            }
            sending.multipart(form)
        };
        let service = &self.service;
        let body = service.body(service.post(&service.url, fill).await?, MAX_ANSWER).await?;
        let read: Result<Transcription, _> = serde_json::from_slice(&body);
        let text = read.map_err(|cause| {
            let body = service.quote(&String::from_utf8_lossy(&body));
            error(format!("speech recognition sent no JSON that fits ({cause}): {body}"), true)
        })?;
        Ok(text.text.trim().to_owned())
    }
}

fn wav(audio: &[i16]) -> Result<Vec<u8>, hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: EAR_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Vec::with_capacity(2 * audio.len() + 44);
    let mut writer = hound::WavWriter::new(Cursor::new(&mut file), spec)?;
    let mut samples = writer.get_i16_writer(audio.len() as u32);
    audio.iter().for_each(|sample| samples.write_sample(*sample));
    samples.flush()?;
    writer.finalize()?;
    Ok(file)
}

/// The vendor's language ids as ISO 639's; of several languages the service finds the right one itself.
pub(crate) fn language(id: &str) -> Option<String> {
    match id.to_ascii_lowercase().as_str() {
        "zh_mandarin" => Some("zh".to_owned()),
        "zh_en" | "" => None,
        "jp" => Some("ja".to_owned()),
        other => other.split(['-', '_']).next().map(str::to_owned),
    }
}
