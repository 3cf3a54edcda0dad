//! What a listener would have missed of the agent's speech. A value; computed from when each packet came.
//!
//! The listener has a jitter buffer of the usual kind: playout starts a stretch of speech as late as most packets needed lately,
//! waits for what is late (and stays later by that much), and passes over a frame whose successor is there before it. What it
//! doesn't count: loss at the edges of a stretch, where nobody knows whether speech was lost or silence.

use serde::Serialize;
use std::time::Duration;

/// RTP ticks and length of a frame.
const TICKS: u64 = 960;
const FRAME: Duration = Duration::from_millis(20);
/// The least that playout lies behind the fastest packet.
const LEAST_DELAY: Duration = Duration::from_millis(40);
/// Packets that a stretch's delay is taken from (5 s of speech), and the share of them that would be in time.
const REMEMBERED: usize = 250;
const IN_TIME: usize = 95;
/// A frame is passed over if one of so many behind it is there in its stead.
const SUCCESSORS: usize = 5;
/// Packets kept: 30 minutes. Later ones are not judged.
const MAX_PACKETS: usize = 30 * 60 * 50;
/// Payloads up to this many bytes are Opus frames of silence.
const SILENCE_BYTES: usize = 3;

/// The times of one call, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// The agent's speech, from the first to the last packet of each stretch.
    pub speech_ms: u64,
    /// What of it never came, or came when its successor had taken its place.
    pub missing_ms: u64,
    /// Silence while playout waited for a late packet.
    pub waited_ms: u64,
    pub longest_gap_ms: u64,
    /// How far playout lay behind the fastest packet, at its worst.
    pub delay_ms: u64,
}

/// One packet: RTP time, arrival, whether it is speech.
#[derive(Clone, Copy, Debug)]
struct Packet {
    rtp_time: u64,
    came: Duration,
    speech: bool,
}

#[derive(Debug, Default)]
pub struct Listener {
    packets: Vec<Packet>,
}

impl Listener {
    /// A packet came, `came` after some moment that is the same for all.
    pub fn packet(&mut self, rtp_time: u64, came: Duration, payload: &[u8]) {
        if self.packets.len() < MAX_PACKETS {
            self.packets.push(Packet { rtp_time, came, speech: payload.len() > SILENCE_BYTES });
        }
    }

    pub fn heard(&self) -> Heard {
        let mut packets = self.packets.clone();
        packets.sort_by_key(|packet| (packet.rtp_time, packet.came));
        packets.dedup_by_key(|packet| packet.rtp_time);
        let Some(fastest) = packets.iter().map(transit).min() else { return Heard::default() };
        let mut playout = Playout { fastest, delay: LEAST_DELAY, lately: Vec::new(), heard: Heard::default() };
        for stretch in packets.chunk_by(|before, after| before.speech == after.speech) {
            if stretch[0].speech {
                playout.play(stretch);
            } else {
                stretch.iter().for_each(|packet| playout.remember(packet));
            }
        }
        playout.heard
    }
}

/// How long a packet was under way, plus a constant. Signed, since RTP time starts anywhere.
fn transit(packet: &Packet) -> i64 {
    packet.came.as_micros() as i64 - media_time(packet.rtp_time)
}

fn media_time(rtp_time: u64) -> i64 {
    (rtp_time * 1000 / 48) as i64
}

struct Playout {
    fastest: i64,
    delay: Duration,
    /// The last packets' transits beyond the fastest.
    lately: Vec<Duration>,
    heard: Heard,
}

impl Playout {
    fn beyond_fastest(&self, packet: &Packet) -> Duration {
        Duration::from_micros((transit(packet) - self.fastest) as u64)
    }

    fn remember(&mut self, packet: &Packet) {
        if self.lately.len() == REMEMBERED {
            self.lately.remove(0);
        }
        self.lately.push(self.beyond_fastest(packet));
    }

    fn begin(&mut self) {
        let mut transits = self.lately.clone();
        transits.sort_unstable();
        let usual = transits.get(transits.len() * IN_TIME / 100).copied();
        self.delay = usual.unwrap_or_default().max(LEAST_DELAY);
    }

