//! Chance as a value: a small generator that the setup seeds, so that a replay chooses the same.

use ringline_model::{Phrase, SplitMix64};

#[derive(Debug)]
pub(crate) struct Chance(SplitMix64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// One of the phrases, by their probabilities; none if there is none.
    pub fn pick<'a>(&mut self, phrases: &'a [Phrase]) -> Option<&'a Phrase> {
        let all: f64 = phrases.iter().map(|phrase| phrase.probability).sum();
        let mut at = self.0.fraction() * all;
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
        self.0.fraction() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
