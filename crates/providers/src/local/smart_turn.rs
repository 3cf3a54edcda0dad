//! End of turn by Smart Turn v3.2: does this sound like a finished sentence?
//!
//! The network hears the last 8 s, normalised to mean 0 and variance 1, with silence in front when there is less. One
//! call takes 60–75 ms on one core, on a thread of the model's own that serves all calls in order.

use super::mel::{HOP, MELS, MelSpectrogram};
use super::ort_env::{LoadError, session};
use super::questions::{About, Questions};
use crate::models::ModelStore;
use crate::{EndOfTurn, ProviderError};
use ort::session::Session;
use ort::value::Tensor;
use std::sync::Arc;

const WINDOW: usize = 8 * crate::EAR_RATE as usize;
const FRAMES: usize = WINDOW / HOP;
/// Keeps the division by the standard deviation of silence finite.
const LEAST_VARIANCE: f32 = 1e-7;
/// Questions waiting; more are refused, retryable. At 70 ms each the last would wait about 2 s, and by then nobody
/// needs the answer: the silence cap has ended the turn.
const MAX_WAITING: usize = 32;

const ABOUT: About = About { name: "end-of-turn", too_many: "too many end-of-turn questions at once" };

#[derive(Debug)]
pub struct SmartTurn {
    questions: Questions<f32>,
}

impl SmartTurn {
    /// Loads the model and starts its thread, which ends when the value is dropped.
    pub fn load(store: &ModelStore) -> Result<SmartTurn, LoadError> {
        let session = session(store, "smart-turn")?;
        let mut model = Model { session, mel: MelSpectrogram::new() };
        let questions = Questions::start(ABOUT, MAX_WAITING, move |audio| model.infer(audio))?;
        Ok(SmartTurn { questions })
    }
}

#[async_trait::async_trait]
impl EndOfTurn for SmartTurn {
    async fn probability(&self, audio: Arc<[f32]>, _text: &str) -> Result<f32, ProviderError> {
        self.questions.ask(audio).await
    }
}

struct Model {
    session: Session,
    mel: MelSpectrogram,
}

impl Model {
    fn infer(&mut self, audio: &[f32]) -> ort::Result<f32> {
        let features = self.mel.compute(&window(audio), FRAMES);
        let input = Tensor::from_array(([1, MELS, FRAMES], features))?;
        let outputs = self.session.run(ort::inputs!["input_features" => input])?;
        // Called logits, but the sigmoid is inside the graph.
        let (_, probability) = outputs["logits"].try_extract_tensor::<f32>()?;
        let probability = probability.first().copied().unwrap_or(f32::NAN);
        if !probability.is_finite() {
            return Err(ort::Error::new("the model answered with something that is no number"));
        }
        Ok(probability.clamp(0.0, 1.0))
    }
}

/// The last 8 s, silence in front if need be, normalised.
fn window(audio: &[f32]) -> Vec<f32> {
    let taken = audio.len().min(WINDOW);
    let mut window = vec![0.0; WINDOW];
    for (to, from) in window[WINDOW - taken..].iter_mut().zip(&audio[audio.len() - taken..]) {
        *to = if from.is_finite() { from.clamp(-1.0, 1.0) } else { 0.0 };
    }
    let mean = window.iter().sum::<f32>() / WINDOW as f32;
    let variance = window.iter().map(|sample| (sample - mean).powi(2)).sum::<f32>() / WINDOW as f32;
    let deviation = (variance + LEAST_VARIANCE).sqrt();
    for sample in &mut window {
        *sample = (*sample - mean) / deviation;
    }
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_the_end_of_the_audio_normalised_with_silence_in_front() {
        let audio: Vec<f32> = (0..1000).map(|i| if i % 2 == 0 { 0.3 } else { -0.1 }).collect();
        let short = window(&audio);
        assert_eq!(short.len(), WINDOW);
        assert!((short[0] - short[WINDOW - 1001]).abs() < 1e-6 && short[WINDOW - 1000] > short[0]);
        let long: Vec<f32> = (0..WINDOW + 500).map(|i| if i < 500 { 1.0 } else { (i % 7) as f32 / 10.0 }).collect();
        let long = window(&long);
        let mean = long.iter().sum::<f32>() / WINDOW as f32;
        let variance = long.iter().map(|sample| sample * sample).sum::<f32>() / WINDOW as f32;
        assert!(mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-2, "mean {mean}, variance {variance}");
        assert!(window(&[f32::NAN; 10]).iter().all(|sample| sample.is_finite()));
    }
}
