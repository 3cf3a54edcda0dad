//! Chance as a value: everything that varies in a simulated call comes from here.
//!
//! The generator is pinned ([`SplitMix64`]), so that a seed gives the same call for ever.

use ringline_model::SplitMix64;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Chance(SplitMix64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// A generator of its own, so that what one part draws does not change what another gets.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0.draw()
    }

    /// In 0..1.
    pub fn fraction(&mut self) -> f64 {
        self.0.fraction()
    }

    /// In `least..=most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    /// In microseconds, so that moments do not all fall on whole milliseconds.
    pub fn fine_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least * 1000, most * 1000))
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.between(0, of.len() as u64 - 1) as usize]
    }

    /// One of the values, as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, of: &[(u64, T)]) -> T {
        let all: u64 = of.iter().map(|(weight, _)| weight).sum();
        let mut at = self.between(0, all - 1);
        for (weight, value) in of {
            if at < *weight {
                return *value;
            }
            at -= weight;
        }
        of[of.len() - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_kept() {
        let mut chance = Chance::new(3);
        let rare = (0..1000).filter(|_| chance.weighted(&[(9, false), (1, true)])).count();
        assert!((60..140).contains(&rare), "{rare}");
    }
}
