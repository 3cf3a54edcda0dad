//! The values every Ringline crate speaks: ids, call time, and an agent's configuration.
//!
//! Pure: no clock, no random source, no I/O. Ids are made at the edge and handed in.

mod agent;
mod ambient_sound;
mod auto_speech;
mod back_channel;
pub mod chain;
mod config;
mod ids;
mod kind;
mod layer;
mod mcp;
mod merge;
mod providers;
mod ranges;
mod reader;
mod reading;
mod schema;
mod split_mix;
mod status;
mod template;
mod time;
mod tool;
mod voiceprint;

pub use agent::{AgentSettings, AmbientSound, CallbackSettings, RecordingSettings, RtcApp, Secret};
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
pub use mcp::{MAX_MCP_SERVERS, McpServer, is_tool_server_name};
pub use merge::{EffectiveConfig, merge, merge_layers};
pub use providers::{MAX_PROVIDERS, Node, ProviderKind, ProviderNode, ProviderSettings};
pub use reading::{Brackets, PronunciationRule};
pub use split_mix::SplitMix64;
pub use status::InstanceStatus;
pub use template::template_to_agent;
pub use time::CallTime;
pub use tool::{ToolCall, ToolDefinition};
pub use voiceprint::{RegistrationMode, VoiceprintConfig};
