//! What the agent says by itself (`AutoSpeechConfig`, server-api §5.1), typed and checked.

use crate::ConfigError;
use crate::config::Reader;
use serde::{Deserialize, Serialize};

/// Phrases of a list, and characters of each (server-api §15).
const MAX_PHRASES: usize = 10;
const MAX_PHRASE_CHARS: usize = 100;

/// How far the probabilities of a list may be from 1 together: they are written with few digits.
const TOLERANCE: f64 = 0.01;

/// What the agent says by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AutoSpeechConfig {
    pub user_idle: Option<UserIdleConfig>,
    #[serde(default)]
    pub llm_pending: Option<LlmPendingConfig>,
    /// Said when the language model gives no answer (`LlmFailed.Text`, our own field); none: a line of our own.
    #[serde(default)]
    pub llm_failed: Option<String>,
    /// Said when what the user said could not be recognised (`AsrFailed.Text`, our own field); none: a line of our own.
    #[serde(default)]
    pub asr_failed: Option<String>,
}

/// Fillers while the language model is slow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmPendingConfig {
    /// From asking the language model to the first filler, in ms, 500..10,000.
    pub wait_time: u32,
    pub mode: PhraseOrder,
    pub messages: Vec<Phrase>,
}

/// How the next of several phrases is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhraseOrder {
    /// By their probabilities.
    #[default]
    Random,
    /// One after the other, through the whole call.
    Sequence,
}

/// Prompts for a silent user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserIdleConfig {
    /// Silence before a prompt, and before the farewell, in ms, 5000..600,000.
    pub wait_time: u32,
    /// Prompts until the farewell, 0..10.
    pub max_repeats: u32,
    pub messages: Vec<Phrase>,
    /// Said before leaving.
    pub hangup_end_word: Option<String>,
}

/// One of several phrases to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phrase {
    pub text: String,
    /// 0..1; those of a list add up to 1.
    pub probability: f64,
}

impl AutoSpeechConfig {
    pub(crate) fn read(auto: &Reader<'_>) -> Result<Self, ConfigError> {
        let user_idle = auto.get("UserIdle").map(|_| Self::read_user_idle(&auto.child("UserIdle")?)).transpose()?;
        let llm_pending =
            auto.get("LlmPending").map(|_| Self::read_llm_pending(&auto.child("LlmPending")?)).transpose()?;
        let llm_failed = auto.child("LlmFailed")?.text("Text", MAX_PHRASE_CHARS)?;
        let asr_failed = auto.child("AsrFailed")?.text("Text", MAX_PHRASE_CHARS)?;
        Ok(Self { user_idle, llm_pending, llm_failed, asr_failed })
    }

    fn read_user_idle(idle: &Reader<'_>) -> Result<UserIdleConfig, ConfigError> {
        Ok(UserIdleConfig {
            wait_time: idle.needed("WaitTime", idle.integer("WaitTime", 5000, 600_000)?)?,
            max_repeats: idle.needed("MaxRepeats", idle.integer("MaxRepeats", 0, 10)?)?,
            messages: phrases(idle, "UserIdle")?,
            hangup_end_word: idle.text("HangupEndWord", MAX_PHRASE_CHARS)?,
        })
    }

    fn read_llm_pending(pending: &Reader<'_>) -> Result<LlmPendingConfig, ConfigError> {
        Ok(LlmPendingConfig {
            wait_time: pending.needed("WaitTime", pending.integer("WaitTime", 500, 10_000)?)?,
            mode: match pending.choice("Mode", &["random", "sequence"])? {
                Some("sequence") => PhraseOrder::Sequence,
                _ => PhraseOrder::Random,
            },
            messages: phrases(pending, "LlmPending")?,
        })
    }
}

/// Without any probability all are equally likely.
fn phrases(group: &Reader<'_>, name: &str) -> Result<Vec<Phrase>, ConfigError> {
    const FIELD: &str = "Messages";
    let items = group.items(FIELD, MAX_PHRASES)?;
    group.remark(FIELD, "The probabilities add up to 1, or there are none: then all are equally likely.");
    let path = format!("AutoSpeechConfig.{name}.{FIELD}");
    let read = |item| {
        let item = group.entry(item, &path);
        let text = item.needed("Text", item.text("Text", MAX_PHRASE_CHARS)?)?;
        Ok((text, item.number("Probability", 0.0, 1.0)?))
    };
    let items = items.iter().map(read).collect::<Result<Vec<_>, ConfigError>>()?;
    let equal = items.iter().all(|(_, probability)| probability.is_none()).then(|| 1.0 / items.len() as f64);
    let phrase =
        |(text, probability): (String, Option<f64>)| Phrase { text, probability: probability.or(equal).unwrap_or(0.0) };
    let phrases: Vec<_> = items.into_iter().map(phrase).collect();
    let sum: f64 = phrases.iter().map(|phrase| phrase.probability).sum();
    if !phrases.is_empty() && (sum - 1.0).abs() > TOLERANCE {
        return Err(group.wrong(FIELD, format!("the probabilities add up to {sum}, not to 1")));
    }
    Ok(phrases)
}

