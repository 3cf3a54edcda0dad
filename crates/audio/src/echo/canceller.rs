//! The user's echo canceller: while it takes the agent's voice away, it may let it through again at any moment, within a word.
//!
//! What then comes back is louder than it was a moment ago by the tens of dB that the canceller took, but no louder than it has ever been,
//! and has the pattern of what was sent as it came back then. Levels tell nothing in between; the pattern does.

use super::bands::Levels;
use super::heard::Heard;
use super::pattern::Pattern;

/// All bands louder or quieter at once by so many dB: the canceller opened or closed, or somebody began to speak. What was heard before
/// belongs to something else.
const JUMP: f32 = 12.0;
/// How fast the usual offset is followed, as a share of the way a step.
const FOLLOWS: f32 = 0.1;

#[derive(Debug, Default)]
pub(super) struct Canceller {
    /// Against what comes back if it lets all through.
    pattern: Pattern,
    /// How much louder than that it is of late, in dB.
    offset: Option<f32>,
}

impl Canceller {
    /// Compares a step with what comes back if the canceller lets all through, and with what is usual then. Whether it just opened or
    /// closed, as it seems.
    pub fn compare(&mut self, heard: &Heard<'_>, expected: &Levels, usual: &Levels) -> bool {
        let jumps = heard.offset(expected).is_some_and(|offset| self.jumps(offset));
        if jumps {
            self.pattern = Pattern::default();
        }
        self.pattern.add(heard, expected, usual);
        jumps
    }

    fn jumps(&mut self, now: f32) -> bool {
        let usual = self.offset.get_or_insert(now);
        let jumps = (now - *usual).abs() > JUMP;
        *usual += if jumps { 1.0 } else { FOLLOWS } * (now - *usual);
        jumps
    }

    pub fn likeness(&self) -> Option<f32> {
        self.pattern.likeness()
    }
}
