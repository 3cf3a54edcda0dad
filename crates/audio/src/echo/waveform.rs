//! How much of what is heard is what was sent, by its waveform: the coherence of both.
//!
//! In each bin of the spectrum a room changes level and phase of what was sent, always in the same way, and a person's voice has nothing to do
//! with either. So the part of the power of what is heard that a steady change explains,
//! Σ |Sxy|² / Sxx over Σ Syy (Sxy, Sxx, Syy: cross and power spectra over the last steps; the magnitude-squared coherence, weighted by
//! power), is large at the echo's delay and next to nothing elsewhere, however loud it is. Of an echo about half is explained, since a room
//! rings for longer than a step; of a person's voice a twentieth.
//!
//! Of few steps, or of a few that are louder by far, something is always explained by chance, of one step all. For what is independent of what was
//! sent that is Σ |Sx|² |Sy|² / Sxx over Σ Syy on average (Sx, Sy: one step), 1/n for n equal steps; what is said of this moment is without it.

use super::bands::{BINS, Bins};
use super::path::LONGEST;
use super::ring::Ring;

/// What is left after a step of what the delay is looked for with: it lasts about a second …
const KEEP: f32 = 0.99;
/// … and of what is said of this moment: 0.2 s.
const KEEP_NOW: f32 = 0.95;
/// Steps of what is heard before the delay can be told.
const LEAST_STEPS: u32 = 18;
/// A delay at which so much is explained, and so many times what is explained at a usual one, may be the echo's. (Without any echo
/// 99 in 100 have less than 0.08 at the best.)
const MAY_BE: f32 = 0.12;
const TIMES_USUAL: f32 = 2.5;

/// So many steps at a delay say what is heard now.
const LEAST_NOW: u32 = 6;
/// What is explained of the echo as a rule, at least, as long as nothing is known of it; then it is learnt step by step as that which 60 in
/// 100 have at most …
const AT_FIRST: f32 = 0.55;
const LEARNS_UP: f32 = 0.006;
const LEARNS_DOWN: f32 = 0.004;
/// … and doubted while a person seems to speak: if the echo's waveform changes for good, that is noticed after half a minute.
const DOUBTS: f32 = 0.0001;
/// What is heard now is compared at so many delays, from so many steps before the one that is known on.
const AROUND: usize = 6;
const BEFORE: usize = 2;
/// A room rings: two delays count, so many steps apart that nothing is counted twice.
const LATER: usize = 2;
/// If so much is explained by chance, the steps are too few.
const MOST_CHANCE: f32 = 0.4;
/// With less than this the waveform tells nothing.
const PROVEN: f32 = 0.2;

/// Where so little is explained nothing of the agent's is heard.
const NOTHING_EXPLAINED: f32 = 0.06;

/// Power that is nothing, in a bin: full scale is some 10 000.
const NOTHING: f32 = 1e-5;

/// Steps that are remembered. What is heard so late that it reaches further back, by 0.6 s and more, is not compared.
const REMEMBERED: usize = 128;
const LATEST: u64 = (REMEMBERED - LONGEST) as u64;

/// What the waveform says of the delay of an echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trace {
    /// This may be it.
    At {
        delay: usize,
        explained: f32,
    },
    /// There is no echo, as far as can be heard.
    Nothing,
    Unclear,
}

/// A sum of products, in each bin.
#[derive(Clone, Copy, Debug)]
struct Cross {
    re: [f32; BINS],
    im: [f32; BINS],
}

impl Cross {
    const NONE: Self = Self { re: [0.0; BINS], im: [0.0; BINS] };

    fn add(&mut self, keep: f32, sent: &Bins, heard: &Bins) {
        for bin in 0..BINS {
            self.re[bin] = self.re[bin] * keep + sent.re[bin] * heard.re[bin] + sent.im[bin] * heard.im[bin];
            self.im[bin] = self.im[bin] * keep + sent.re[bin] * heard.im[bin] - sent.im[bin] * heard.re[bin];
        }
    }

    fn fade(&mut self, keep: f32) {
        self.re.iter_mut().chain(&mut self.im).for_each(|sum| *sum *= keep);
    }

