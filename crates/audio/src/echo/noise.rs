//! The noise at the user's microphone: the least that was heard in each band over the last seconds.

use super::bands::{Levels, SILENCE};

/// Levels are smoothed by this share of the way a step, so that the least is not a chance.
const FOLLOWS: f32 = 0.3;
/// Steps of a window. The least of this one and of the one before counts: 1 to 2 s, in which every band of speech has a pause.
const WINDOW: u32 = 100;
/// What is heard first, after digital silence, is a codec that begins.
const SETTLES: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Noise {
    /// Steps that sounded.
    steps: u32,
    smooth: Levels,
    lowest: Levels,
    before: Levels,
}

impl Noise {
    /// Takes a step, and says what is noise by now.
    pub fn add(&mut self, heard: &Levels) -> Levels {
        if self.steps <= SETTLES {
            if heard.iter().any(|level| *level > SILENCE) {
                self.steps += 1;
            }
            (self.smooth, self.lowest, self.before) = (*heard, *heard, *heard);
            return *heard;
        }
        if self.steps.is_multiple_of(WINDOW) {
            (self.before, self.lowest) = (self.lowest, self.smooth);
        }
        self.steps = self.steps.wrapping_add(1);
        for ((smooth, lowest), level) in self.smooth.iter_mut().zip(&mut self.lowest).zip(heard) {
            *smooth += FOLLOWS * (level - *smooth);
            *lowest = lowest.min(*smooth);
        }
        std::array::from_fn(|band| self.lowest[band].min(self.before[band]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::bands::BANDS;
    use super::*;

    #[test]
    fn the_least_of_the_last_seconds_is_noise_whatever_the_line_began_with() {
        let mut noise = Noise::default();
        let mut last = [0.0; BANDS];
        for step in 0..500 {
            let level = match step {
                0..100 => SILENCE,
                100 => -90.0,
                _ if step % 40 < 30 => -30.0,
                _ => -60.0,
            };
            last = noise.add(&[level; BANDS]);
            assert!(step < 160 || (-61.0..-58.0).contains(&last[0]), "{} at {step}", last[0]);
        }
        assert!(last.iter().all(|level| *level == last[0]));
    }
}
