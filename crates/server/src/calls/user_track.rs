//! Where the user's packets lie in the recording, and what was missing before them.

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

/// One transport's packets in the user's track.
#[derive(Debug, Default)]
pub struct UserTrack {
    placing: Placing,
    /// What had been lost when the last packet came; none before the first.
    lost: Option<u64>,
}

impl UserTrack {
    /// The packet at `packet_at` (wire samples) of its transport, of which `lost` in all have been lost. The tracks began at
    /// `began`; `again` is true if the user had another transport before.
    pub fn place(
        &mut self,
        packet_at: u64,
        payload: Arc<[u8]>,
        lost: u64,
        clock: &MediaClock,
        began: CallTime,
        again: bool,
    ) -> RecordedPacket {
        let gap = match self.lost.replace(lost) {
            None if again => GapCause::Away,
            None => GapCause::JoinedLate,
            Some(before) if lost > before => GapCause::Lost,
            Some(_) => GapCause::NotSent,
        };
        let wanted = wire_samples(clock.call_time(packet_at / EAR_TO_WIRE).since(began));
        let duration = packet_duration(&payload).unwrap_or(USUAL);
        let (at, corrected) = self.placing.place(packet_at, wanted, duration, payload.len());
        RecordedPacket { track: Track::User, at, gap: if corrected { GapCause::Clock } else { gap }, payload }
    }
}

/// A span of call time in samples at [`WIRE_RATE`].
pub fn wire_samples(span: Duration) -> u64 {
    (span.as_micros() * u128::from(WIRE_RATE) / 1_000_000) as u64
}
