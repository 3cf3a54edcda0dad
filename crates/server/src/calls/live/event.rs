//! What a listener is told, as it travels: JSON in snake case, the data of server-sent events.

use ringline_conversation::{InterruptReason, Stage, TurnLatency};
use serde::Serialize;
use utoipa::ToSchema;

/// An event of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Happening {
    /// Counts up by one in each call; the `id` of the server-sent event.
    pub seq: u64,
    /// Milliseconds since the call began.
    pub at_ms: u64,
    #[serde(flatten)]
    pub event: LiveEvent,
}

/// What happened; `type` is the name of the server-sent event, too.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveEvent {
    /// The agent's state changed.
    State { state: Agent },
    /// The user came or went; who has gone may come back.
    User { present: bool },
    /// Something was said: a piece of the agent's to append, or the user's or a human's sentence so far, which replaces the one
    /// before of the same `sentence_id`.
    Subtitle(Subtitle),
    /// The agent was stopped.
    Interrupted(Interruption),
    /// An answer began to be heard.
    Latency(Latency),
    /// How the network to the user was in the last seconds.
    Network(Network),
    /// The agent runs a tool, or one has ended.
    Tool(Tool),
    /// How far a takeover is.
    Takeover { step: TakeoverStep, takeover: Takeover },
    /// A supervisor came, went, or began or ended to speak.
    Supervisor(Supervising),
    /// A supervisor has told the agent something.
    Whispered { text: String },
    /// A provider failed; the call goes on as it can.
    ProviderFailed { stage: Failing, error: String },
    /// The call is over. Nothing follows.
    Ended {
        #[schema(value_type = String)]
        reason: &'static str,
    },
}

impl LiveEvent {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::State { .. } => "state",
            Self::User { .. } => "user",
            Self::Subtitle(_) => "subtitle",
            Self::Interrupted(_) => "interrupted",
            Self::Latency(_) => "latency",
            Self::Network(_) => "network",
            Self::Tool(_) => "tool",
            Self::Takeover { .. } => "takeover",
            Self::Supervisor(_) => "supervisor",
            Self::Whispered { .. } => "whispered",
            Self::ProviderFailed { .. } => "provider_failed",
            Self::Ended { .. } => "ended",
        }
    }

    /// The event for whoever may not see with what tools are called.
    pub fn without_arguments(&self) -> Self {
        match self {
            Self::Tool(tool) => Self::Tool(Tool { arguments: None, result: None, ..tool.clone() }),
            other => other.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AgentNow)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// Before the user is there.
    Idle,
    Listening,
    Thinking,
    Speaking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    User,
    Agent,
    /// A human who has taken the call over, or speaks to both.
    Human,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Subtitle {
    pub side: Side,
    pub text: String,
    /// The sentence is complete.
    pub end: bool,
    pub sentence_id: u64,
}

/// What stopped the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stopper {
    /// A takeover, for instance.
    Unknown,
    Words,
    Voice,
    Command,
    Speech,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Interruption {
    pub reason: Stopper,
    /// From the beginning of the speech that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub after_ms: Option<u64>,
}

/// From the user's last sample to the agent's first, in ms, with its parts in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Latency {
    pub sentence_id: u64,
    pub endpointing: u32,
    pub transcript: u32,
    pub first_text: u32,
    pub first_segment: u32,
    pub first_audio: u32,
    pub playout: u32,
    pub total: u32,
}

/// The network between user and server. Shares are 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Network {
    /// Share of the user's packets that did not arrive, in the last report's time.
    pub loss: f32,
    /// How unevenly they arrive (RFC 3550, 6.4.1), in ms.
    pub jitter_ms: f32,
    /// Share of our packets that the user's client says it missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remote_loss: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub round_trip_ms: Option<f32>,
    /// Nothing is heard from the user's client at the moment.
    pub path_lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolStep {
    Started,
    Finished,
    Failed,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tool {
    /// The call's id.
    pub call: String,
    pub name: String,
    pub step: ToolStep,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub duration_ms: Option<u64>,
    /// As the model wrote them; only for those who may see them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub arguments: Option<String>,
    /// What the tool answered, or why it failed; only for those who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub result: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakeoverStep {
    /// The human is called and not connected yet.
    Waiting,
    /// The human is in charge.
    Connected,
    /// The human did not come: the agent goes on.
    Cancelled,
    /// The agent is in charge again.
    HandedBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The human's words in the agent's voice (0).
    AgentVoice,
    /// The human's own voice (1).
    HumanVoice,
    /// A supervisor speaks to both for a moment.
    SpeaksIn,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Takeover {
    pub user_id: String,
    pub mode: Mode,
    pub connected: bool,
}

/// A supervisor of the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Supervising {
    pub user_id: String,
    pub name: String,
    /// Hears the call.
    pub connected: bool,
}

/// The stage whose provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Failing {
    Recognition,
    Generation,
    Synthesis,
    Clip,
    Tool,
}

/// A running call in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallSummary {
    pub instance_id: String,
    pub agent_id: String,
    /// None: nobody has joined yet, where the first who joins is the user.
    pub user_id: Option<String>,
    /// Unix ms.
    pub created_ms: i64,
    pub state: Agent,
    /// The user is there.
    pub user_present: bool,
    pub takeover: Option<Takeover>,
}

/// A call as it stands: the first event of a stream, and the one after missed ones.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Snapshot {
    #[serde(flatten)]
    pub call: CallSummary,
    pub channel_id: String,
    pub agent_user_id: String,
    pub session_id: String,
    /// The last event that is in it; the next has this number and one.
    pub seq: u64,
    /// Of that event, in ms since the call began.
    pub at_ms: u64,
    /// What was said last, at most 100 lines.
    pub lines: Vec<Subtitle>,
    /// Times the agent was stopped.
    pub interruptions: u64,
    /// Of the last answer.
    pub latency: Option<Latency>,
    pub network: Option<Network>,
    /// Those who are connected.
    pub supervisors: Vec<Supervising>,
    /// Why the call ended, if it has.
    #[schema(value_type = Option<String>)]
    pub ended: Option<&'static str>,
}

impl From<InterruptReason> for Stopper {
    fn from(reason: InterruptReason) -> Self {
        match reason {
            InterruptReason::Unknown => Self::Unknown,
            InterruptReason::Words => Self::Words,
            InterruptReason::Voice => Self::Voice,
            InterruptReason::Command => Self::Command,
            InterruptReason::Speech => Self::Speech,
            InterruptReason::Text => Self::Text,
        }
    }
}

impl From<Stage> for Failing {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Recognition => Self::Recognition,
            Stage::Generation => Self::Generation,
            Stage::Synthesis => Self::Synthesis,
            Stage::Clip => Self::Clip,
            Stage::Tool => Self::Tool,
        }
    }
}

impl From<TurnLatency> for Latency {
    fn from(latency: TurnLatency) -> Self {
        Self {
            sentence_id: latency.sentence.0,
            endpointing: latency.endpointing,
            transcript: latency.transcript,
            first_text: latency.first_text,
            first_segment: latency.first_segment,
            first_audio: latency.first_audio,
            playout: latency.playout,
            total: latency.total,
        }
    }
}
