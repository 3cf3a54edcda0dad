//! When an event is tried again, and when no more.

use std::time::Duration;

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// The receiver's HTTP status.
    Answered(u16),
    /// No answer, in words for the log.
    Failed(String),
}

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// To be tried again at that time (Unix ms).
    Again {
        due_ms: i64,
    },
    /// With the reason.
    GivenUp(&'static str),
}

/// Waits between attempts, counted from the end of one to the begin of the next.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// After the first attempt, the second…; the last one repeats. Never empty.
    waits: Vec<Duration>,
    /// An event that happened longer ago is not tried again.
    max_age: Duration,
}

impl Schedule {
    /// None if there is no wait.
    pub fn new(waits: Vec<Duration>, max_age: Duration) -> Option<Self> {
        (!waits.is_empty()).then_some(Self { waits, max_age })
    }

    /// Judges the `attempt`-th attempt (from 1) at an event of `at_ms`, which ended at `now_ms`.
    pub fn judge(&self, attempted: &Attempted, attempt: u32, at_ms: i64, now_ms: i64) -> Verdict {
        match attempted {
            Attempted::Answered(200..=299) => Verdict::Delivered,
            Attempted::Answered(status @ 400..=499) if *status != 429 => Verdict::GivenUp("the receiver refused it"),
            Attempted::Answered(_) | Attempted::Failed(_) => {
                let wait = self.wait(attempt);
                if now_ms.saturating_sub(at_ms).saturating_add(wait) > millis(self.max_age) {
                    return Verdict::GivenUp("it has grown too old");
                }
                Verdict::Again { due_ms: now_ms.saturating_add(wait) }
            }
        }
    }

    fn wait(&self, attempt: u32) -> i64 {
        let n = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        millis(*self.waits.get(n).or(self.waits.last()).expect("never empty"))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> Schedule {
        let waits = [1, 5, 25, 60].map(Duration::from_secs).to_vec();
        Schedule::new(waits, Duration::from_secs(86_400)).expect("waits")
    }

    fn failed() -> Attempted {
        Attempted::Failed("refused".into())
    }

    #[test]
    fn waits_grow_as_listed_and_the_last_repeats() {
        let due = |attempt| match schedule().judge(&failed(), attempt, 0, 1000) {
            Verdict::Again { due_ms } => (due_ms - 1000) / 1000,
            other => panic!("{other:?}"),
        };
        assert_eq!((1..=6).map(due).collect::<Vec<_>>(), [1, 5, 25, 60, 60, 60]);
        assert_eq!(due(u32::MAX), 60);
    }

    #[test]
    fn server_errors_throttling_and_redirects_are_tried_again_and_other_refusals_are_not() {
        for status in [500, 502, 503, 599, 429, 302, 100] {
            let verdict = schedule().judge(&Attempted::Answered(status), 1, 0, 0);
            assert_eq!(verdict, Verdict::Again { due_ms: 1000 }, "{status}");
        }
        for status in [400, 401, 403, 404, 410, 499] {
            let verdict = schedule().judge(&Attempted::Answered(status), 1, 0, 0);
            assert!(matches!(verdict, Verdict::GivenUp(_)), "{status}");
        }
        for status in [200, 201, 204] {
            assert_eq!(schedule().judge(&Attempted::Answered(status), 9, 0, i64::MAX), Verdict::Delivered);
        }
    }

    #[test]
    fn an_event_is_given_up_when_the_next_attempt_would_find_it_too_old() {
        let day = 86_400_000;
        assert!(matches!(schedule().judge(&failed(), 4, 0, day - 60_000), Verdict::Again { .. }));
        assert!(matches!(schedule().judge(&failed(), 4, 0, day - 59_999), Verdict::GivenUp(_)));
        // A clock that was set back makes nothing old.
        assert!(matches!(schedule().judge(&failed(), 1, day, 0), Verdict::Again { .. }));
    }

    #[test]
    fn the_listed_waits_reach_beyond_a_minute_with_the_next_attempt_soon_after() {
        let mut now_ms = 0;
        let mut attempts = vec![0];
        for attempt in 1..=4 {
            let Verdict::Again { due_ms } = schedule().judge(&failed(), attempt, 0, now_ms) else { panic!() };
            now_ms = due_ms;
            attempts.push(now_ms / 1000);
        }
        assert_eq!(attempts, [0, 1, 6, 31, 91], "down for a minute: delivered half a minute after it is back");
    }
}
