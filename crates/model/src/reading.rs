//! How an agent's text becomes speech: what of it is left out, and how words are said (server-api §5.1, §8.3).

use crate::ConfigError;
use crate::reader::Reader;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Rules of a list, and characters of a word in one (server-api §15).
const MAX_RULES: usize = 20;
const RULE_WORD: usize = 9;

/// A word and how it is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PronunciationRule {
    pub word: String,
    pub pronunciation: String,
}

/// Brackets whose contents are not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Brackets {
    #[serde(rename = "（）")]
    FullWidthRound,
    #[serde(rename = "()")]
    Round,
    #[serde(rename = "【】")]
    Lenticular,
    #[serde(rename = "[]")]
    Square,
    #[serde(rename = "{}")]
    Curly,
}

impl Brackets {
    pub const ALL: [Self; 5] = [Self::FullWidthRound, Self::Round, Self::Lenticular, Self::Square, Self::Curly];

    pub const fn open(&self) -> char {
        match self {
            Self::FullWidthRound => '（',
            Self::Round => '(',
            Self::Lenticular => '【',
            Self::Square => '[',
            Self::Curly => '{',
        }
    }

    pub const fn close(&self) -> char {
        match self {
            Self::FullWidthRound => '）',
            Self::Round => ')',
            Self::Lenticular => '】',
            Self::Square => ']',
            Self::Curly => '}',
        }
    }

    /// From the pair as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut signs = text.chars();
        let pair = (signs.next()?, signs.next()?);
        let kind = Self::ALL.into_iter().find(|kind| (kind.open(), kind.close()) == pair)?;
        signs.next().is_none().then_some(kind)
    }
}

pub(crate) fn pronunciation_rules(tts: &Reader<'_>) -> Result<Vec<PronunciationRule>, ConfigError> {
    const RULES: &str = "PronunciationRules";
    let items = tts.items(RULES, MAX_RULES)?;
    tts.note(RULES, || {
        let word = json!({"type": "string", "pattern": format!("^\\S{{1,{RULE_WORD}}}$")});
        let properties = json!({"Word": word, "Pronunciation": word, "Type": {"const": "replacement"}});
        let items = json!({"type": "object", "properties": properties, "required": ["Word", "Pronunciation"]});
        json!({"type": "array", "maxItems": MAX_RULES, "items": items})
    });
    let rules = items.iter().map(|rule| {
        let [word, pronunciation] = ["Word", "Pronunciation"].map(|field| {
            let word = rule[field].as_str().unwrap_or_default();
            if !(1..=RULE_WORD).contains(&word.chars().count()) || word.contains(char::is_whitespace) {
                let reason = format!("every rule needs a `{field}` of 1..{RULE_WORD} characters without spaces");
                return Err(tts.wrong(RULES, reason));
            }
            Ok(word.to_owned())
        });
        if rule.get("Type").is_some_and(|kind| kind != "replacement") {
            return Err(tts.wrong(RULES, "the only `Type` is `replacement`"));
        }
        Ok(PronunciationRule { word: word?, pronunciation: pronunciation? })
    });
    rules.collect()
}

/// Ours, not the vendor's: there it is a setting of the console's TTS node.
pub(crate) fn unspoken_brackets(tts: &Reader<'_>) -> Result<Vec<Brackets>, ConfigError> {
    const FIELD: &str = "UnspokenBrackets";
    let texts = tts.texts(FIELD, Brackets::ALL.len(), 2)?;
    tts.note(FIELD, || json!({"type": "array", "maxItems": Brackets::ALL.len(), "items": {"enum": Brackets::ALL}}));
    let brackets = texts.iter().map(|text| {
        Brackets::parse(text).ok_or_else(|| tts.wrong(FIELD, "an entry is not one of `（）`, `()`, `【】`, `[]`, `{}`"))
    });
    brackets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AgentConfig;

    #[test]
    fn brackets_are_named_by_their_signs() {
        for kind in Brackets::ALL {
            let text = format!("{}{}", kind.open(), kind.close());
            assert_eq!(Brackets::parse(&text), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("a text"), json!(text));
        }
        for wrong in ["", "(", "(]", "()x", "<>"] {
            assert_eq!(Brackets::parse(wrong), None);
        }
        let config = |pair: &str| AgentConfig::from_json(&json!({"TtsConfig": {"UnspokenBrackets": [pair]}}));
        assert_eq!(config("[]").expect("valid").tts.unspoken, [Brackets::Square]);
        assert_eq!(config("<>").expect_err("no brackets").field, "TtsConfig.UnspokenBrackets");
    }

    #[test]
    fn pronunciation_rules_keep_their_order() {
        let rules =
            json!([{"Word": "a", "Pronunciation": "b"}, {"Word": "b", "Pronunciation": "c", "Type": "replacement"}]);
        let config = AgentConfig::from_json(&json!({"TtsConfig": {"PronunciationRules": rules}})).expect("valid");
        let words: Vec<_> = config.tts.rules.iter().map(|rule| rule.word.as_str()).collect();
        assert_eq!(words, ["a", "b"]);
    }
}
