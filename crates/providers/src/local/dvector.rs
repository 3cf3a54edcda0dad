//! Voices as vectors by a d-vector network: three LSTM layers over windows of 0.8 s, trained to tell speakers apart.
//!
//! Its input is what it was trained on: 40 log-mel channels from Hamming windows of 25 ms every 10 ms. The vectors of overlapping
//! windows are averaged. They are computed on a thread of the model's own that serves all calls in order.
//!
//! Good for "is this still the same caller", not for proving who somebody is.

use super::mel::{Filter, filters};
use super::ort_env::{LoadError, session};
use super::questions::{About, Questions};
use crate::models::ModelStore;
use crate::{Embedder, ProviderError};
use ort::session::Session;
use ort::value::Tensor;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

const TRANSFORM: usize = 512;
const WINDOW: usize = 400;
const HOP: usize = 160;
const MELS: usize = 40;
const FLOOR: f32 = 1e-10;
/// Frames that the network hears at a time, and from one such window to the next.
const FRAMES: usize = 80;
const STRIDE: usize = 40;
const VECTOR: usize = 256;
/// Windows of one voice; of longer audio the last ones: 20 s.
const MOST_WINDOWS: usize = 48;
/// The loudness that the network is given, as root mean square: that of its training speech.
const LOUDNESS: f32 = 0.06;
/// Between what vectors of one speaker (0.89 on average) and of two (0.39) had in common when the model was chosen.
const SAME_FROM: f32 = 0.66;
/// Questions waiting; more are refused, retryable.
const MAX_WAITING: usize = 32;

const ABOUT: About = About { name: "voiceprint", too_many: "too many voices to compare at once" };

#[derive(Debug)]
pub struct DVector {
    questions: Questions<Vec<f32>>,
}

impl DVector {
    /// Loads the model and starts its thread, which ends when the value is dropped.
    pub fn load(store: &ModelStore) -> Result<DVector, LoadError> {
        let session = session(store, "speaker-embedder")?;
        let mut model = Model { session, features: Features::new() };
        let questions = Questions::start(ABOUT, MAX_WAITING, move |audio| model.infer(audio))?;
        Ok(DVector { questions })
    }
}

#[async_trait::async_trait]
impl Embedder for DVector {
    async fn embed(&self, audio: Arc<[f32]>) -> Result<Vec<f32>, ProviderError> {
        self.questions.ask(audio).await
    }

    fn same_from(&self) -> f32 {
        SAME_FROM
    }
}

struct Model {
    session: Session,
    features: Features,
}

impl Model {
    fn infer(&mut self, audio: &[f32]) -> ort::Result<Vec<f32>> {
        let (windows, input) = windows(&self.features.compute(&levelled(audio)));
        let input = Tensor::from_array(([windows, FRAMES, MELS], input))?;
        let outputs = self.session.run(ort::inputs!["mel_window" => input])?;
        let (_, vectors) = outputs["embedding"].try_extract_tensor::<f32>()?;
        if vectors.len() != windows * VECTOR || vectors.iter().any(|value| !value.is_finite()) {
            return Err(ort::Error::new("the model's vectors are not what a d-vector network gives"));
        }
        let mut sum = vec![0.0; VECTOR];
        for vector in vectors.chunks_exact(VECTOR) {
            for (sum, value) in sum.iter_mut().zip(unit(vector)) {
                *sum += value;
            }
        }
        Ok(unit(&sum).collect())
    }
}

fn unit(vector: &[f32]) -> impl Iterator<Item = f32> + '_ {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-12);
    vector.iter().map(move |value| value / length)
}

/// Samples that are numbers, at [`LOUDNESS`].
fn levelled(audio: &[f32]) -> Vec<f32> {
    let most = (MOST_WINDOWS * STRIDE + FRAMES) * HOP;
    let mut audio: Vec<f32> = audio[audio.len().saturating_sub(most)..]
        .iter()
        .map(|sample| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 })
        .collect();
    let power = audio.iter().map(|sample| sample * sample).sum::<f32>() / audio.len().max(1) as f32;
    if power > 0.0 {
        let gain = LOUDNESS / power.sqrt();
        audio.iter_mut().for_each(|sample| *sample *= gain);
    }
    audio
}

/// How many windows there are, and their frames one after the other. What is shorter than one is repeated.
fn windows(frames: &[[f32; MELS]]) -> (usize, Vec<f32>) {
    let silence = [[FLOOR.log10(); MELS]];
    let frames = if frames.is_empty() { &silence[..] } else { frames };
    let count = 1 + frames.len().saturating_sub(FRAMES) / STRIDE;
    let frame = |n: usize| frames[n % frames.len()];
    let all = (0..count).flat_map(|window| (0..FRAMES).map(move |n| window * STRIDE + n));
    (count, all.flat_map(frame).collect())
}

struct Features {
    filters: Vec<Filter>,
    window: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,
}

impl Features {
    fn new() -> Self {
        let hamming = |i: usize| 0.54 - 0.46 * (std::f32::consts::TAU * i as f32 / WINDOW as f32).cos();
        Self {
            filters: filters(TRANSFORM, MELS),
            window: (0..WINDOW).map(hamming).collect(),
            fft: RealFftPlanner::new().plan_fft_forward(TRANSFORM),
        }
    }

    fn compute(&self, audio: &[f32]) -> Vec<[f32; MELS]> {
        const PAD: usize = (TRANSFORM - WINDOW) / 2;
        let mut spectrum = self.fft.make_output_vec();
        let mut power = vec![0.0; spectrum.len()];
        let windows = audio.windows(TRANSFORM).step_by(HOP);
        windows
            .map(|samples| {
                let mut input = vec![0.0; TRANSFORM];
                for (n, weight) in self.window.iter().enumerate() {
                    input[PAD + n] = samples[PAD + n] * weight;
                }
                self.fft.process(&mut input, &mut spectrum).expect("the buffers were made for this transform");
                for (power, bin) in power.iter_mut().zip(&spectrum) {
                    *power = bin.norm_sqr();
                }
                std::array::from_fn(|channel| (self.filters[channel].energy(&power) + FLOOR).log10())
            })
            .collect()
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_voice_fills_one_window_and_a_long_one_overlaps_by_half() {
        assert_eq!(windows(&[]), (1, vec![-10.0; FRAMES * MELS]));
        let frames: Vec<[f32; MELS]> = (0..30).map(|n| [n as f32; MELS]).collect();
        let (count, input) = windows(&frames);
        assert_eq!((count, input.len(), input[31 * MELS]), (1, FRAMES * MELS, 1.0));
        let frames: Vec<[f32; MELS]> = (0..160).map(|n| [n as f32; MELS]).collect();
        let (count, input) = windows(&frames);
        assert_eq!((count, input[FRAMES * MELS], input[2 * FRAMES * MELS]), (3, 40.0, 80.0));
    }

    #[test]
    fn loudness_does_not_matter_and_samples_that_are_no_numbers_are_silence() {
        let audio: Vec<f32> = (0..8000).map(|n| (n as f32 * 0.1).sin() * 0.5).collect();
        let quiet: Vec<f32> = audio.iter().map(|sample| sample * 0.01).collect();
        for (a, b) in levelled(&audio).iter().zip(levelled(&quiet)) {
            assert!((a - b).abs() < 1e-4);
        }
        assert_eq!(levelled(&[f32::NAN, f32::INFINITY]), [0.0, 0.0]);
    }
}
