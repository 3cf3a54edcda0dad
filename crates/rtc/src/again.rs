//! Datagrams of the data channel and of the handshake that are sent again while the path is bad. Both protocols repeat what is lost
//! by themselves, but only after a second or three, then twice as long, and again: with 20 % lost some messages took half a minute.
//! DTLS knows a record that comes twice and drops it.
//!
//! Audio has redundancy of its own (RED), and ICE asks often enough.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::{Outgoing, Protocol};

/// When a datagram is sent again, counted from the first time: behind a burst, and long before the other side's protocol asks.
const AFTER: [Duration; 2] = [Duration::from_millis(30), Duration::from_millis(110)];
/// Copies that wait; more are not made. A long text is many datagrams, and is better repeated by who knows what is missing.
const MAX_WAITING: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Again {
    /// By the time they are due.
    waiting: VecDeque<(Instant, Outgoing)>,
}

impl Again {
    /// Takes note of what is being sent now, if it is worth repeating.
    pub(crate) fn on_sent(&mut self, sent: &Outgoing, now: Instant) {
        let repeats_itself = sent.protocol == Protocol::Tcp || !is_dtls(&sent.bytes);
        if repeats_itself || self.waiting.len() + AFTER.len() > MAX_WAITING {
            return;
        }
        for due in AFTER.map(|after| now + after) {
            let place = self.waiting.partition_point(|(other, _)| *other <= due);
            self.waiting.insert(place, (due, sent.clone()));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// The next copy to send by `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Outgoing> {
        self.deadline().filter(|due| *due <= now)?;
        self.waiting.pop_front().map(|(_, again)| again)
    }
}

/// RFC 9443 §3: the first byte tells the protocols on one port apart.
fn is_dtls(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| (20..=63).contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(first: u8) -> Outgoing {
        let address = ([192, 0, 2, 1], 5000).into();
        Outgoing { protocol: Protocol::Udp, source: address, destination: address, bytes: vec![first, 1, 2] }
    }

    #[test]
    fn dtls_is_sent_twice_more_and_nothing_else_is() {
        let (mut again, now) = (Again::default(), Instant::now());
        for first in [0, 19, 64, 0x80] {
            again.on_sent(&datagram(first), now);
        }
        assert_eq!(again.deadline(), None);
        again.on_sent(&datagram(23), now);
        assert_eq!(again.deadline(), Some(now + AFTER[0]));
        assert!(again.poll(now + AFTER[0] - Duration::from_millis(1)).is_none());
        for due in AFTER {
            assert_eq!(again.poll(now + due).expect("due").bytes, [23, 1, 2]);
            assert!(again.poll(now + due).is_none());
        }
        assert_eq!(again.deadline(), None);
    }

    #[test]
    fn copies_leave_in_the_order_they_are_due() {
        let (mut again, now) = (Again::default(), Instant::now());
        again.on_sent(&datagram(22), now);
        again.on_sent(&datagram(23), now + Duration::from_millis(20));
        let late = now + Duration::from_secs(1);
        let order: Vec<u8> = std::iter::from_fn(|| again.poll(late)).map(|sent| sent.bytes[0]).collect();
        assert_eq!(order, [22, 23, 22, 23]);
    }

    #[test]
    fn no_more_copies_are_made_than_may_wait() {
        let (mut again, now) = (Again::default(), Instant::now());
        (0..100).for_each(|_| again.on_sent(&datagram(23), now));
        let late = now + Duration::from_secs(1);
        assert_eq!(std::iter::from_fn(|| again.poll(late)).count(), MAX_WAITING);
    }
}
