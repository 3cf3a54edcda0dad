//! How loud audio is in bands of frequency, every 10 ms.
//!
//! Windows of 20 ms at any rate have bins 50 Hz apart, so what is sent at 24 kHz and what is heard at 16 kHz are cut into
//! the same bands without being resampled.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::fmt;
use std::sync::Arc;

/// First bin of each band, and the end of the last: 200 Hz to 6 kHz, wider towards the top as hearing is.
const EDGES: [usize; BANDS + 1] = [4, 6, 8, 10, 12, 14, 17, 20, 23, 27, 31, 36, 42, 49, 57, 66, 76, 88, 102, 120];
pub(super) const BANDS: usize = 19;

/// What digital silence is taken for, in dB.
pub(super) const SILENCE: f32 = -100.0;

/// Levels in dB of one step.
pub(super) type Levels = [f32; BANDS];

/// The part of the spectrum in which waveforms are compared: 300 Hz to 2.7 kHz. Above, clocks that drift and codecs change phases.
const FIRST: usize = 6;
pub(super) const BINS: usize = 48;

#[derive(Clone, Copy, Debug)]
pub(super) struct Bins {
    pub re: [f32; BINS],
    pub im: [f32; BINS],
}

impl Bins {
    pub const NONE: Self = Self { re: [0.0; BINS], im: [0.0; BINS] };

    fn of(spectrum: &[Complex<f32>]) -> Self {
        let bins = &spectrum[FIRST..FIRST + BINS];
        Self { re: std::array::from_fn(|bin| bins[bin].re), im: std::array::from_fn(|bin| bins[bin].im) }
    }

    pub fn power(&self, bin: usize) -> f32 {
        self.re[bin] * self.re[bin] + self.im[bin] * self.im[bin]
    }

    pub fn all_power(&self) -> f32 {
        (0..BINS).map(|bin| self.power(bin)).sum()
    }
}

/// Levels louder by gains, all in dB.
pub(super) fn plus(levels: &Levels, gains: &Levels) -> Levels {
    std::array::from_fn(|band| levels[band] + gains[band])
}

/// Takes audio in pieces of any size.
pub(super) struct Bands {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// Brings a full-scale sine in one band to about 0 dB at every rate.
    scale: f32,
    /// The last window's worth of samples, `filled` of them so far.
    samples: Vec<f32>,
    filled: usize,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Bands {
    pub fn new(rate: u32) -> Self {
        let length = rate as usize / 50;
        let fft = RealFftPlanner::new().plan_fft_forward(length);
        let hann = |n: usize| 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / length as f32).cos();
        Self {
            window: (0..length).map(hann).collect(),
            scale: 16.0 / (length * length) as f32,
            samples: vec![0.0; length],
            filled: length / 2,
            input: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }

    /// What comes next does not follow what came before.
    pub fn restart(&mut self) {
        self.samples.fill(0.0);
        self.filled = self.samples.len() / 2;
    }

    /// Gives `step` the levels and the bins of every window that `pcm` completes.
    pub fn push(&mut self, mut pcm: &[f32], mut step: impl FnMut(&Levels, &Bins)) {
        let length = self.samples.len();
        while !pcm.is_empty() {
            let taken = pcm.len().min(length - self.filled);
            let (now, later) = pcm.split_at(taken);
            self.samples[self.filled..self.filled + taken].copy_from_slice(now);
            self.filled += taken;
            pcm = later;
            if self.filled == length {
                step(&self.levels(), &Bins::of(&self.spectrum));
                self.samples.copy_within(length / 2.., 0);
                self.filled = length / 2;
            }
        }
    }

    fn levels(&mut self) -> Levels {
        for ((to, sample), weight) in self.input.iter_mut().zip(&self.samples).zip(&self.window) {
            *to = if sample.is_finite() { sample.clamp(-1.0, 1.0) * weight } else { 0.0 };
        }
        let done = self.fft.process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch);
        done.expect("the buffers were made for this transform");
        std::array::from_fn(|band| {
            let bins = &self.spectrum[EDGES[band]..EDGES[band + 1]];
            let power: f32 = bins.iter().map(Complex::norm_sqr).sum();
            (10.0 * (power * self.scale).log10()).max(SILENCE)
        })
    }
}

impl fmt::Debug for Bands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bands").field("window", &self.samples.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f32) -> Vec<f32> {
        (0..rate / 4).map(|n| (n as f32 * hz * std::f32::consts::TAU / rate as f32).sin()).collect()
    }

    #[test]
    fn a_tone_has_the_same_level_in_the_same_band_at_both_rates() {
        let last = |rate: u32| {
            let (mut bands, mut last) = (Bands::new(rate), [0.0; BANDS]);
            for piece in tone(rate, 1000.0).chunks(77) {
                bands.push(piece, |levels, _| last = *levels);
            }
            last
        };
        let (sent, heard) = (last(24_000), last(16_000));
        let loudest = (0..BANDS).max_by(|a, b| sent[*a].total_cmp(&sent[*b]));
        assert_eq!(loudest, Some(7), "1 kHz lies in 1000 to 1150 Hz");
        assert!(sent[7].abs() < 3.0 && (sent[7] - heard[7]).abs() < 0.1, "{} and {}", sent[7], heard[7]);
        assert!(sent[15] < -60.0);
    }

    #[test]
    fn there_are_a_hundred_steps_a_second_whatever_the_pieces() {
        for size in [1, 100, 320, 5000] {
            let (mut bands, mut steps) = (Bands::new(16_000), 0);
            for piece in [0.0; 16_000].chunks(size) {
                bands.push(piece, |levels, _| {
                    assert_eq!(*levels, [SILENCE; BANDS]);
                    steps += 1;
                });
            }
            assert_eq!(steps, 100);
        }
    }
}
