//! Every fixed limit of this crate, with what happens at it. Limits an operator may want to move are in
//! [`HubConfig`](crate::HubConfig).

use std::time::Duration;

/// Longest session description that is read; a longer one is refused. A browser's offer has 2 to 8 KiB.
pub const MAX_SDP_BYTES: usize = 64 * 1024;

/// Longest text on the data channel, both ways. A longer one that arrives is ignored and counted; a longer
/// one to be sent is refused.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Text that may wait for the other side to acknowledge it; more is refused with
/// [`RtcError::Backlog`](crate::RtcError::Backlog).
pub const MAX_BUFFERED_TEXT_BYTES: usize = 1024 * 1024;

/// Longest audio payload that is sent; a longer one is dropped and counted. It keeps one RTP packet
/// (with its headers, and SRTP's tag) inside the 1150-byte datagrams that pass everywhere.
pub const MAX_AUDIO_BYTES: usize = 1000;

/// Video that a client is asked to send at most, in kbit/s: enough for 640 × 480 at 15 frames a second.
pub const VIDEO_KBPS: u32 = 800;

/// Video that is taken, in bytes a second and at once; above it datagrams are dropped and counted. Twice and a half what was
/// asked for, since resent packets and key frames come on top.
pub const MAX_VIDEO_BYTES: u64 = 250_000;

/// Events that wait for [`Peer::event`](crate::Peer::event). Above it audio and text are dropped and counted;
/// events about the session itself are always kept, there are few of them.
pub const MAX_QUEUED_EVENTS: usize = 1024;

/// Datagrams one step of a session may leave to be sent; the newest are dropped and counted above it.
pub const MAX_QUEUED_DATAGRAMS: usize = 1024;

/// Received datagrams that wait for a peer's task; the newest are dropped and counted above it. At 50 packets
/// a second this is five seconds of a task that does not run.
pub const MAX_INBOX: usize = 256;

/// Addresses remembered per peer. The address heard least recently as new is forgotten for a newer one.
pub const MAX_ADDRESSES: usize = 16;

/// ICE user names routed per peer: the current one and, while a restart is under way, the one before.
pub const MAX_UFRAGS: usize = 2;

/// Local addresses put into candidates when the hub listens on all of them; further ones are left out.
pub const MAX_CANDIDATES: usize = 8;

/// Largest datagram that is received; what is longer is cut by the kernel and then fails its checksum. SRTP and DTLS stay
/// under the path's MTU of at most 1500.
pub const MAX_DATAGRAM: usize = 2000;

/// Datagrams that wait to be written to a TCP connection; the newest are dropped and counted above it. 0.6 s of audio.
pub const MAX_TCP_QUEUE: usize = 32;

/// A TCP connection on which nothing arrives for so long is closed. Browsers check their path every 2.5 s.
pub const TCP_IDLE: Duration = Duration::from_secs(30);

/// How long a new TCP connection may take to say for which call it is.
pub const TCP_FIRST: Duration = Duration::from_secs(5);

/// How long the last datagrams of a call that has ended may take to leave a TCP connection.
pub const TCP_GOODBYE: Duration = Duration::from_secs(1);

/// How long a certificate is used for new calls.
pub const CERTIFICATE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How often str0m reports statistics, from which loss is taken.
pub(crate) const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// How often we report what we receive. A sender answers loss with redundancy once it knows of it, and a report may be lost, too.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(1);
