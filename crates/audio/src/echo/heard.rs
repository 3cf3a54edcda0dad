//! What is heard in one step, and how much louder it is than what comes back should be.

use super::bands::{BANDS, Levels};

/// In dB: what is so much louder than the noise is a sound …
const ABOVE_NOISE: f32 = 12.0;
/// … and above this: what a line or a canceller leaves lies below, and what is said near a microphone above.
const AUDIBLE: f32 = -68.0;

/// So many dB above the least sound, in the mean, and the noise changes little of what is heard.
const CLEAR: f32 = 3.0;

/// What comes back may be louder than expected by so many dB: rooms and codecs make levels unsteady.
const MARGIN: f32 = 8.0;
/// A band speaks for the echo with at most this, and for a person with at most 1.
const MOST_AGAINST: f32 = 0.4;
const PER_DB: f32 = 0.1;
/// With fewer bands than this a step says nothing, and with fewer than that less.
const LEAST_BANDS: f32 = 3.0;
const FEW_BANDS: f32 = 5.0;

#[derive(Debug)]
pub(super) struct Heard<'a> {
    levels: &'a Levels,
    /// What is quieter than this in a band is no sound.
    least: Levels,
    sounds: [bool; BANDS],
    /// In how many bands something sounds.
    bands: f32,
}

impl<'a> Heard<'a> {
    pub fn new(levels: &'a Levels, noise: &Levels) -> Self {
        let least = noise.map(|noise| noise + ABOVE_NOISE);
        let sounds: [bool; BANDS] = std::array::from_fn(|band| levels[band] > least[band].max(AUDIBLE));
        let bands = sounds.iter().filter(|sounds| **sounds).count() as f32;
        Self { levels, least, sounds, bands }
    }

    /// The level of a band in which something sounds.
    pub fn level(&self, band: usize) -> Option<f32> {
        self.sounds[band].then_some(self.levels[band])
    }

    /// Enough bands sound for the step to say anything.
    pub fn is_enough(&self) -> bool {
        self.bands >= LEAST_BANDS
    }

    /// Every band that sounds: its level, and the least that would be a sound.
    pub fn sounding(&self) -> impl Iterator<Item = (usize, f32, f32)> {
        (0..BANDS).filter(|band| self.sounds[*band]).map(|band| (band, self.levels[band], self.least[band]))
    }

    /// By how many dB it is louder than expected, in the mean of the bands that sound, if they are enough.
    pub fn offset(&self, expected: &Levels) -> Option<f32> {
        let sum: f32 = self.sounding().map(|(band, level, least)| level - expected[band].max(least)).sum();
        self.is_enough().then(|| sum / self.bands)
    }

    /// What is expected to come back stands out of the noise in the bands that sound, so that its pattern can be told.
    pub fn shows(&self, expected: &Levels) -> bool {
        let sum: f32 = self.sounding().map(|(band, _, least)| expected[band] - least).sum();
        sum >= CLEAR * self.bands
    }

    /// Evidence that it is more than what is expected to come back: for a person above 0, at most 1.
    pub fn excess(&self, expected: &Levels) -> f32 {
        let of = |(band, level, _): (usize, f32, f32)| (level - expected[band] - MARGIN) * PER_DB;
        let sum: f32 = self.sounding().map(of).map(|excess| excess.clamp(-MOST_AGAINST, 1.0)).sum();
        sum / self.bands.max(FEW_BANDS)
    }
}
