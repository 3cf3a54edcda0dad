//! One run of the model over one piece of audio.

use super::guards::{end_of_loop, most_tokens, without_annotations};
use super::language::Language;
use super::prompt::Prompt;
use super::tokens::Tokens;
use crate::EAR_RATE;
use crate::local::mel::{HOP, MELS, MelSpectrogram};
use crate::local::ort_env::{LoadError, session};
use crate::models::ModelStore;
use ort::memory::Allocator;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor};
use std::fmt;
use std::sync::Arc;

/// The encoder may see less than Whisper's 30 s, which saves most of the time; below this it starts to loop.
const LEAST_WINDOW_S: f32 = 8.0;
/// Silence behind the audio.
const SILENCE_BEHIND_S: f32 = 1.0;
/// Frames of 10 ms in Whisper's full window.
const MOST_FRAMES: usize = 3000;
/// OpenAI's thresholds (`no_speech_threshold` and `logprob_threshold` of its `transcribe`): with so much belief in "no speech" and so little in the words
/// (mean log probability), the words are made up; with so little in the words alone, the run has failed.
const NO_SPEECH: f32 = 0.6;
const UNLIKELY: f32 = -1.0;

/// The model on one thread.
pub(super) struct Decoder {
    encoder: Session,
    decoder: Session,
    mel: MelSpectrogram,
    pub(super) tokens: Arc<Tokens>,
    layers: usize,
    /// Heads and their width.
    heads: [usize; 2],
}

/// What the model wrote. No text: it describes no speech, or is made up.
struct Written {
    text: String,
    /// The mean log probability of its tokens and its end.
    likelihood: f32,
}

impl Written {
    fn or_surer(self, other: Written) -> Written {
        if !other.text.is_empty() && other.likelihood > self.likelihood { other } else { self }
    }
}

/// Keys and values of the text so far, two per layer, and how many tokens they hold.
struct Memory {
    values: Vec<DynValue>,
    length: i64,
}

impl Decoder {
    pub(super) fn load(store: &ModelStore) -> Result<Decoder, LoadError> {
        let wrong = |name: &str, message: String| match store.path(name) {
            Ok(path) => LoadError::Model { path, message },
            Err(absent) => absent.into(),
        };
        let path = store.path("whisper-tokenizer")?;
        let tokens = std::fs::read(path).map_err(|error| error.to_string());
        let tokens = tokens.and_then(|json| Tokens::parse(&json).map_err(|error| error.to_string()));
        let tokens = Arc::new(tokens.map_err(|message| wrong("whisper-tokenizer", message))?);
        let (encoder, decoder) = (session(store, "whisper-encoder")?, session(store, "whisper-decoder")?);
        let layers = encoder.outputs().len() / 2;
        let shape =
            decoder.inputs().iter().find(|input| input.name() == "pk0").and_then(|input| input.dtype().tensor_shape());
        let heads = match shape.map(|shape| &shape[..]) {
            Some(&[_, heads, _, width]) if heads > 0 && width > 0 => [heads as usize, width as usize],
            _ => return Err(wrong("whisper-decoder", "it has no input pk0 of four dimensions".to_owned())),
        };
        Ok(Decoder { encoder, decoder, mel: MelSpectrogram::new(), tokens, layers, heads })
    }

    /// The text of `audio`, at most 29 s of it, behind `prompt`; `None` if `stop` said so before it was complete. If it has failed behind
    /// words that are only expected, it is the surer one of that and what is found without them.
    pub(super) fn run(
        &mut self,
        audio: &[f32],
        language: &Language,
        prompt: &Prompt,
        stop: &dyn Fn() -> bool,
    ) -> ort::Result<Option<String>> {
        let cross = self.encode(audio)?;
        let most = most_tokens(audio.len());
        let is_weighed = prompt.untold.is_some();
        let mut write = |prompt: &[u32]| self.write(&cross, language, prompt, most, is_weighed, stop);
        let Some(told) = write(&prompt.told)? else { return Ok(None) };
        let has_failed = told.likelihood < UNLIKELY && !told.text.is_empty();
        match prompt.untold.as_ref().filter(|_| has_failed) {
            Some(untold) => Ok(write(untold)?.map(|untold| told.or_surer(untold).text)),
            None => Ok(Some(told.text)),
        }
    }

