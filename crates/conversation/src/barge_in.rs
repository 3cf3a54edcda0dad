//! How speech over the agent is judged: an interruption, or not. The policy, and one overlap as it goes.
//!
//! As soon as speech is heard over the agent, the agent is ducked. Then, by the configuration:
//!
//! * `VadLevel` 11 (the default): speech of [`PAUSE_AFTER`] pauses the agent's playout, so that whoever wants the floor has silence
//!   in that time; speech of [`STOP_AFTER`] in all, or recognised words that are no backchannel, make it an interruption. Speech
//!   that ends sooner waits for its text, [`TEXT_PATIENCE`] at most: without words the agent goes on where it was. While all that is
//!   recognised is a backchannel, it may last [`STOP_AFTER_BACKCHANNEL`]. A word or two that may be one, wrongly recognised, interrupt
//!   if it took [`REMARK`] to say them; otherwise the agent goes on, and they are answered when it has finished.
//! * `VadLevel` 1..10: the same, and what suffices without words is (level + 1) × 100 ms of speech.
//! * `VadLevel` 0: any speech interrupts at once; nothing is ducked.
//! * `VadDuration`: continuous speech of that length interrupts, and nothing else does. It outranks `VadLevel`.
//!
//! Where a voiceprint is in force, the agent is only ducked until the voice is known to be the registered one's (`voiceprint`); the
//! rest is as above.
//!
//! Interrupt words interrupt whenever they are recognised; they are not looked at here.

use crate::backchannel::Meaning;
use ringline_model::{AgentConfig, CallTime, ResponseId};
use std::time::Duration;

/// Speech after which the agent falls silent, the question still open. What people notice of a yield is this.
const PAUSE_AFTER: Duration = Duration::from_millis(320);

/// Speech that no backchannel lasts: "yeah, yeah" and a drawn-out "mm-hm" take up to 1 s, and their text is not there sooner. Who wants
/// the floor has had silence since [`PAUSE_AFTER`], and is mostly understood before. (Chosen on the tuning clips of docs/lab.md.)
const STOP_AFTER: Duration = Duration::from_millis(1100);

/// The same while the text so far is nothing but a backchannel ("yeah, yeah, right").
const STOP_AFTER_BACKCHANNEL: Duration = Duration::from_millis(1500);

/// Speech that is more than a sound of listening, whatever it is taken for. (Chosen on the tuning clips of docs/lab.md.)
const REMARK: Duration = Duration::from_millis(500);

/// Where the voice must be known first, it is asked for after so much speech: enough for a voiceprint …
const IDENTIFY_AFTER: Duration = Duration::from_millis(600);

/// … and after so much it counts, if nobody has said whose it is.
const IDENTIFIED_AFTER: Duration = Duration::from_millis(1600);

/// How long the text of short speech is waited for. At it the agent goes on; words that come later still interrupt.
const TEXT_PATIENCE: Duration = Duration::from_millis(1000);

/// The policy. Every question has its time as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BargeIn {
    pause_after: Option<Duration>,
    stop_after: Duration,
    /// Words decide, too, and short stretches of speech add up.
    by_words: bool,
}

impl BargeIn {
    pub fn new(config: &AgentConfig) -> Self {
        let by_length = |stop_after| Self { pause_after: None, stop_after, by_words: false };
        let soft = |stop_after| Self { pause_after: Some(PAUSE_AFTER), stop_after, by_words: true };
        match (config.asr.vad_duration, config.asr.vad_level) {
            (0, 0) => by_length(Duration::ZERO),
            (0, level @ 1..=10) => soft(Duration::from_millis(100 * (u64::from(level) + 1))),
            (0, _) => soft(STOP_AFTER),
            (duration, _) => by_length(Duration::from_millis(duration.into())),
        }
    }

    /// Any speech interrupts.
    pub fn is_immediate(&self) -> bool {
        self.stop_after.is_zero()
    }

    /// Words of speech that was too short to interrupt by itself still interrupt.
    pub fn heeds_words(&self) -> bool {
        self.by_words || self.is_immediate()
    }
}

/// How an overlap ended. The names are stored.
pub(crate) use crate::OverlapOutcome as Outcome;

/// What is due in an overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Let the agent fall silent.
    Pause,
    /// It is an interruption.
    Stop,
    /// It is none, as far as can be known by now.
    GoOn,
    /// Ask whose voice it is.
    Identify,
    /// Nobody has said: it counts.
    Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    Going { from: CallTime },
    Over { until: CallTime },
}

/// Whether the voice is one that may stop the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Known,
    Unknown,
    Asked,
}

