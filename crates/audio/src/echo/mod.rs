//! Whether what is heard is a person, or the agent's own voice that comes back from the user's loudspeaker.
//!
//! What was sent is known exactly. [`EchoGuard`] looks for it in what is heard by its waveform (`waveform.rs`: the coherence of both), at
//! delays of up to 640 ms: that tells the delay after 0.2 s of echo, and of every 10 ms whether there is more than the echo in what is heard. Where
//! a client's echo canceller leaves nothing of the waveform, levels in bands tell the same with less certainty (`path.rs`: the delay at
//! which both go up and down together, and how much of each band comes back; `pattern.rs`: whether the same bands are loud at the same
//! time; `canceller.rs`: what a canceller that opens lets through).
//!
//! The flow, every 10 ms: noise ← the least of late; delay ← the waveform, or the levels; what is expected back ← what was sent then, and
//! what each band lost; evidence ← the part of the waveform that is explained, with the levels, or the levels and their pattern; voice ← the sum of
//! the evidence.
//!
//! Contract: [`EchoGuard::sent`] and [`EchoGuard::heard`] take audio with its call time, each in order; pieces may have any size.
//! What is not handed in as sent was silent. Nothing is altered, and nothing is allocated after construction. Until the agent has been heard
//! for [`LEARNING`] it is open whose a sound is ([`Voice::Open`]), unless it is nothing like the agent's for 0.3 s, and up to
//! [`LEARNING_MOST`] if a delay seems likely; if the way back is not known by then, there is none as far as can be told.
//!
//! Limits: an echo later than 640 ms is a person's voice; when the delay jumps, the first 0.2 to 0.7 s may be taken for a person's. A person more
//! than about 6 dB below the echo is not noticed; others are after 0.06 s as a rule, nine in ten within 0.3 s, also over an echo that is being
//! cancelled. A loudspeaker that is turned down by 8 dB or more looks like a canceller. With the waveform gone, a delay takes 1 to 1.6 s, a person over
//! the echo 0.1 to 0.3 s, and of a canceller that opens in the middle of a word 0.1 to 0.3 s may be taken for a person's.

mod bands;
mod canceller;
mod heard;
mod noise;
mod path;
mod pattern;
mod ring;
mod sent;
mod waveform;

use crate::{EAR_RATE, MOUTH_RATE};
use bands::{Bands, Bins, Levels, SILENCE, plus};
use canceller::Canceller;
use heard::Heard;
use noise::Noise;
use path::{EchoPath, Found, LONGEST};
use pattern::Pattern;
use ringline_model::CallTime;
use sent::Sent;
use std::time::Duration;
use waveform::{Trace, Waveform};

/// One step of the comparison.
const STEP_US: u64 = 10_000;
/// A piece that begins so much later or earlier than the one before ended does not follow it.
const GAP: Duration = Duration::from_millis(15);
/// After the agent, its voice may ring for so long, in steps: the longest delay, and a room.
const RINGS: u64 = LONGEST as u64 + 30;
/// Steps between two looks for the delay, and between two measurements of the losses.
const SEARCH_EVERY: u64 = 2;
const MEASURE_EVERY: u64 = 16;

/// Evidence of so much decides, and of so much is kept.
const DECIDES: f32 = 2.0;
const MOST: f32 = 3.0;
/// When a step says nothing, what was thought before fades.
const FADE: f32 = 0.97;

/// A likeness to what was sent (`pattern`) from here on is the agent's voice, however loud …
const ALIKE: f32 = 0.68;
const IS_ECHO: f32 = -0.6;
/// … and up to here somebody else is heard, however quiet. (Of the echo alone nine in ten steps have more than 0.6, of a person over an
/// echo as loud nine in ten less than 0.5.)
const UNLIKE: f32 = 0.55;
const IS_PERSON: f32 = 0.1;
/// What may have come through a canceller that opened is either's with this likeness, the agent's with more and a person's with less.
/// (Of persons over such rooms nine in ten steps have less than 0.43.)
const EITHER: f32 = 0.38;
const PER_LIKENESS: f32 = 2.0;

