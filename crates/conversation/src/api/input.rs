//! What happens to a conversation.

use super::Stage;
use crate::Speaker;
use ringline_model::{AgentConfig, CallTime, ClipId, ResponseId, SegmentId, ToolCall, UserId, UtteranceId};
use serde::{Deserialize, Serialize};

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
    /// What voice activity has reported since `at`, where it began, was the agent's own voice, come back from the user's
    /// loudspeaker. Takes the place of [`Input::SpeechPaused`].
    SpeechWasEcho {
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
    /// Answer to [`Output::Identify`].
    Identified {
        utterance: UtteranceId,
        asked: u32,
        speaker: Speaker,
    },
    /// More text of a response.
    ResponseText {
        response: ResponseId,
        text: String,
    },
    /// The model wants these tools run; nothing but the end of this generation follows.
    ResponseToolCalls {
        response: ResponseId,
        calls: Vec<ToolCall>,
    },
    ResponseFinished {
        response: ResponseId,
    },
    ResponseFailed {
        response: ResponseId,
        error: String,
    },
    /// A provider of a list failed before it gave anything; the next one is asked.
    FellBack {
        stage: Stage,
        failed: String,
        error: String,
        next: String,
    },
    /// Answer to [`Output::RunTool`].
    ToolFinished {
        response: ResponseId,
        call: String,
        result: String,
    },
    ToolFailed {
        response: ResponseId,
        call: String,
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
    /// A human is called into the call (TakeoverAIAgentCall): the agent falls silent, and what it hears it only notes.
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
    /// The human gives the call back to the agent.
    TakeoverHandedBack,
    /// What the human in charge has said, in words; `began` is where in the call. It may come after the call was given back.
    HumanSaid {
        text: String,
        began: CallTime,
    },
    /// A supervisor tells the agent something for its next answer. The user never learns of it.
    Whisper {
        text: String,
    },
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
    EnablePushToTalk { enable: bool },
    UseVoiceprint { enable: bool },
    ClearVoiceprint,
    StartPushToTalk,
    FinishPushToTalk,
    CancelPushToTalk,
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
    /// A supervisor speaks to both for a moment: heard directly, while the agent waits. The client is not told of a takeover.
    SpeaksIn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    Api,
    /// The server shuts down.
    Drain,
}
