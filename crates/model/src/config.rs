//! The effective configuration of one agent instance: the vendor's `AIAgentConfig` (server-api §5.1) after merging,
//! typed and checked. Only what Ringline acts on is here; the merged JSON itself is kept beside it and echoed by Describe.

use crate::AutoSpeechConfig;
use crate::ranges;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A field of a configuration has a value it cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ConfigError {
    /// Dotted path, e.g. `AsrConfig.AsrMaxSilence`.
    pub field: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentConfig {
    /// Spoken when the user joins; none or empty: nothing is spoken.
    pub greeting: Option<String>,
    /// Answered as the user's first utterance, behind the greeting.
    pub wake_up_query: Option<String>,
    /// Audio played before the greeting.
    pub pre_connect_audio_url: Option<String>,
    /// No interaction for this long and the agent leaves, in s (600).
    pub max_idle_time: u32,
    /// The user has not joined within this time and the task ends, in s (60).
    pub user_online_timeout: u32,
    /// The user left and did not return within this time and the task ends, in s (5).
    pub user_offline_timeout: u32,
    /// On stop, finish the current sentence (10 s at most).
    pub graceful_shutdown: bool,
    /// Output volume in percent, 0..400 (100).
    pub volume: u32,
    pub asr: AsrConfig,
    pub tts: TtsConfig,
    pub llm: LlmConfig,
    pub interrupt: InterruptConfig,
    pub turn_detection: TurnDetectionConfig,
    #[serde(default)]
    pub auto_speech: AutoSpeechConfig,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AsrConfig {
    pub language: Option<String>,
    /// Silence that ends a sentence, in ms, 200..1200 (400).
    pub max_silence: u32,
    pub hot_words: Vec<String>,
    /// Continuous speech that interrupts, in ms, 200..2000; 0 = `vad_level` decides.
    pub vad_duration: u32,
    /// How speech over the agent is judged, 0..11 (11): 0 = any speech interrupts at once; 1..10 = speech must last, the longer
    /// the higher; 11 = by length, words and echo. A journal from before it was kept has 0, which is what was done then.
    #[serde(default)]
    pub vad_level: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TtsConfig {
    pub voice: Option<String>,
    /// 0.5..2.0 (1.0).
    pub speech_rate: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmConfig {
    pub system_prompt: Option<String>,
    /// Context that stands before the call's own turns.
    pub history: Vec<SeedMessage>,
    /// Most recent turns (question and answer) given to the model, 0..30 (10).
    pub history_limit: u32,
    /// Also send the whole reply when it is complete (1017).
    pub complete_reply: bool,
    pub extra_query: Option<String>,
    /// Mark where a heard answer was cut with `<ims_agent_interrupted>`.
    pub history_sync_with_tts: bool,
    /// Tools of the model that run a built-in function.
    #[serde(default)]
    pub function_map: Vec<MappedFunction>,
}

/// A tool that the model may call, and the function it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedFunction {
    /// The tool's name (`MatchFunction`).
    pub name: String,
    pub function: BuiltIn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltIn {
    HangUp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedMessage {
    pub role: String,
    pub content: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoInterruptMode {
    /// Speech heard while interruption is off becomes the next turn.
    #[default]
    Cache,
    Discard,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterruptConfig {
    pub enable_voice_interrupt: bool,
    /// Words that interrupt even while voice interruption is off.
    pub words: Vec<String>,
    pub no_interrupt_mode: NoInterruptMode,
    /// An answer that was stopped for a sound or a mere "mm-hm" is taken up again (true). Ringline's own key.
    #[serde(default)]
    pub resume: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnDetectionMode {
    /// Silence alone ends the user's turn.
    #[default]
    Normal,
    /// An end-of-turn model may hold the turn open for longer.
    Semantic,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnDetectionConfig {
    pub mode: TurnDetectionMode,
    /// Longest silence an incomplete turn is held open, in ms; semantic mode only.
    pub semantic_wait: Option<u32>,
    /// Begin an answer when a pause looks like the end of the turn (false). Ringline's own key.
    #[serde(default)]
    pub speculate: bool,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            greeting: None,
            wake_up_query: None,
            pre_connect_audio_url: None,
            max_idle_time: 600,
            user_online_timeout: 60,
            user_offline_timeout: 5,
            graceful_shutdown: false,
            volume: 100,
            asr: AsrConfig { language: None, max_silence: 400, hot_words: Vec::new(), vad_duration: 0, vad_level: 11 },
            tts: TtsConfig { voice: None, speech_rate: 1.0 },
            llm: LlmConfig {
                system_prompt: None,
                history: Vec::new(),
                history_limit: 10,
                complete_reply: false,
                extra_query: None,
                history_sync_with_tts: false,
                function_map: Vec::new(),
            },
            interrupt: InterruptConfig {
                enable_voice_interrupt: true,
                words: Vec::new(),
                no_interrupt_mode: NoInterruptMode::Cache,
                resume: true,
            },
            turn_detection: TurnDetectionConfig::default(),
            auto_speech: AutoSpeechConfig::default(),
        }
    }
}

impl AgentConfig {
    /// Reads a merged and normalised `AIAgentConfig`. Numbers and booleans may be texts (server-api §1.3); unknown keys
    /// are ignored; a known key with a value it cannot have is an error that names it.
    pub fn from_json(json: &Value) -> Result<Self, ConfigError> {
        let root = Reader { value: json, path: String::new() };
        root.object()?;
        ranges::check(&root)?;
        let default = Self::default();
        let (asr, tts, llm) = (root.child("AsrConfig")?, root.child("TtsConfig")?, root.child("LlmConfig")?);
        let (interrupt, turn) = (root.child("InterruptConfig")?, root.child("TurnDetectionConfig")?);
        Ok(Self {
            greeting: root.text("Greeting", 2048)?.filter(|g| !g.trim().is_empty()),
            wake_up_query: root.text("WakeUpQuery", 4096)?.filter(|query| !query.trim().is_empty()),
            pre_connect_audio_url: root.text("PreConnectAudioUrl", 2048)?.filter(|url| !url.trim().is_empty()),
            max_idle_time: root.integer("MaxIdleTime", 1, 86_400)?.unwrap_or(default.max_idle_time),
            user_online_timeout: root.integer("UserOnlineTimeout", 1, 86_400)?.unwrap_or(default.user_online_timeout),
            user_offline_timeout: root
                .integer("UserOfflineTimeout", 0, 86_400)?
                .unwrap_or(default.user_offline_timeout),
            graceful_shutdown: root.boolean("GracefulShutdown")?.unwrap_or(false),
            volume: root.integer("Volume", 0, 400)?.unwrap_or(default.volume),
            asr: AsrConfig {
                language: asr.text("AsrLanguageId", 64)?,
                max_silence: asr.integer("AsrMaxSilence", 200, 1200)?.unwrap_or(default.asr.max_silence),
                hot_words: asr.words("AsrHotWords", 128, 10)?,
                vad_duration: match asr.integer("VadDuration", 0, 2000)?.unwrap_or(0) {
                    short @ 1..=199 => return Err(asr.wrong("VadDuration", format!("{short} is not 0 or 200..2000"))),
                    duration => duration,
                },
                vad_level: asr.integer("VadLevel", 0, 11)?.unwrap_or(default.asr.vad_level),
            },
            tts: TtsConfig {
                voice: tts.text("VoiceId", 64)?,
                speech_rate: tts.number("SpeechRate", 0.5, 2.0)?.unwrap_or(1.0),
            },
            llm: LlmConfig {
                system_prompt: llm.text("LlmSystemPrompt", 16_384)?,
                history: llm.seed_messages("LlmHistory")?,
                history_limit: llm.integer("LlmHistoryLimit", 0, 30)?.unwrap_or(default.llm.history_limit),
                complete_reply: llm.boolean("LlmCompleteReply")?.unwrap_or(false),
                extra_query: llm.text("OpenAIExtraQuery", 4096)?,
                history_sync_with_tts: llm.boolean("HistorySyncWithTTS")?.unwrap_or(false),
                function_map: llm.function_map()?,
            },
            interrupt: InterruptConfig {
                enable_voice_interrupt: interrupt.boolean("EnableVoiceInterrupt")?.unwrap_or(true),
                words: interrupt.texts("InterruptWords", 128, 64)?,
                no_interrupt_mode: match interrupt.text("NoInterruptMode", 16)?.as_deref() {
                    None | Some("cache") => NoInterruptMode::Cache,
                    Some("discard") => NoInterruptMode::Discard,
                    Some(_) => return Err(interrupt.wrong("NoInterruptMode", "must be `cache` or `discard`")),
                },
                resume: interrupt.boolean("ResumeAfterFalseInterruption")?.unwrap_or(default.interrupt.resume),
            },
            turn_detection: Self::turn_detection(&turn)?,
            auto_speech: AutoSpeechConfig::read(&root.child("AutoSpeechConfig")?)?,
        })
    }

    fn turn_detection(turn: &Reader<'_>) -> Result<TurnDetectionConfig, ConfigError> {
        let mode = match turn.text("Mode", 16)?.as_deref() {
            None | Some("Normal") => TurnDetectionMode::Normal,
            Some("Semantic") => TurnDetectionMode::Semantic,
            Some(_) => return Err(turn.wrong("Mode", "must be `Normal` or `Semantic`")),
        };
        let by_eagerness = match turn.text("Eagerness", 16)?.as_deref() {
            None => None,
            Some("Low") => Some(6000),
            Some("Medium") => Some(4000),
            Some("High") => Some(2000),
            Some(_) => return Err(turn.wrong("Eagerness", "must be `Low`, `Medium` or `High`")),
        };
        let wait = match turn.number("SemanticWaitDuration", -1.0, 10_000.0)? {
            Some(ms) if ms >= 0.0 => Some(ms as u32),
            _ => None,
        };
        let speculate = turn.boolean("SpeculativeGeneration")?.unwrap_or(false);
        Ok(TurnDetectionConfig { mode, semantic_wait: by_eagerness.or(wait), speculate })
    }
}

/// Entries of `FunctionMap`.
const MAX_FUNCTIONS: usize = 16;

/// What OpenAI takes as the name of a tool.
fn is_tool_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

/// Reads fields leniently and knows the path for the message.
pub(crate) struct Reader<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Reader<'a> {
    /// What stands at `path`.
    pub fn at(value: &'a Value, path: &str) -> Self {
        Self { value, path: path.to_owned() }
    }

    /// The entries of a list; none if it is not set.
    pub fn items(&self, field: &str, most: usize) -> Result<&'a [Value], ConfigError> {
        match self.value.get(field) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(items)) if items.len() <= most => Ok(items),
            Some(Value::Array(items)) => {
                Err(self.wrong(field, format!("has {} entries, at most {most} are allowed", items.len())))
            }
            Some(_) => Err(self.wrong(field, "must be a list")),
        }
    }

    pub fn wrong(&self, field: &str, reason: impl Into<String>) -> ConfigError {
        let dot = if self.path.is_empty() || field.is_empty() { "" } else { "." };
        ConfigError { field: format!("{}{dot}{field}", self.path), reason: reason.into() }
    }

    fn object(&self) -> Result<(), ConfigError> {
        match self.value {
            Value::Object(_) | Value::Null => Ok(()),
            _ => Err(self.wrong("", "must be an object")),
        }
    }

    pub fn get(&self, field: &str) -> Option<&Value> {
        self.value.get(field).filter(|v| !v.is_null())
    }

    pub fn child(&self, field: &str) -> Result<Reader<'a>, ConfigError> {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{field}", self.path);
        let child = Reader { value: self.value.get(field).unwrap_or(&Value::Null), path };
        child.object()?;
        Ok(child)
    }

    pub fn text(&self, field: &str, most: usize) -> Result<Option<String>, ConfigError> {
        let text = match self.get(field) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(self.wrong(field, "must be a text")),
        };
        match text.chars().count() {
            n if n > most => Err(self.wrong(field, format!("has {n} characters, at most {most} are allowed"))),
            _ => Ok(Some(text)),
        }
    }

    fn texts(&self, field: &str, most: usize, longest: usize) -> Result<Vec<String>, ConfigError> {
        self.items(field, most)?
            .iter()
            .map(|item| match item.as_str() {
                Some(text) if text.chars().count() <= longest => Ok(text.to_owned()),
                Some(_) => Err(self.wrong(field, format!("an entry has more than {longest} characters"))),
                None => Err(self.wrong(field, "must be a list of texts")),
            })
            .collect()
    }

    /// Like [`Self::texts`], none of them empty.
    fn words(&self, field: &str, most: usize, longest: usize) -> Result<Vec<String>, ConfigError> {
        let words = self.texts(field, most, longest)?;
        if words.iter().any(String::is_empty) { Err(self.wrong(field, "an entry is empty")) } else { Ok(words) }
    }

    pub fn number(&self, field: &str, least: f64, most: f64) -> Result<Option<f64>, ConfigError> {
        let number = match self.get(field) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(n) if (least..=most).contains(&n) => Ok(Some(n)),
            Some(n) => Err(self.wrong(field, format!("{n} is outside {least}..{most}"))),
            None => Err(self.wrong(field, "must be a number")),
        }
    }

    pub fn integer(&self, field: &str, least: u32, most: u32) -> Result<Option<u32>, ConfigError> {
        match self.number(field, f64::from(least), f64::from(most))? {
            Some(n) if n.fract() != 0.0 => Err(self.wrong(field, "must be a whole number")),
            Some(n) => Ok(Some(n as u32)),
            None => Ok(None),
        }
    }

    pub fn boolean(&self, field: &str) -> Result<Option<bool>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(self.wrong(field, "must be true or false")),
        }
    }

    fn function_map(&self) -> Result<Vec<MappedFunction>, ConfigError> {
        const FIELD: &str = "FunctionMap";
        self.items(FIELD, MAX_FUNCTIONS)?
            .iter()
            .map(|item| match (item["Function"].as_str(), item["MatchFunction"].as_str()) {
                (Some("hangup"), Some(name)) if is_tool_name(name) => {
                    Ok(MappedFunction { name: name.to_owned(), function: BuiltIn::HangUp })
                }
                (Some("hangup"), _) => {
                    Err(self.wrong(FIELD, "every `MatchFunction` has 1..64 letters, digits, `_` or `-`"))
                }
                _ => Err(self.wrong(FIELD, "the only `Function` is `hangup`")),
            })
            .collect()
    }

    fn seed_messages(&self, field: &str) -> Result<Vec<SeedMessage>, ConfigError> {
        self.items(field, 100)?
            .iter()
            .map(|item| match (item["Role"].as_str(), item["Content"].as_str()) {
                (Some(role), Some(content)) => Ok(SeedMessage { role: role.to_owned(), content: content.to_owned() }),
                _ => Err(self.wrong(field, "every entry needs a text `Role` and a text `Content`")),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_set_gives_the_defaults() {
        assert_eq!(AgentConfig::from_json(&json!({})), Ok(AgentConfig::default()));
    }

    #[test]
    fn numbers_and_booleans_may_be_texts() {
        let config =
            AgentConfig::from_json(&json!({"MaxIdleTime": "30", "GracefulShutdown": "True"})).expect("lenient");
        assert_eq!((config.max_idle_time, config.graceful_shutdown), (30, true));
    }

    #[test]
    fn a_wrong_value_is_named() {
        let error = |json: Value| AgentConfig::from_json(&json).expect_err("wrong").field;
        assert_eq!(error(json!({"AsrConfig": {"AsrMaxSilence": 50}})), "AsrConfig.AsrMaxSilence");
        assert_eq!(error(json!({"AsrConfig": {"VadDuration": 20}})), "AsrConfig.VadDuration");
        assert_eq!(error(json!({"AsrConfig": 3})), "AsrConfig");
        assert_eq!(error(json!({"Greeting": {"a": 1}})), "Greeting");
        assert_eq!(
            error(json!({"InterruptConfig": {"EnableVoiceInterrupt": 7}})),
            "InterruptConfig.EnableVoiceInterrupt"
        );
        assert_eq!(error(json!({"LlmConfig": {"LlmHistory": [{"Role": "user"}]}})), "LlmConfig.LlmHistory");
    }

    #[test]
    fn only_hanging_up_can_be_mapped() {
        let map = |entry: Value| AgentConfig::from_json(&json!({"LlmConfig": {"FunctionMap": [entry]}}));
        let read = map(json!({"Function": "hangup", "MatchFunction": "end_call"})).expect("valid").llm.function_map;
        assert_eq!(read, [MappedFunction { name: "end_call".into(), function: BuiltIn::HangUp }]);
        for wrong in [
            json!({"Function": "transfer", "MatchFunction": "end_call"}),
            json!({"Function": "hangup"}),
            json!({"Function": "hangup", "MatchFunction": "end call"}),
            json!({}),
        ] {
            assert_eq!(map(wrong).expect_err("wrong").field, "LlmConfig.FunctionMap");
        }
    }

    #[test]
    fn eagerness_outranks_the_wait_duration() {
        let turn =
            json!({"TurnDetectionConfig": {"Mode": "Semantic", "Eagerness": "High", "SemanticWaitDuration": 900}});
        let config = AgentConfig::from_json(&turn).expect("valid");
        assert_eq!(config.turn_detection.semantic_wait, Some(2000));
    }
}
