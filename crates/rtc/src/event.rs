//! What a session tells its owner.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Something happened to the session.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerEvent {
    /// ICE and DTLS are up: audio flows from now on. Once per session.
    Connected,
    /// Text can be sent. Again if the other side closes its channel and opens another.
    ChannelOpen,
    /// A text arrived on the data channel.
    Text(String),
    /// A packet of audio arrived.
    Audio(AudioPacket),
    /// A packet of audio arrived on the second line; only where one was offered to listen on.
    SecondAudio(AudioPacket),
    /// The path to the other side has gone: nothing was heard for
    /// [`PathLimits::lost_after`](crate::PathLimits::lost_after), or ICE says so.
    PathLost,
    /// The path is back after [`PeerEvent::PathLost`].
    PathRestored,
    /// The other side reported, in an RTCP receiver report, what share (0 to 1) of our packets it missed since
    /// its last one.
    Loss { fraction: f32 },
    /// The session has ended. The last event; it is returned again if asked for again.
    Closed { reason: CloseReason },
}

/// One received packet of audio, delivered the moment it arrives and in the order of arrival: late and missing ones are the
/// receiver's business. A frame recovered from RED redundancy looks like a packet of its own.
///
/// The payload may have fewer than two bytes: browsers send padding probes and DTX that way. They carry
/// no sound and must not reach a decoder, for which an empty packet means "conceal".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// RTP sequence number, extended so that it does not wrap.
    pub sequence: u64,
    /// RTP time in 48 kHz samples, extended so that it does not wrap. Its start is the sender's choice.
    pub rtp_time: u64,
    /// One Opus packet.
    pub payload: Arc<[u8]>,
    /// Level in dB below overload (0 loudest, -127 silence), where the sender tells it.
    pub audio_level: Option<i8>,
    /// When the datagram was taken from the socket.
    pub received: Instant,
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// Our side asked for it.
    Local,
    /// The other side closed its connection.
    Remote,
    /// The connection was never established.
    ConnectTimeout,
    /// The path was lost and did not come back.
    PathTimeout,
    /// The protocol failed beyond repair, for example by a wrong certificate.
    Failed { reason: String },
    /// A defect in the WebRTC code; only this session is affected.
    Defect,
}

/// Counters of one session. They only grow, except the three measured values at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PeerStats {
    /// Audio packets handed out as events.
    pub audio_in: u64,
    /// Audio packets sent.
    pub audio_out: u64,
    /// Audio not sent: not connected, the other side doesn't receive, or the payload is empty or too long.
    pub audio_unsent: u64,
    /// Frames of video that came and were let go, and datagrams of it dropped because there were too many.
    pub video_in: u64,
    pub video_dropped: u64,
    pub texts_in: u64,
    pub texts_out: u64,
    /// Texts ignored: too long, not UTF-8, or on another channel than the first.
    pub texts_ignored: u64,
    /// Audio and text dropped because nobody took the events.
    pub events_dropped: u64,
    /// Datagrams that are no WebRTC, or were refused by it.
    pub datagrams_refused: u64,
    /// Received datagrams dropped because the peer's task didn't run.
    pub inbox_dropped: u64,
    /// Datagrams the kernel (or a stalled TCP connection) did not take.
    pub send_errors: u64,
    /// Datagrams not sent because one step made too many.
    pub sends_dropped: u64,
    /// Times the path was lost.
    pub paths_lost: u64,
    /// Times ICE was restarted.
    pub restarts: u64,
    /// Whether RED redundancy is being sent now.
    pub red_active: bool,
    /// Share of our packets the other side last said it missed.
    pub remote_loss: Option<f32>,
    /// Round trip from RTCP or ICE.
    pub round_trip: Option<Duration>,
}
