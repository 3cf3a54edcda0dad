//! When to send every frame twice. RED costs bandwidth and hides almost all random loss; it is negotiated always
//! and used while the other side reports loss.

/// Above this share of lost packets redundancy goes on (measured to matter from here).
const ON_ABOVE: f32 = 0.03;
/// At or below this share, so many reports in a row, it goes off again.
const OFF_AT: f32 = 0.01;
const CALM_REPORTS: u8 = 3;

#[derive(Debug, Default)]
pub(crate) struct RedSwitch {
    on: bool,
    calm: u8,
}

impl RedSwitch {
    /// Takes the loss of one receiver report (0 to 1); says whether redundancy is wanted now.
    pub(crate) fn on_report(&mut self, loss: f32) -> bool {
        if loss > ON_ABOVE {
            self.on = true;
            self.calm = 0;
        } else if loss <= OFF_AT {
            self.calm = self.calm.saturating_add(1);
            if self.calm >= CALM_REPORTS {
                self.on = false;
            }
        } else {
            self.calm = 0;
        }
        self.on
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redundancy_starts_above_three_percent_and_stops_after_three_calm_reports() {
        let mut red = RedSwitch::default();
        assert!(!red.on_report(0.03));
        assert!(red.on_report(0.031));
        assert!(red.on_report(0.0));
        assert!(red.on_report(0.01));
        assert!(red.on_report(0.02), "a report in between starts the count again");
        assert!(red.on_report(0.0));
        assert!(red.on_report(0.0));
        assert!(!red.on_report(0.0));
    }
}
