//! Is the other side still there? A small machine fed with what was heard and what ICE thinks.

use std::time::{Duration, Instant};

/// How long a session waits for its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathLimits {
    /// From the offer to being connected; then the session closes.
    pub connect_within: Duration,
    /// Without hearing anything, until the path counts as lost. Browsers check their path every 2.5 s.
    pub lost_after: Duration,
    /// With a lost path, until the session closes.
    pub close_after: Duration,
}

impl Default for PathLimits {
    fn default() -> Self {
        PathLimits {
            connect_within: Duration::from_secs(30),
            lost_after: Duration::from_secs(5),
            close_after: Duration::from_secs(60),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathChange {
    Lost,
    Restored,
    NeverConnected,
    GaveUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting { since: Instant },
    Up,
    Lost { since: Instant },
    Over,
}

#[derive(Debug)]
pub(crate) struct PathWatch {
    limits: PathLimits,
    state: State,
    heard: Instant,
    ice_down: bool,
}

impl PathWatch {
    pub(crate) fn new(limits: PathLimits, now: Instant) -> PathWatch {
        PathWatch { limits, state: State::Connecting { since: now }, heard: now, ice_down: false }
    }

    pub(crate) fn on_connected(&mut self, now: Instant) {
        if let State::Connecting { .. } = self.state {
            self.state = State::Up;
            self.heard = now;
        }
    }

    /// Something came from the other side, and it was the other side.
    pub(crate) fn on_heard(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
    }

    pub(crate) fn on_ice(&mut self, connected: bool) {
        self.ice_down = !connected;
    }

    /// What changed by `now`. Call until `None`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<PathChange> {
        let silent = now.saturating_duration_since(self.heard) >= self.limits.lost_after;
        match self.state {
            State::Connecting { since } if now >= since + self.limits.connect_within => {
                self.state = State::Over;
                Some(PathChange::NeverConnected)
            }
            State::Up if silent || self.ice_down => {
                self.state = State::Lost { since: now };
                Some(PathChange::Lost)
            }
            State::Lost { .. } if !silent && !self.ice_down => {
                self.state = State::Up;
                Some(PathChange::Restored)
            }
            State::Lost { since } if now >= since + self.limits.close_after => {
                self.state = State::Over;
                Some(PathChange::GaveUp)
            }
            State::Connecting { .. } | State::Up | State::Lost { .. } | State::Over => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Connecting { since } => Some(since + self.limits.connect_within),
            State::Up => Some(self.heard + self.limits.lost_after),
            State::Lost { since } => Some(since + self.limits.close_after),
            State::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn connected() -> (PathWatch, Instant) {
        let t0 = Instant::now();
        let mut path = PathWatch::new(PathLimits::default(), t0);
        path.on_connected(t0);
        (path, t0)
    }

    #[test]
    fn silence_of_five_seconds_loses_the_path_and_any_sound_restores_it() {
        let (mut path, t0) = connected();
        path.on_heard(t0 + SECOND);
        assert_eq!(path.deadline(), Some(t0 + 6 * SECOND));
        assert_eq!(path.poll(t0 + 6 * SECOND - Duration::from_millis(1)), None);
        assert_eq!(path.poll(t0 + 6 * SECOND), Some(PathChange::Lost));
        assert_eq!(path.poll(t0 + 6 * SECOND), None);
        path.on_heard(t0 + 20 * SECOND);
        assert_eq!(path.poll(t0 + 20 * SECOND), Some(PathChange::Restored));
        assert_eq!(path.poll(t0 + 20 * SECOND), None);
    }

    #[test]
    fn a_lost_path_is_given_up_after_a_minute_and_only_once() {
        let (mut path, t0) = connected();
        assert_eq!(path.poll(t0 + 5 * SECOND), Some(PathChange::Lost));
        assert_eq!(path.deadline(), Some(t0 + 65 * SECOND));
        assert_eq!(path.poll(t0 + 64 * SECOND), None);
        assert_eq!(path.poll(t0 + 65 * SECOND), Some(PathChange::GaveUp));
        assert_eq!(path.poll(t0 + 99 * SECOND), None);
        assert_eq!(path.deadline(), None);
    }

    #[test]
    fn ice_can_lose_a_path_on_which_something_is_heard_and_must_restore_it() {
        let (mut path, t0) = connected();
        path.on_ice(false);
        assert_eq!(path.poll(t0 + SECOND), Some(PathChange::Lost));
        path.on_heard(t0 + 2 * SECOND);
        assert_eq!(path.poll(t0 + 2 * SECOND), None);
        path.on_ice(true);
        assert_eq!(path.poll(t0 + 2 * SECOND), Some(PathChange::Restored));
    }

    #[test]
    fn a_session_that_never_connects_is_not_lost_but_over_after_thirty_seconds() {
        let t0 = Instant::now();
        let mut path = PathWatch::new(PathLimits::default(), t0);
        assert_eq!(path.poll(t0 + 29 * SECOND), None);
        assert_eq!(path.poll(t0 + 30 * SECOND), Some(PathChange::NeverConnected));
    }
}
