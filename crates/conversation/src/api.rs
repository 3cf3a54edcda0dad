//! The three closed sets a conversation speaks: what happens to it ([`Input`]), what it asks for
//! ([`Output`]), and inside the outputs what the client ([`Notice`]) and the records ([`Event`]) are told.
//!
//! All of them serialise: the journal is a list of inputs with their time.

use ringline_model::{AgentConfig, CallTime, ClipId, ResponseId, SegmentId, SentenceId, UserId, UtteranceId};
use serde::{Deserialize, Serialize};

/// What a conversation starts from. Part of the journal's head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    pub config: AgentConfig,
    /// Earlier turns of the same session, oldest first.
    pub history: Vec<Message>,
    /// What chance comes from: which phrases are chosen.
    #[serde(default)]
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
}

/// One entry of what the language model is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub text: String,
}

/// Something that happened. Every asynchronous answer names its question: utterance and revision,
/// response, or segment. An answer for something no longer current is dropped by the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// The user's media and data channel are up (first time or again after an absence).
    UserJoined,
    /// The user's transport is gone; it may come back.
    UserLeft,
    /// Voice activity began. `at` is where in the user's audio (media time mapped to call time), at most `now`.
    SpeechStarted {
        at: CallTime,
    },
    /// Voice activity paused: about 100 ms of silence so far, which began at `at`.
    SpeechPaused {
        at: CallTime,
    },
    /// Voice activity went on before the utterance was closed.
    SpeechResumed {
        at: CallTime,
    },
    /// Recognised so far of the running utterance; may change. Replaces what came before.
    InterimTranscript {
        utterance: UtteranceId,
        text: String,
    },
    /// Answer to [`Output::Transcribe`]; `text` may be empty (nothing was said).
    Transcript {
        utterance: UtteranceId,
        revision: u32,
        text: String,
    },
    TranscriptFailed {
        utterance: UtteranceId,
        revision: u32,
        error: String,
    },
    /// Answer to [`Output::ScoreEndOfTurn`]: 0 = goes on, 1 = complete.
    EndOfTurn {
        utterance: UtteranceId,
        revision: u32,
        probability: f32,
    },
    /// More text of a response.
    ResponseText {
        response: ResponseId,
        text: String,
    },
    ResponseFinished {
        response: ResponseId,
    },
    ResponseFailed {
        response: ResponseId,
        error: String,
    },
    /// The first audio of a segment is there (for latency and state; playout begins by itself).
    SegmentAudioReady {
        segment: SegmentId,
    },
    /// All audio of the segment is synthesised; it lasts this long in all.
    SegmentSynthesised {
        segment: SegmentId,
        duration_ms: u32,
    },
    SegmentFailed {
        segment: SegmentId,
        error: String,
    },
    /// The first sample of the segment left for the user.
    SegmentPlayoutStarted {
        segment: SegmentId,
    },
    /// The last sample of the segment left for the user.
    SegmentPlayoutFinished {
        segment: SegmentId,
    },
    /// Answer to [`Output::StopPlayout`]: what of the stopped response had left. `segment` is the one that was
    /// playing (none if between segments); `played_ms` of its audio went out.
    PlayoutStopped {
        response: ResponseId,
        segment: Option<SegmentId>,
        played_ms: u32,
    },
    /// A command from the client's data channel.
    Client {
        command: ClientCommand,
    },
    /// The server's API wants the call ended (StopAIAgentInstance) or the process drains.
    Stop {
        cause: StopCause,
    },
    /// Say this now or after the current speech (SendAIAgentSpeech).
    Say {
        text: String,
        interrupt: bool,
    },
    /// Play the audio behind this URL, by the rules of [`Input::Say`] (SendAIAgentSpeech with Type=AudioUrl). What it is
    /// to interrupt goes on until it is loaded.
    SayAudio {
        url: String,
        interrupt: bool,
    },
    /// Answer to [`Output::LoadClip`]: the audio is there and lasts this long.
    ClipReady {
        clip: ClipId,
        duration_ms: u32,
    },
    ClipFailed {
        clip: ClipId,
        error: String,
    },
    /// A human is called into the call (TakeoverAIAgentCall): the agent falls silent and listens to nobody.
    TakeoverStarted {
        human: UserId,
        mode: TakeoverMode,
    },
    /// The human is connected.
    TakeoverConnected,
    /// The human has left, or is done: the call is over.
    TakeoverEnded,
    /// The human does not come: the agent goes on.
    TakeoverCancelled,
    /// A changed configuration (already merged and valid).
    ConfigChanged {
        config: Box<AgentConfig>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum ClientCommand {
    StopAgent,
    InterruptSpeaking,
    EnableVoiceInterrupt { enable: bool },
    SendText { text: String },
    QueryState,
    UpdateSystemPrompt { prompt: String },
    UpdateMaxSilence { ms: u32 },
    SwitchVoice { voice: String },
    UpdateSpeechRate { rate: f64 },
}

/// Whose voice the user hears while a human is in charge (client-sdk §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeoverMode {
    /// The human's words are said with the agent's voice: [`Input::Say`] and [`Input::SayAudio`] are taken.
    AgentVoice,
    /// The human is heard directly; the agent says nothing.
    HumanVoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    Api,
    /// The server shuts down.
    Drain,
}

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
    /// The utterance is over; its audio is no longer needed.
    CloseUtterance { utterance: UtteranceId },
    /// Ask the language model. `messages` is complete: system prompt, history, question.
    Generate { response: ResponseId, sentence: SentenceId, messages: Vec<Message> },
    /// Drop the generation and everything that belongs to it (requests, synthesis, audio not yet queued).
    CancelResponse { response: ResponseId },
    /// Turn text into speech and queue it for playout behind what is queued.
    Synthesise { response: ResponseId, segment: SegmentId, text: String, voice: Option<String>, rate: f64 },
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
    UserSubtitle { text: String, end: bool, sentence: SentenceId },
    /// 1004
    VoiceInterruptChanged { enable: bool },
    /// 1005
    VoiceChanged { voice: String },
    /// 1010: 2001 idle, 2002 takeover ended, 0 other.
    WillLeave { reason: u32, message: String },
    /// 1012
    TakeoverWillStart { human: UserId, mode: TakeoverMode },
    /// 1013
    TakeoverConnected { human: UserId },
    /// 1016
    Interrupted { reason: InterruptReason },
    /// 1017, only with LlmCompleteReply.
    ReplyCompleted { text: String, sentence: SentenceId },
    /// A turn's voice-to-voice time and its parts (our own message; the vendor's travels as SEI).
    Latency { latency: TurnLatency },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialogueKind {
    Greeting,
    Normal,
    Speech,
}

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
    /// A provider failed; the conversation went on as it could. The text is for the log.
    ProviderFailed {
        stage: Stage,
        error: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Recognition,
    Generation,
    Synthesis,
    /// Audio from a URL.
    Clip,
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
