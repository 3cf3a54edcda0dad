//! How the network from the user is: loss and jitter of what arrives, reported every [`EVERY`] ticks.

use super::Task;
use crate::calls::CallEvent;
use crate::calls::live::event::Network;
use crate::metrics::METRICS;
use ringline_audio::WIRE_RATE;
use std::time::Instant;

/// Ticks between reports: 2 s.
const EVERY: u32 = 100;

#[derive(Debug, Default)]
pub struct Quality {
    ticks: u32,
    /// Since the last report.
    received: u64,
    /// The highest sequence number at the last report, and so far.
    reported: Option<u64>,
    highest: u64,
    /// Arrival and RTP time of the packet before, both in s.
    before: Option<(Instant, u64)>,
    /// In samples (RFC 3550, 6.4.1).
    jitter: f64,
}

impl Quality {
    pub fn received(&mut self, sequence: u64, rtp_time: u64, at: Instant) {
        self.reported.get_or_insert(sequence.saturating_sub(1));
        self.highest = self.highest.max(sequence);
        self.received += 1;
        if let Some((arrived, sent)) = self.before {
            let transit = at.saturating_duration_since(arrived).as_secs_f64() * f64::from(WIRE_RATE) - rtp_time as f64
                + sent as f64;
            self.jitter += (transit.abs() - self.jitter) / 16.0;
        }
        self.before = Some((at, rtp_time));
    }

    /// Once each time a report is due.
    pub fn is_due(&mut self) -> bool {
        self.ticks += 1;
        let due = self.ticks >= EVERY;
        if due {
            self.ticks = 0;
        }
        due
    }

    /// Loss since the last report, a share, and jitter in ms.
    fn report(&mut self) -> (f32, f32) {
        let expected = self.highest.saturating_sub(self.reported.unwrap_or(self.highest));
        let received = std::mem::take(&mut self.received);
        self.reported = self.reported.map(|_| self.highest);
        let lost = expected.saturating_sub(received);
        METRICS.packets_received.inc_by(received);
        METRICS.packets_lost.inc_by(lost);
        if received > 0 {
            METRICS.jitter.observe(self.jitter / f64::from(WIRE_RATE));
        }
        let loss = if expected == 0 { 0.0 } else { lost as f64 / expected as f64 };
        (loss as f32, (self.jitter * 1000.0 / f64::from(WIRE_RATE)) as f32)
    }
}

impl Task {
    pub fn report_quality(&mut self) {
        let Some(transport) = &mut self.transport else { return };
        let (loss, jitter_ms) = transport.quality.report();
        let stats = transport.peer.stats();
        let network = Network {
            loss,
            jitter_ms,
            remote_loss: stats.remote_loss,
            round_trip_ms: stats.round_trip.map(|time| time.as_secs_f32() * 1000.0),
            path_lost: transport.path_lost,
        };
        self.tell(CallEvent::Network(network));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn loss_is_what_is_missing_since_the_last_report() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        for n in (100..200).filter(|n| n % 10 != 5) {
            quality.received(n, n * 960, start + Duration::from_millis((n - 100) * 20));
        }
        let (loss, jitter) = quality.report();
        assert!((loss - 0.1).abs() < 0.001 && jitter < 0.01, "{loss} {jitter}");
        for n in 200..300 {
            quality.received(n, n * 960, start + Duration::from_millis((n - 100) * 20));
        }
        assert!(quality.report().0.abs() < f32::EPSILON);
    }

    #[test]
    fn packets_that_come_unevenly_are_jitter() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        for n in 0..500 {
            let late = if n % 2 == 0 { 0 } else { 10 };
            quality.received(n, n * 960, start + Duration::from_millis(n * 20 + late));
        }
        let (_, jitter) = quality.report();
        assert!((9.0..11.0).contains(&jitter), "{jitter}");
    }

    #[test]
    fn before_the_first_packet_nothing_is_lost() {
        assert_eq!(Quality::default().report(), (0.0, 0.0));
    }
}
