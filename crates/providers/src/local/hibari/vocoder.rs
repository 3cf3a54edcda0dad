//! Spectra to sound.
//!
//! A train of pulses at the voice's pitch is filtered by the harmonic plane; noise shaped by the second plane and a part
//! with a phase of its own are added, and one inverse short-time Fourier transform makes the samples. The constants are
//! those that the network was trained with.

use super::HIBARI_RATE;
use super::acoustics::{BINS, Spectra};
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f32::consts::{PI, TAU};
use std::fmt;
use std::sync::Arc;

/// Samples of a window; [`BINS`] = half of it + 1.
const WINDOW: usize = 1_200;
/// Samples from frame to frame: 12.5 ms.
const HOP: usize = 300;
/// Below this pitch in Hz there is no voice.
const VOICELESS: f32 = 40.0;
/// The highest harmonic of the pulses in Hz.
const HIGHEST_HARMONIC: f32 = 11_000.0;
/// Log magnitudes above this are cut, so that no output of the network can overflow.
const LOUDEST: f32 = 7.0;

pub(super) struct Vocoder {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Periodic Hann.
    window: Vec<f32>,
}

impl fmt::Debug for Vocoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocoder").finish_non_exhaustive()
    }
}

impl Vocoder {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let window = (0..WINDOW).map(|n| 0.5 - 0.5 * (TAU * n as f32 / WINDOW as f32).cos()).collect();
        Self { forward: planner.plan_fft_forward(WINDOW), inverse: planner.plan_fft_inverse(WINDOW), window }
    }

    /// 300 samples per frame. The same spectra and seed give the same samples.
    pub(super) fn sound(&self, spectra: &Spectra, seed: u64) -> Vec<f32> {
        let samples = spectra.frames * HOP;
        let pulses = pulses(&spectra.pitch);
        let mut noise = Noise::new(seed);
        let mut sum = vec![0.0f32; samples + WINDOW];
        let mut weight = vec![0.0f32; samples + WINDOW];
        let mut frame = self.forward.make_input_vec();
        let mut bins = self.forward.make_output_vec();
        for k in 0..spectra.frames {
            let start = k * HOP;
            for (n, sample) in frame.iter_mut().enumerate() {
                // A cosine of amplitude one then has a peak of magnitude one.
                *sample = mirrored(&pulses, start + n) * self.window[n] / (WINDOW as f32 / 4.0);
            }
            self.forward.process(&mut frame, &mut bins).expect("the buffers are the plan's own");
            for (b, bin) in bins.iter_mut().enumerate() {
                *bin = combined(spectra, b * spectra.frames + k, *bin, &mut noise);
            }
            // The transform of something real has no imaginary part at either end.
            bins[0].im = 0.0;
            bins[BINS - 1].im = 0.0;
            self.inverse.process(&mut bins, &mut frame).expect("the ends are real and the buffers the plan's own");
            for (n, sample) in frame.iter().enumerate() {
                sum[start + n] += sample / WINDOW as f32 * self.window[n];
                weight[start + n] += self.window[n] * self.window[n];
            }
        }
        let half = WINDOW / 2;
        (half..half + samples).map(|n| sum[n] / weight[n].max(1e-11)).collect()
    }
}

/// The three parts of one bin of one frame.
fn combined(spectra: &Spectra, at: usize, pulse: Complex32, noise: &mut Noise) -> Complex32 {
    let magnitude = |log: f32| log.min(LOUDEST).exp();
    let harmonic = Complex32::from_polar(magnitude(spectra.harmonic[at]), PI * spectra.harmonic_phase[at].tanh());
    let residual = Complex32::from_polar(magnitude(spectra.residual[at]), spectra.residual_phase[at]);
    pulse * harmonic + noise.pair() * magnitude(spectra.noise[at]) + residual
}

/// Sample `n` of the signal with half a window of its mirror image before and after it; silence beyond.
fn mirrored(signal: &[f32], n: usize) -> f32 {
    let half = WINDOW / 2;
    let at = if n < half {
        half - n
    } else if n - half < signal.len() {
        n - half
    } else {
        match (2 * signal.len() + half).checked_sub(n + 2) {
            Some(at) => at,
            None => return 0.0,
        }
    };
    signal.get(at).copied().unwrap_or(0.0)
}

