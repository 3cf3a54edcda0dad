//! Sound with the outline of speech: voiced syllables with pauses, the same samples for the same text.

use std::f32::consts::TAU;
use std::sync::LazyLock;

/// Loudest sample.
const PEAK: f32 = 0.3;
/// Length of a syllable with the gap after it.
const SYLLABLE_MS: u64 = 160;
/// Partials of the voice, falling off as 1/n.
const PARTIALS: u32 = 8;

/// Entries of a table below: at 8 partials more would not be heard.
const TABLE: usize = 2048;

/// One period of the voice: a call's greeting is made before anybody hears it, so it must cost next to nothing.
static VOICE: LazyLock<[f32; TABLE]> = LazyLock::new(|| {
    let scale = PEAK / (1..=PARTIALS).map(|n| 1.0 / n as f32).sum::<f32>();
    std::array::from_fn(|n| {
        let phase = TAU * n as f32 / TABLE as f32;
        (1..=PARTIALS).map(|k| (phase * k as f32).sin() / k as f32).sum::<f32>() * scale
    })
});

/// A raised cosine over the syllable: it swells and dies away, and starts and ends at zero.
static SWELL: LazyLock<[f32; TABLE]> =
    LazyLock::new(|| std::array::from_fn(|n| 0.5 - 0.5 * (TAU * n as f32 / TABLE as f32).cos()));

/// `ms` milliseconds of speech-like sound at `sample_rate` Hz. `text` chooses the melody; nobody could understand it.
pub fn speech_like(text: &str, ms: u64, sample_rate: u32) -> Vec<f32> {
    let length = (u64::from(sample_rate) * ms / 1000) as usize;
    let syllable = (u64::from(sample_rate) * SYLLABLE_MS / 1000).max(1) as usize;
    let (voice, swell) = (&*VOICE, &*SWELL);
    let mut melody = Melody::new(text);
    let mut phase = 0.0f32;
    let mut samples = Vec::with_capacity(length);
    while samples.len() < length {
        let step = melody.next_pitch() / sample_rate as f32;
        for within in 0..syllable.min(length - samples.len()) {
            phase += step;
            phase -= phase.trunc();
            samples.push(voice[(phase * TABLE as f32) as usize % TABLE] * swell[within * TABLE / syllable]);
        }
    }
    samples
}

/// Pitches between 110 and 190 Hz, chosen by the text (FNV-1a seed, then a 64-bit linear congruential sequence).
struct Melody(u64);

impl Melody {
    fn new(text: &str) -> Self {
        Self(
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
        )
    }

    fn next_pitch(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        110.0 + 80.0 * ((self.0 >> 40) as f32 / (1u64 << 24) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sound_is_as_long_as_asked_bounded_and_not_silent() {
        let sound = speech_like("hello there", 1_000, 24_000);
        assert_eq!(sound.len(), 24_000);
        let peak = sound.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!((0.15..=PEAK).contains(&peak), "{peak}");
        assert!(speech_like("hello", 0, 24_000).is_empty());
    }

    #[test]
    fn the_text_alone_decides_the_sound() {
        assert_eq!(speech_like("a", 500, 16_000), speech_like("a", 500, 16_000));
        assert_ne!(speech_like("a", 500, 16_000), speech_like("b", 500, 16_000));
    }

    #[test]
    fn the_voice_detector_that_needs_no_download_takes_it_for_speech() {
        let sound = speech_like("is anybody there", 2_000, 16_000);
        let mut detector = earshot::Detector::default();
        let speech = sound.chunks_exact(256).filter(|frame| detector.predict_f32(frame) > 0.5).count();
        assert!(speech > sound.len() / 256 / 2, "{speech} of {} frames", sound.len() / 256);
    }
}