    /// The power of what is heard that is explained, with the power of what was sent.
    fn explained(&self, sent: &[f32; BINS]) -> f32 {
        (0..BINS).map(|bin| (self.re[bin] * self.re[bin] + self.im[bin] * self.im[bin]) / (sent[bin] + NOTHING)).sum()
    }
}

/// What was sent in a step, and its power over the second until then.
#[derive(Clone, Copy, Debug)]
struct Sent {
    bins: Bins,
    power: [f32; BINS],
}

impl Sent {
    const NONE: Self = Self { bins: Bins::NONE, power: [0.0; BINS] };

    /// The step behind this one.
    fn next(&self, bins: &Bins) -> Self {
        let power = std::array::from_fn(|bin| self.power[bin] * KEEP + bins.power(bin));
        Self { bins: *bins, power }
    }
}

#[derive(Debug)]
pub(super) struct Waveform {
    sent: Ring<Sent, REMEMBERED>,
    last: Sent,
    /// By delay.
    crosses: Box<[Cross; LONGEST]>,
    heard: f32,
    steps: u32,
    /// The step behind the last that was heard.
    next_heard: u64,
    now: Option<Now>,
}

/// The last moments, around the delay that is known.
#[derive(Debug)]
struct Now {
    delay: usize,
    /// At [`AROUND`] delays, the first [`BEFORE`] steps before it.
    crosses: [Cross; AROUND],
    sent: [[f32; BINS]; AROUND],
    /// The products of both powers.
    both: [[f32; BINS]; AROUND],
    heard: f32,
    steps: u32,
    /// How much is explained by chance.
    chance: f32,
    /// How much of what is heard is explained, and how much of an echo is as a rule.
    explained: f32,
    usual: f32,
}

impl Waveform {
    pub fn new() -> Self {
        Self {
            sent: Ring::new(Sent::NONE),
            last: Sent::NONE,
            crosses: Box::new([Cross::NONE; LONGEST]),
            heard: 0.0,
            steps: 0,
            next_heard: 0,
            now: None,
        }
    }

    /// Steps between the last one and this were silent. A step of the past is not taken.
    pub fn put(&mut self, step: u64, sent: &Bins) {
        if step >= self.sent.next() {
            self.fill_to(step);
            self.last = self.last.next(sent);
            self.sent.put(step, self.last);
        }
    }

    /// Nothing was sent before `step`, from where the last step ended.
    pub fn fill_to(&mut self, step: u64) {
        self.sent.fill_to(step, || {
            self.last = self.last.next(&Bins::NONE);
            self.last
        });
    }

    /// Compares one step of what is heard with what was sent before it.
    pub fn compare(&mut self, step: u64, heard: &Bins) {
        self.fade(step.saturating_sub(self.next_heard));
        self.next_heard = step + 1;
        if self.sent.next() > step + LATEST {
            self.now.iter_mut().for_each(|now| now.steps = 0);
            return;
        }
        self.steps = self.steps.saturating_add(1);
        self.heard = self.heard * KEEP + heard.all_power();
        for (delay, cross) in self.crosses.iter_mut().enumerate() {
            cross.add(KEEP, &self.sent.at(before(step, delay)).bins, heard);
        }
        if let Some(now) = &mut self.now {
            now.add(heard, |delay| &self.sent.at(before(step, delay)).bins);
        }
    }

    /// So many steps were not heard.
    fn fade(&mut self, steps: u64) {
        if steps == 0 {
            return;
        }
        let keep = |a_step: f32| a_step.powi(steps.min(10_000) as i32);
        self.heard *= keep(KEEP);
        self.crosses.iter_mut().for_each(|cross| cross.fade(keep(KEEP)));
        if let Some(now) = &mut self.now {
            now.heard *= keep(KEEP_NOW);
            now.crosses.iter_mut().for_each(|cross| cross.fade(keep(KEEP_NOW)));
            now.sent.iter_mut().flatten().for_each(|power| *power *= keep(KEEP_NOW));
            now.both.iter_mut().flatten().for_each(|power| *power *= keep(KEEP_NOW * KEEP_NOW));
        }
    }

