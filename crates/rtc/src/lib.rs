//! WebRTC for voice calls: the only crate that knows str0m.
//!
//! * [`Session`] is one call's WebRTC as a value, without sockets, clock or tasks: datagrams and time in, datagrams
//!   and [`PeerEvent`]s out. Everything that can go wrong in a protocol is tested on it in virtual time.
//! * [`Hub`] is the server's UDP port on which all calls meet, [`Peer`] a session tied to it, owned by the task of its
//!   call. [`Dial`] is the client's counterpart with a socket of its own; it ends in the same [`Peer`].
//! * [`reach`] asks hubs and TURN servers whether they are there.
//!
//! Audio only: one Opus line both ways and one data channel for text; a listener may have a second line to receive on. Packets are handed out the moment they
//! arrive, unordered and with gaps; jitter, loss concealment and pacing belong to the owner. RED redundancy is negotiated always,
//! understood always, and sent while the other side reports loss.
//!
//! Not here: codecs, video, signalling, relaying by TURN (a public server needs none; clients bring it themselves).

mod again;
mod config;
mod dial;
mod error;
mod event;
mod hub;
pub mod limits;
mod net;
mod path;
mod peer;
pub mod reach;
mod red;
mod sdp;
mod session;
mod stun;
mod table;
mod tcp;

pub use config::{Identity, SessionConfig};
pub use dial::{Dial, address_towards};
pub use error::RtcError;
pub use event::{AudioPacket, CloseReason, PeerEvent, PeerStats};
pub use hub::{Hub, HubConfig, HubStats};
pub use path::PathLimits;
pub use peer::Peer;
pub use session::{Incoming, Outgoing, Protocol, Session};
