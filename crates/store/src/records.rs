//! The rows, as values. Field names are the API's; times are Unix milliseconds.

use ringline_model::{
    AgentId, AgentKind, AgentSettings, ChannelId, InstanceId, InstanceStatus, RegistrationMode, SessionId, UserId,
};
use serde_json::Value;
use std::fmt;

/// A stored agent.
#[derive(Clone, PartialEq)]
pub struct AgentRecord {
    pub id: AgentId,
    pub name: String,
    pub kind: AgentKind,
    /// A normalised `AIAgentConfig`: the lowest layer of every call's configuration.
    pub config: Value,
    pub settings: AgentSettings,
    pub created_ms: i64,
    pub modified_ms: i64,
}

/// A key that signs requests.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeyRecord {
    pub id: String,
    pub secret: String,
    /// An inactive key stays known, so that the answer can say so.
    pub active: bool,
    /// Operation names the key may call; `None` allows all.
    pub operations: Option<Vec<String>>,
    pub created_ms: i64,
}

/// One agent in one call.
#[derive(Clone, PartialEq)]
pub struct InstanceRecord {
    pub id: InstanceId,
    pub agent: AgentId,
    pub channel: ChannelId,
    /// The end user's id in the channel; unknown until somebody joins, where the caller chose the channel.
    pub user: Option<UserId>,
    /// The agent's id in the channel.
    pub agent_user: UserId,
    pub session: SessionId,
    pub status: InstanceStatus,
    /// The merged `AIAgentConfig` in force.
    pub config: Value,
    /// The `AIAgentTemplateConfig` as the caller gave it.
    pub template: Value,
    /// The `AIAgentRuntimeConfig`.
    pub runtime: Value,
    pub user_data: Option<String>,
    /// The journal's head: what the conversation started from.
    pub setup: Value,
    pub created_ms: i64,
    pub modified_ms: i64,
    /// When the instance became `Executing`.
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub end_reason: Option<String>,
    /// Where the tracks lie, once they are known.
    pub recordings: Option<Value>,
}

/// Which instances to list: those of `agent`, created within `from_ms..=to_ms`, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceQuery {
    pub agent: AgentId,
    pub from_ms: i64,
    pub to_ms: i64,
    /// Instances to pass over, for paging.
    pub offset: u32,
    /// At most [`crate::limits::LIST_INSTANCES`].
    pub limit: u32,
}

/// Which calls to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallQuery {
    /// Those that are not finished, or those that are; none: all.
    pub finished: Option<bool>,
    pub agent: Option<AgentId>,
    /// Part of what was said, or the beginning of the call's, session's, channel's or user's id, ASCII letters in either case.
    /// As far back as [`crate::limits::SEARCH_CALLS`] and [`crate::limits::SEARCH_DIALOGUES`] say.
    pub search: Option<String>,
    /// Only calls behind this one: its `created_ms` and id.
    pub after: Option<(i64, InstanceId)>,
    /// At most [`crate::limits::LIST_ROWS`].
    pub limit: u32,
}

/// An instance without what makes it large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCall {
    pub id: InstanceId,
    pub agent: AgentId,
    pub agent_name: String,
    pub channel: ChannelId,
    pub user: Option<UserId>,
    pub session: SessionId,
    pub status: InstanceStatus,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub end_reason: Option<String>,
    /// Recordings are noted.
    pub recorded: bool,
}

/// One step of a conversation, as it happened.
#[derive(Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Counts up from 0 within an instance, without a hole.
    pub seq: u64,
    /// Call time of the step, in microseconds.
    pub at_us: u64,
    /// What went in, as JSON.
    pub step: String,
    /// What came out, as JSON.
    pub outputs: String,
}

/// Who said it; the names travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Producer {
    User,
    Agent,
}

impl Producer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
        }
    }

    pub(crate) const ALL: &[Self] = &[Self::User, Self::Agent];
}

