//! Percentiles of what was measured.

use serde::Serialize;
use std::time::Duration;

/// Nearest-rank percentiles in ms: each is a time that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    pub n: usize,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Percentiles {
    /// Of times in µs; none without any.
    pub fn of(mut times: Vec<i64>) -> Option<Self> {
        times.sort_unstable();
        let at = |share: f64| {
            let rank = (share * times.len() as f64).ceil().max(1.0) as usize - 1;
            times.get(rank).map(|us| *us as f64 / 1000.0)
        };
        Some(Self { n: times.len(), p50: at(0.5)?, p95: at(0.95)?, p99: at(0.99)?, max: at(1.0)? })
    }
}

/// What [`Percentiles::of`] takes.
pub fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = Percentiles::of((1..=100).map(|n| n * 1000).rev().collect()).expect("some");
        assert_eq!((times.n, times.p50, times.p95, times.p99, times.max), (100, 50.0, 95.0, 99.0, 100.0));
        assert_eq!(Percentiles::of(vec![7000]).map(|times| times.p50), Some(7.0));
        assert_eq!(Percentiles::of(Vec::new()), None);
    }
}
