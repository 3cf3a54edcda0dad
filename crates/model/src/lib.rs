//! The values every Ringline crate speaks: ids, call time, and an agent's configuration.
//!
//! Pure: no clock, no random source, no I/O. Ids are made at the edge and handed in.

mod agent;
mod ambient_sound;
mod auto_speech;
mod back_channel;
mod config;
mod ids;
mod kind;
mod layer;
mod merge;
mod ranges;
mod reader;
mod reading;
mod split_mix;
mod status;
mod template;
mod time;
mod tool;
mod voiceprint;

pub use agent::{
    AgentSettings, AmbientSound, CallbackSettings, LlmNode, ProviderSettings, RecordingSettings, RtcApp, Secret,
};
pub use ambient_sound::AmbientSoundConfig;
pub use auto_speech::{AutoSpeechConfig, LlmPendingConfig, Phrase, PhraseOrder, UserIdleConfig};
pub use back_channel::BackChannel;
pub use config::{
    AgentConfig, AsrConfig, BuiltIn, ConfigError, InterruptConfig, LlmConfig, MappedFunction, NoInterruptMode,
    SeedMessage, TtsConfig, TurnDetectionConfig, TurnDetectionMode,
};
pub use ids::{
    AgentId, ChannelId, ClipId, IdError, InstanceId, ResponseId, SegmentId, SentenceId, SessionId, UserId, UtteranceId,
};
pub use kind::AgentKind;
pub use layer::normalise;
pub use merge::{EffectiveConfig, merge, merge_layers};
pub use reading::{Brackets, PronunciationRule};
pub use split_mix::SplitMix64;
pub use status::InstanceStatus;
pub use template::template_to_agent;
pub use time::CallTime;
pub use tool::{ToolCall, ToolDefinition};
pub use voiceprint::{RegistrationMode, VoiceprintConfig};
