//! How often something may happen in a call: so many at once, and over time so many a second.

use ringline_model::CallTime;
use std::time::Duration;

/// A bucket that holds `most` and gains one each `every`; full at the start.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    most: u32,
    every: Duration,
    left: u32,
    /// Since when the next one is being gained.
    since: CallTime,
}

impl Pace {
    /// `every` is longer than nothing.
    pub const fn new(most: u32, every: Duration) -> Self {
        Self { most, every, left: most, since: CallTime::ZERO }
    }

    /// Whether one more may happen now. Time that goes back counts as none.
    pub fn take(&mut self, now: CallTime) -> bool {
        let every = self.every.as_nanos().max(1);
        let gained = now.since(self.since).as_nanos() / every;
        if gained >= u128::from(self.most - self.left) {
            (self.left, self.since) = (self.most, self.since.max(now));
        } else {
            // Fewer than `most`.
            let gained = gained as u32;
            self.left += gained;
            self.since = self.since + self.every * gained;
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> CallTime {
        CallTime::from_millis(ms)
    }

    /// How many of a hundred may happen at once.
    fn burst(pace: &mut Pace, ms: u64) -> usize {
        (0..100).filter(|_| pace.take(at(ms))).count()
    }

    #[test]
    fn so_many_may_happen_at_once_and_then_one_each_interval() {
        let mut pace = Pace::new(20, Duration::from_millis(100));
        assert_eq!(burst(&mut pace, 5_000), 20);
        assert_eq!([5_050, 5_099].map(|ms| pace.take(at(ms))), [false, false]);
        assert_eq!([5_100, 5_101, 5_199, 5_200].map(|ms| pace.take(at(ms))), [true, false, false, true]);
        assert_eq!(burst(&mut pace, 5_550), 3);
        assert_eq!([5_599, 5_600].map(|ms| pace.take(at(ms))), [false, true], "half an interval is not lost");
    }

    #[test]
    fn what_was_not_used_is_saved_up_to_the_most() {
        let mut pace = Pace::new(3, Duration::from_secs(1));
        assert_eq!(burst(&mut pace, 0), 3);
        assert_eq!(burst(&mut pace, 2_000), 2);
        assert_eq!(burst(&mut pace, 1_000_000), 3);
        assert_eq!(burst(&mut pace, 999_000), 0, "time does not go back");
    }

    #[test]
    fn over_a_long_time_the_rate_holds_however_it_is_asked() {
        for step in [1, 7, 33, 250] {
            let mut pace = Pace::new(20, Duration::from_millis(100));
            let taken = (0..60_000).step_by(step).filter(|ms| pace.take(at(*ms))).count();
            let asked = 60_000_usize.div_ceil(step);
            assert_eq!(taken, asked.min(20 + 599), "each {step} ms");
        }
    }
}
