//! The effective configuration of one agent instance: the vendor's `AIAgentConfig` (server-api §5.1) after merging,
//! typed and checked. Only what Ringline acts on is here; the merged JSON itself is kept beside it and echoed by Describe.

use crate::AutoSpeechConfig;
use crate::ambient_sound::AmbientSoundConfig;
use crate::back_channel::{self, BackChannel};
use crate::ranges;
pub(crate) use crate::reader::Reader;
use crate::reading::{self, Brackets, PronunciationRule};
use crate::schema::{self, Notes};
use crate::voiceprint::VoiceprintConfig;
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
    /// A user who goes on before the answer is heard has asked one question, not two.
    #[serde(default = "yes")]
    pub intelligent_segment: bool,
    /// Only what is said while the user holds a button counts.
    #[serde(default)]
    pub push_to_talk: bool,
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
    /// What may be said at a pause inside the user's turn.
    #[serde(default)]
    pub back_channels: Vec<BackChannel>,
    #[serde(default)]
    pub ambient_sound: AmbientSoundConfig,
    #[serde(default)]
    pub voiceprint: VoiceprintConfig,
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
    /// `k=v&k=v` for a self-hosted recogniser, instead of its own.
    #[serde(default)]
    pub custom_params: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TtsConfig {
    pub voice: Option<String>,
    /// 0.5..2.0 (1.0).
    pub speech_rate: f64,
    #[serde(default)]
    pub rules: Vec<PronunciationRule>,
    /// What stands in these is not spoken.
    #[serde(default)]
    pub unspoken: Vec<Brackets>,
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
    /// Shorter pieces wait for more text before they are spoken, in characters, 0..100 (0).
    #[serde(default)]
    pub output_min_length: u32,
    /// … but not longer than this, in ms; 0 = as long as it takes, else 1000..10,000.
    #[serde(default)]
    pub output_max_delay: u32,
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
    /// The model is given the interrupt words with the rest.
    #[serde(default)]
    pub keep_words: bool,
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
    /// Words that end the turn at the next pause.
    #[serde(default)]
    pub end_words: Vec<String>,
}

fn yes() -> bool {
    true
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
            intelligent_segment: true,
            push_to_talk: false,
            graceful_shutdown: false,
            volume: 100,
            asr: AsrConfig {
                language: None,
                max_silence: 400,
                hot_words: Vec::new(),
                vad_duration: 0,
                vad_level: 11,
                custom_params: None,
            },
            tts: TtsConfig { voice: None, speech_rate: 1.0, rules: Vec::new(), unspoken: Vec::new() },
            llm: LlmConfig {
                system_prompt: None,
                history: Vec::new(),
                history_limit: 10,
                complete_reply: false,
                extra_query: None,
                history_sync_with_tts: false,
                function_map: Vec::new(),
                output_min_length: 0,
                output_max_delay: 0,
            },
            interrupt: InterruptConfig {
                enable_voice_interrupt: true,
                words: Vec::new(),
                no_interrupt_mode: NoInterruptMode::Cache,
                resume: true,
                keep_words: false,
            },
            turn_detection: TurnDetectionConfig::default(),
            auto_speech: AutoSpeechConfig::default(),
            back_channels: Vec::new(),
            ambient_sound: AmbientSoundConfig::default(),
            voiceprint: VoiceprintConfig::default(),
        }
    }
}

impl AgentConfig {
    /// Reads a merged and normalised `AIAgentConfig`. Numbers and booleans may be texts (server-api §1.3); unknown keys
    /// are ignored; a known key with a value it cannot have is an error that names it.
    pub fn from_json(json: &Value) -> Result<Self, ConfigError> {
        Self::read(&Reader::root(json, None))
    }

    /// What [`Self::from_json`] takes, as a JSON Schema (2020-12): written by reading an example, so that every range stands
    /// once, where it is checked. Numbers and booleans that are texts are taken besides, and so is a field left empty.
    pub fn schema() -> Value {
        let (notes, example) = (Notes::default(), schema::example());
        Self::read(&Reader::root(&example, Some(&notes))).expect("the example is valid");
        notes.schema()
    }

