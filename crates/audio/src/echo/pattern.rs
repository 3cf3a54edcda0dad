//! Whether what is heard has the pattern of what was sent: the same bands louder than usual at the same time.
//!
//! How loud all of it is makes no difference, so the agent's voice is still known when an echo canceller opens or closes, and a person's
//! is still noticed when the echo is as loud.

use super::bands::Levels;
use super::heard::Heard;

/// What is left of the statistics after a step: they last about 0.2 s.
const KEEP: f32 = 0.95;
/// Levels before a correlation means anything: three steps in which every band sounds.
const LEAST: f32 = 60.0;
/// Least spread of both, in dB².
const LEAST_SPREAD: f32 = 9.0;

#[derive(Debug, Default)]
pub(super) struct Pattern {
    count: f32,
    expected: f32,
    heard: f32,
    expected_squared: f32,
    heard_squared: f32,
    product: f32,
}

impl Pattern {
    /// Adds a step: by how much what is heard, and what is expected to come back, are louder than what is usual to come back.
    pub fn add(&mut self, heard: &Heard<'_>, expected: &Levels, usual: &Levels) {
        self.fade();
        for (band, level, least) in heard.sounding() {
            self.add_band(expected[band].max(least) - usual[band], level - usual[band]);
        }
    }

    fn fade(&mut self) {
        let Self { count, expected, heard, expected_squared, heard_squared, product } = self;
        for sum in [count, expected, heard, expected_squared, heard_squared, product] {
            *sum *= KEEP;
        }
    }

    fn add_band(&mut self, expected: f32, heard: f32) {
        self.count += 1.0;
        self.expected += expected;
        self.heard += heard;
        self.expected_squared += expected * expected;
        self.heard_squared += heard * heard;
        self.product += expected * heard;
    }

    /// From -1 to 1; none if there is too little to tell.
    pub fn likeness(&self) -> Option<f32> {
        if self.count < LEAST {
            return None;
        }
        let (expected, heard) = (self.expected / self.count, self.heard / self.count);
        let expected_spread = self.expected_squared / self.count - expected * expected;
        let heard_spread = self.heard_squared / self.count - heard * heard;
        let is_flat = expected_spread < LEAST_SPREAD || heard_spread < LEAST_SPREAD;
        (!is_flat).then(|| (self.product / self.count - expected * heard) / (expected_spread * heard_spread).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The likeness of 12 steps of 19 bands.
    fn likeness(heard: impl Fn(f32, u32) -> f32) -> Option<f32> {
        let mut pattern = Pattern::default();
        for n in 0..12 * 19 {
            if n % 19 == 0 {
                pattern.fade();
            }
            let expected = ((n * 7919) % 23) as f32 - 11.0;
            pattern.add_band(expected, heard(expected, n));
        }
        pattern.likeness()
    }

    #[test]
    fn how_loud_it_is_makes_no_difference_and_what_sounds_does() {
        assert!(likeness(|expected, _| expected + 30.0).is_some_and(|alike| alike > 0.99));
        assert!(likeness(|_, n| ((n * 104_729) % 29) as f32).is_some_and(|alike| alike.abs() < 0.3));
        assert_eq!(likeness(|_, _| -60.0), None, "steady noise is like nothing");
        assert_eq!(Pattern::default().likeness(), None);
    }
}
