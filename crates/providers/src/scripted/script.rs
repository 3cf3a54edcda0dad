//! What a script says: the lines of a conversation, the delays of each stage, and what goes wrong on purpose.

use serde::{Deserialize, Serialize};

const MAX_TURNS: usize = 1_000;
const MAX_LINE_CHARS: usize = 4_000;
const MAX_DELAY_MS: u64 = 60_000;

/// One conversation. Every text is checked against limits when it is read, see [`Script::from_toml`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub turns: Vec<ScriptTurn>,
    /// What happens after the last turn.
    #[serde(default)]
    pub at_end: AtEnd,
    /// The answer to words that no turn hears; `{text}` stands for them.
    #[serde(default = "default_fallback")]
    pub fallback: String,
    #[serde(default)]
    pub timing: Timing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptTurn {
    /// The transcript of the user's utterance.
    pub hears: String,
    /// The language model's answer when these are the user's last words.
    /// `{result}` stands for what the turn's calls have found.
    pub answers: String,
    /// Tools that are called before the answer.
    #[serde(default)]
    pub calls: Vec<ScriptedToolCall>,
    #[serde(default)]
    pub trouble: Option<Trouble>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedToolCall {
    pub name: String,
    /// A JSON text.
    #[serde(default)]
    pub arguments: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// Starts again with the first turn.
    #[default]
    Repeat,
    /// Stays at the last turn.
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// From the request for a final text to its arrival.
    pub asr_final_ms: u64,
    /// Speech per word of interim text.
    pub asr_word_ms: u64,
    pub llm_first_token_ms: u64,
    /// A token is a word with the space before it.
    pub tokens_per_s: f64,
    pub tts_first_audio_ms: u64,
    /// Time to deliver one second of audio, in seconds.
    pub tts_real_time_factor: f64,
    /// Length of the speech, at rate 1.
    pub ms_per_char: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            asr_final_ms: 150,
            asr_word_ms: 250,
            llm_first_token_ms: 250,
            tokens_per_s: 60.0,
            tts_first_audio_ms: 100,
            tts_real_time_factor: 0.1,
            ms_per_char: 60,
        }
    }
}

/// Something that goes wrong in one stage of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    pub stage: Stage,
    pub how: How,
    /// How many requests meet it, counted per call; none = every one.
    #[serde(default)]
    pub times: Option<u32>,
    /// Whether the failure says that a retry may help.
    #[serde(default)]
    pub retryable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The final text of this turn's utterance.
    Recognition,
    /// The answer to this turn.
    LanguageModel,
    /// The speech of any text that is part of this turn's answer.
    Synthesis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Fails where the first result would have come.
    Fail,
    /// Fails after half of the text or audio (recognition: as `fail`).
    FailMidway,
    /// Never says anything more, until it is cancelled.
    Stall,
}

