//! How well a provider does in a call: most do well, some are slow, some fail now and then, some do nothing.

use crate::chance::Chance;
use ringline_conversation::{Input, Stage};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Slow,
    Flaky,
    /// It fails or stays silent nearly always.
    Down,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answers,
    /// Answers with nothing: no words, no text, no sound.
    Empty,
    Fails,
    /// Begins, and fails on the way.
    Breaks,
    /// Never answers.
    Silent,
    /// Begins, and never goes on.
    Stalls,
}

/// A provider has failed, and another one is asked.
pub(crate) fn fell_back(stage: Stage) -> Input {
    Input::FellBack { stage, failed: "first".to_owned(), error: "down".to_owned(), next: "second".to_owned() }
}

impl Mood {
    pub fn draw(chance: &mut Chance) -> Self {
        chance.weighted(&[(78, Self::Well), (9, Self::Slow), (10, Self::Flaky), (3, Self::Down)])
    }

    pub fn fate(self, chance: &mut Chance) -> Fate {
        use Fate::{Answers, Breaks, Empty, Fails, Silent, Stalls};
        match self {
            Self::Well | Self::Slow => {
                chance.weighted(&[(985, Answers), (5, Empty), (4, Fails), (3, Breaks), (3, Silent)])
            }
            Self::Flaky => {
                chance.weighted(&[(55, Answers), (12, Empty), (12, Fails), (8, Breaks), (7, Silent), (6, Stalls)])
            }
            Self::Down => {
                chance.weighted(&[(5, Answers), (10, Empty), (45, Fails), (10, Breaks), (25, Silent), (5, Stalls)])
            }
        }
    }

    /// A provider that usually answers within `least..most` ms.
    pub fn latency(self, chance: &mut Chance, least: u64, most: u64) -> Duration {
        let outlier = chance.percent(2);
        match self {
            Self::Well | Self::Flaky | Self::Down if !outlier => chance.fine_ms(least, most),
            Self::Well | Self::Flaky | Self::Down => chance.fine_ms(most, most * 8),
            Self::Slow if !outlier => chance.fine_ms(most, most * 4),
            Self::Slow => chance.fine_ms(most * 4, most * 30),
        }
    }
}
