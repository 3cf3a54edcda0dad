//! Whether the user is there, and the three timers that end a call nobody takes part in.

use crate::EndReason;
use ringline_model::{AgentConfig, CallTime};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Presence {
    joined: bool,
    /// Since when the user is there without a break.
    here_since: Option<CallTime>,
    left_at: Option<CallTime>,
    /// Last interaction: recognised speech, a text, or the agent's own speech.
    active_at: CallTime,
}

impl Presence {
    /// Returns whether it is the first time.
    pub fn join(&mut self, now: CallTime) -> bool {
        let first = !self.joined;
        if first {
            self.active_at = now;
        }
        self.joined = true;
        self.left_at = None;
        self.here_since.get_or_insert(now);
        first
    }

    /// Leaving before having joined means nothing.
    pub fn leave(&mut self, now: CallTime) {
        if self.here_since.take().is_some() {
            self.left_at = Some(now);
        }
    }

    pub fn has_joined(&self) -> bool {
        self.joined
    }

    pub fn is_here(&self) -> bool {
        self.here_since.is_some()
    }

    pub fn here_since(&self) -> Option<CallTime> {
        self.here_since
    }

    pub fn active_at(&self) -> CallTime {
        self.active_at
    }

    pub fn touch(&mut self, now: CallTime) {
        self.active_at = now;
    }

    /// When the call ends, and why, if nothing changes. `quiet`: neither side is in the middle of something.
    pub fn deadline(&self, config: &AgentConfig, quiet: bool) -> Option<(CallTime, EndReason)> {
        let after = |start: CallTime, seconds: u32| start + Duration::from_secs(seconds.into());
        if !self.joined {
            return Some((after(CallTime::ZERO, config.user_online_timeout), EndReason::UserNeverJoined));
        }
        let offline = self.left_at.map(|at| (after(at, config.user_offline_timeout), EndReason::UserLeft));
        let idle = quiet.then(|| (after(self.active_at, config.max_idle_time), EndReason::Idle));
        offline.into_iter().chain(idle).min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> CallTime {
        CallTime::from_millis(seconds * 1000)
    }

    #[test]
    fn each_timer_runs_in_its_own_state() {
        let config = AgentConfig::default();
        let mut presence = Presence::default();
        assert_eq!(presence.deadline(&config, true), Some((s(60), EndReason::UserNeverJoined)));
        presence.leave(s(1));
        assert_eq!(presence.deadline(&config, true), Some((s(60), EndReason::UserNeverJoined)));
        assert!(presence.join(s(10)));
        assert_eq!(presence.deadline(&config, true), Some((s(610), EndReason::Idle)));
        assert_eq!(presence.deadline(&config, false), None);
        presence.leave(s(20));
        assert_eq!(presence.deadline(&config, true), Some((s(25), EndReason::UserLeft)));
        assert!(!presence.join(s(22)));
        presence.touch(s(30));
        assert_eq!(presence.deadline(&config, true), Some((s(630), EndReason::Idle)));
    }
}
