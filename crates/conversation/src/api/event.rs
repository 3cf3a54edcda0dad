//! What the records are told.

use super::{InterruptReason, Role};
use ringline_model::{CallTime, ResponseId, SentenceId, UserId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// User and agent are connected for the first time.
    SessionStarted,
    /// A finished dialogue entry. For the agent `text` is what was heard.
    Dialogue {
        role: Role,
        kind: DialogueKind,
        text: String,
        sentence: SentenceId,
        begin: CallTime,
        interrupted: bool,
    },
    /// The agent was stopped, with its cause and where the speech that did it began (voice only).
    Interrupted {
        reason: InterruptReason,
        response: ResponseId,
        speech_began: Option<CallTime>,
    },
    /// The user has spoken over the agent, and it is decided what that meant. `began` is where the speech began; `paused` since when
    /// the agent was silent for it.
    Overlap {
        response: ResponseId,
        began: CallTime,
        paused: Option<CallTime>,
        outcome: OverlapOutcome,
    },
    /// What the user had not heard of `of`, which was stopped for nothing, is said by `response`.
    Resumed {
        response: ResponseId,
        of: ResponseId,
    },
    Latency {
        latency: TurnLatency,
    },
    /// A stage of a turn has answered (callbacks, server-api §9.3), with the call times of its request and its answer.
    /// Every milestone comes once for an answer, and again if the question is taken up again.
    Milestone {
        milestone: Milestone,
        sentence: SentenceId,
        requested: CallTime,
        answered: CallTime,
    },
    /// The human did not come in time, or the takeover was called off: the agent goes on, and whoever comes under this id
    /// now is not in charge.
    TakeoverCancelled {
        human: UserId,
    },
    /// The human who was in charge is no longer: the agent goes on, and knows what was said meanwhile.
    HandedBack {
        human: UserId,
    },
    /// The next provider of a list was asked.
    FellBack {
        stage: Stage,
        failed: String,
        error: String,
        next: String,
    },
    /// A provider failed; the conversation went on as it could. The text is for the log.
    ProviderFailed {
        stage: Stage,
        error: String,
    },
}

/// What speech over the agent was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverlapOutcome {
    Interrupted,
    /// "mm-hm": the agent went on.
    Backchannel,
    /// A sound: the agent went on.
    NoWords,
    /// The agent's own voice: the agent went on.
    Echo,
    /// Somebody else than the registered speaker: the agent went on.
    OtherSpeaker,
    /// Shorter than the configuration asks for (`VadDuration`), or a short remark that may be a sound of listening: the agent went on.
    TooShort,
    /// No text came in time: the agent went on.
    TextLate,
    /// Nothing was left to decide: the agent had said all, or something else stopped it.
    Moot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialogueKind {
    Greeting,
    Normal,
    Speech,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Recognition,
    Generation,
    Synthesis,
    /// Audio from a URL.
    Clip,
    Tool,
}

/// What a turn reaches on its way to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// The user's speech began to make sense: utterance opened → first text of the turn.
    IntentDetected,
    /// The user's turn is over: last text asked for → decided. Of a typed question both are its arrival.
    IntentRecognised,
    /// Language model asked → first text of the answer.
    FirstText,
    /// First segment of the answer handed to synthesis → first audio.
    FirstAudio,
}

/// One turn's voice-to-voice time in milliseconds: last user speech sample to first agent sample sent, and its parts
/// in order. They add up to `total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLatency {
    pub sentence: SentenceId,
    /// End of speech → the silence, and the end-of-turn score if asked for, sufficed.
    pub endpointing: u32,
    /// From there → the turn was decided to be over: what the transcript alone held it up.
    pub transcript: u32,
    /// Turn decided → first text of the response.
    pub first_text: u32,
    /// First text → first segment handed to synthesis.
    pub first_segment: u32,
    /// First segment handed over → its first audio.
    pub first_audio: u32,
    /// First audio → first sample sent.
    pub playout: u32,
    pub total: u32,
}