    /// What the last second says of the delay.
    pub fn trace(&self, step: u64) -> Trace {
        let Some(mut all) = self.by_delay(step) else { return Trace::Unclear };
        let best = all.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((delay, explained)) = best else { return Trace::Unclear };
        let (_, usual, _) = all.select_nth_unstable_by(LONGEST / 2, f32::total_cmp);
        match explained {
            nothing if nothing < NOTHING_EXPLAINED => Trace::Nothing,
            _ if explained > MAY_BE && explained > *usual * TIMES_USUAL => Trace::At { delay, explained },
            _ => Trace::Unclear,
        }
    }

    /// How much of what was heard over the last second is explained.
    fn by_delay(&self, step: u64) -> Option<[f32; LONGEST]> {
        let heard = self.heard + NOTHING;
        let explained = |delay: usize| self.crosses[delay].explained(&self.sent.at(before(step, delay)).power) / heard;
        (self.steps >= LEAST_STEPS).then(|| std::array::from_fn(explained))
    }

    /// An echo comes back after this delay, and so much of it is explained.
    pub fn follow(&mut self, delay: usize, usual: f32) {
        if self.now.as_ref().is_none_or(|now| now.delay != delay) {
            let is_near = |now: &&Now| now.delay.abs_diff(delay) <= BEFORE;
            let usual = self.now.as_ref().filter(is_near).map_or(usual.max(AT_FIRST), |now| now.usual);
            self.now = Some(Now::new(delay, usual));
        }
    }

    /// What was heard before says nothing of what is heard from now on.
    pub fn forget_now(&mut self) {
        if let Some(now) = &mut self.now {
            *now = Now::new(now.delay, now.usual);
        }
    }

    /// Nor does it say anything of the delay.
    pub fn forget(&mut self) {
        self.crosses.fill(Cross::NONE);
        (self.heard, self.steps) = (0.0, 0);
    }

    /// What the waveform said of the delay was wrong.
    pub fn follow_none(&mut self) {
        self.now = None;
    }

    /// How much of what was heard just now is explained, as a share of what is of the echo alone.
    pub fn likeness(&self) -> Option<f32> {
        self.now
            .as_ref()
            .filter(|now| now.steps >= LEAST_NOW && now.chance <= MOST_CHANCE && now.usual >= PROVEN)
            .map(|now| now.explained / now.usual)
    }

    /// What was heard just now was the echo alone.
    pub fn learn_echo(&mut self) {
        if let Some(now) = &mut self.now {
            now.usual += if now.explained > now.usual { LEARNS_UP } else { -LEARNS_DOWN };
        }
    }

    /// A person seems to speak.
    pub fn doubt(&mut self) {
        if let Some(now) = &mut self.now {
            now.usual -= DOUBTS;
        }
    }
}

impl Now {
    fn new(delay: usize, usual: f32) -> Self {
        Self {
            delay,
            crosses: [Cross::NONE; AROUND],
            sent: [[0.0; BINS]; AROUND],
            both: [[0.0; BINS]; AROUND],
            heard: 0.0,
            steps: 0,
            chance: 1.0,
            explained: 0.0,
            usual,
        }
    }

    fn add<'a>(&mut self, heard: &Bins, sent: impl Fn(usize) -> &'a Bins) {
        self.steps = self.steps.saturating_add(1);
        self.heard = self.heard * KEEP_NOW + heard.all_power();
        for n in 0..AROUND {
            let sent = sent((self.delay + n).saturating_sub(BEFORE));
            self.crosses[n].add(KEEP_NOW, sent, heard);
            for bin in 0..BINS {
                let power = sent.power(bin);
                self.sent[n][bin] = self.sent[n][bin] * KEEP_NOW + power;
                self.both[n][bin] = self.both[n][bin] * (KEEP_NOW * KEEP_NOW) + power * heard.power(bin);
            }
        }
        self.explain();
    }

    fn explain(&mut self) {
        let heard = self.heard + NOTHING;
        let by_chance: [f32; AROUND] = std::array::from_fn(|n| {
            let products = self.both[n].iter().zip(&self.sent[n]);
            products.map(|(both, sent)| both / (sent + NOTHING)).sum::<f32>() / heard
        });
        let all: [f32; AROUND] = std::array::from_fn(|n| {
            let explained = self.crosses[n].explained(&self.sent[n]) / heard;
            ((explained - by_chance[n]) / (1.0 - by_chance[n]).max(NOTHING)).max(0.0)
        });
        self.chance = by_chance.into_iter().fold(0.0, f32::max);
        self.explained = all.iter().zip(&all[LATER..]).map(|(first, later)| first + later).fold(0.0, f32::max);
    }
}

