//! When a pause ends the user's turn: silence, and in semantic mode what the end-of-turn model and the text make of it.
//!
//! Normal mode: silence of `max_silence`. Semantic mode: the model is asked once per pause; a turn it holds for
//! incomplete, or has not answered about, or whose text ends in a joint or filler, is kept open for `semantic_wait`. That cap always
//! holds, because the model also takes some complete sentences for incomplete.
//!
//! `AsrMaxSilence` is `max_silence` in both modes. `Eagerness` High, Medium, Low is a `semantic_wait` of 2, 4, 6 s and outranks
//! `SemanticWaitDuration`; if that is −1 or missing, the wait is ours ([`AUTOMATIC_WAIT`]).

use crate::unfinished::is_unfinished;
use ringline_model::{AgentConfig, CallTime, TurnDetectionMode};
use std::time::Duration;

/// Silence after which the model is asked (what it was measured with).
const SCORE_AFTER: Duration = Duration::from_millis(200);

/// Probability from which on a turn counts as complete.
const COMPLETE: f32 = 0.5;

/// `semantic_wait` when the configuration leaves it to us: the upper end of what was measured to be right (0.8–1.2 s).
const AUTOMATIC_WAIT: Duration = Duration::from_millis(1200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpointing {
    max_silence: Duration,
    /// Longest silence of an incomplete turn; none in normal mode.
    semantic: Option<Duration>,
}

impl Endpointing {
    /// The pause itself suffices: the user has said that the turn is over (`TurnEndWords`).
    pub const AT_ONCE: Self = Self { max_silence: Duration::ZERO, semantic: None };

    pub fn new(config: &AgentConfig) -> Self {
        let max_silence = Duration::from_millis(config.asr.max_silence.into());
        let semantic = match config.turn_detection.mode {
            TurnDetectionMode::Normal => None,
            TurnDetectionMode::Semantic => {
                let wait = config.turn_detection.semantic_wait;
                Some(wait.map_or(AUTOMATIC_WAIT, |ms| Duration::from_millis(ms.into())).max(max_silence))
            }
        };
        Self { max_silence, semantic }
    }

    /// When to ask the model about a pause that began at `silence_from`.
    pub fn score_at(&self, silence_from: CallTime) -> Option<CallTime> {
        self.semantic.map(|_| silence_from + SCORE_AFTER)
    }

    /// When the silence suffices, by what is known of the score and the text. A score that is not a number counts as none.
    pub fn enough_at(&self, silence_from: CallTime, score: Option<f32>, text: &str) -> CallTime {
        let complete = self.is_complete(score, text);
        match self.semantic {
            Some(wait) if !complete => silence_from + wait,
            _ => silence_from + self.max_silence,
        }
    }

    /// Whether a pause looks like the end of the turn before the silence suffices: good enough to begin an answer that nobody hears
    /// yet. Normal mode has the text alone to go by.
    pub fn is_likely_end(&self, score: Option<f32>, text: &str) -> bool {
        match self.semantic {
            Some(_) => self.is_complete(score, text),
            None => !is_unfinished(text),
        }
    }

    fn is_complete(&self, score: Option<f32>, text: &str) -> bool {
        score.is_some_and(|probability| probability >= COMPLETE) && !is_unfinished(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mode: TurnDetectionMode, semantic_wait: Option<u32>) -> Endpointing {
        let mut config = AgentConfig::default();
        config.turn_detection.mode = mode;
        config.turn_detection.semantic_wait = semantic_wait;
        Endpointing::new(&config)
    }

    fn enough(policy: Endpointing, score: Option<f32>) -> u64 {
        policy.enough_at(CallTime::ZERO, score, "Yes.").as_millis()
    }

    #[test]
    fn silence_alone_suffices_in_normal_mode() {
        let policy = policy(TurnDetectionMode::Normal, Some(4000));
        assert_eq!(policy.score_at(CallTime::ZERO), None);
        assert_eq!((enough(policy, None), enough(policy, Some(0.0))), (400, 400));
    }

    #[test]
    fn an_incomplete_turn_is_held_and_a_complete_one_is_not() {
        let policy = policy(TurnDetectionMode::Semantic, None);
        assert_eq!(policy.score_at(CallTime::ZERO), Some(CallTime::from_millis(200)));
        assert_eq!((enough(policy, Some(0.5)), enough(policy, Some(0.49)), enough(policy, None)), (400, 1200, 1200));
        assert_eq!(enough(policy, Some(f32::NAN)), 1200);
        let at = |text| policy.enough_at(CallTime::ZERO, Some(0.9), text).as_millis();
        assert_eq!((at("I want the red one and"), at("I want the red one.")), (1200, 400));
    }

    #[test]
    fn the_hold_is_as_configured_but_never_shorter_than_the_silence() {
        assert_eq!(enough(policy(TurnDetectionMode::Semantic, Some(6000)), None), 6000);
        assert_eq!(enough(policy(TurnDetectionMode::Semantic, Some(0)), None), 400);
    }
}
