//! How late audio frames come, against the one of the same call that took the shortest way: arrival minus RTP time.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Lateness {
    began: Instant,
    /// Arrival minus RTP time in µs, of the frames that count.
    offsets: Vec<i64>,
    /// Of all.
    least: i64,
    first_rtp: Option<u64>,
    expected: Option<u64>,
    /// Sequence numbers that did not come in order.
    pub lost: u64,
}

impl Lateness {
    pub fn new(began: Instant) -> Self {
        Self { began, offsets: Vec::new(), least: i64::MAX, first_rtp: None, expected: None, lost: 0 }
    }

    /// A frame; `counts`: it came within the time that is measured.
    pub fn arrived(&mut self, sequence: u64, rtp_time: u64, at: Instant, counts: bool) {
        let first = *self.first_rtp.get_or_insert(rtp_time);
        let media = rtp_time.wrapping_sub(first).cast_signed() as i128 * 1_000_000 / 48_000;
        let arrival = at.saturating_duration_since(self.began).as_micros() as i128;
        let offset = i64::try_from(arrival - media).unwrap_or(i64::MAX);
        self.least = self.least.min(offset);
        if counts {
            self.offsets.push(offset);
            self.lost += self.expected.map_or(0, |expected| sequence.saturating_sub(expected));
        }
        self.expected = Some(sequence + 1);
    }

    /// In µs, of each frame that counts.
    pub fn late(&self) -> impl Iterator<Item = i64> + '_ {
        self.offsets.iter().map(|offset| offset - self.least)
    }

    pub fn later_than(&self, limit: Duration) -> usize {
        self.late().filter(|late| *late > limit.as_micros() as i64).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_late_against_the_quickest_of_its_call() {
        let began = Instant::now();
        let mut lateness = Lateness::new(began);
        let ms = Duration::from_millis;
        for (n, delay) in [7, 5, 5, 30, 6].into_iter().enumerate() {
            let n = n as u64;
            lateness.arrived(n, 1_000_000 + n * 960, began + ms(n * 20 + delay), n > 0);
        }
        assert_eq!(lateness.late().collect::<Vec<_>>(), [0, 0, 25_000, 1_000]);
        assert_eq!((lateness.later_than(ms(20)), lateness.lost), (1, 0));
        lateness.arrived(7, 1_000_000 + 7 * 960, began + ms(145), true);
        assert_eq!(lateness.lost, 2);
    }
}