/// What sort of entry it is; the names travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DialogueKind {
    Greeting,
    Normal,
    /// Said because the app server asked for it.
    Speech,
}

impl DialogueKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Normal => "normal",
            Self::Speech => "speech",
        }
    }

    pub(crate) const ALL: &[Self] = &[Self::Greeting, Self::Normal, Self::Speech];
}

/// One thing said in a call, by either side.
#[derive(Clone, PartialEq, Eq)]
pub struct DialogueRecord {
    pub id: String,
    pub session: SessionId,
    pub instance: InstanceId,
    /// One user question and its answers share a round.
    pub round: String,
    pub producer: Producer,
    pub kind: DialogueKind,
    pub text: String,
    pub time_ms: i64,
    pub interrupted: bool,
}

/// How somebody sounds, so that they are known again.
#[derive(Clone, PartialEq, Eq)]
pub struct VoiceprintRecord {
    pub id: String,
    pub mode: RegistrationMode,
    /// 16 kHz mono, signed 16-bit little-endian.
    pub audio: Vec<u8>,
    pub created_ms: i64,
    pub modified_ms: i64,
}

/// A voiceprint without its audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVoiceprint {
    pub id: String,
    pub created_ms: i64,
    pub modified_ms: i64,
}

/// Which voiceprints to list: those of `mode`, the one with `id` if it names one, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceprintQuery {
    pub mode: RegistrationMode,
    pub id: Option<String>,
    /// Voiceprints to pass over, for paging.
    pub offset: u32,
    /// At most [`crate::limits::LIST_ROWS`].
    pub limit: u32,
}

/// Something that happened to an instance and is to be told to the app server: a callback (server-api §9).
#[derive(Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// The event's name on the wire.
    pub name: String,
    /// The whole body to send.
    pub body: String,
    /// When it happened.
    pub at_ms: i64,
}

/// An event that was claimed for an attempt to deliver it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEvent {
    pub claim: EventClaim,
    pub instance: InstanceId,
    pub agent: AgentId,
    pub event: EventRecord,
}

/// The right to settle or postpone an event. It is lost once the lease has run out and someone else has claimed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventClaim {
    pub(crate) position: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// Direction of a listing by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// Which dialogues to list: those of `session` with a time within `from_ms..=to_ms`.
/// Entries of the same millisecond keep the order in which they were appended.
///
/// With `rounds`, what counts are the so many rounds whose latest entries (within the time) are the most recent;
/// `offset` and `limit` are passed over, and of more than [`crate::limits::LIST_ROWS`] entries the oldest are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogueQuery {
    pub session: SessionId,
    pub from_ms: i64,
    pub to_ms: i64,
    pub order: Order,
    /// Entries to pass over, for paging.
    pub offset: u32,
    /// At most [`crate::limits::LIST_ROWS`].
    pub limit: u32,
    pub rounds: Option<u32>,
}

impl fmt::Debug for AgentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentRecord").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for AccessKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeyRecord").field("id", &self.id).field("active", &self.active).finish_non_exhaustive()
    }
}

impl fmt::Debug for InstanceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceRecord")
            .field("id", &self.id)
            .field("agent", &self.agent)
            .field("status", &self.status)
            .field("end_reason", &self.end_reason)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for JournalRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalRow")
            .field("seq", &self.seq)
            .field("at_us", &self.at_us)
            .field("step_bytes", &self.step.len())
            .field("outputs_bytes", &self.outputs.len())
            .finish()
    }
}

impl fmt::Debug for EventRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRecord")
            .field("name", &self.name)
            .field("at_ms", &self.at_ms)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl fmt::Debug for DialogueRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialogueRecord")
            .field("id", &self.id)
            .field("producer", &self.producer)
            .field("kind", &self.kind)
            .field("time_ms", &self.time_ms)
            .field("text_bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VoiceprintRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceprintRecord")
            .field("id", &self.id)
            .field("mode", &self.mode)
            .field("audio_bytes", &self.audio.len())
            .finish_non_exhaustive()
    }
}