/// The user speaks while the agent is heard, and it is not decided what that means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overlap {
    pub response: ResponseId,
    pub began: CallTime,
    /// Since when the agent is silent.
    pub paused: Option<CallTime>,
    speech: Speech,
    voice: Voice,
    /// Speech before the one that goes on.
    before: Duration,
    only_backchannel: bool,
}

impl Overlap {
    /// `is_known`: the voice may stop the agent; otherwise that is to be found out first.
    pub fn new(response: ResponseId, began: CallTime, is_known: bool) -> Self {
        let speech = Speech::Going { from: began };
        let voice = if is_known { Voice::Known } else { Voice::Unknown };
        Self { response, began, paused: None, speech, voice, before: Duration::ZERO, only_backchannel: false }
    }

    pub fn voice_is_known(&mut self) {
        self.voice = Voice::Known;
    }

    /// It is being asked whose voice it is.
    pub fn identify(&mut self) {
        self.voice = Voice::Asked;
    }

    /// Speech goes on at `at` after a pause.
    pub fn resume(&mut self, at: CallTime) {
        if let Speech::Over { .. } = self.speech {
            self.speech = Speech::Going { from: at };
        }
    }

    /// Speech paused, at `at`. Returns whether it is no interruption by that.
    pub fn pause(&mut self, at: CallTime, now: CallTime, policy: &BargeIn) -> bool {
        if let Speech::Going { from } = self.speech {
            self.before = if policy.by_words { self.before + at.since(from) } else { Duration::ZERO };
            self.speech = Speech::Over { until: now + TEXT_PATIENCE };
        }
        !policy.by_words
    }

    /// What is recognised so far means this. Returns how the overlap ends by it. `is_final`: no more comes unless the user
    /// goes on.
    pub fn read(&mut self, meaning: Meaning, is_final: bool, now: CallTime, policy: &BargeIn) -> Option<Outcome> {
        if !policy.by_words {
            return None;
        }
        match meaning {
            Meaning::Words => Some(Outcome::Interrupted),
            Meaning::Remark if self.spoken(now) >= REMARK => Some(Outcome::Interrupted),
            Meaning::Remark if is_final => Some(Outcome::TooShort),
            Meaning::Backchannel if is_final => Some(Outcome::Backchannel),
            Meaning::Nothing if is_final => Some(Outcome::NoWords),
            Meaning::Backchannel => {
                self.only_backchannel = true;
                None
            }
            Meaning::Remark => {
                self.only_backchannel = false;
                None
            }
            Meaning::Nothing => None,
        }
    }

    /// How long the user has spoken in all.
    fn spoken(&self, now: CallTime) -> Duration {
        match self.speech {
            Speech::Going { from } => self.before + now.since(from),
            Speech::Over { .. } => self.before,
        }
    }

    pub fn deadline(&self, policy: &BargeIn) -> CallTime {
        match self.speech {
            Speech::Going { from } => match (self.voice, self.pause_at(from, policy)) {
                (Voice::Unknown, _) => self.after(from, IDENTIFY_AFTER),
                (Voice::Asked, _) => self.after(from, IDENTIFIED_AFTER),
                (Voice::Known, Some(at)) => at.min(self.stop_at(from, policy)),
                (Voice::Known, None) => self.stop_at(from, policy),
            },
            Speech::Over { until } => until,
        }
    }

    pub fn due(&self, now: CallTime, policy: &BargeIn) -> Option<Due> {
        match self.speech {
            Speech::Going { from } if self.voice == Voice::Unknown => {
                (self.after(from, IDENTIFY_AFTER) <= now).then_some(Due::Identify)
            }
            Speech::Going { from } if self.voice == Voice::Asked => {
                (self.after(from, IDENTIFIED_AFTER) <= now).then_some(Due::Known)
            }
            Speech::Going { from } if self.stop_at(from, policy) <= now => Some(Due::Stop),
            Speech::Going { from } if self.pause_at(from, policy).is_some_and(|at| at <= now) => Some(Due::Pause),
            Speech::Over { until } if until <= now => Some(Due::GoOn),
            Speech::Going { .. } | Speech::Over { .. } => None,
        }
    }

    /// When speech that goes on since `from` has lasted so long in all.
    fn after(&self, from: CallTime, duration: Duration) -> CallTime {
        from + duration.saturating_sub(self.before)
    }

    fn pause_at(&self, from: CallTime, policy: &BargeIn) -> Option<CallTime> {
        let pause_after = policy.pause_after.filter(|_| self.paused.is_none())?;
        Some(self.after(from, pause_after))
    }

