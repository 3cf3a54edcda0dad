//! Running calls. One call is three tasks and their guests:
//!
//! - [`agent`] (API runtime) owns the conversation, journals every step, and carries out its outputs;
//! - [`media`] (media runtime) owns the WebRTC peer, the codecs and the playout queue;
//! - [`mouth`] (API runtime) turns the conversation's segments into audio, one after the other;
//! - its [`clips`] and the sound behind it ([`ambience`]) are loaded from URLs by tasks of their own;
//! - the call's [`ears`] live on a pool of inference threads: voice activity, utterances, recognition;
//! - a supervisor's [`supervision::seat`] has a task of its own, and what a human in charge says a [`supervision::scribe`];
//! - whoever watches is told by [`live`];
//! - the [`recorder`] thread appends the packets of everybody on the line to Ogg tracks.
//!
//! Everything between them is a bounded channel. The agent task may wait for the others; none of them ever waits for
//! media, and media waits for nobody.

mod agent;
mod ambience;
mod clips;
mod clock;
mod configured;
mod ears;
mod generation;
mod handle;
pub mod live;
#[cfg(test)]
mod logged;
mod media;
mod mouth;
mod pace;
mod received_track;
mod recorder;
mod registry;
mod relay;
mod sentence_records;
mod supervision;
mod telling;
mod wire;
mod writer;

pub use ambience::Sounds;
pub use clips::ClipLoader;
pub use configured::Configured;
pub use ears::{EarPool, Hearing};
pub use handle::{CallHandle, Ended, TakeoverError};
pub use recorder::Recorder;
pub use registry::{Calls, CallsConfig, JoinError, NewCall, StartError};
pub use sentence_records::SentenceRecords;
pub use supervision::{SeatError, SupervisionConfig};
pub use writer::Writer;

use ringline_conversation::Input;
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::UpdateAIAgentInstance;
use ringline_rtc::Peer;
use tokio::sync::{mpsc, oneshot};

/// What reaches a call's agent task.
pub enum CallEvent {
    /// Happened to the conversation.
    Input(Input),
    /// A data-channel message of the client, as it came.
    ClientText(String),
    /// JSON for the client (1011), sent as it is. The conversation neither sees it nor depends on it, so it is not in the
    /// journal: a replay compares what a conversation decided.
    Custom(String),
    /// Lay this over the configuration in force. Answered when the outcome is stored.
    Update { request: Box<UpdateAIAgentInstance>, answer: UpdateAnswer },
    /// A new transport, which replaces the member's transport before; `expires` is the token's, in Unix seconds.
    Attach { peer: Box<Peer>, who: Who, expires: i64 },
    /// Answer an ICE restart on the current transport.
    Restart { who: Who, offer: String, answer: oneshot::Sender<Result<String, String>> },
    /// The member has brought a token that lasts until then.
    Renew { who: Who, expires: i64 },
    /// The member's client said goodbye.
    Detach { who: Who },
    /// The media of the human who takes over are up.
    HumanJoined,
    /// The human who took over is gone for good.
    HumanLeft,
    /// The human in charge gives the call back. Answered when it is done.
    HandBack { answer: oneshot::Sender<()> },
    /// A supervisor's media are up.
    SeatConnected { seat: u64 },
    /// A supervisor's connection is over.
    SeatLeft { seat: u64 },
    /// How the network to the user is.
    Network(live::event::Network),
    /// A voice was learnt: 16 kHz, 16-bit little-endian.
    VoiceLearnt { recording: Vec<u8> },
    /// The user's transport and data channel are up.
    Joined,
    /// The user's transport is gone for good.
    Left,
}

/// Whose transport is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    User,
    /// Who takes the call over.
    Human,
}

impl Who {
    fn of(human: bool) -> Self {
        if human { Self::Human } else { Self::User }
    }
}

/// Whether an update was taken and stored.
pub type UpdateAnswer = oneshot::Sender<Result<(), ApiError>>;

/// Where a call's events go. 1,024 are far more than a call has under way; a sender that finds the channel full waits
/// (agent side) or drops and logs (media side).
pub type CallEvents = mpsc::Sender<CallEvent>;
pub const CALL_EVENTS: usize = 1024;
