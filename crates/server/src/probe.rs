//! Asks each provider for something small, to see whether it works: the language model for a word, the synthesiser for a short
//! text, the recogniser for what the synthesiser said.
//!
//! Each has [`PATIENCE`]; then it has failed. Nothing here is part of a call.

use crate::providers::CallProviders;
use ringline_audio::{EAR_RATE, Resampler};
use ringline_providers::{
    ChatContext, ChatEvent, ChatMessage, ChatRequest, ChatRole, LanguageModel, RecognitionEvent, RecognitionParams,
    Recognizer, SpeechContext, SpeechEvent, SpeechRequest, Synthesizer,
};
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use utoipa::ToSchema;

/// For each answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest audio that is kept of a synthesised text, in s.
const MAX_SPEECH: usize = 20;

/// How a provider did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Probe {
    /// `language_model`, `synthesis` or `recognition`.
    pub node: &'static str,
    pub ok: bool,
    /// To the first text, the first audio, or the transcript; or to the failure.
    pub ms: u64,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// What the language model said, or the recogniser understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
}

impl Probe {
    fn of(node: &'static str, began: Instant, result: Result<(Duration, Option<String>), String>) -> Self {
        let (took, text, error) = match result {
            Ok((took, text)) => (took, text, None),
            Err(error) => (began.elapsed(), None, Some(error)),
        };
        Self { node, ok: error.is_none(), ms: took.as_millis() as u64, error, text }
    }
}

/// A short text in a voice's language.
pub fn sample_text(language: &str) -> &'static str {
    match language.split('-').next().unwrap_or_default() {
        "zh" => "你好，很高兴和你通话。",
        "es" => "Hola, me alegra hablar con usted.",
        "ja" => "こんにちは、お電話ありがとうございます。",
        _ => "Hello, it is good to talk with you.",
    }
}

/// Asks all three, one after the other. `voice` and `language` are the agent's, if it has any.
pub async fn all(providers: CallProviders, voice: Option<String>, language: Option<String>) -> Vec<Probe> {
    let CallProviders { language_model: model, synthesizer, recognizer, .. } = providers;
    let thought = language_model(&*model).await;
    let (spoke, audio) = synthesis(&*synthesizer, voice).await;
    let heard = recognition(&*recognizer, audio, language).await;
    vec![thought, spoke, heard]
}

async fn language_model(model: &dyn LanguageModel) -> Probe {
    const NODE: &str = "language_model";
    let began = Instant::now();
    let messages = vec![ChatMessage::new(ChatRole::User, "Answer with one word: are you ready?")];
    let mut stream = model.generate(ChatRequest { messages, tools: Vec::new(), context: ChatContext::default() });
    let answer = async {
        let mut failed_before = None;
        loop {
            match stream.recv().await {
                // Dropping the stream cancels the rest.
                Some(ChatEvent::Text(text)) if !text.trim().is_empty() => return Ok((began.elapsed(), Some(text))),
                Some(ChatEvent::Text(_) | ChatEvent::Reasoning(_) | ChatEvent::ToolCalls(_)) => {}
                Some(ChatEvent::FellBack { failed, error, .. }) => failed_before = Some(format!("{failed}: {error}")),
                Some(ChatEvent::Finished) => return Err("it answered nothing".to_owned()),
                Some(ChatEvent::Failed(error)) => return Err(error.to_string()),
                None => return Err(failed_before.unwrap_or_else(|| "it stopped without an answer".to_owned())),
            }
        }
    };
    let result = tokio::time::timeout(PATIENCE, answer).await;
    Probe::of(NODE, began, result.unwrap_or_else(|_| Err(too_late())))
}

/// With the audio at [`EAR_RATE`], if there is any.
async fn synthesis(synthesizer: &dyn Synthesizer, voice: Option<String>) -> (Probe, Vec<f32>) {
    const NODE: &str = "synthesis";
    let began = Instant::now();
    let spoken = speak(synthesizer, voice).await;
    match spoken {
        Ok(Spoken { audio, rate, first }) => {
            let ears = to_ears(&audio, rate);
            (Probe::of(NODE, began, Ok((first, None))), ears)
        }
        Err(error) => (Probe::of(NODE, began, Err(error)), Vec::new()),
    }
}

/// What a voice says.
pub struct Spoken {
    pub audio: Vec<f32>,
    /// In Hz.
    pub rate: u32,
    /// To the first audio.
    first: Duration,
}

/// Has a voice say its sample.
pub async fn speak(synthesizer: &dyn Synthesizer, voice: Option<String>) -> Result<Spoken, String> {
    let began = Instant::now();
    let voices = synthesizer.voices();
    let known = voice.as_ref().and_then(|id| voices.iter().find(|known| known.id == *id)).or(voices.first());
    let text = sample_text(known.map_or("", |voice| &voice.language)).to_owned();
    let mut stream =
        synthesizer.synthesise(SpeechRequest { text, voice, rate: 1.0, context: SpeechContext::default() });
    let speech = async {
        let (mut audio, mut rate, mut first) = (Vec::new(), synthesizer.sample_rate(), None);
        loop {
            match stream.recv().await {
                Some(SpeechEvent::Audio(pcm)) => {
                    first.get_or_insert_with(|| began.elapsed());
                    audio.extend(pcm);
                    audio.truncate(MAX_SPEECH * rate as usize);
                }
                Some(SpeechEvent::Rate(of_another)) => rate = of_another,
                Some(SpeechEvent::FellBack { .. }) => {}
                Some(SpeechEvent::Finished) => {
                    return first
                        .map(|first| Spoken { audio, rate, first })
                        .ok_or_else(|| "it gave no audio".to_owned());
                }
                Some(SpeechEvent::Failed(error)) => return Err(error.to_string()),
                None => return Err("it stopped without a result".to_owned()),
            }
        }
    };
    tokio::time::timeout(PATIENCE, speech).await.unwrap_or_else(|_| Err(too_late()))
}

async fn recognition(recognizer: &dyn Recognizer, audio: Vec<f32>, language: Option<String>) -> Probe {
    const NODE: &str = "recognition";
    let began = Instant::now();
    if audio.is_empty() {
        return Probe::of(NODE, began, Err("not asked: there is no speech to give it without synthesis".to_owned()));
    }
    let (sender, mut events) = mpsc::channel(16);
    let mut utterance = recognizer.open(RecognitionParams { language, ..RecognitionParams::default() }, sender);
    utterance.push(&audio);
    utterance.transcribe(1);
    let transcript = async {
        loop {
            match events.recv().await {
                Some(RecognitionEvent::Interim { .. } | RecognitionEvent::FellBack { .. }) => {}
                Some(RecognitionEvent::Final { text, .. }) => return Ok((began.elapsed(), Some(text))),
                Some(RecognitionEvent::Failed { error, .. }) => return Err(error.to_string()),
                None => return Err("it stopped without a transcript".to_owned()),
            }
        }
    };
    let result = tokio::time::timeout(PATIENCE, transcript).await;
    Probe::of(NODE, began, result.unwrap_or_else(|_| Err(too_late())))
}

fn to_ears(audio: &[f32], rate: u32) -> Vec<f32> {
    let Ok(mut resampler) = Resampler::new(rate, EAR_RATE) else { return Vec::new() };
    let mut out = Vec::new();
    resampler.push(audio, &mut out);
    resampler.finish(&mut out);
    out
}

fn too_late() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}