#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("the script is not valid TOML of the expected form")]
    Syntax(#[from] toml::de::Error),
    #[error("a script has 1 to {MAX_TURNS} turns, this one has {0}")]
    Turns(usize),
    #[error("{field} of turn {turn} is empty or longer than {MAX_LINE_CHARS} characters")]
    Line { turn: usize, field: &'static str },
    #[error("the fall-back answer is empty or longer than {MAX_LINE_CHARS} characters")]
    Fallback,
    #[error("timing.{0} is out of range")]
    Timing(&'static str),
}

impl Script {
    /// Reads a script and checks its limits: 1 to 1,000 turns, lines of 1 to 4,000 characters, delays up to a minute.
    pub fn from_toml(text: &str) -> Result<Self, ScriptError> {
        let script: Self = toml::from_str(text)?;
        script.check()?;
        Ok(script)
    }

    /// A script of these (hears, answers) lines with the default timing.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ScriptError> {
        let turns = lines
            .into_iter()
            .map(|(hears, answers)| ScriptTurn {
                hears: hears.into(),
                answers: answers.into(),
                calls: Vec::new(),
                trouble: None,
            })
            .collect();
        let script = Self { turns, at_end: AtEnd::default(), fallback: default_fallback(), timing: Timing::default() };
        script.check()?;
        Ok(script)
    }

    fn check(&self) -> Result<(), ScriptError> {
        let fits = |line: &str| !line.trim().is_empty() && line.chars().count() <= MAX_LINE_CHARS;
        if self.turns.is_empty() || self.turns.len() > MAX_TURNS {
            return Err(ScriptError::Turns(self.turns.len()));
        }
        for (turn, lines) in self.turns.iter().enumerate() {
            for (field, line) in [("hears", &lines.hears), ("answers", &lines.answers)] {
                if !fits(line) {
                    return Err(ScriptError::Line { turn, field });
                }
            }
        }
        if !fits(&self.fallback) {
            return Err(ScriptError::Fallback);
        }
        self.timing.check()
    }

    /// The turn of the `n`-th utterance, counted from 0.
    pub(super) fn turn_at(&self, n: usize) -> usize {
        match self.at_end {
            AtEnd::Repeat => n % self.turns.len(),
            AtEnd::Last => n.min(self.turns.len() - 1),
        }
    }

    /// The turn that answers `words`, of which the conversation so far has had `earlier` the same.
    ///
    /// Words equal a line when their letters and digits do. A turn made of several utterances is answered by the line it ends with.
    pub(super) fn turn_for(&self, words: &str, earlier: usize) -> Option<usize> {
        let words = bare(words);
        let pick = |matches: &dyn Fn(&str) -> bool| {
            let found: Vec<usize> = (0..self.turns.len()).filter(|n| matches(&bare(&self.turns[*n].hears))).collect();
            (!found.is_empty()).then(|| match self.at_end {
                AtEnd::Repeat => found[earlier % found.len()],
                AtEnd::Last => found[earlier.min(found.len() - 1)],
            })
        };
        pick(&|line| line == words).or_else(|| pick(&|line| words.ends_with(line)))
    }

    /// The turn whose answer contains `text`.
    pub(super) fn turn_saying(&self, text: &str) -> Option<usize> {
        let text = bare(text);
        (!text.is_empty()).then(|| self.turns.iter().position(|turn| bare(&turn.answers).contains(&text))).flatten()
    }
}

impl Default for Script {
    /// A short friendly conversation, for trying the system without models.
    fn default() -> Self {
        Self::from_toml(include_str!("default.toml")).expect("the embedded script is valid, a test reads it")
    }
}

impl Timing {
    fn check(&self) -> Result<(), ScriptError> {
        let delays = [
            ("asr_final_ms", self.asr_final_ms),
            ("asr_word_ms", self.asr_word_ms),
            ("llm_first_token_ms", self.llm_first_token_ms),
            ("tts_first_audio_ms", self.tts_first_audio_ms),
        ];
        for (field, delay) in delays {
            if delay > MAX_DELAY_MS {
                return Err(ScriptError::Timing(field));
            }
        }
        if !(1..=1_000).contains(&self.ms_per_char) {
            return Err(ScriptError::Timing("ms_per_char"));
        }
        if !(0.1..=10_000.0).contains(&self.tokens_per_s) {
            return Err(ScriptError::Timing("tokens_per_s"));
        }
        if !(0.0..=10.0).contains(&self.tts_real_time_factor) {
            return Err(ScriptError::Timing("tts_real_time_factor"));
        }
        Ok(())
    }
}

fn default_fallback() -> String {
    "You said: {text}".into()
}

/// Letters and digits in lower case, words separated by one space.
pub(super) fn bare(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_script_is_valid_and_has_default_timing() {
        let script = Script::default();
        assert!(script.turns.len() >= 3);
        assert_eq!(script.timing, Timing::default());
    }

    #[test]
    fn a_script_survives_a_round_trip_through_toml() {
        let mut script = Script::default();
        script.turns[1].trouble =
            Some(Trouble { stage: Stage::LanguageModel, how: How::FailMidway, times: Some(2), retryable: true });
        let text = toml::to_string(&script).expect("serialises");
        assert_eq!(Script::from_toml(&text).expect("parses"), script);
    }

    #[test]
    fn scripts_out_of_bounds_are_refused() {
        let one = |line: &str, rest: &str| format!("{rest}\n[[turns]]\nhears = \"{line}\"\nanswers = \"ok\"\n");
        assert!(Script::from_toml(&one("hello", "")).is_ok());
        assert!(matches!(Script::from_toml("turns = []"), Err(ScriptError::Turns(0))));
        assert!(matches!(Script::from_toml(&one(" ", "")), Err(ScriptError::Line { turn: 0, field: "hears" })));
        let long = "x".repeat(MAX_LINE_CHARS + 1);
        assert!(matches!(Script::from_toml(&one(&long, "")), Err(ScriptError::Line { .. })));
        assert!(matches!(Script::from_toml(&one("hello", "speed = 3")), Err(ScriptError::Syntax(_))));
        for (field, value) in [
            ("asr_final_ms", "60001"),
            ("llm_first_token_ms", "60001"),
            ("tts_first_audio_ms", "60001"),
            ("tokens_per_s", "0.0"),
            ("tokens_per_s", "nan"),
            ("tts_real_time_factor", "-1.0"),
            ("ms_per_char", "0"),
        ] {
            let text = one("hello", "") + &format!("[timing]\n{field} = {value}\n");
            match Script::from_toml(&text) {
                Err(ScriptError::Timing(named)) => assert_eq!(named, field),
                other => panic!("{field} = {value} gave {other:?}"),
            }
        }
    }

    #[test]
    fn the_same_words_get_their_turns_one_after_another() {
        let mut script = Script::from_lines([("Yes.", "one"), ("No.", "two"), ("yes", "three")]).expect("valid");
        assert_eq!(script.turn_for("YES", 0), Some(0));
        assert_eq!(script.turn_for("yes!", 1), Some(2));
        assert_eq!(script.turn_for("yes!", 2), Some(0));
        script.at_end = AtEnd::Last;
        assert_eq!(script.turn_for("yes!", 5), Some(2));
        assert_eq!(script.turn_for("Well, no", 0), Some(1));
        assert_eq!(script.turn_for("perhaps", 0), None);
    }
}
