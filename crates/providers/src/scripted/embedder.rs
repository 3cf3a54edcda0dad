//! A voice by its pitch alone.

use crate::{Embedder, ProviderError};
use std::sync::Arc;

const LOWEST_HZ: f32 = 80.0;
const HIGHEST_HZ: f32 = 320.0;
/// So many values; each stands for a pitch, a third of a tone from the next.
const VALUES: usize = 48;
/// How far a pitch reaches, in values.
const REACH: f32 = 4.0;

/// Tells voices apart whose pitches are more than about three tones apart. Pitch is where the audio is most like itself a period
/// later; what has none is a voice of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptedEmbedder;

#[async_trait::async_trait]
impl Embedder for ScriptedEmbedder {
    async fn embed(&self, audio: Arc<[f32]>) -> Result<Vec<f32>, ProviderError> {
        let place = pitch(&audio)
            .map_or(0.0, |hz| 1.0 + (hz / LOWEST_HZ).log2() / (HIGHEST_HZ / LOWEST_HZ).log2() * (VALUES - 2) as f32);
        let mut vector: Vec<f32> = (0..VALUES).map(|n| (-((n as f32 - place) / REACH).powi(2)).exp()).collect();
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
        Ok(vector)
    }

    fn same_from(&self) -> f32 {
        0.5
    }
}

/// The median of the pitches of stretches of 40 ms, in Hz.
fn pitch(audio: &[f32]) -> Option<f32> {
    let rate = crate::EAR_RATE as f32;
    let lags = (rate / HIGHEST_HZ) as usize..=(rate / LOWEST_HZ) as usize;
    let longest = *lags.end();
    let clean: Vec<f32> = audio.iter().map(|x| if x.is_finite() { x.clamp(-1.0, 1.0) } else { 0.0 }).collect();
    let mut found: Vec<f32> = clean
        .chunks_exact(640 + longest)
        .filter_map(|piece| {
            let energy: f32 = piece[..640].iter().map(|x| x * x).sum();
            if energy < 1e-3 {
                return None;
            }
            let alike = |lag: usize| piece[..640].iter().zip(&piece[lag..]).map(|(a, b)| a * b).sum::<f32>() / energy;
            // The shortest lag that is nearly as good as the best: longer ones are multiples of the period.
            let best = lags.clone().map(alike).fold(f32::MIN, f32::max);
            let lag = lags.clone().find(|lag| alike(*lag) > 0.9 * best && alike(*lag) >= alike(lag + 1))?;
            (best > 0.5).then_some(rate / lag as f32)
        })
        .collect();
    found.sort_by(f32::total_cmp);
    found.get(found.len() / 2).copied()
}
