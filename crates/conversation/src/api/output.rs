//! What a conversation asks for, and what it tells the client.

use super::{Emotion, Event, Message, TakeoverMode, TurnLatency};
use ringline_model::{CallTime, ClipId, ResponseId, SegmentId, SentenceId, UserId, UtteranceId};
use serde::{Deserialize, Serialize};

/// What the conversation asks the edge to do. Order matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Output {
    /// Begin recognising; audio from `from` on belongs to the utterance.
    OpenUtterance { utterance: UtteranceId, from: CallTime },
    /// Give the text of the utterance's audio so far as [`Input::Transcript`].
    Transcribe { utterance: UtteranceId, revision: u32 },
    /// Ask the end-of-turn model about the utterance's audio so far.
    ScoreEndOfTurn { utterance: UtteranceId, revision: u32 },
    /// Say whose voice the utterance is so far, as [`Input::Identified`]. The last question alone counts.
    Identify { utterance: UtteranceId, asked: u32 },
    /// The utterance's speaker is registered from now on, if there was enough speech in it to be known by.
    LearnVoice { utterance: UtteranceId },
    /// Nobody is registered from now on, and what was learnt in a call is deleted.
    ForgetVoice,
    /// The utterance is over; its audio is no longer needed.
    CloseUtterance { utterance: UtteranceId },
    /// Ask the language model. `messages` is complete: system prompt, history, question, and the rounds of tool calls so far.
    /// After a round the same response is asked for again.
    Generate { response: ResponseId, sentence: SentenceId, messages: Vec<Message> },
    /// Run a tool for the response; answered with [`Input::ToolFinished`] or [`Input::ToolFailed`]. `arguments` are as the
    /// model wrote them.
    RunTool { response: ResponseId, call: String, name: String, arguments: String },
    /// Drop the generation and everything that belongs to it (requests, tools, synthesis, audio not yet queued).
    CancelResponse { response: ResponseId },
    /// Turn text into speech and queue it for playout behind what is queued.
    Synthesise {
        response: ResponseId,
        segment: SegmentId,
        text: String,
        voice: Option<String>,
        rate: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        emotion: Option<Emotion>,
    },
    /// Get the audio behind the URL ready to be played; answered with [`Input::ClipReady`] or [`Input::ClipFailed`]. A clip
    /// that was got ready is played once or forgotten, at the latest at the end.
    LoadClip { clip: ClipId, url: String },
    /// Queue the clip's audio for playout behind what is queued, as the whole audio of the segment.
    PlayClip { response: ResponseId, segment: SegmentId, clip: ClipId },
    /// The clip will not be played: stop loading it, or drop its audio.
    ForgetClip { clip: ClipId },
    /// Stop playout at once; answered with [`Input::PlayoutStopped`]. Audio of responses up to and including this one
    /// that arrives later is dropped.
    StopPlayout { response: ResponseId },
    /// Lower the playout of the response, without a break, until [`Output::Unduck`] or [`Output::StopPlayout`].
    Duck { response: ResponseId },
    /// Let the playout of the response fall silent and keep its place, until [`Output::Unduck`] or [`Output::StopPlayout`].
    PausePlayout { response: ResponseId },
    /// Play on at full volume, from where it was paused: nothing of the speech is lost.
    Unduck { response: ResponseId },
    /// The human is in charge from now on: heard by the user in place of the agent, or written down to be said with its voice.
    HandOver { human: UserId, mode: TakeoverMode },
    /// The agent is heard again, and nobody else.
    TakeBack,
    /// Tell the client.
    Notify { notice: Notice },
    /// Tell the records: dialogues, latency, callbacks, log.
    Record { event: Event },
    /// The conversation is over; nothing follows.
    End { reason: EndReason },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Before the user is there.
    #[default]
    Idle,
    Listening,
    Thinking,
    Speaking,
}

/// Interruption reasons; the numbers travel (client-sdk §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptReason {
    Unknown = 0,
    Words = 1,
    Voice = 2,
    Command = 3,
    Speech = 4,
    Text = 5,
}

/// Messages for the client's data channel, before they get their wire form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// 1000, e.g. 4005 when recognition fails.
    Error { code: u32, message: String },
    /// 1001; never `Idle`.
    State { state: AgentState },
    /// 1002: `text` is a piece to append.
    AgentSubtitle { text: String, end: bool, sentence: SentenceId },
    /// 1003: `text` replaces what was shown for the sentence.
    /// `voiceprint` is 0 while voiceprints are off, else a [`Speaker`](crate::Speaker)'s number.
    UserSubtitle {
        text: String,
        end: bool,
        sentence: SentenceId,
        #[serde(default)]
        voiceprint: u32,
    },
    /// 1004
    VoiceInterruptChanged { enable: bool },
    /// 1005
    VoiceChanged { voice: String },
    /// 1007
    PushToTalkChanged { enable: bool },
    /// 1008
    VoiceprintChanged { enable: bool },
    /// 1009
    VoiceprintCleared,
    /// 1010: 2001 idle, 2002 takeover ended, 0 other.
    WillLeave { reason: u32, message: String },
    /// 1012
    TakeoverWillStart { human: UserId, mode: TakeoverMode },
    /// 1013
    TakeoverConnected { human: UserId },
    /// The agent is in charge again (our own message: the vendor knows no way back).
    TakeoverHandedBack { human: UserId },
    /// 1014: what is heard from now on is said like this.
    Emotion { emotion: Emotion, sentence: SentenceId },
    /// 1016
    Interrupted { reason: InterruptReason },
    /// 1017, only with LlmCompleteReply.
    ReplyCompleted { text: String, sentence: SentenceId },
    /// A turn's voice-to-voice time and its parts (our own message; the vendor's travels as SEI).
    Latency { latency: TurnLatency },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    UserNeverJoined,
    UserLeft,
    Idle,
    StoppedByClient,
    StoppedByApi,
    Drained,
    /// The human who took over is done.
    TakeoverEnded,
    /// The language model hung up.
    HungUp,
    /// The user stayed silent through all prompts.
    UserIdle,
    /// A provider failed beyond what the conversation can bridge.
    ProviderFailed,
}

impl EndReason {
    /// The reason's stable name, as it is stored, logged and reported.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserNeverJoined => "user_never_joined",
            Self::UserLeft => "user_left",
            Self::Idle => "idle",
            Self::StoppedByClient => "stopped_by_client",
            Self::StoppedByApi => "stopped_by_api",
            Self::Drained => "drained",
            Self::TakeoverEnded => "takeover_ended",
            Self::HungUp => "hung_up",
            Self::UserIdle => "user_idle",
            Self::ProviderFailed => "provider_failed",
        }
    }
}
