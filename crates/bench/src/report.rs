//! What a run says at its end.

use serde::Serialize;

#[derive(Serialize)]
pub struct Report {
    connections: u16,
    seconds: u64,
    starts: usize,
    starts_per_second: f64,
    /// Latency of GenerateAIAgentCall, in ms.
    start_ms: Percentiles,
    /// Of StopAIAgentInstance.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_ms: Option<Percentiles>,
    /// CPU time this loader took of the same machine, in s.
    loader_cpu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu: Option<f64>,
}

#[derive(Serialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

impl Report {
    pub fn new(
        connections: u16,
        seconds: u64,
        starts: Vec<u64>,
        stops: Vec<u64>,
        loader_cpu: Option<f64>,
        server_cpu: Option<f64>,
    ) -> Self {
        Self {
            connections,
            seconds,
            starts: starts.len(),
            starts_per_second: starts.len() as f64 / seconds as f64,
            stop_ms: (!stops.is_empty()).then(|| Percentiles::of(stops)),
            start_ms: Percentiles::of(starts),
            loader_cpu,
            server_cpu,
        }
    }
}

impl Percentiles {
    /// Of times in µs.
    fn of(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let rank = (share * times.len() as f64).ceil().max(1.0) as usize - 1;
            times.get(rank).map_or(f64::NAN, |us| *us as f64 / 1000.0)
        };
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

/// CPU time of processes, as Linux counts it.
pub struct Cpu;

impl Cpu {
    /// User and system time since a process began, in s; `self` is this one.
    pub fn of(process: &str) -> Option<f64> {
        /// Linux reports in units of 10 ms to user space.
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name in parentheses may hold anything; user and system time are the 12th and 13th fields after it.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<f64>().ok();
        Some((next()? + next()?) / TICKS)
    }

    pub fn since(before: Option<f64>, process: &str) -> Option<f64> {
        Some(Self::of(process)? - before?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = Percentiles::of((1..=100).map(|n| n * 1000).rev().collect());
        assert_eq!((times.p50, times.p95, times.p99, times.max), (50.0, 95.0, 99.0, 100.0));
        assert_eq!(Percentiles::of(vec![7000]).p50, 7.0);
    }

    #[test]
    fn our_own_time_can_be_read() {
        assert!(Cpu::of("self").is_some());
    }
}
