//! The one place where media time becomes call time.

use ringline_model::CallTime;
use std::time::{Duration, Instant};

/// Tells call time. Copied into every task of the call.
#[derive(Clone, Copy, Debug)]
pub struct CallClock {
    began: Instant,
}

impl CallClock {
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    pub fn now(&self) -> CallTime {
        self.at(Instant::now())
    }

    pub fn at(&self, instant: Instant) -> CallTime {
        let since = instant.saturating_duration_since(self.began);
        CallTime::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    pub fn instant(&self, at: CallTime) -> Instant {
        self.began + Duration::from_micros(at.as_micros())
    }
}

/// Maps positions in the user's audio (samples at 16 kHz since the first packet) to call time.
///
/// A packet can arrive late but never early, so the smallest offset seen between arrival and media position is the
/// true one plus the path's least delay; jitter does not move it. It is let drift up by 0.1 % so that a sender whose
/// clock is slow does not fall behind for ever.
#[derive(Debug, Default)]
pub struct MediaClock {
    /// Call time in µs at which position 0 would have arrived; none before the first packet.
    offset: Option<i64>,
    last_position: u64,
}

const RATE: u64 = ringline_audio::EAR_RATE as u64;

impl MediaClock {
    /// A packet whose last sample is at `end` arrived at `arrival`.
    pub fn arrived(&mut self, end: u64, arrival: CallTime) {
        let media = micros(end);
        let seen = arrival.as_micros() as i64 - media;
        let drift = micros(end.saturating_sub(self.last_position)) / 1000;
        self.last_position = end;
        self.offset = Some(match self.offset {
            Some(offset) => seen.min(offset + drift),
            None => seen,
        });
    }

    /// When the sample at `position` was heard.
    pub fn call_time(&self, position: u64) -> CallTime {
        let at = self.offset.unwrap_or(0) + micros(position);
        CallTime::from_micros(u64::try_from(at).unwrap_or(0))
    }
}

fn micros(position: u64) -> i64 {
    (position * 1_000_000 / RATE) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_does_not_move_the_mapping() {
        let mut clock = MediaClock::default();
        clock.arrived(320, CallTime::from_millis(1020));
        clock.arrived(640, CallTime::from_millis(1190)); // 150 ms late
        clock.arrived(960, CallTime::from_millis(1060));
        let at = clock.call_time(640).as_millis();
        assert!((1039..=1041).contains(&at), "{at}");
    }

    #[test]
    fn a_slow_sender_is_followed() {
        let mut clock = MediaClock::default();
        for second in 0..600u64 {
            // 50 ppm slow: after 600 s it is 30 ms behind.
            clock.arrived((second + 1) * RATE, CallTime::from_micros((second + 1) * 1_000_050));
        }
        let behind = CallTime::from_micros(600 * 1_000_050).since(clock.call_time(600 * RATE));
        assert!(behind < Duration::from_millis(1), "{behind:?}");
    }
}
