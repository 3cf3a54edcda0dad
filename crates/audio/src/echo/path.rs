//! The way from what is sent to what is heard: after what delay, and how much quieter in each band.
//!
//! The delay is where the levels of both go up and down together: for each delay, and for a dry and a ringing room, the
//! correlation of the levels over the last second or so. What lies as far below the loudest that was sent as the noise lies below the
//! loudest that is heard cannot be heard, and counts as silence: so an echo little above the noise is found as well. The loss of a band
//! is a quantile of the differences over the last seconds.

use super::bands::{BANDS, Levels, SILENCE};
use super::ring::Ring;
use super::sent::{FADE, ROOMS, Sent};
use super::waveform::Trace;

/// Shortest delay: the codecs' own. What goes together at once does so by chance.
const SHORTEST: usize = 2;
/// Longest delay: network both ways, the receiver's buffer, loudspeaker, room and microphone.
pub(super) const LONGEST: usize = 64;

/// What is left of the statistics after a step: they last about a second.
const KEEP: f32 = 0.99;
/// Steps of both before a correlation means anything.
const LEAST_STEPS: f32 = 60.0;
/// From here on what is heard may come from what is sent (a person's voice gets so far by chance, at delays that change) …
const LIKELY: f32 = 0.4;
/// … and from here on it is taken to,
const SURE: f32 = 0.62;
/// … unless it was never sure and falls below this.
const UNLIKELY: f32 = 0.3;
/// Another delay must be so much better than the one known.
const BETTER: f32 = 0.08;
/// So many searches in a row find the same delay, if it is sure and if it is likely: what goes together by chance soon does so at another.
const IN_A_ROW: u32 = 15;
const LIKELY_IN_A_ROW: u32 = 35;
/// The same for what the waveform says, if it explains so much, if it explains less, and if that is but a step from what is known: clocks
/// drift.
const WAVEFORM_IN_A_ROW: u32 = 8;
const EXPLAINED: f32 = 0.2;
const LITTLE_IN_A_ROW: u32 = 30;
const DRIFTED: u32 = 50;
/// A delay so near is the same way back.
const NEAR: usize = 2;
/// What lies so many dB below the noise does not show in a band's level.
const BELOW_NOISE: f32 = 6.0;
/// Least spread of what is heard, in dB² a band: steady noise goes along with nothing.
const LEAST_SPREAD: f32 = 9.0;

/// So many dB below the loudest it has been, in the mean of all bands, the echo is being cancelled; what is measured varies by less.
const CANCELLED: f32 = 8.0;

/// Steps of what was heard that are remembered for the losses.
const HISTORY: usize = 256;
/// Only what was sent so close to the loudest tells the loss, in dB.
const LOUD: f32 = 18.0;
/// Of the differences between heard and sent, so many lie below what is taken as the loss.
const QUANTILE: f32 = 0.6;
/// Differences that make a quantile.
const LEAST_DIFFERENCES: usize = 6;

#[derive(Debug)]
pub(super) struct EchoPath {
    weight: f32,
    heard: [f32; BANDS],
    heard_squared: [f32; BANDS],
    /// Per room and delay: sent, sent², sent × heard.
    sums: Box<[[[[f32; BANDS]; 3]; LONGEST]; ROOMS]>,
    /// The loudest of each band that was heard.
    loudest: Levels,
    found: Option<Found>,
    /// A delay that was found, and how many times in a row.
    candidate: Option<(usize, u32)>,
    /// Silent where a person spoke or nothing sounded.
    history: Ring<Levels, HISTORY>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub room: usize,
    pub delay: usize,
    /// How much louder than sent it is heard, in dB.
    pub gains: Levels,
    /// The loudest that it has been.
    pub most: Levels,
    /// In how many searches in a row it was sure, up to [`IN_A_ROW`].
    confirmed: u32,
    pub by_waveform: bool,
}

impl Found {
    /// An echo canceller takes it away; it may let it through again at any time.
    pub fn is_cancelled(&self) -> bool {
        let quieter: f32 = self.most.iter().zip(self.gains).map(|(most, gain)| most - gain).sum();
        quieter > CANCELLED * BANDS as f32
    }
}