/// Of the part of an echo that its waveform explains as a rule, so much and more is heard of the agent's voice alone, and less while a
/// person speaks. (Of the echo alone nine in ten steps have more than 0.7, of persons over it nine in ten less than 0.45; with what chance
/// explains, which is left out since.)
const SAME: f32 = 0.85;
/// Less suffices if levels see no more than the echo, depending on their pattern (if that is the agent's, nothing need be explained): a room that
/// rings, or a canceller that just opens, explains little …
const NO_MORE: f32 = -0.1;
const SAME_UNLIKE: f32 = 0.6;
const SAME_LIKE: f32 = 0.2;
/// … and of what comes through one that cancels, this.
const SAME_THROUGH: f32 = 0.3;
const PER_SAME: f32 = 4.0;

/// So many steps of the agent's voice suffice to know the way back, if there is one.
const LEARNING: u32 = 160;
/// The same while some delay seems likely.
const LEARNING_MOST: u32 = 240;
/// Sounds that are nothing like the agent's voice for so many steps are not its echo.
const UNLIKE_STEPS: u32 = 30;
/// After so many steps in which nothing sounds, what sounded before says nothing any more: a person is often so much louder than the echo that
/// their voice would hide it for a second.
const PAUSE: u32 = 10;
/// When the way back is found, so many steps decide whose the first sound was.
const DECIDING: u32 = 150;

/// Whose voice is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// It cannot be the agent's alone.
    Person,
    /// The agent's, and nobody else's.
    Echo,
    /// The agent is heard, and this may be either's.
    Unsure,
    /// The agent is heard for the first time, and it is not known yet whether its voice comes back.
    Open,
}

/// Tells the agent's own voice from a person's, for one call.
#[derive(Debug)]
pub struct EchoGuard {
    sent_bands: Bands,
    sent_clock: StepClock,
    heard_bands: Bands,
    heard_clock: StepClock,
    judge: Judge,
}

#[derive(Debug)]
struct Judge {
    sent: Sent,
    path: EchoPath,
    waveform: Waveform,
    trace: Trace,
    pattern: Pattern,
    /// While the echo is being cancelled.
    canceller: Option<Canceller>,
    /// Steps in which the agent was to be heard, as long as the way back is not known.
    learning: u32,
    /// Steps in which something sounded that is nothing like the agent's voice, as long as that is so.
    unlike: u32,
    /// Steps for which it may stay open whose the voice is, once the way back is known.
    deciding: u32,
    /// Steps in which nothing sounded, in a row.
    quiet: u32,
    /// A person spoke since the last pause.
    person: bool,
    noise: Noise,
    /// Positive: a person.
    evidence: f32,
    voice: Voice,
}

impl Default for EchoGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoGuard {
    pub fn new() -> Self {
        Self {
            sent_bands: Bands::new(MOUTH_RATE),
            sent_clock: StepClock::new(MOUTH_RATE),
            heard_bands: Bands::new(EAR_RATE),
            heard_clock: StepClock::new(EAR_RATE),
            judge: Judge {
                sent: Sent::new(),
                path: EchoPath::new(),
                waveform: Waveform::new(),
                trace: Trace::Unclear,
                pattern: Pattern::default(),
                canceller: None,
                learning: 0,
                unlike: 0,
                deciding: DECIDING,
                quiet: 0,
                person: false,
                noise: Noise::default(),
                evidence: 0.0,
                voice: Voice::Person,
            },
        }
    }

    /// Samples at [`MOUTH_RATE`] that leave from `at` on.
    pub fn sent(&mut self, at: CallTime, pcm: &[f32]) {
        if self.sent_clock.is_new(at, pcm.len()) {
            self.sent_bands.restart();
        }
        let (clock, judge) = (&mut self.sent_clock, &mut self.judge);
        self.sent_bands.push(pcm, |levels, bins| judge.sent(clock.step(), levels, bins));
    }

