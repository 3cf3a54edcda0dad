//! Forwarding: one participant's Opus packets in another's track, as they are. Nothing is decoded, mixed or concealed.
//!
//! The receiving track has one RTP time from its beginning to its end, whoever speaks in it. The sender's times are carried
//! over as distances, so that pauses and losses keep their length; where they cannot be (a new sender, a jump), the track
//! goes on from its own clock. What comes late is left out: it would run the track's time backwards.
//!
//! A value; times are in samples at 48 kHz and arguments.

use ringline_audio::packet_duration;

/// A packet whose carried-over time is further than this from the track's own, either way, has another clock: 1 s. Jitter is
/// far less.
const ASTRAY: u64 = 48_000;
/// Length of a packet of silence.
const SILENCE: u64 = 960;

#[derive(Debug)]
pub struct Relay {
    /// The sender's time and the track's that mean the same.
    anchor: Option<(u64, u64)>,
    /// Sequence number of the last packet that was forwarded.
    last: Option<u64>,
    /// Where what was sent ends.
    end: u64,
}

impl Relay {
    /// Goes on behind `end` of the track.
    pub fn behind(end: u64) -> Self {
        Self { anchor: None, last: None, end }
    }

    /// Where what was sent ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// From here on packets are another sender's.
    pub fn another_sender(&mut self) {
        self.anchor = None;
        self.last = None;
    }

    /// The packet's time in the track, whose clock says `now`. None: leave it out.
    pub fn place(&mut self, sequence: u64, rtp_time: u64, payload: &[u8], now: u64) -> Option<u64> {
        // Padding probes and garbage are no packets.
        let duration = packet_duration(payload)?;
        if self.last.is_some_and(|last| sequence <= last) {
            return None;
        }
        let carried = self.anchor.and_then(|(theirs, ours)| Some(ours + rtp_time.checked_sub(theirs)?));
        let at = carried.filter(|at| *at >= self.end && at.abs_diff(now) <= ASTRAY).unwrap_or_else(|| {
            let at = self.end.max(now);
            self.anchor = Some((rtp_time, at));
            at
        });
        self.last = Some(sequence);
        self.end = at + u64::from(duration);
        Some(at)
    }

    /// The time of a packet of silence that we send ourselves; the sender's next packet follows it.
    pub fn silence(&mut self, now: u64) -> u64 {
        let at = self.end.max(now);
        self.end = at + SILENCE;
        self.anchor = None;
        at
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// 20 ms and 60 ms.
    const SHORT: &[u8] = &[0xf8, 0xff, 0xfe];
    const LONG: &[u8] = &[0x18, 0, 0];

    #[test]
    fn distances_of_the_sender_are_kept() {
        let mut relay = Relay::behind(1000);
        assert_eq!(relay.place(7, 900_000, SHORT, 5000), Some(5000));
        // Jitter does not count, a pause and a loss keep their length.
        assert_eq!(relay.place(8, 900_960, SHORT, 9000), Some(5960));
        assert_eq!(relay.place(9, 910_000, LONG, 16_000), Some(15_000));
        assert_eq!(relay.place(12, 914_800, SHORT, 19_000), Some(19_800));
    }

    #[test]
    fn the_track_never_runs_backwards() {
        let mut relay = Relay::behind(10_000);
        assert_eq!(relay.place(7, 0, SHORT, 4000), Some(10_000), "behind what was sent");
        assert_eq!(relay.place(7, 0, SHORT, 4000), None, "twice");
        assert_eq!(relay.place(6, 0, SHORT, 4000), None, "late");
        assert_eq!(relay.place(8, 100, SHORT, 4000), Some(10_960), "an overlap follows");
        let mut end = 0;
        let mut random = 1u64;
        for n in 9..2000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (jump, now) = (random >> 45, n * 960);
            if let Some(at) = relay.place(n, n * 960 + jump % 200_000, SHORT, now) {
                assert!(at >= end && at < now + 300_000, "{at} after {end}");
                end = at + 960;
            }
        }
    }

    #[test]
    fn a_clock_that_jumps_is_followed_by_ours() {
        let mut relay = Relay::behind(0);
        assert_eq!(relay.place(1, 500, SHORT, 960), Some(960));
        assert_eq!(relay.place(2, 9_000_000, SHORT, 1920), Some(1920), "far ahead");
        assert_eq!(relay.place(3, 9_000_960, SHORT, 2880), Some(2880));
        assert_eq!(relay.place(4, 9_001_920, SHORT, 200_000), Some(200_000), "far behind");
        assert_eq!(relay.place(5, 3, SHORT, 200_960), Some(200_960), "started again");
        relay.another_sender();
        assert_eq!(relay.place(0, 77, SHORT, 300_000), Some(300_000), "another sender counts from where it likes");
    }

    #[test]
    fn own_silence_moves_the_sender_behind_it() {
        let mut relay = Relay::behind(0);
        relay.place(1, 0, SHORT, 960).unwrap();
        assert_eq!(relay.silence(10_000), 10_000);
        assert_eq!(relay.place(2, 9_000, SHORT, 10_200), Some(10_960));
        assert_eq!(relay.place(3, 9_960, SHORT, 11_200), Some(11_920));
    }

    #[test]
    fn what_is_no_opus_is_left_out() {
        let mut relay = Relay::behind(0);
        for payload in [&[][..], &[0xfb], &[0xfb, 0]] {
            assert_eq!(relay.place(1, 0, payload, 0), None);
        }
        assert_eq!(relay.place(1, 0, &[0xf8], 0), Some(0), "one byte of DTX is a packet");
    }
}