impl EchoPath {
    pub fn new() -> Self {
        Self {
            weight: 0.0,
            heard: [0.0; BANDS],
            heard_squared: [0.0; BANDS],
            sums: Box::new([[[[0.0; BANDS]; 3]; LONGEST]; ROOMS]),
            loudest: [SILENCE; BANDS],
            found: None,
            candidate: None,
            history: Ring::new([SILENCE; BANDS]),
        }
    }

    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// A delay may be found soon.
    pub fn suspects(&self) -> bool {
        self.candidate.is_some_and(|(_, times)| times >= IN_A_ROW)
    }

    /// Compares one step of what is heard with what was sent before it.
    pub fn compare(&mut self, step: u64, heard: &Levels, noise: &Levels, sent: &Sent) {
        for (loudest, level) in self.loudest.iter_mut().zip(heard) {
            *loudest = level.max(*loudest - FADE);
        }
        let least: Levels =
            std::array::from_fn(|band| sent.loudest(band) - (self.loudest[band] - noise[band]).max(0.0) - BELOW_NOISE);
        self.weight = self.weight * KEEP + 1.0;
        for (band, level) in heard.iter().enumerate() {
            self.heard[band] = self.heard[band] * KEEP + level;
            self.heard_squared[band] = self.heard_squared[band] * KEEP + level * level;
        }
        for (room, delays) in self.sums.iter_mut().enumerate() {
            for (delay, [x, xx, xy]) in delays.iter_mut().enumerate() {
                let levels = sent.at(step.saturating_sub(delay as u64), room);
                for band in 0..BANDS {
                    let level = levels[band].max(least[band]);
                    x[band] = x[band] * KEEP + level;
                    xx[band] = xx[band] * KEEP + level * level;
                    xy[band] = xy[band] * KEEP + level * heard[band];
                }
            }
        }
    }

    /// Keeps a step for the losses.
    pub fn remember(&mut self, step: u64, heard: &Levels) {
        self.history.fill_to(step, || [SILENCE; BANDS]);
        self.history.put(step, *heard);
    }

    /// Looks for the delay at which both go together best, and takes the losses anew. What the waveform says of the delay
    /// comes first. `over_person`: what is heard is nothing like the agent's voice.
    pub fn search(&mut self, step: u64, sent: &Sent, trace: Trace, over_person: bool) {
        if let Trace::At { delay, explained } = trace {
            self.confirm(step, sent, delay, explained);
            return;
        }
        let Some(spread) = self.spread() else { return };
        let of = |room: usize, delay: usize| self.correlation(room, delay, spread);
        let all = (0..ROOMS).flat_map(|room| (SHORTEST..LONGEST).map(move |delay| (room, delay)));
        let best = all.map(|(room, delay)| (of(room, delay), room, delay)).max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((correlation, room, delay)) = best else { return };
        let known = self.found.map(|found| of(found.room, found.delay));
        let likely = if trace == Trace::Nothing { SURE } else { LIKELY };
        if self.refutes(known, trace) {
            (self.found, self.candidate) = (None, None);
            return;
        }
        if correlation <= known.map_or(likely, |known| (known + BETTER).max(SURE)) {
            self.candidate = None;
            return;
        }
        let times = self.propose(delay);
        let is_sure = correlation > SURE;
        if times >= if is_sure { IN_A_ROW } else { LIKELY_IN_A_ROW } {
            // Over a person another room may seem likelier; the waveform knows the delay better.
            let is_same = |found: &Found| found.by_waveform && over_person && found.delay.abs_diff(delay) <= NEAR;
            let known = self.found.filter(is_same);
            let delay = known.map_or(delay, |found| found.delay);
            let gains = self.gains(step, room, delay, sent);
            let confirmed = if is_sure { IN_A_ROW } else { 0 };
            self.found = Some(Found { room, delay, gains, most: gains, confirmed, by_waveform: known.is_some() });
        }
    }

    /// How many times in a row this delay was proposed.
    fn propose(&mut self, delay: usize) -> u32 {
        let times = match self.candidate {
            Some((at, times)) if at.abs_diff(delay) <= 1 => times + 1,
            Some(_) | None => 1,
        };
        self.candidate = Some((delay, times));
        times
    }