    fn stop_at(&self, from: CallTime, policy: &BargeIn) -> CallTime {
        let stop_after = match self.only_backchannel {
            true => policy.stop_after.max(STOP_AFTER_BACKCHANNEL),
            false => policy.stop_after,
        };
        self.after(from, stop_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> CallTime {
        CallTime::from_millis(ms)
    }

    fn policy(level: u32, duration: u32) -> BargeIn {
        let mut config = AgentConfig::default();
        (config.asr.vad_level, config.asr.vad_duration) = (level, duration);
        BargeIn::new(&config)
    }

    /// When speech from 1 s on pauses the agent, and when it interrupts.
    fn times(policy: BargeIn) -> (Option<u64>, u64) {
        let overlap = Overlap::new(ResponseId(1), ms(1000), true);
        let since = |at: CallTime| at.as_millis() - 1000;
        (overlap.pause_at(ms(1000), &policy).map(since), since(overlap.stop_at(ms(1000), &policy)))
    }

    #[test]
    fn the_levels_and_the_duration_say_what_suffices() {
        assert_eq!(times(policy(11, 0)), (Some(320), 1100));
        assert_eq!(times(policy(1, 0)), (Some(320), 200));
        assert_eq!(times(policy(10, 0)), (Some(320), 1100));
        assert_eq!(times(policy(11, 1500)), (None, 1500));
        assert!(policy(0, 0).is_immediate() && !policy(0, 200).is_immediate());
    }

    #[test]
    fn each_thing_is_due_at_its_time_and_no_sooner() {
        let policy = policy(11, 0);
        let mut overlap = Overlap::new(ResponseId(1), ms(1000), true);
        assert_eq!((overlap.deadline(&policy), overlap.due(ms(1319), &policy)), (ms(1320), None));
        assert_eq!(overlap.due(ms(1320), &policy), Some(Due::Pause));
        overlap.paused = Some(ms(1320));
        assert_eq!((overlap.deadline(&policy), overlap.due(ms(2099), &policy)), (ms(2100), None));
        assert_eq!(overlap.due(ms(2100), &policy), Some(Due::Stop));
        overlap.pause(ms(1400), ms(1500), &policy);
        assert_eq!((overlap.deadline(&policy), overlap.due(ms(2499), &policy)), (ms(2500), None));
        assert_eq!(overlap.due(ms(2500), &policy), Some(Due::GoOn));
    }

    #[test]
    fn short_stretches_add_up_unless_a_duration_is_asked_for() {
        for (policy, stop) in [(policy(11, 0), 2700), (policy(11, 700), 2700)] {
            let mut overlap = Overlap::new(ResponseId(1), ms(1000), true);
            assert_eq!(overlap.pause(ms(1400), ms(1500), &policy), policy.pause_after.is_none());
            overlap.resume(ms(2000));
            assert_eq!(overlap.stop_at(ms(2000), &policy), ms(stop));
        }
    }

    #[test]
    fn a_backchannel_may_last_longer() {
        let policy = policy(11, 0);
        let mut overlap = Overlap::new(ResponseId(1), ms(1000), true);
        assert_eq!(overlap.read(Meaning::Backchannel, false, ms(1500), &policy), None);
        assert_eq!(overlap.stop_at(ms(1000), &policy), ms(2500));
        assert_eq!(overlap.read(Meaning::Backchannel, true, ms(1500), &policy), Some(Outcome::Backchannel));
        assert_eq!(overlap.read(Meaning::Nothing, true, ms(1500), &policy), Some(Outcome::NoWords));
        assert_eq!(overlap.read(Meaning::Words, false, ms(1500), &policy), Some(Outcome::Interrupted));
    }

    #[test]
    fn a_remark_interrupts_by_its_length_alone() {
        let policy = policy(11, 0);
        let mut overlap = Overlap::new(ResponseId(1), ms(1000), true);
        assert_eq!(overlap.read(Meaning::Backchannel, false, ms(1300), &policy), None);
        assert_eq!(overlap.read(Meaning::Remark, false, ms(1499), &policy), None);
        assert_eq!(overlap.stop_at(ms(1000), &policy), ms(2100), "it is no backchannel any more");
        assert_eq!(overlap.read(Meaning::Remark, false, ms(1500), &policy), Some(Outcome::Interrupted));
        overlap.pause(ms(1450), ms(1600), &policy);
        assert_eq!(overlap.read(Meaning::Remark, true, ms(2500), &policy), Some(Outcome::TooShort));
    }
}
