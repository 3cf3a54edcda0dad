//! Where the packets of somebody on the line lie in the recording, and what was missing before them.

use super::clock::MediaClock;
use super::recorder::RecordedPacket;
use crate::recording::Track;
use ringline_audio::{EAR_RATE, GapCause, Placing, WIRE_RATE, packet_duration};
use ringline_model::CallTime;
use std::sync::Arc;
use std::time::Duration;

/// Wire samples of one sample at 16 kHz.
const EAR_TO_WIRE: u64 = WIRE_RATE as u64 / EAR_RATE as u64;
/// Taken for the length of a packet that says none, in samples at [`WIRE_RATE`].
const USUAL: u32 = 960;

/// One sender's packets in a track.
#[derive(Debug)]
pub struct ReceivedTrack {
    track: Track,
    placing: Placing,
    /// Why there is nothing before the first packet.
    before: GapCause,
    /// What had been lost when the last packet came; none before the first.
    lost: Option<u64>,
}

impl ReceivedTrack {
    /// `before`: why the track has nothing before this sender's first packet.
    pub fn new(track: Track, before: GapCause) -> Self {
        Self { track, placing: Placing::default(), before, lost: None }
    }

    /// The packet at `packet_at` (wire samples) of its transport, of which `lost` in all have been lost. The tracks began at
    /// `began`.
    pub fn place(
        &mut self,
        packet_at: u64,
        payload: Arc<[u8]>,
        lost: u64,
        clock: &MediaClock,
        began: CallTime,
    ) -> RecordedPacket {
        let gap = match self.lost.replace(lost) {
            None => self.before,
            Some(before) if lost > before => GapCause::Lost,
            Some(_) => GapCause::NotSent,
        };
        let wanted = wire_samples(clock.call_time(packet_at / EAR_TO_WIRE).since(began));
        let duration = packet_duration(&payload).unwrap_or(USUAL);
        let (at, corrected) = self.placing.place(packet_at, wanted, duration, payload.len());
        RecordedPacket { track: self.track, at, gap: if corrected { GapCause::Clock } else { gap }, payload }
    }
}

/// A span of call time in samples at [`WIRE_RATE`].
pub fn wire_samples(span: Duration) -> u64 {
    (span.as_micros() * u128::from(WIRE_RATE) / 1_000_000) as u64
}
