//! Where the packets of somebody on the line belong in a recording.
//!
//! Within a stream the sender's own clock says how packets lie to each other; where the stream lies in the call, only
//! arrivals tell, and better the longer one looks (the earliest is the truest). Sound cards are off by up to some
//! hundred parts in a million besides, a third of a second in an hour. So a packet follows the one before it as
//! the sender has it, until that is [`MOST`] away from where arrivals put it, or half a packet if that is more; then the track
//! is put right, in a pause if there is one: silence is inserted, or packets whose place is taken are left out.

use crate::WIRE_RATE;

/// Furthest a packet lies from where it belongs, in samples at [`WIRE_RATE`]: 10 ms.
const MOST: i64 = WIRE_RATE as i64 / 100;
/// From here on a quiet packet is an occasion to put the track right: 3 ms.
const IN_A_PAUSE: i64 = 3 * WIRE_RATE as i64 / 1000;
/// Missing audio of this length is a pause: 2.5 ms.
const GAP: u64 = 120;

/// Why a part of a track has no packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapCause {
    /// The first packet came when the recording had begun.
    JoinedLate,
    /// Packets were sent and did not arrive.
    Lost,
    /// The sender had nothing to say (DTX, mute), or did not say it.
    NotSent,
    /// Between two transports of the same participant.
    Away,
    /// A human's, while the agent was in charge.
    NotInCharge,
    /// Packets arrived or left, and we did not keep them: we were too slow.
    Dropped,
    /// The sender's clock is not ours: what was put in or left out to stay true to the call's.
    Clock,
}

impl GapCause {
    pub const ALL: &[Self] =
        &[Self::JoinedLate, Self::Lost, Self::NotSent, Self::Away, Self::NotInCharge, Self::Dropped, Self::Clock];

    /// As it is written in a recording's index.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JoinedLate => "joined_late",
            Self::Lost => "lost",
            Self::NotSent => "not_sent",
            Self::Away => "away",
            Self::NotInCharge => "not_in_charge",
            Self::Dropped => "dropped",
            Self::Clock => "clock",
        }
    }
}

/// Places the packets of one stream. Positions are in samples at [`WIRE_RATE`].
#[derive(Debug, Default)]
pub struct Placing {
    /// Track position of the stream's position 0; none before the first packet.
    offset: Option<i64>,
    /// Stream position behind the last packet.
    end: u64,
    /// Mean size of packets, in sixteenths of bytes.
    usual_size: usize,
}

impl Placing {
    /// The place of a packet at `stream_at` of its stream, which arrivals put at `wanted` of the track. The second value is
    /// true if the track was put right here.
    pub fn place(&mut self, stream_at: u64, wanted: u64, duration: u32, size: usize) -> (u64, bool) {
        let wanted = wanted.cast_signed() - stream_at.cast_signed();
        let paused = stream_at >= self.end + GAP;
        self.end = stream_at + u64::from(duration);
        let is_quiet = size * 16 * 2 < self.usual_size;
        self.usual_size = if self.usual_size == 0 { size * 16 } else { self.usual_size - self.usual_size / 16 + size };
        let Some(offset) = self.offset else {
            self.offset = Some(wanted);
            return (at(stream_at, wanted), false);
        };
        let error = (wanted - offset).abs();
        let most = MOST.max(i64::from(duration) / 2);
        let corrected = error > most || (is_quiet && error > IN_A_PAUSE);
        if corrected || paused {
            self.offset = Some(wanted);
            return (at(stream_at, wanted), corrected && !paused);
        }
        (at(stream_at, offset), false)
    }
}

fn at(stream_at: u64, offset: i64) -> u64 {
    stream_at.saturating_add_signed(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 960;

    #[test]
    fn packets_follow_each_other_while_arrivals_waver() {
        let mut placing = Placing::default();
        assert_eq!(placing.place(0, 5000, 960, 80), (5000, false));
        for n in 1..50u64 {
            let wavering = if n % 2 == 0 { 300 } else { 0 };
            assert_eq!(placing.place(n * FRAME, 5000 + n * FRAME - wavering, 960, 80), (5000 + n * FRAME, false));
        }
    }

    #[test]
    fn a_sender_with_a_fast_or_slow_clock_stays_within_half_a_frame() {
        for ppm in [-300i64, 300] {
            let mut placing = Placing::default();
            let mut corrections = 0;
            for n in 0..180_000u64 {
                let stream_at = n * FRAME;
                let wanted = (stream_at as i64 + stream_at as i64 * ppm / 1_000_000) as u64 + 5000;
                let (at, corrected) = placing.place(stream_at, wanted, 960, 80);
                assert!(at.abs_diff(wanted) <= 480, "{at} {wanted}");
                corrections += u32::from(corrected);
            }
            assert!((100..=120).contains(&corrections), "1080 ms in steps of 10 ms: {corrections}");
        }
    }

    #[test]
    fn a_pause_and_a_quiet_packet_put_the_track_right_early() {
        let mut placing = Placing::default();
        placing.place(0, 0, 960, 80);
        assert_eq!(placing.place(FRAME, FRAME + 200, 960, 80), (FRAME, false), "not yet");
        assert_eq!(placing.place(2 * FRAME, 2 * FRAME + 200, 960, 10), (2 * FRAME + 200, true), "quiet");
        let later = 10 * FRAME;
        assert_eq!(placing.place(later, later + 100, 960, 80), (later + 100, false), "behind a pause");
    }
}
