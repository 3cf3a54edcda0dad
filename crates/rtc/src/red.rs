//! When to send every frame again with the ones behind it. RED costs bandwidth and hides almost all random loss; it is
//! negotiated always, and used at the beginning, when nobody knows the path yet, and while either side loses packets.

use std::time::{Duration, Instant};

/// How many packets back the copies are that a packet carries: each frame travels three times, so of 20 % random loss 0.8 % is
/// left. A copy is of use while a receiver's jitter buffer still waits for it, and that is 40 ms at least.
pub(crate) const DISTANCES: [u32; 2] = [1, 2];
/// Above this share of lost packets redundancy goes on (measured to matter from here).
const ON_ABOVE: f32 = 0.03;
/// With no report above this share for [`CALM`], it goes off again. While the agent is silent a report stands for few packets,
/// so one says little.
const OFF_AT: f32 = 0.01;
const CALM: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct RedSwitch {
    on: bool,
    calm_since: Option<Instant>,
}

impl Default for RedSwitch {
    fn default() -> RedSwitch {
        RedSwitch { on: true, calm_since: None }
    }
}

impl RedSwitch {
    /// Takes the loss that the other side reports (0 to 1).
    pub(crate) fn on_report(&mut self, loss: f32, now: Instant) {
        if loss > OFF_AT {
            self.calm_since = None;
            self.on |= loss > ON_ABOVE;
            return;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= CALM {
            self.on = false;
        }
    }

    /// Takes the loss of what we receive (0 to 1). What is lost on the way here may well be lost on the way there, and the other
    /// side's next report may be seconds away, or lost.
    pub(crate) fn on_received(&mut self, loss: f32) {
        if loss > ON_ABOVE {
            self.on = true;
            self.calm_since = None;
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A switch that has gone off, and when.
    fn calm() -> (RedSwitch, Instant) {
        let (mut red, start) = (RedSwitch::default(), Instant::now());
        red.on_report(0.0, start);
        assert!(red.is_on());
        red.on_report(0.0, start + CALM);
        assert!(!red.is_on());
        (red, start + CALM)
    }

    #[test]
    fn redundancy_is_on_until_ten_seconds_were_calm() {
        let (mut red, start) = (RedSwitch::default(), Instant::now());
        assert!(red.is_on(), "nobody knows the path yet");
        red.on_report(0.01, start);
        red.on_report(0.02, start + 5 * SECOND);
        red.on_report(0.0, start + 6 * SECOND);
        red.on_report(0.0, start + 15 * SECOND);
        assert!(red.is_on(), "a report in between starts the time again");
        red.on_report(0.0, start + 16 * SECOND);
        assert!(!red.is_on());
    }

    #[test]
    fn redundancy_starts_above_three_percent() {
        let (mut red, now) = calm();
        red.on_report(0.03, now);
        assert!(!red.is_on());
        red.on_report(0.031, now);
        assert!(red.is_on());
    }

    #[test]
    fn loss_of_what_we_receive_starts_it_too() {
        let (mut red, now) = calm();
        red.on_received(0.03);
        assert!(!red.is_on());
        red.on_received(0.04);
        assert!(red.is_on());
        red.on_report(0.0, now);
        red.on_report(0.0, now + CALM);
        assert!(!red.is_on(), "what the other side says counts in the end");
    }
}
