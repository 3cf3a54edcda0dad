//! What can go wrong at this crate's border.

use std::io;

use crate::limits::{MAX_SDP_BYTES, MAX_TEXT_BYTES};

/// A call could not be set up, or something asked of it was refused.
///
/// Messages are fit for a client: they hold sizes and reasons, never addresses or credentials.
#[derive(Debug, thiserror::Error)]
pub enum RtcError {
    /// The session description is longer than [`MAX_SDP_BYTES`]; it was not read.
    #[error("the session description has {size} bytes, more than the {MAX_SDP_BYTES} allowed")]
    SdpTooLong { size: usize },
    /// The session description is not SDP as WebRTC writes it.
    #[error("the session description cannot be read: {reason}")]
    SdpUnreadable { reason: String },
    /// The session description offers no audio, or offers it rejected.
    #[error("the session description offers no audio")]
    NoAudio,
    /// Audio is offered, but not as Opus.
    #[error("the session description offers audio without Opus")]
    NoOpus,
    /// The description can be read, but not agreed to.
    #[error("the session cannot be negotiated: {reason}")]
    Negotiation { reason: String },
    /// The hub has as many peers as its configuration allows.
    #[error("no more calls are accepted at the moment")]
    Full,
    /// No data channel is open.
    #[error("the data channel is not open")]
    ChannelNotOpen,
    /// A text without characters was to be sent; the data channel can't carry one.
    #[error("an empty text cannot be sent")]
    TextEmpty,
    /// A text longer than [`MAX_TEXT_BYTES`] was to be sent.
    #[error("the text has {size} bytes, more than the {MAX_TEXT_BYTES} allowed")]
    TextTooLong { size: usize },
    /// The other side has not taken what was sent before; this text was not queued.
    #[error("too much text is waiting to be taken by the other side")]
    Backlog,
    /// The session has ended, or this kind of session can't do what was asked.
    #[error("the session cannot do that: {reason}")]
    WrongState { reason: &'static str },
    /// DTLS keys could not be made.
    #[error("no certificate could be made: {reason}")]
    Identity { reason: String },
    /// A socket could not be made.
    #[error("cannot {action}")]
    Socket { action: &'static str, source: io::Error },
}
