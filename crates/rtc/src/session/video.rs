//! Video that a client sends: taken, counted and let go. Nothing is decoded here.
//!
//! The answer asks for at most [`VIDEO_KBPS`](crate::limits::VIDEO_KBPS). Whoever sends more than
//! [`MAX_VIDEO_BYTES`](crate::limits::MAX_VIDEO_BYTES) a second loses what is above it before it costs a decryption; a
//! browser's congestion control sees that as loss and sends less.

use std::time::{Duration, Instant};

use crate::limits::MAX_VIDEO_BYTES;
use crate::sdp;

/// What may still come. A value; time is an argument.
#[derive(Debug)]
pub(super) struct VideoAllowance {
    /// RTP payload types that are video, as bits.
    types: u128,
    /// Bytes that may come at once; a second's worth at most.
    left: u64,
    at: Instant,
}

impl VideoAllowance {
    pub(super) fn new(now: Instant) -> VideoAllowance {
        VideoAllowance { types: 0, left: MAX_VIDEO_BYTES, at: now }
    }

    /// The answer says what is video from now on.
    pub(super) fn negotiated(&mut self, answer: &str) {
        self.types = sdp::video_payload_types(answer).fold(0, |types, pt| types | 1 << (pt & 0x7F));
    }

    /// Whether a datagram is taken: it is no video, or within the limit.
    pub(super) fn takes(&mut self, datagram: &[u8], now: Instant) -> bool {
        if self.types == 0 || !self.is_video(datagram) {
            return true;
        }
        let passed = now.saturating_duration_since(self.at).min(Duration::from_secs(1));
        // Whole milliseconds only; the rest counts the next time.
        let ms = passed.as_millis() as u64;
        if ms > 0 {
            self.left = MAX_VIDEO_BYTES.min(self.left + MAX_VIDEO_BYTES * ms / 1000);
            self.at = now;
        }
        let size = datagram.len() as u64;
        let taken = size <= self.left;
        if taken {
            self.left -= size;
        }
        taken
    }

    fn is_video(&self, datagram: &[u8]) -> bool {
        // RTP of version 2; RTCP's types are 64 to 95 in the same place (RFC 5761).
        matches!(datagram, [0x80..=0xBF, second, ..] if self.types >> (second & 0x7F) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "m=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\nm=video 9 X 96 97\r\na=recvonly\r\n\
                          a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n";

    fn rtp(payload_type: u8, size: usize) -> Vec<u8> {
        let mut datagram = vec![0; size];
        (datagram[0], datagram[1]) = (0x80, payload_type);
        datagram
    }

    #[test]
    fn video_above_a_second_of_the_limit_is_dropped_until_time_passes_and_audio_never() {
        let mut now = Instant::now();
        let mut allowance = VideoAllowance::new(now);
        allowance.negotiated(ANSWER);
        let mut flood =
            |now| (0..1_000_u32).filter(|n| allowance.takes(&rtp(96 + (n % 2) as u8, 1_000), now)).count() as u64;
        assert_eq!(flood(now), MAX_VIDEO_BYTES / 1_000);
        assert_eq!(flood(now), 0);
        now += Duration::from_millis(100);
        assert_eq!(flood(now), MAX_VIDEO_BYTES / 10_000);
        now += Duration::from_secs(3600);
        assert_eq!(flood(now), MAX_VIDEO_BYTES / 1_000);
        for other in [rtp(111, 1_000), rtp(0x80 | 111, 1_000), rtp(200, 1_000), vec![20; 1_000], vec![0x80]] {
            assert!(allowance.takes(&other, now), "{:?}", &other[..2.min(other.len())]);
        }
    }

    #[test]
    fn without_video_in_the_answer_nothing_is_counted() {
        let now = Instant::now();
        let mut allowance = VideoAllowance::new(now);
        allowance
            .negotiated("m=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\nm=video 0 X 96\r\na=rtpmap:96 VP8/90000\r\n");
        assert!((0..10_000).all(|_| allowance.takes(&rtp(96, 1_000), now)));
    }
}