    /// What the model writes behind `prompt`, always its likeliest token; at most so many. Unless `is_weighed` or nothing may have been
    /// said, it is not known how likely that is: it costs something in each step.
    fn write(
        &mut self,
        cross: &[DynValue],
        language: &Language,
        prompt: &[u32],
        most: usize,
        is_weighed: bool,
        stop: &dyn Fn() -> bool,
    ) -> ort::Result<Option<Written>> {
        let tokens = self.tokens.clone();
        let mut memory = self.empty_memory()?;
        if stop() {
            return Ok(None);
        }
        let logits = self.step(&[prompt, &[tokens.start]].concat(), cross, &mut memory)?;
        let no_speech = log_probability(&logits, tokens.no_speech).exp();
        let language = match language {
            Language::Only(token) => *token,
            Language::Among(choice) => best(&logits, choice.iter().copied()).map_or(tokens.start + 1, |(id, _)| id),
        };
        let mut next = vec![language, tokens.transcribe, tokens.no_timestamps];
        let is_doubtful = no_speech > NO_SPEECH;
        let (mut said, mut likelihood) = (Vec::new(), 0.0);
        while said.len() < most {
            if stop() {
                return Ok(None);
            }
            let logits = self.step(&next, cross, &mut memory)?;
            let first = said.is_empty();
            let allowed = |id: &u32| !first || (*id != tokens.end_of_text && *id != tokens.blank);
            let Some((id, _)) = best(&logits, (0..=tokens.end_of_text).filter(allowed)) else { break };
            if is_weighed || is_doubtful {
                likelihood += log_probability(&logits, id);
            }
            if id == tokens.end_of_text {
                break;
            }
            said.push(id);
            next = vec![id];
            if let Some(end) = end_of_loop(&said) {
                said.truncate(end);
                break;
            }
        }
        let likelihood = likelihood / (said.len() as f32 + 1.0);
        let is_made_up = is_doubtful && likelihood < UNLIKELY;
        let text = if is_made_up { String::new() } else { without_annotations(&tokens.text(&said)) };
        Ok(Some(Written { text, likelihood }))
    }

    /// What the text decoder attends to: keys and values per layer.
    fn encode(&mut self, audio: &[f32]) -> ort::Result<Vec<DynValue>> {
        let seconds = (audio.len() as f32 / EAR_RATE as f32 + SILENCE_BEHIND_S).max(LEAST_WINDOW_S);
        let frames = ((seconds * EAR_RATE as f32) as usize / HOP / 2 * 2).min(MOST_FRAMES);
        let mel = Tensor::from_array(([1, MELS, frames], self.mel.compute(audio, frames)))?;
        let mut outputs = self.encoder.run(ort::inputs!["mel" => mel])?;
        names(self.layers, "ck", "cv").map(|name| outputs.remove(&name).ok_or_else(|| lacks(&name))).collect()
    }

    fn empty_memory(&self) -> ort::Result<Memory> {
        let [heads, width] = self.heads;
        let empty = || Ok(Tensor::<f32>::new(&Allocator::default(), [1, heads, 0, width])?.into_dyn());
        let values = (0..2 * self.layers).map(|_| empty()).collect::<ort::Result<_>>()?;
        Ok(Memory { values, length: 0 })
    }

    /// Adds tokens and gives the scores of what comes after the last of them.
    fn step(&mut self, next: &[u32], cross: &[DynValue], memory: &mut Memory) -> ort::Result<Vec<f32>> {
        let ids: Vec<i64> = next.iter().map(|id| i64::from(*id)).collect();
        let mut inputs: Vec<(String, SessionInputValue<'_>)> = vec![
            ("tokens".to_owned(), Tensor::from_array(([1, ids.len()], ids))?.into()),
            ("pos".to_owned(), Tensor::from_array(([1usize], vec![memory.length]))?.into()),
        ];
        let past = names(self.layers, "pk", "pv").zip(&memory.values);
        let audio = names(self.layers, "ck", "cv").zip(cross);
        inputs.extend(past.chain(audio).map(|(name, value)| (name, value.into())));
        let mut outputs = self.decoder.run(inputs)?;
        let values = names(self.layers, "nk", "nv").map(|name| outputs.remove(&name).ok_or_else(|| lacks(&name)));
        let values = values.collect::<ort::Result<_>>()?;
        let logits = outputs["logits"].try_extract_tensor::<f32>()?.1.to_vec();
        drop(outputs);
        *memory = Memory { values, length: memory.length + next.len() as i64 };
        Ok(logits)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("layers", &self.layers).finish_non_exhaustive()
    }
}

/// `k0 v0 k1 v1 …` with these prefixes.
fn names<'a>(layers: usize, keys: &'a str, values: &'a str) -> impl Iterator<Item = String> + 'a {
    (0..layers).flat_map(move |layer| [format!("{keys}{layer}"), format!("{values}{layer}")])
}

fn lacks(name: &str) -> ort::Error {
    ort::Error::new(format!("the model has no output {name}"))
}

/// The likeliest of these ids and its score.
fn best(logits: &[f32], ids: impl Iterator<Item = u32>) -> Option<(u32, f32)> {
    let scored = ids.filter_map(|id| Some((id, *logits.get(id as usize)?)));
    scored.max_by(|(_, a), (_, b)| a.total_cmp(b))
}

fn log_probability(logits: &[f32], id: u32) -> f32 {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = logits.iter().map(|score| (score - most).exp()).sum();
    logits.get(id as usize).map_or(f32::MIN, |score| score - most - sum.ln())
}
