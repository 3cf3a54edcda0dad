//! Chance as a value: a small generator that the setup seeds, so that a replay chooses the same.
//!
//! SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, with the constants of
//! Vigna's reference implementation (prng.di.unimi.it/splitmix64.c). Good enough to choose phrases, nothing else.

use ringline_model::Phrase;

#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the phrases, by their probabilities; none if there is none.
    pub fn pick<'a>(&mut self, phrases: &'a [Phrase]) -> Option<&'a Phrase> {
        let all: f64 = phrases.iter().map(|phrase| phrase.probability).sum();
        let mut at = self.fraction() * all;
        for phrase in phrases {
            at -= phrase.probability;
            if at < 0.0 {
                return Some(phrase);
            }
        }
        phrases.last()
    }

    /// Whether something of this probability comes about.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// In 0..1, in steps of 2^-53.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_reference() {
        let mut chance = Chance::new(1_234_567);
        let first = [chance.next(), chance.next(), chance.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn phrases_come_as_often_as_their_probabilities_say() {
        let phrases = [("a", 0.75), ("b", 0.0), ("c", 0.25)]
            .map(|(text, probability)| Phrase { text: text.to_owned(), probability });
        let mut chance = Chance::new(7);
        let mut count =
            |text: &str| (0..1000).filter(|_| chance.pick(&phrases).is_some_and(|p| p.text == text)).count();
        assert!((650..850).contains(&count("a")) && count("b") == 0 && (150..350).contains(&count("c")));
        assert_eq!(chance.pick(&[]), None);
    }
}