    fn read(root: &Reader<'_>) -> Result<Self, ConfigError> {
        root.object()?;
        ranges::check(root)?;
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
            intelligent_segment: root.boolean("EnableIntelligentSegment")?.unwrap_or(true),
            push_to_talk: root.boolean("EnablePushToTalk")?.unwrap_or(false),
            graceful_shutdown: root.boolean("GracefulShutdown")?.unwrap_or(false),
            volume: root.integer("Volume", 0, 400)?.unwrap_or(default.volume),
            asr: AsrConfig {
                language: asr.text("AsrLanguageId", 64)?,
                max_silence: asr.integer("AsrMaxSilence", 200, 1200)?.unwrap_or(default.asr.max_silence),
                hot_words: asr.words("AsrHotWords", 128, 10)?,
                vad_duration: asr.zero_or("VadDuration", 200, 2000)?.unwrap_or(0),
                vad_level: asr.integer("VadLevel", 0, 11)?.unwrap_or(default.asr.vad_level),
                custom_params: asr.text("CustomParams", 1024)?,
            },
            tts: TtsConfig {
                voice: tts.text("VoiceId", 64)?,
                speech_rate: tts.number("SpeechRate", 0.5, 2.0)?.unwrap_or(1.0),
                rules: reading::pronunciation_rules(&tts)?,
                unspoken: reading::unspoken_brackets(&tts)?,
            },
            llm: LlmConfig {
                system_prompt: llm.text("LlmSystemPrompt", 16_384)?,
                history: llm.seed_messages("LlmHistory")?,
                history_limit: llm.integer("LlmHistoryLimit", 0, 30)?.unwrap_or(default.llm.history_limit),
                complete_reply: llm.boolean("LlmCompleteReply")?.unwrap_or(false),
                extra_query: llm.text("OpenAIExtraQuery", 4096)?,
                history_sync_with_tts: llm.boolean("HistorySyncWithTTS")?.unwrap_or(false),
                function_map: llm.function_map()?,
                output_min_length: llm.integer("OutputMinLength", 0, 100)?.unwrap_or(0),
                output_max_delay: llm.zero_or("OutputMaxDelay", 1000, 10_000)?.unwrap_or(0),
            },
            interrupt: InterruptConfig {
                enable_voice_interrupt: interrupt.boolean("EnableVoiceInterrupt")?.unwrap_or(true),
                words: interrupt.texts("InterruptWords", 128, 64)?,
                no_interrupt_mode: match interrupt.choice("NoInterruptMode", &["cache", "discard"])? {
                    Some("discard") => NoInterruptMode::Discard,
                    _ => NoInterruptMode::Cache,
                },
                resume: interrupt.boolean("ResumeAfterFalseInterruption")?.unwrap_or(default.interrupt.resume),
                keep_words: interrupt.boolean("KeepInterruptWordsForLLM")?.unwrap_or(false),
            },
            turn_detection: Self::turn_detection(&turn)?,
            back_channels: back_channel::read(root)?,
            ambient_sound: AmbientSoundConfig::read(&root.child("AmbientSoundConfig")?)?,
            voiceprint: VoiceprintConfig::read(&root.child("VoiceprintConfig")?)?,
            auto_speech: AutoSpeechConfig::read(&root.child("AutoSpeechConfig")?)?,
        })
    }

    fn turn_detection(turn: &Reader<'_>) -> Result<TurnDetectionConfig, ConfigError> {
        let mode = match turn.choice("Mode", &["Normal", "Semantic"])? {
            Some("Semantic") => TurnDetectionMode::Semantic,
            _ => TurnDetectionMode::Normal,
        };
        let by_eagerness = match turn.choice("Eagerness", &["Low", "Medium", "High"])? {
            Some("Low") => Some(6000),
            Some("Medium") => Some(4000),
            Some("High") => Some(2000),
            _ => None,
        };
        let wait = match turn.number("SemanticWaitDuration", -1.0, 10_000.0)? {
            Some(ms) if ms >= 0.0 => Some(ms as u32),
            _ => None,
        };
        let speculate = turn.boolean("SpeculativeGeneration")?.unwrap_or(false);
        let end_words = turn.texts("TurnEndWords", 128, 64)?;
        Ok(TurnDetectionConfig { mode, semantic_wait: by_eagerness.or(wait), speculate, end_words })
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