    /// The waveform says that it is this delay.
    fn confirm(&mut self, step: u64, sent: &Sent, delay: usize, explained: f32) {
        let times = self.propose(delay);
        let is_near = |found: &Found| found.by_waveform && found.delay.abs_diff(delay) <= 1;
        let needed = if self.found.as_ref().is_some_and(is_near) {
            DRIFTED
        } else if explained > EXPLAINED {
            WAVEFORM_IN_A_ROW
        } else {
            LITTLE_IN_A_ROW
        };
        if times < needed || self.found.is_some_and(|found| found.by_waveform && found.delay == delay) {
            return;
        }
        let near = self.found.filter(|found| found.delay.abs_diff(delay) <= NEAR);
        let room = near.map_or_else(|| self.likelier_room(delay), |found| found.room);
        let gains = self.gains(step, room, delay, sent);
        let most = near.map_or(gains, |found| found.most);
        self.found = Some(Found { room, delay, gains, most, confirmed: IN_A_ROW, by_waveform: true });
    }

    /// The room in which both go together better.
    fn likelier_room(&self, delay: usize) -> usize {
        let of = |room: usize| self.correlation(room, delay, 1.0);
        (0..ROOMS).max_by(|a, b| of(*a).total_cmp(&of(*b))).unwrap_or(0)
    }

    /// Takes the correlation at the delay that is known. Whether that was only likely, and has become unlikely before it was sure.
    fn refutes(&mut self, known: Option<f32>, trace: Trace) -> bool {
        let (Some(found), Some(correlation)) = (&mut self.found, known) else { return false };
        if found.confirmed >= IN_A_ROW {
            return false;
        }
        found.confirmed = if correlation > SURE { found.confirmed + 1 } else { 0 };
        correlation < UNLIKELY || trace == Trace::Nothing
    }

    /// The usual levels of what is sent, as it sounds in the room.
    pub fn usual(&self, found: &Found) -> Levels {
        self.sums[found.room][found.delay][0].map(|sum| sum / self.weight)
    }

    /// Takes the losses anew.
    pub fn measure(&mut self, step: u64, sent: &Sent) {
        if let Some(Found { room, delay, .. }) = self.found {
            let gains = self.gains(step, room, delay, sent);
            if let Some(found) = &mut self.found {
                found.gains = gains;
                for (most, gain) in found.most.iter_mut().zip(gains) {
                    *most = most.max(gain);
                }
            }
        }
    }

    /// The variance of what is heard in all bands, if there is enough of it.
    fn spread(&self) -> Option<f32> {
        let spread: f32 = (0..BANDS)
            .map(|band| {
                let mean = self.heard[band] / self.weight;
                self.heard_squared[band] / self.weight - mean * mean
            })
            .sum();
        (self.weight >= LEAST_STEPS && spread >= LEAST_SPREAD * BANDS as f32).then_some(spread)
    }

    fn correlation(&self, room: usize, delay: usize, spread: f32) -> f32 {
        let [x, xx, xy] = &self.sums[room][delay];
        let (mut together, mut alone) = (0.0, 0.0);
        for band in 0..BANDS {
            let mean = x[band] / self.weight;
            together += xy[band] / self.weight - mean * self.heard[band] / self.weight;
            alone += xx[band] / self.weight - mean * mean;
        }
        if alone <= 1.0 { 0.0 } else { together / (alone * spread).sqrt() }
    }

    fn gains(&self, step: u64, room: usize, delay: usize, sent: &Sent) -> Levels {
        let mut differences = [0.0_f32; HISTORY];
        let oldest = step.saturating_sub(HISTORY as u64 - 1);
        let mut gains = [f32::NAN; BANDS];
        for (band, gain) in gains.iter_mut().enumerate() {
            let mut count = 0;
            let least = sent.loudest(band) - LOUD;
            for at in oldest..=step {
                let heard = self.history.at(at)[band];
                let level = sent.at(at.saturating_sub(delay as u64), room)[band];
                if heard > SILENCE && level > least {
                    differences[count] = heard - level;
                    count += 1;
                }
            }
            if count >= LEAST_DIFFERENCES {
                let place = (count as f32 * QUANTILE) as usize;
                let (_, quantile, _) =
                    differences[..count].select_nth_unstable_by(place.min(count - 1), f32::total_cmp);
                *gain = *quantile;
            }
        }
        // What has not been heard of late is as it was.
        let old = self.found.filter(|found| found.room == room && found.delay == delay).map(|found| found.gains);
        let known: f32 = gains.iter().filter(|gain| gain.is_finite()).sum();
        let count = gains.iter().filter(|gain| gain.is_finite()).count();
        let usual = if count > 0 { known / count as f32 } else { 0.0 };
        std::array::from_fn(|band| match gains[band] {
            gain if gain.is_finite() => gain,
            _ => old.map_or(usual, |old| old[band]),
        })
    }
}