#[cfg(test)]
mod tests {
    use crate::{AgentConfig, PhraseOrder};
    use serde_json::{Value, json};

    #[test]
    fn prompts_for_a_silent_user_are_checked() {
        let idle = |idle: Value| AgentConfig::from_json(&json!({"AutoSpeechConfig": {"UserIdle": idle}}));
        let messages = json!([{"Text": "a", "Probability": 0.7}, {"Text": "b", "Probability": "0.3"}]);
        let read = idle(json!({"WaitTime": 5000, "MaxRepeats": 2, "Messages": messages})).expect("valid");
        let user_idle = read.auto_speech.user_idle.expect("is set");
        assert_eq!((user_idle.wait_time, user_idle.max_repeats, user_idle.messages[1].probability), (5000, 2, 0.3));
        let read = idle(json!({"WaitTime": 5000, "MaxRepeats": 0, "Messages": [{"Text": "a"}, {"Text": "b"}]}));
        assert_eq!(read.expect("valid").auto_speech.user_idle.expect("is set").messages[0].probability, 0.5);
        let error = |json: Value| idle(json).expect_err("wrong").field;
        assert_eq!(error(json!({"MaxRepeats": 1})), "AutoSpeechConfig.UserIdle.WaitTime");
        assert_eq!(error(json!({"WaitTime": 4999, "MaxRepeats": 1})), "AutoSpeechConfig.UserIdle.WaitTime");
        assert_eq!(error(json!({"WaitTime": 5000, "MaxRepeats": 11})), "AutoSpeechConfig.UserIdle.MaxRepeats");
        let sum = json!([{"Text": "a", "Probability": 0.7}, {"Text": "b"}]);
        assert_eq!(
            error(json!({"WaitTime": 5000, "MaxRepeats": 1, "Messages": sum})),
            "AutoSpeechConfig.UserIdle.Messages"
        );
    }

    #[test]
    fn the_lines_for_failures_are_short() {
        let failed = |key: &str, text: &str| {
            AgentConfig::from_json(&json!({"AutoSpeechConfig": {key: {"Text": text}}})).map(|config| config.auto_speech)
        };
        assert_eq!(failed("LlmFailed", "Oh no.").expect("valid").llm_failed.as_deref(), Some("Oh no."));
        assert_eq!(failed("AsrFailed", "What?").expect("valid").asr_failed.as_deref(), Some("What?"));
        for key in ["LlmFailed", "AsrFailed"] {
            let error = failed(key, &"a".repeat(101)).expect_err("too long");
            assert_eq!(error.field, format!("AutoSpeechConfig.{key}.Text"));
        }
    }

    #[test]
    fn fillers_are_checked() {
        let pending = |pending: Value| AgentConfig::from_json(&json!({"AutoSpeechConfig": {"LlmPending": pending}}));
        let one = json!([{"Text": "Hm.", "Probability": 1}]);
        let read = pending(json!({"WaitTime": "500", "Messages": one})).expect("valid").auto_speech;
        let llm_pending = read.llm_pending.expect("is set");
        assert_eq!((llm_pending.wait_time, llm_pending.mode), (500, PhraseOrder::Random));
        assert_eq!((llm_pending.messages.len(), read.user_idle), (1, None));
        let read = pending(json!({"WaitTime": 10_000, "Mode": "sequence", "Messages": one})).expect("valid");
        assert_eq!(read.auto_speech.llm_pending.expect("is set").mode, PhraseOrder::Sequence);
        let error = |json: Value| pending(json).expect_err("wrong").field;
        assert_eq!(error(json!({"Messages": one})), "AutoSpeechConfig.LlmPending.WaitTime");
        assert_eq!(error(json!({"WaitTime": 499})), "AutoSpeechConfig.LlmPending.WaitTime");
        assert_eq!(error(json!({"WaitTime": 500, "Mode": "any"})), "AutoSpeechConfig.LlmPending.Mode");
        let sum = json!([{"Text": "a", "Probability": 0.7}, {"Text": "b"}]);
        assert_eq!(error(json!({"WaitTime": 500, "Messages": sum})), "AutoSpeechConfig.LlmPending.Messages");
    }
}
