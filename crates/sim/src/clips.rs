//! Audio behind URLs: there after a while, or failed, or only when nobody waits any more.

use crate::chance::Chance;
use crate::edge::{Edge, Happening};
use crate::mood::{Fate, Mood};
use ringline_conversation::Input;
use ringline_model::ClipId;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Clips {
    chance: Chance,
    mood: Mood,
    /// Being loaded (no length yet) or there.
    held: BTreeMap<ClipId, Option<u32>>,
}

impl Clips {
    pub fn new(mut chance: Chance) -> Self {
        Self { mood: Mood::draw(&mut chance), chance, held: BTreeMap::new() }
    }

    pub fn load(&mut self, clip: ClipId, edge: &mut Edge) {
        self.held.insert(clip, None);
        let after = self.mood.latency(&mut self.chance, 30, 1500);
        let duration_ms = self.chance.weighted(&[(60, 1500), (20, 100), (15, 8000), (4, 60_000), (1, 299_000)]);
        let duration_ms = duration_ms + self.chance.between(0, 700) as u32;
        let input = match self.mood.fate(&mut self.chance) {
            Fate::Answers => Input::ClipReady { clip, duration_ms },
            Fate::Empty => Input::ClipReady { clip, duration_ms: 0 },
            Fate::Fails | Fate::Breaks => Input::ClipFailed { clip, error: "404".to_owned() },
            Fate::Silent | Fate::Stalls => return,
        };
        edge.after(after, Happening::Clip { clip, input });
    }

    pub fn answers(&mut self, clip: ClipId, input: Input, edge: &mut Edge) {
        let Some(held) = self.held.get_mut(&clip) else { return };
        if let Input::ClipReady { duration_ms, .. } = &input {
            *held = Some(*duration_ms);
        } else {
            self.held.remove(&clip);
        }
        edge.tell(input);
    }

    /// The length of a clip that is there; it is then the mouth's.
    pub fn take(&mut self, clip: ClipId) -> Option<u32> {
        self.held.remove(&clip).flatten()
    }

    pub fn forget(&mut self, clip: ClipId) {
        self.held.remove(&clip);
    }
}