/// Every harmonic of the pitch below [`HIGHEST_HARMONIC`], each a cosine of amplitude one, in closed form:
/// Σ cos(ht) for h = 1…H is sin((H + ½)t) / (2 sin(t/2)) − ½.
fn pulses(pitch: &[f32]) -> Vec<f32> {
    let mut pulses = Vec::with_capacity(pitch.len() * HOP);
    let mut cycle = 0.0f64;
    for k in 0..pitch.len() {
        let (before, here, after) = (pitch[k.saturating_sub(1)], pitch[k], pitch[(k + 1).min(pitch.len() - 1)]);
        for j in 0..HOP {
            // Frame values sit in the middle of their 300 samples; between middles the pitch is a straight line.
            let place = (j as f32 + 0.5) / HOP as f32 - 0.5;
            let hz = if place < 0.0 { here + (here - before) * place } else { here + (after - here) * place };
            let voiced = hz > VOICELESS;
            let hz = if voiced { hz } else { VOICELESS };
            cycle = (cycle + f64::from(hz) / f64::from(HIBARI_RATE)).fract();
            pulses.push(if voiced { pulse((cycle * std::f64::consts::TAU) as f32, hz) } else { 0.0 });
        }
    }
    pulses
}

fn pulse(t: f32, hz: f32) -> f32 {
    let harmonics = (HIGHEST_HARMONIC / hz).floor() + 0.5;
    let below = 2.0 * (t * 0.5).sin();
    // Near t = 0 the quotient is its limit.
    let quotient = if below.abs() <= 2e-3 { harmonics } else { (harmonics * t).sin() / below };
    quotient - 0.5
}

/// Gaussian noise by Box and Muller's method from a xorshift generator.
struct Noise(u64);

impl Noise {
    fn new(seed: u64) -> Self {
        // An odd constant: the state must not be zero.
        Self(0x9e37_79b9_7f4a_7c15 ^ (seed << 1))
    }

    /// In (0, 1).
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 41) as f32 + 0.5) / (1u64 << 23) as f32
    }

    fn pair(&mut self) -> Complex32 {
        let (u, v) = (self.uniform(), self.uniform());
        Complex32::from_polar((-2.0 * u.ln()).sqrt(), TAU * v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: f32 = -30.0;

    fn spectra(frames: usize, pitch: f32, harmonic: f32, noise: f32) -> Spectra {
        let plane = |value: f32| vec![value; BINS * frames];
        Spectra {
            frames,
            harmonic: plane(harmonic),
            harmonic_phase: plane(0.0),
            noise: plane(noise),
            residual: plane(SILENCE),
            residual_phase: plane(0.0),
            pitch: vec![pitch; frames],
        }
    }

    fn loudness(sound: &[f32]) -> f32 {
        (sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32).sqrt()
    }

    #[test]
    fn pulses_through_a_flat_filter_come_back_as_they_were() {
        // Windowed with peak one per quarter window, so flat means a magnitude of a quarter window.
        let flat = (WINDOW as f32 / 4.0).ln();
        let sound = Vocoder::new().sound(&spectra(40, 200.0, flat, SILENCE), 0);
        let expected = pulses(&[200.0; 40]);
        for n in 1_200..sound.len() - 1_200 {
            assert!((sound[n] - expected[n]).abs() < 0.05, "sample {n}: {} and {}", sound[n], expected[n]);
        }
    }

    #[test]
    fn pulses_follow_the_pitch_and_stop_without_a_voice() {
        let train = pulses(&[100.0; 80]);
        let peaks = train.iter().filter(|x| **x > 100.0).count();
        assert_eq!(peaks, 100, "one second at 100 Hz");
        assert!(pulses(&[20.0; 8]).iter().all(|x| *x == 0.0));
        assert!(pulses(&[]).is_empty());
    }

    #[test]
    fn noise_depends_on_the_seed_alone() {
        let vocoder = Vocoder::new();
        let hiss = spectra(10, 0.0, SILENCE, 0.0);
        let sound = vocoder.sound(&hiss, 5);
        assert!(loudness(&sound) > 1e-3 && sound.len() == 3_000);
        assert_eq!(sound, vocoder.sound(&hiss, 5));
        assert_ne!(sound, vocoder.sound(&hiss, 6));
    }

    #[test]
    fn no_spectrum_overflows() {
        let vocoder = Vocoder::new();
        for frames in [0, 1, 2, 3] {
            let sound = vocoder.sound(&spectra(frames, 1e6, f32::MAX, f32::MAX), 0);
            assert!(sound.len() == frames * HOP && sound.iter().all(|x| x.is_finite()), "{frames} frames");
        }
    }
}
