//! The media path of one call as values: what comes in from the caller, what goes out to them, and the
//! recording beside both.
//!
//! In: [`EarPath`] turns RTP packets into 16 kHz samples whose positions are true to media time. Out:
//! synthesised speech goes through a [`Resampler`] into the [`Playout`] queue, leaves it as 20 ms frames and
//! through the [`MouthEncoder`] as Opus packets. [`OggTrack`] keeps packets as they are, [`Placing`] says where;
//! [`TrackReader`] and [`TrackPcm`] read them again, and [`mix_wav`], [`mix_opus`] and [`peaks`] put two tracks beside each
//! other. Whole files of others come in through [`decode_file`].
//!
//! Pure: no clock, no random source, no sockets, no tasks. Whoever owns a call ticks the playout every
//! [`FRAME_MS`] and hands packets in as they arrive. Nothing here panics on what comes from the network.
//!
//! Samples are `f32` with full scale ±1.0, mono everywhere.

mod ambience;
mod ear;
mod echo;
mod error;
mod file;
mod in_order;
mod lead;
mod level;
mod mix;
mod mouth;
mod ogg_track;
mod packet;
pub mod pcm16;
mod placing;
mod playout;
mod resample;
pub mod room;
mod track_pcm;
mod track_reader;

pub use ambience::Ambience;
pub use ear::{Ear, EarPath, EarStats, LATE_RUN, MAX_CONCEALED_PACKETS, MAX_FILL, MIN_PAYLOAD, QUIET};
pub use echo::{EchoGuard, Voice};
pub use error::AudioError;
pub use file::{AudioFileError, decode_file};
pub use in_order::{InOrder, MAX_WAIT, MAX_WAITING};
pub use lead::LeadTrim;
pub use level::{FLOOR_DBFS, level_dbfs, rms};
pub use mix::{MixError, mix_opus, mix_wav, mono_wav, peaks, sentence_wav};
pub use mouth::{MOUTH_BITRATE, MOUTH_COMPLEXITY, MouthEncoder};
pub use ogg_track::{MAX_GAP, MAX_HEADER, OggTrack, OggTrackConfig, OggTrackStats, PAGE, Placed};
pub use packet::{MAX_PACKET, frame_duration, has_fec, packet_duration, silence_packet};
pub use placing::{GapCause, Placing};
pub use playout::{
    CAPACITY, DUCKED, Events, KEEP_ALIVE_TICKS, MAX_SEGMENTS, MAX_VOLUME, Playing, Playout, PlayoutStats, Pushed,
    Stopped, TAIL_TICKS, Tick,
};
pub use resample::{MAX_RATE, MIN_RATE, Resampler};
pub use track_pcm::TrackPcm;
pub use track_reader::{TrackPacket, TrackReader, TrackScan, scan_track};

/// Length of one outgoing frame and of one playout tick, in milliseconds.
pub const FRAME_MS: u32 = 20;
/// The RTP clock of Opus (RFC 7587 §4.1), in Hz, whatever rate the codec works at.
pub const WIRE_RATE: u32 = 48_000;
/// What voice activity detection and speech recognition hear, in Hz. libopus decodes straight to it.
pub const EAR_RATE: u32 = 16_000;
/// What is queued and encoded for the caller, in Hz.
pub const MOUTH_RATE: u32 = 24_000;
/// Samples of one outgoing frame: [`FRAME_MS`] at [`MOUTH_RATE`].
pub const MOUTH_FRAME: usize = 480;