fn before(step: u64, delay: usize) -> u64 {
    step.saturating_sub(delay as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringline_model::SplitMix64;

    /// A step of noise, the same for the same seed.
    fn noise(seed: u64) -> Bins {
        let mut chance = SplitMix64::new(seed);
        let mut some = || std::array::from_fn(|_| chance.fraction() as f32 - 0.5);
        Bins { re: some(), im: some() }
    }

    /// Hears steps of what was sent `delay` before, or of something else.
    fn hear(waveform: &mut Waveform, steps: std::ops::Range<u64>, delay: Option<u64>) {
        for step in steps {
            waveform.put(step, &noise(step));
            let heard = match delay {
                Some(delay) if step >= delay => noise(step - delay),
                Some(_) | None => noise(step + 1_000_000),
            };
            waveform.compare(step, &heard);
        }
    }

    #[test]
    fn the_delay_is_where_all_is_explained_and_there_is_none_without_an_echo() {
        let mut waveform = Waveform::new();
        hear(&mut waveform, 0..100, Some(30));
        let Trace::At { delay: 30, explained } = waveform.trace(99) else { panic!("{:?}", waveform.trace(99)) };
        assert!(explained > 0.5, "{explained}");
        let mut waveform = Waveform::new();
        hear(&mut waveform, 0..300, None);
        assert_eq!(waveform.trace(299), Trace::Nothing);
    }

    #[test]
    fn after_a_pause_no_more_is_explained_than_there_is() {
        let mut waveform = Waveform::new();
        hear(&mut waveform, 0..300, None);
        // The agent is silent for 5 s, and nothing is compared.
        hear(&mut waveform, 800..806, None);
        let most = waveform.by_delay(805).unwrap_or([1.0; LONGEST]).into_iter().fold(0.0, f32::max);
        assert!(most <= 1.0, "{most}");
        hear(&mut waveform, 806..1000, None);
        assert_eq!(waveform.trace(999), Trace::Nothing);
    }

    #[test]
    fn after_a_few_steps_an_echo_is_explained_and_chance_explains_nothing() {
        for (echo, wanted) in [(Some(30), 0.8..1.3), (None, 0.0..0.3)] {
            let mut waveform = Waveform::new();
            hear(&mut waveform, 0..100, Some(30));
            waveform.follow(30, 0.9);
            hear(&mut waveform, 100..150, None);
            waveform.forget_now();
            hear(&mut waveform, 150..150 + u64::from(LEAST_NOW), echo);
            let likeness = waveform.likeness().unwrap_or(f32::NAN);
            assert!(wanted.contains(&likeness), "{echo:?}: {likeness}");
        }
    }

    #[test]
    fn a_person_over_the_echo_lowers_the_likeness_and_what_is_heard_too_late_has_none() {
        let mut waveform = Waveform::new();
        hear(&mut waveform, 0..100, Some(30));
        waveform.follow(30, 0.9);
        hear(&mut waveform, 100..150, Some(30));
        assert!(waveform.likeness() > Some(0.8), "{:?}", waveform.likeness());
        hear(&mut waveform, 150..180, None);
        assert!(waveform.likeness() < Some(0.3), "{:?}", waveform.likeness());
        waveform.fill_to(180 + REMEMBERED as u64);
        waveform.compare(180, &noise(150));
        assert_eq!(waveform.likeness(), None);
    }
}
