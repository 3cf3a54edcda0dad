//! Packets that overtook each other are put in order again, without a delay for those that did not.
//!
//! A packet that is next in turn passes at once. Behind a hole packets wait as long as a missing one has lately proved to be late,
//! at most [`MAX_WAIT`]; while packets only get lost and never come late, nothing waits at all. What comes after its hole was given
//! up passes as it is: [`EarPath`](crate::EarPath) drops it and counts it.

use crate::LATE_RUN;
use std::collections::VecDeque;
use std::time::Duration;

/// Longest that a packet waits for one before it. Speech recognition would hardly miss it, the end of a turn would.
pub const MAX_WAIT: Duration = Duration::from_millis(100);
/// Packets that wait at most; with one more the first of them passes.
pub const MAX_WAITING: usize = 16;
/// So long the latest packet is remembered, twice at most.
const MEMORY: Duration = Duration::from_secs(10);
/// Packets whose arrival is remembered, to know by how much a late one is late.
const ARRIVALS: usize = 32;

/// `at` is the time since any moment that is the same for all calls, and must not run backwards.
#[derive(Debug)]
pub struct InOrder<P> {
    /// The sequence number whose turn it is.
    next: Option<u64>,
    late_run: u32,
    /// Arrived ahead of their turn; sorted.
    waiting: VecDeque<(u64, Duration, P)>,
    /// The last packets that came in turn or ahead of it, and when.
    arrivals: VecDeque<(u64, Duration)>,
    lateness: Lateness,
}

impl<P> Default for InOrder<P> {
    fn default() -> Self {
        let (waiting, arrivals) = (VecDeque::with_capacity(MAX_WAITING + 1), VecDeque::with_capacity(ARRIVALS));
        Self { next: None, late_run: 0, waiting, arrivals, lateness: Lateness::default() }
    }
}

impl<P> InOrder<P> {
    /// Takes the packet with this extended sequence number. Take what may pass with [`InOrder::pop`].
    pub fn push(&mut self, sequence: u64, at: Duration, packet: P) {
        let next = *self.next.get_or_insert(sequence);
        if let Some(late_by) = self.late_by(sequence, at) {
            self.lateness.saw(late_by, at);
        }
        if sequence < next {
            self.late_run += 1;
            if self.late_run > LATE_RUN {
                self.next = Some(sequence.saturating_add(1));
                self.late_run = 0;
            }
            // It has no turn any more: it passes first.
            self.waiting.push_front((sequence, at, packet));
            return;
        }
        self.late_run = 0;
        self.remember(sequence, at);
        let place = self.waiting.partition_point(|(before, ..)| *before < sequence);
        self.waiting.insert(place, (sequence, at, packet));
    }

    /// The next packet that may pass at `at`; to be called until there is none, behind every packet and every 20 ms or so.
    pub fn pop(&mut self, at: Duration) -> Option<P> {
        let next = self.next?;
        let (sequence, came, _) = self.waiting.front()?;
        let waited = at.saturating_sub(*came);
        let passes = *sequence <= next || waited >= self.lateness.patience(at) || self.waiting.len() > MAX_WAITING;
        if !passes {
            return None;
        }
        let (sequence, _, packet) = self.waiting.pop_front()?;
        self.next = Some(next.max(sequence.saturating_add(1)));
        Some(packet)
    }

    /// By how much the packet is behind the first one that overtook it. None if nothing did, or it is here for the second time.
    fn late_by(&self, sequence: u64, at: Duration) -> Option<Duration> {
        if self.arrivals.iter().any(|(before, _)| *before == sequence) {
            return None;
        }
        // Those far ahead belong to another count, or to another time.
        let ahead = sequence.saturating_add(1)..=sequence.saturating_add(ARRIVALS as u64);
        let overtook = self.arrivals.iter().filter(|(other, _)| ahead.contains(other)).map(|(_, came)| *came).min()?;
        Some(at.saturating_sub(overtook))
    }

    fn remember(&mut self, sequence: u64, at: Duration) {
        if self.arrivals.len() == ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((sequence, at));
    }
}

/// How late packets have lately been: the most in this stretch of time and in the one before.
#[derive(Debug, Default)]
struct Lateness {
    since: Duration,
    now: Duration,
    before: Duration,
}

impl Lateness {
    fn saw(&mut self, late_by: Duration, at: Duration) {
        self.turn(at);
        // One that is too late to be waited for teaches nothing.
        if late_by <= MAX_WAIT {
            self.now = self.now.max(late_by);
        }
    }