    /// Samples at [`EAR_RATE`] that are heard from `at` on.
    pub fn heard(&mut self, at: CallTime, pcm: &[f32]) {
        if self.heard_clock.is_new(at, pcm.len()) {
            self.heard_bands.restart();
        }
        let (clock, judge) = (&mut self.heard_clock, &mut self.judge);
        self.heard_bands.push(pcm, |levels, bins| judge.step(clock.step(), levels, bins));
    }

    /// Whose voice was heard last.
    pub fn voice(&self) -> Voice {
        self.judge.voice
    }

    /// The delay after which the agent's voice comes back, once it is known.
    pub fn delay(&self) -> Option<Duration> {
        self.judge.path.found().map(|found| Duration::from_micros(found.delay as u64 * STEP_US))
    }
}

impl Judge {
    fn sent(&mut self, step: u64, levels: &Levels, bins: &Bins) {
        self.sent.put(step, levels);
        self.waveform.put(step, bins);
    }

    fn step(&mut self, step: u64, heard: &Levels, bins: &Bins) {
        let noise = self.noise.add(heard);
        if !self.sent.was_audible(step, RINGS) {
            (self.evidence, self.voice) = (0.0, Voice::Person);
            return;
        }
        self.sent.fill_to(step + 1);
        let above: Levels = std::array::from_fn(|band| heard[band].max(noise[band]));
        self.path.compare(step, &above, &noise, &self.sent);
        self.waveform.fill_to(step + 1);
        self.waveform.compare(step, bins);
        if step.is_multiple_of(SEARCH_EVERY) {
            self.search(step);
        }
        if step.is_multiple_of(MEASURE_EVERY) {
            self.path.measure(step, &self.sent);
        }
        let heard = Heard::new(heard, &noise);
        self.weigh(step, &heard);
        // What a person says tells nothing of the way back.
        if self.evidence < DECIDES {
            let told = std::array::from_fn(|band| heard.level(band).unwrap_or(SILENCE));
            self.path.remember(step, &told);
        }
    }

    /// Looks for the delay.
    fn search(&mut self, step: u64) {
        self.trace = self.waveform.trace(step);
        let over_person = self.pattern.likeness().is_some_and(|alike| alike <= UNLIKE);
        self.path.search(step, &self.sent, self.trace, over_person);
        match (self.trace, self.path.found()) {
            (_, Some(found)) if !found.by_waveform => self.waveform.follow_none(),
            (Trace::At { delay, explained }, Some(found)) if found.delay == delay => {
                self.waveform.follow(delay, explained)
            }
            _ => {}
        }
    }

    /// Adds what this step says.
    fn weigh(&mut self, step: u64, heard: &Heard<'_>) {
        let Some(found) = self.path.found() else {
            self.learning += u32::from(self.sent.was_audible(step, 1));
            let suspects = self.path.suspects();
            self.unlike += u32::from(heard.is_enough() && !suspects && self.trace == Trace::Nothing);
            let is_learning = self.learning < LEARNING && self.unlike < UNLIKE_STEPS;
            let is_open = is_learning || suspects && self.learning < LEARNING_MOST;
            self.voice = if is_open { Voice::Open } else { Voice::Unsure };
            return;
        };
        let (sent, usual) = (self.sent_around(step, found), self.path.usual(found));
        let (expected, at_most) = (plus(&sent, &found.gains), plus(&sent, &found.most));
        let cancelled = found.is_cancelled();
        if self.canceller.is_some() != cancelled {
            // What is usual has changed, and with it what all before is compared with.
            self.pattern = Pattern::default();
            self.canceller = cancelled.then(Canceller::default);
        }
        if let Some(canceller) = &mut self.canceller
            && canceller.compare(heard, &at_most, &plus(&usual, &found.most))
        {
            self.pattern = Pattern::default();
        }
        self.pattern.add(heard, &expected, &plus(&usual, &found.gains));
        self.quiet = if heard.is_enough() { 0 } else { self.quiet.saturating_add(1) };
        self.person |= self.evidence >= DECIDES;
        if self.quiet >= PAUSE {
            self.waveform.forget_now();
            if std::mem::take(&mut self.person) {
                self.waveform.forget();
            }
        }
        if self.quiet > 0 {
            self.evidence *= FADE;
        } else {
            let excess = heard.excess(&expected);
            let evidence = match self.waveform.likeness() {
                Some(alike) => by_waveform(alike, excess, cancelled, self.pattern.likeness()),
                None => {
                    let came_through = cancelled && excess > 0.0 && heard.excess(&at_most) <= 0.0;
                    self.by_pattern(excess, came_through, heard.shows(&expected))
                }
            };
            if self.pattern.likeness().map_or(self.evidence <= -DECIDES, |alike| alike >= ALIKE) {
                self.waveform.learn_echo();
            } else if self.evidence >= DECIDES {
                self.waveform.doubt();
            }
            self.evidence = (self.evidence + evidence).clamp(-MOST, MOST);
        }
        self.deciding = self.deciding.saturating_sub(1);
        self.voice = if self.evidence >= DECIDES {
            Voice::Person
        } else if self.evidence <= -DECIDES || self.voice == Voice::Echo && self.evidence < 0.0 {
            Voice::Echo
        } else if self.voice == Voice::Open && self.deciding > 0 {
            Voice::Open
        } else {
            Voice::Unsure
        };
    }