    fn play(&mut self, stretch: &[Packet]) {
        self.begin();
        let mut gap = Duration::ZERO;
        let mut next = stretch[0].rtp_time;
        for (n, packet) in stretch.iter().enumerate() {
            let lost = FRAME * u32::try_from(packet.rtp_time.saturating_sub(next) / TICKS).unwrap_or(u32::MAX);
            self.heard.missing_ms += lost.as_millis() as u64;
            gap += lost;
            next = packet.rtp_time + TICKS;
            let late = self.beyond_fastest(packet).saturating_sub(self.delay);
            let passed_over = stretch[n + 1..].iter().take(SUCCESSORS).any(|later| later.came < packet.came);
            if !late.is_zero() && passed_over {
                self.heard.missing_ms += FRAME.as_millis() as u64;
                gap += FRAME;
            } else {
                self.heard.waited_ms += late.as_millis() as u64;
                self.delay += late;
                self.note(gap + late);
                gap = Duration::ZERO;
            }
            self.remember(packet);
        }
        self.note(gap);
        self.heard.speech_ms += (next - stretch[0].rtp_time) / 48;
    }

    fn note(&mut self, gap: Duration) {
        self.heard.longest_gap_ms = self.heard.longest_gap_ms.max(gap.as_millis() as u64);
        self.heard.delay_ms = self.heard.delay_ms.max(self.delay.as_millis() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: [u8; 100] = [0x78; 100];
    const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

    /// Frames `range` of speech, each as much later than the last as `late` says (in ms); none if it never comes.
    fn hear(range: std::ops::Range<u64>, late: impl Fn(u64) -> Option<u64>) -> Heard {
        let mut listener = Listener::default();
        for n in range.filter(|n| late(*n).is_some()) {
            let came = Duration::from_millis(500 + n * 20 + late(n).unwrap_or(0));
            listener.packet(7_000 + n * 960, came, &SPEECH);
        }
        listener.heard()
    }

    #[test]
    fn speech_that_comes_evenly_is_heard_whole() {
        let heard = hear(0..100, |_| Some(0));
        assert_eq!(heard, Heard { speech_ms: 2000, delay_ms: 40, ..Heard::default() });
    }

    #[test]
    fn lost_frames_are_missing_and_make_one_gap() {
        let heard = hear(0..100, |n| (!(50..53).contains(&n)).then_some(0));
        assert_eq!((heard.speech_ms, heard.missing_ms, heard.waited_ms, heard.longest_gap_ms), (2000, 60, 0, 60));
    }

    #[test]
    fn playout_waits_for_what_is_late_and_stays_late() {
        // From frame 50 on everything is 200 ms later: 160 ms more than the buffer holds.
        let heard = hear(0..100, |n| Some(if n < 50 { 0 } else { 200 }));
        assert_eq!((heard.missing_ms, heard.waited_ms, heard.longest_gap_ms, heard.delay_ms), (0, 160, 160, 200));
    }

    #[test]
    fn a_frame_that_was_overtaken_is_passed_over() {
        let heard = hear(0..100, |n| Some(if n == 50 { 70 } else { 0 }));
        assert_eq!((heard.missing_ms, heard.waited_ms, heard.longest_gap_ms), (20, 0, 20));
        let in_time = hear(0..100, |n| Some(if n == 50 { 35 } else { 0 }));
        assert_eq!(in_time.missing_ms, 0, "the buffer holds it");
    }

    #[test]
    fn silence_between_stretches_is_no_gap_and_the_next_stretch_begins_as_late_as_was_needed() {
        let mut listener = Listener::default();
        let mut packet = |n: u64, late: u64, payload: &[u8]| {
            listener.packet(n * 960, Duration::from_millis(n * 20 + late), payload);
        };
        (0..50).for_each(|n| packet(n, if n == 0 { 0 } else { 100 }, &SPEECH));
        (50..60).for_each(|n| packet(n, 100, &SILENCE));
        (200..250).for_each(|n| packet(n, 100, &SPEECH));
        let heard = listener.heard();
        assert_eq!((heard.speech_ms, heard.missing_ms, heard.waited_ms, heard.delay_ms), (2000, 0, 60, 100));
    }

    #[test]
    fn nothing_heard_is_nothing_missed() {
        assert_eq!(Listener::default().heard(), Heard::default());
    }
}