    fn patience(&mut self, at: Duration) -> Duration {
        self.turn(at);
        self.now.max(self.before)
    }

    fn turn(&mut self, at: Duration) {
        let passed = at.saturating_sub(self.since);
        if passed >= MEMORY {
            self.before = if passed < 2 * MEMORY { self.now } else { Duration::ZERO };
            (self.now, self.since) = (Duration::ZERO, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What passes if packets come at these times (in ms) and it is looked every 20 ms up to `until`: (number, when).
    fn pass(order: &mut InOrder<u64>, arrivals: &[(u64, u64)], until: u64) -> Vec<(u64, u64)> {
        let mut passed = Vec::new();
        let from = arrivals[0].1;
        for now in from..until {
            for (sequence, _) in arrivals.iter().filter(|(_, at)| *at == now) {
                order.push(*sequence, MS * now as u32, *sequence);
                while let Some(sequence) = order.pop(MS * now as u32) {
                    passed.push((sequence, now));
                }
            }
            if now % 20 == 19 {
                while let Some(sequence) = order.pop(MS * now as u32) {
                    passed.push((sequence, now));
                }
            }
        }
        passed
    }

    #[test]
    fn packets_in_turn_pass_at_once_and_so_do_those_behind_a_loss() {
        let mut order = InOrder::default();
        let arrivals = [(5, 100), (6, 120), (9, 180), (10, 200)];
        assert_eq!(pass(&mut order, &arrivals, 300), arrivals);
    }

    #[test]
    fn after_one_came_late_a_hole_is_waited_for() {
        let mut order = InOrder::default();
        // 7 comes 30 ms behind 8 and is given up; 9 comes 25 ms behind 10 and is not.
        let arrivals = [(6, 120), (8, 160), (7, 190), (10, 205), (9, 230), (11, 235)];
        let expected = [(6, 120), (8, 160), (7, 190), (9, 230), (10, 230), (11, 235)];
        assert_eq!(pass(&mut order, &arrivals, 300), expected);
    }

    #[test]
    fn what_never_comes_is_waited_for_no_longer_than_the_last_that_came() {
        let mut order = InOrder::default();
        let arrivals = [(6, 120), (8, 160), (7, 190), (10, 220), (11, 240)];
        // 30 ms behind 10 the next look is at 259.
        let expected = [(6, 120), (8, 160), (7, 190), (10, 259), (11, 259)];
        assert_eq!(pass(&mut order, &arrivals, 300), expected);
    }

    #[test]
    fn lateness_is_forgotten_and_too_much_of_it_not_learned() {
        let mut order = InOrder::default();
        pass(&mut order, &[(6, 120), (8, 160), (7, 190), (9, 200)], 201);
        let long_after = [(10, 20_300), (12, 20_340), (13, 20_360)];
        assert_eq!(pass(&mut order, &long_after, 20_400), long_after);
        let too_late = [(14, 20_400), (16, 20_440), (15, 20_600), (18, 20_620)];
        assert_eq!(pass(&mut order, &too_late, 20_700), too_late);
    }

    #[test]
    fn a_packet_that_comes_twice_teaches_nothing() {
        let mut order = InOrder::default();
        let arrivals = [(6, 100), (7, 120), (8, 140), (7, 170), (10, 180)];
        assert_eq!(pass(&mut order, &arrivals, 300), arrivals);
    }

    #[test]
    fn a_sender_that_counts_anew_is_followed() {
        let mut order = InOrder::default();
        order.push(9_000, MS, 9_000);
        assert_eq!(order.pop(MS), Some(9_000));
        for n in 0..200u64 {
            let now = MS * (20 * n as u32 + 20);
            order.push(n, now, n);
            assert_eq!(order.pop(now), Some(n));
        }
        // They are in turn again: one that is overtaken is learned from.
        let arrivals = [(201, 4_100), (200, 4_120), (203, 4_140), (202, 4_155)];
        let expected = [(201, 4_100), (200, 4_120), (202, 4_155), (203, 4_155)];
        assert_eq!(pass(&mut order, &arrivals, 4_200), expected);
    }

    #[test]
    fn no_more_wait_than_have_room() {
        let mut order = InOrder::default();
        pass(&mut order, &[(1, 0), (3, 20), (2, 110)], 111);
        for n in 0..=MAX_WAITING as u64 {
            order.push(10 + n, 112 * MS, 10 + n);
        }
        assert_eq!(order.pop(112 * MS), Some(10));
        assert_eq!(order.pop(112 * MS), Some(11), "and then they are in turn");
    }
}
