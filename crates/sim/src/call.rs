//! One simulated call, from its seed to its end.

use crate::chance::Chance;
use crate::world::World;
use crate::{Tally, endings};
use ringline_conversation::{JournalEntry, Setup};

/// One call in so many is also written and read as JSON.
const STORED: u64 = 16;

/// A rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    pub what: String,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub struct Call {
    pub seed: u64,
    pub setup: Setup,
    pub journal: Vec<JournalEntry>,
    pub violation: Option<Violation>,
}

impl Call {
    pub fn tally(&self) -> Tally {
        Tally::of(&self.journal)
    }
}

/// Runs the call of a seed to its end, or to the first rule that is broken.
pub fn call(seed: u64) -> Call {
    let mut world = World::new(&mut Chance::new(seed));
    let mut violation = world.run().err();
    let (setup, journal) = world.into_journal();
    if violation.is_none() && seed.is_multiple_of(STORED) {
        let rule = "the journal can be stored";
        violation = endings::the_journal_can_be_stored(&setup, &journal).err().map(|what| Violation { rule, what });
    }
    Call { seed, setup, journal, violation }
}