    /// What was sent at a step's delay, within a step.
    fn sent_around(&self, step: u64, found: &Found) -> Levels {
        let at = |delay: usize| self.sent.at(step.saturating_sub(delay as u64), found.room);
        let (before, exact, after) = (at(found.delay + 1), at(found.delay), at(found.delay.saturating_sub(1)));
        std::array::from_fn(|band| exact[band].max(before[band]).max(after[band]))
    }

    /// What the likeness to what was sent makes of the evidence of levels. `shows`: an echo would be like it.
    fn by_pattern(&self, excess: f32, came_through: bool, shows: bool) -> f32 {
        let likeness = match (self.pattern.likeness(), self.canceller.as_ref().and_then(Canceller::likeness)) {
            (Some(pattern), Some(through)) => Some(pattern.max(through)),
            (pattern, through) => pattern.or(through),
        };
        match likeness {
            Some(alike) if came_through => ((EITHER - alike) * PER_LIKENESS).clamp(IS_ECHO, 1.0),
            None if came_through => 0.0,
            Some(alike) if alike >= ALIKE => excess.min(IS_ECHO),
            Some(alike) if alike <= UNLIKE && shows => excess.max(IS_PERSON),
            Some(_) | None => excess,
        }
    }
}

/// What the likeness of waveforms makes of the evidence of levels and their pattern.
fn by_waveform(alike: f32, excess: f32, cancelled: bool, pattern: Option<f32>) -> f32 {
    if cancelled {
        // What a canceller leaves over has another waveform; it is no louder than it was, though.
        return if alike < SAME_THROUGH { excess } else { IS_ECHO };
    }
    let same = match pattern {
        _ if excess >= NO_MORE => SAME,
        Some(pattern) if pattern >= ALIKE => return IS_ECHO,
        Some(pattern) if pattern <= UNLIKE => SAME_UNLIKE,
        Some(_) | None => SAME_LIKE,
    };
    ((same - alike) * PER_SAME).clamp(IS_ECHO, 1.0)
}

/// From call time to steps. A stream's steps follow one another; its time may breathe by a few ms.
#[derive(Debug)]
struct StepClock {
    rate: u32,
    due: Option<CallTime>,
    next: u64,
}

impl StepClock {
    fn new(rate: u32) -> Self {
        Self { rate, due: None, next: 0 }
    }

    /// A piece of so many samples begins at `at`. Whether it does not follow the one before.
    fn is_new(&mut self, at: CallTime, samples: usize) -> bool {
        let is_new = self.due.is_none_or(|due| at.since(due).max(due.since(at)) > GAP);
        if is_new {
            self.next = (at.as_micros() + STEP_US / 2) / STEP_US;
        }
        let begins = if is_new { at } else { self.due.unwrap_or(at) };
        let length = Duration::from_micros(samples as u64 * 1_000_000 / u64::from(self.rate));
        self.due = Some(begins + length);
        is_new
    }

    fn step(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}
