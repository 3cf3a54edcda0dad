//! Log-mel spectrograms as Whisper wants them: 16 kHz, windows of 400 samples every 160, 80 channels up to 8 kHz.
//!
//! Constants and order of operations are those of OpenAI's `whisper/audio.py` (whose filters are librosa's, Slaney
//! scale and norm); Smart Turn's encoder, taken from Whisper, wants the same.

use realfft::{RealFftPlanner, RealToComplex};
use std::f32::consts::PI;
use std::fmt;
use std::sync::Arc;

const RATE: f32 = 16_000.0;
const WINDOW: usize = 400;
/// Samples from one frame to the next.
pub(crate) const HOP: usize = 160;
/// Channels.
pub(crate) const MELS: usize = 80;
const TOP_HZ: f32 = 8_000.0;
/// Powers below this count as this.
const FLOOR: f32 = 1e-10;
/// What lies more than this (log10) below the loudest cell is lifted to it.
const RANGE: f32 = 8.0;

pub(crate) struct MelSpectrogram {
    filters: Vec<Filter>,
    window: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,
}

/// A channel's weights over consecutive frequency bins; the bins outside have weight 0.
pub(crate) struct Filter {
    first: usize,
    weights: Vec<f32>,
}

impl Filter {
    pub(crate) fn energy(&self, power: &[f32]) -> f32 {
        power[self.first..].iter().zip(&self.weights).map(|(power, weight)| power * weight).sum()
    }
}

impl MelSpectrogram {
    pub(crate) fn new() -> MelSpectrogram {
        let hann = |i: usize| 0.5 - 0.5 * (2.0 * PI * i as f32 / WINDOW as f32).cos();
        MelSpectrogram {
            filters: filters(WINDOW, MELS),
            window: (0..WINDOW).map(hann).collect(),
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW),
        }
    }

    /// The spectrogram of `frames * HOP` samples, row by row: `[MELS][frames]`. Shorter audio is followed by silence,
    /// longer is cut. `frames` is at least 3.
    pub(crate) fn compute(&self, audio: &[f32], frames: usize) -> Vec<f32> {
        let padded = reflect(audio, frames * HOP);
        let mut buffer = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut power = vec![0.0; spectrum.len()];
        let mut cells = vec![0.0f32; MELS * frames];
        let mut loudest = f32::MIN;
        for frame in 0..frames {
            let samples = &padded[frame * HOP..frame * HOP + WINDOW];
            for ((to, sample), weight) in buffer.iter_mut().zip(samples).zip(&self.window) {
                *to = sample * weight;
            }
            self.fft.process(&mut buffer, &mut spectrum).expect("the buffers were made for this transform");
            for (power, bin) in power.iter_mut().zip(&spectrum) {
                *power = bin.norm_sqr();
            }
            for (channel, filter) in self.filters.iter().enumerate() {
                let cell = filter.energy(&power).max(FLOOR).log10();
                loudest = loudest.max(cell);
                cells[channel * frames + frame] = cell;
            }
        }
        for cell in &mut cells {
            *cell = (cell.max(loudest - RANGE) + 4.0) / 4.0;
        }
        cells
    }
}

impl fmt::Debug for MelSpectrogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MelSpectrogram").finish_non_exhaustive()
    }
}

/// `length` samples with half a window mirrored on at either end, so that frames are centred.
fn reflect(audio: &[f32], length: usize) -> Vec<f32> {
    let half = WINDOW / 2;
    let mut padded = vec![0.0; length + WINDOW];
    let taken = audio.len().min(length);
    padded[half..half + taken].copy_from_slice(&audio[..taken]);
    for i in 0..half {
        padded[half - 1 - i] = padded[half + 1 + i];
        padded[half + length + i] = padded[half + length - 2 - i];
    }
    padded
}

/// `channels` filters up to 8 kHz over the bins of a transform of so many samples at 16 kHz.
pub(crate) fn filters(transform: usize, channels: usize) -> Vec<Filter> {
    let top = to_mel(TOP_HZ);
    let edge = |i: usize| to_hz(top * i as f32 / (channels + 1) as f32);
    (0..channels)
        .map(|channel| {
            let (low, centre, high) = (edge(channel), edge(channel + 1), edge(channel + 2));
            let weight = |bin: usize| {
                let hz = bin as f32 * RATE / transform as f32;
                let slope = ((hz - low) / (centre - low)).min((high - hz) / (high - centre));
                slope.max(0.0) * 2.0 / (high - low)
            };
            let bins = || (0..=transform / 2).filter(|bin| weight(*bin) > 0.0);
            let first = bins().next().unwrap_or(0);
            Filter { first, weights: bins().map(weight).collect() }
        })
        .collect()
}

/// The Slaney scale: linear below 1 kHz, logarithmic above.
const LINEAR_HZ: f32 = 200.0 / 3.0;
const BREAK_HZ: f32 = 1_000.0;

fn log_step() -> f32 {
    6.4f32.ln() / 27.0
}

fn to_mel(hz: f32) -> f32 {
    let linear = hz.min(BREAK_HZ) / LINEAR_HZ;
    if hz > BREAK_HZ { linear + (hz / BREAK_HZ).ln() / log_step() } else { linear }
}

fn to_hz(mel: f32) -> f32 {
    let break_mel = BREAK_HZ / LINEAR_HZ;
    if mel > break_mel { BREAK_HZ * ((mel - break_mel) * log_step()).exp() } else { mel * LINEAR_HZ }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|i| 0.5 * (2.0 * PI * hz * i as f32 / RATE).sin()).collect()
    }

    #[test]
    fn a_tone_is_loudest_in_the_channel_around_its_pitch() {
        let mel = MelSpectrogram::new();
        for hz in [300.0, 1_000.0, 3_000.0] {
            let cells = mel.compute(&tone(hz, 16_000), 100);
            let loudest = (0..MELS).max_by(|a, b| cells[a * 100 + 50].total_cmp(&cells[b * 100 + 50]));
            let centre = to_hz(to_mel(TOP_HZ) * (loudest.expect("80 channels") + 1) as f32 / (MELS + 1) as f32);
            assert!((centre / hz - 1.0).abs() < 0.1, "{hz} Hz appears at {centre} Hz");
        }
    }

    #[test]
    fn the_range_is_eighty_decibels() {
        let cells = MelSpectrogram::new().compute(&tone(440.0, 8_000), 100);
        let most = cells.iter().copied().fold(f32::MIN, f32::max);
        let least = cells.iter().copied().fold(f32::MAX, f32::min);
        assert!((most - least - RANGE / 4.0).abs() < 1e-5, "{least}..{most}");
    }

    #[test]
    fn silence_is_flat_and_finite() {
        let cells = MelSpectrogram::new().compute(&[], 10);
        assert!(cells.iter().all(|cell| (cell - (FLOOR.log10() + 4.0) / 4.0).abs() < 1e-6));
    }

    #[test]
    fn frequencies_and_mels_map_back() {
        for hz in [0.0, 500.0, 1_000.0, 4_321.0, 8_000.0] {
            assert!((to_hz(to_mel(hz)) - hz).abs() < 0.1, "{hz}");
        }
    }
}
