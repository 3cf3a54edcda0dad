//! What was sent, step by step, as it would sound in rooms that ring for a shorter or a longer time.

use super::bands::{BANDS, Levels, SILENCE};
use super::ring::Ring;

/// Steps that are remembered: more than the longest delay and the history of what was heard.
pub(super) const REMEMBERED: usize = 512;

/// How much of a band's power is left after a step: rooms with a reverberation time of 0.15 and 0.6 s.
const TAILS: [f32; ROOMS] = [0.4, 0.8];
pub(super) const ROOMS: usize = 2;

/// Loud enough to come back at all, in dB.
const AUDIBLE: f32 = -70.0;

/// What lies more below a band's loudest counts as silence in it.
const RANGE: f32 = 40.0;
/// A band's loudest fades, in dB a step.
pub(super) const FADE: f32 = 0.03;

#[derive(Debug)]
pub(super) struct Sent {
    levels: Ring<[Levels; ROOMS], REMEMBERED>,
    ringing: Ringing,
    last_audible: Option<u64>,
}

/// What still sounds in each room.
#[derive(Debug)]
struct Ringing {
    power: [[f32; BANDS]; ROOMS],
    loudest: Levels,
}

impl Sent {
    pub fn new() -> Self {
        Self {
            levels: Ring::new([[SILENCE; BANDS]; ROOMS]),
            ringing: Ringing { power: [[0.0; BANDS]; ROOMS], loudest: [SILENCE; BANDS] },
            last_audible: None,
        }
    }

    /// Steps between the last one and this were silent. A step of the past is not taken.
    pub fn put(&mut self, step: u64, levels: &Levels) {
        if step < self.levels.next() {
            return;
        }
        self.fill_to(step);
        if levels.iter().any(|level| *level > AUDIBLE) {
            self.last_audible = Some(step);
        }
        for (loudest, level) in self.ringing.loudest.iter_mut().zip(levels) {
            *loudest = level.max(*loudest - FADE);
        }
        self.levels.put(step, self.ringing.add(levels));
    }

    /// Nothing was sent before `step`, from where the last step ended.
    pub fn fill_to(&mut self, step: u64) {
        self.levels.fill_to(step, || self.ringing.add(&[SILENCE; BANDS]));
    }

    /// The levels at a step that lies at most [`REMEMBERED`] back.
    pub fn at(&self, step: u64, room: usize) -> &Levels {
        &self.levels.at(step)[room]
    }

    pub fn loudest(&self, band: usize) -> f32 {
        self.ringing.loudest[band]
    }

    /// Whether something audible was sent within so many steps before `step`.
    pub fn was_audible(&self, step: u64, within: u64) -> bool {
        self.last_audible.is_some_and(|last| last + within >= step)
    }
}

impl Ringing {
    /// A step's levels in each room.
    fn add(&mut self, levels: &Levels) -> [Levels; ROOMS] {
        let mut rooms = [[SILENCE; BANDS]; ROOMS];
        for ((room, power), tail) in rooms.iter_mut().zip(&mut self.power).zip(TAILS) {
            for band in 0..BANDS {
                power[band] = 10_f32.powf(levels[band] / 10.0) + tail * power[band];
                room[band] = (10.0 * power[band].log10()).max(self.loudest[band] - RANGE).max(SILENCE);
            }
        }
        rooms
    }
}
