//! Short words the agent says while it listens (`BackChannelingConfigs`, server-api §5.1), typed and checked.

use crate::reader::Reader;
use crate::{ConfigError, Phrase};
use serde::{Deserialize, Serialize};

/// Entries of the list, words of each and characters of a word (server-api §15).
const MAX_ENTRIES: usize = 10;
const MAX_WORDS: usize = 10;
const MAX_WORD_CHARS: usize = 20;

const FIELD: &str = "BackChannelingConfigs";

/// What may be said at a pause inside the user's turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackChannel {
    /// That something is said at all, 0..1.
    pub probability: f64,
    /// Never empty.
    pub words: Vec<Phrase>,
}

/// The entries that are enabled and have something to say. All are checked.
pub(crate) fn read(root: &Reader<'_>) -> Result<Vec<BackChannel>, ConfigError> {
    let entries = root.items(FIELD, MAX_ENTRIES)?.iter().map(|item| entry(&root.entry(item, FIELD)));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().flatten().filter(|entry| !entry.words.is_empty()).collect())
}

fn entry(reader: &Reader<'_>) -> Result<Option<BackChannel>, ConfigError> {
    let probability = reader.number("Probability", 0.0, 1.0)?;
    reader.choice("TriggerStage", &["pause_detected"])?;
    let items = reader.items("Words", MAX_WORDS)?;
    let word = |word| {
        let word = reader.entry(word, "BackChannelingConfigs.Words");
        let text = word.text("Text", MAX_WORD_CHARS)?.unwrap_or_default();
        Ok((text, word.number("Probability", 0.0, 1.0)?))
    };
    let words = items.iter().map(word).collect::<Result<Vec<(String, Option<f64>)>, ConfigError>>()?;
    // Without any probability all are equally likely.
    let equal = if words.iter().all(|(_, probability)| probability.is_none()) { 1.0 } else { 0.0 };
    let words = words.into_iter().filter(|(text, _)| !text.trim().is_empty());
    let words = words.map(|(text, probability)| Phrase { text, probability: probability.unwrap_or(equal) }).collect();
    let enabled = reader.boolean("Enabled")?.unwrap_or(false);
    Ok(enabled.then(|| BackChannel { probability: probability.unwrap_or(0.0), words }))
}

#[cfg(test)]
mod tests {
    use crate::{AgentConfig, AgentKind, merge};
    use serde_json::{Value, json};

    #[test]
    fn both_spellings_are_read_and_what_is_off_is_not() {
        let effective = |request: Value| merge(&json!({}), &json!({}), &request, AgentKind::VoiceChat).expect("valid");
        for (name, enabled) in [("BackChannelingConfigs", "Enabled"), ("BackChannelingConfig", "Enable")] {
            let entry = |on: bool| {
                json!({enabled: on, "TriggerStage": "pause_detected", "Probability": 0.5,
                "Words": [{"Text": "mm-hm", "Probability": 0.25}, {"Text": "right", "Probability": 0.75}]})
            };
            let read = effective(json!({name: [entry(true), entry(false)]})).config.back_channels;
            assert_eq!(read.len(), 1);
            assert_eq!((read[0].probability, read[0].words[1].text.as_str()), (0.5, "right"));
        }
    }

    #[test]
    fn words_without_probabilities_are_equally_likely() {
        let entry = json!({"Enabled": true, "Probability": 1, "Words": [{"Text": "a"}, {"Text": "b"}, {"Text": " "}]});
        let config = AgentConfig::from_json(&json!({"BackChannelingConfigs": [entry]})).expect("valid");
        let words = &config.back_channels[0].words;
        assert!(words.len() == 2 && words[0].probability == words[1].probability);
    }
}
