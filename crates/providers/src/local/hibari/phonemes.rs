//! Text to phonemes, and phonemes to the network's ids.
//!
//! The lexicon and its rules are misaki's; words that it does not know are spelled out by a small network of the voice's own.

use crate::local::{LoadError, ort_env};
use crate::models::ModelStore;
use misaki_rs::fallback::FallbackError;
use misaki_rs::{Fallback, G2P, Language};
use ort::session::Session;
use ort::value::Tensor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Pad at both ends of a sentence.
const PAD: i64 = 0;

pub(super) struct Pronouncer {
    lexicon: G2P,
    ids: HashMap<String, i64>,
}

impl Pronouncer {
    pub(super) fn load(store: &ModelStore) -> Result<Self, LoadError> {
        let ids = json(store, "hibari-vocab")?;
        let unknown = UnknownWords::load(store)?;
        Ok(Self { lexicon: G2P::with_fallback(Language::EnglishUS, Some(Box::new(unknown))), ids })
    }

    pub(super) fn phonemes(&self, text: &str) -> Result<String, String> {
        self.lexicon.g2p(text).map(|(phonemes, _)| phonemes).map_err(|error| error.to_string())
    }

    /// Ids with a pad at both ends. Empty when the voice has nothing to say.
    pub(super) fn ids(&self, phonemes: &str) -> Vec<i64> {
        let mut buffer = [0; 4];
        let known: Vec<i64> =
            phonemes.chars().filter_map(|c| self.ids.get(&*c.encode_utf8(&mut buffer)).copied()).collect();
        if !phonemes.chars().any(char::is_alphabetic) || known.is_empty() {
            return Vec::new();
        }
        std::iter::once(PAD).chain(known).chain([PAD]).collect()
    }
}

fn json<T: DeserializeOwned>(store: &ModelStore, name: &str) -> Result<T, LoadError> {
    let path = store.path(name)?;
    let failed = |message: String| LoadError::Model { path: path.clone(), message };
    let text = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
}

/// The letters that the network for unknown words reads, and the phonemes it writes.
#[derive(Deserialize)]
struct Alphabet {
    #[serde(rename = "in")]
    letters: Vec<char>,
    #[serde(rename = "out")]
    phonemes: Vec<char>,
    maxlen: usize,
}

struct UnknownWords {
    session: Mutex<Session>,
    alphabet: Alphabet,
}

impl UnknownWords {
    fn load(store: &ModelStore) -> Result<Self, LoadError> {
        let alphabet = json(store, "hibari-oov-alphabet")?;
        Ok(Self { session: Mutex::new(ort_env::session(store, "hibari-oov")?), alphabet })
    }

    fn pronounce(&self, word: &str) -> Result<String, ort::Error> {
        let id = |c: char| self.alphabet.letters.iter().position(|letter| *letter == c).map(|n| n as i64 + 1);
        let letters: Vec<i64> = word.chars().filter_map(id).take(self.alphabet.maxlen).collect();
        if letters.is_empty() {
            return Ok(String::new());
        }
        // The session has no state between runs that a panic could spoil.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs!["chars" => Tensor::from_array(([1, letters.len()], letters))?])?;
        let (_, ids) = outputs["ids"].try_extract_tensor::<i64>()?;
        // One id per place, 0 = nothing; an id repeated in neighbouring places is one phoneme.
        let mut phonemes = String::new();
        let mut before = 0;
        for id in ids.iter().copied() {
            if id != before && id > 0 {
                phonemes.extend(usize::try_from(id - 1).ok().and_then(|n| self.alphabet.phonemes.get(n)));
            }
            before = id;
        }
        Ok(phonemes)
    }
}

impl Fallback for UnknownWords {
    /// Never an error, because that would cost the whole sentence: a word that cannot be pronounced is left out.
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        Ok(self.pronounce(word).unwrap_or_else(|error| {
            tracing::warn!(%error, "a word that is not in the lexicon cannot be pronounced");
            String::new()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::models_for_tests;
    use crate::text::normalise;

    fn pronouncer() -> Option<Pronouncer> {
        let store = models_for_tests(&["onnxruntime", "hibari", "hibari-vocab", "hibari-oov", "hibari-oov-alphabet"])?;
        Some(Pronouncer::load(&store).expect("loads"))
    }

    #[test]
    fn words_outside_the_lexicon_are_pronounced() {
        let Some(pronouncer) = pronouncer() else { return };
        for word in ["Kubernetes", "Zbigniew", "Ringline", "glorptastic"] {
            let phonemes = pronouncer.phonemes(word).expect("never fails");
            assert!(phonemes.chars().count() >= 4, "{word}: {phonemes}");
        }
    }

    #[test]
    fn written_forms_sound_like_the_words_for_them() {
        let Some(pronouncer) = pronouncer() else { return };
        let stressless = |text: &str| {
            let phonemes = pronouncer.phonemes(text).expect("never fails");
            phonemes.replace(['ˈ', 'ˌ'], "")
        };
        for (written, spoken) in [
            ("It is 9:30.", "It is nine thirty."),
            ("It is 9:05.", "It is nine oh five."),
            ("Call 555-1234.", "Call five five five, one two three four."),
            ("It is 20°C.", "It is twenty degrees Celsius."),
            ("About 50% of it.", "About fifty percent of it."),
            ("Drive 100 km/h.", "Drive one hundred kilometers per hour."),
            ("It costs $5 million.", "It costs five million dollars."),
            ("Salt & pepper.", "Salt and pepper."),
            ("On the 3rd.", "On the third."),
        ] {
            assert_eq!(stressless(&normalise(written)), stressless(spoken), "{written}");
        }
    }

    #[test]
    fn nothing_to_pronounce_has_no_ids() {
        let Some(pronouncer) = pronouncer() else { return };
        assert!(pronouncer.ids("").is_empty() && pronouncer.ids(" ... ").is_empty());
        let ids = pronouncer.ids(&pronouncer.phonemes("Hello.").expect("never fails"));
        assert!(ids.len() > 5 && ids.first() == Some(&PAD) && ids.last() == Some(&PAD));
    }
}
