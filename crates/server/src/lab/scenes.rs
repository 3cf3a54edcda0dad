//! What happens in the lab's calls, and what is measured in each.
//!
//! *Overlap*: the agent speaks for long, and a clip begins over it. *Question*: the agent listens, and a clip is asked, as it is or
//! with a pause put into its middle. *Room*: an overlap with the agent's own voice coming back.

use super::call::{EndOfTurn, Pace, Record, Scene, TICK, Voice, run};
use super::clips::{Clip, Kind};
use super::recogniser::Recogniser;
use ringline_audio::room::{Canceller, Room};
use ringline_audio::{EAR_RATE, level_dbfs};
use ringline_conversation::{AgentState, Event, Input, JournalEntry, Notice, Output, OverlapOutcome, Setup, Step};
use ringline_model::{AgentConfig, CallTime, SplitMix64};
use ringline_providers::VoiceActivity;
use std::cell::Cell;
use std::time::Duration;

/// What the agent says while it is spoken over: 20 s and no question.
pub const MONOLOGUE: &str = "Thank you for calling the front desk of the lake hotel. Our rooms look out on the water or on the old town, and \
    breakfast is served from seven until half past ten on the terrace, if the weather allows it. The train from the airport \
    takes about twenty minutes, and from the station it is a short walk along the shore. Guests who arrive by car can leave it \
    in the garage below the house, and there is a boat to the other side of the lake every hour until nine in the evening.";
pub const ANSWER: &str = "Let me look into that for you. It will take me just a moment, and then I can tell you more.";

/// An agent that stops later than this has not yielded (the τ-voice window).
const YIELD: Duration = Duration::from_secs(2);
/// Calls go on for so long after the clip, in ms.
const AFTER: u64 = 4000;

/// What all calls of a run share.
pub struct Bench<'a> {
    pub config: AgentConfig,
    pub voice: Voice<'a>,
    pub detector: &'a dyn Fn() -> Box<dyn VoiceActivity>,
    pub end_of_turn: EndOfTurn<'a>,
    pub pace: Pace,
    /// How long the calls so far were, in s.
    pub lasted: Cell<f64>,
}

/// A clip over the agent.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Overlap {
    pub clip: String,
    /// In s.
    pub length: f32,
    /// How long after the clip's beginning the agent fell silent for good, in s.
    pub silent: Option<f32>,
    /// The same for the decision.
    pub stopped: Option<f32>,
    /// For how long it fell silent and went on, in s.
    pub hiccup: f32,
    pub words: String,
}

impl Overlap {
    pub fn yielded(&self) -> bool {
        self.stopped.is_some_and(|after| after <= YIELD.as_secs_f32())
    }
}

/// A clip that the agent is asked.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Question {
    pub clip: String,
    /// What was put into its middle, in ms.
    pub pause: u32,
    pub answered: bool,
    /// The turn was decided to be over before the clip was.
    pub cut_off: bool,
    /// The agent was heard before the clip was over.
    pub interrupted_user: bool,
    /// From the clip's end to the decision, in s.
    pub decided: Option<f32>,
    pub words: String,
}

/// A call in a room.
#[derive(Clone, Debug, serde::Serialize)]
pub struct InRoom {
    pub room: String,
    /// None: nobody but the agent is heard.
    pub clip: Option<String>,
    /// The clip should not stop the agent.
    pub is_backchannel: bool,
    pub stopped: Option<f32>,
    /// What the agent's own voice did before any clip, or without one: began an overlap, silenced the agent, stopped it.
    pub ducked: bool,
    pub paused: bool,
    pub self_interrupted: bool,
    pub echo_known: bool,
    /// What became of each stretch of speech over the agent, and what was recognised.
    pub overlaps: Vec<String>,
    pub words: String,
}

impl Bench<'_> {
    fn call(
        &self,
        user: Vec<f32>,
        greeting: &str,
        room: Option<&Room>,
        ears: &mut dyn Recogniser,
    ) -> anyhow::Result<Record> {
        let mut config = self.config.clone();
        config.greeting = Some(greeting.to_owned()).filter(|text| !text.is_empty());
        let scene = Scene {
            setup: Setup { config, history: Vec::new(), seed: 1 },
            user,
            room: room.map(Room::line).transpose()?,
            answer: ANSWER,
            voice: self.voice,
            end_of_turn: self.end_of_turn,
            pace: self.pace,
        };
        let record = run(scene, (self.detector)(), ears, AFTER)?;
        self.lasted.set(self.lasted.get() + record.sounding.len() as f64 * TICK.as_secs_f64());
        Ok(record)
    }

    pub fn overlap(&self, clip: &Clip, seed: u64, ears: &mut dyn Recogniser) -> anyhow::Result<Overlap> {
        let began = 1500 + (SplitMix64::new(seed).fraction() * 4000.0) as u64;
        let record = self.call(at(began, &clip.audio), MONOLOGUE, None, ears)?;
        let since = |at: CallTime| at.since(ms(began)).as_secs_f32();
        let stop = record.journal.iter().find(|entry| entry.at >= ms(began) && stops(entry)).map(|entry| entry.at);
        Ok(Overlap {
            clip: clip.name.clone(),
            length: seconds(&clip.audio),
            silent: stop.map(|stop| since(silent_from(&record, stop).max(ms(began)))),
            stopped: stop.map(since),
            hiccup: hiccup(&record.journal),
            words: words(&record.journal),
        })
    }

    pub fn question(&self, clip: &Clip, pause: u32, ears: &mut dyn Recogniser) -> anyhow::Result<Question> {
        const BEGAN: u64 = 500;
        let audio = paused(&clip.audio, pause);
        let ends = BEGAN + (seconds(&audio) * 1000.0) as u64;
        let record = self.call(at(BEGAN, &audio), "", None, ears)?;
        let decided = record.journal.iter().filter(|entry| thinks(entry)).map(|entry| entry.at);
        let decided: Vec<CallTime> = decided.collect();
        let starts = |entry: &&JournalEntry| matches!(entry.step, Step::Input(Input::SegmentPlayoutStarted { .. }));
        let heard: Vec<CallTime> = record.journal.iter().filter(starts).map(|entry| entry.at).collect();
        Ok(Question {
            clip: clip.name.clone(),
            pause,
            answered: heard.iter().any(|at| *at >= ms(ends)),
            cut_off: decided.iter().any(|at| *at < ms(ends)),
            interrupted_user: heard.iter().any(|at| *at < ms(ends)),
            decided: decided.last().filter(|at| **at >= ms(ends)).map(|at| at.since(ms(ends)).as_secs_f32()),
            words: words(&record.journal),
        })
    }

    /// `clip`: who speaks over the agent besides its echo.
    pub fn in_room(
        &self,
        room: &Room,
        clip: Option<&Clip>,
        seed: u64,
        ears: &mut dyn Recogniser,
    ) -> anyhow::Result<InRoom> {
        let mut chance = SplitMix64::new(seed);
        let began = 400 + (chance.fraction() * 7000.0) as u64;
        // People speak louder or more softly than the clips by 6 dB.
        let gain = 10_f32.powf((chance.fraction() as f32 * 12.0 - 6.0) / 20.0);
        let audio: Vec<f32> = clip.iter().flat_map(|clip| &clip.audio).map(|sample| sample * gain).collect();
        let record = self.call(at(began, &audio), MONOLOGUE, Some(room), ears)?;
        let by_itself = |entry: &&JournalEntry| clip.is_none() || entry.at < ms(began);
        let own = || record.journal.iter().filter(by_itself);
        let stop = record.journal.iter().find(|entry| entry.at >= ms(began) && stops(entry)).map(|entry| entry.at);
        let has = |wanted: fn(&Output) -> bool| own().any(|entry| entry.outputs.iter().any(wanted));
        let events = record.journal.iter().flat_map(|entry| entry.outputs.iter().map(|output| (entry.at, output)));
        let overlaps = events.filter_map(|(at, output)| match output {
            Output::Record { event: Event::Overlap { outcome, .. } } => Some((at, *outcome)),
            _ => None,
        });
        let overlaps: Vec<(CallTime, OverlapOutcome)> = overlaps.collect();
        Ok(InRoom {
            room: describe(room),
            clip: clip.map(|clip| clip.name.clone()),
            is_backchannel: clip.is_some_and(|clip| clip.kind == Kind::Backchannel),
            stopped: stop.filter(|_| clip.is_some()).map(|at| at.since(ms(began)).as_secs_f32()),
            ducked: has(|output| matches!(output, Output::Duck { .. })),
            paused: has(|output| matches!(output, Output::PausePlayout { .. })),
            self_interrupted: own().any(stops),
            echo_known: overlaps.iter().any(|(_, outcome)| *outcome == OverlapOutcome::Echo),
            overlaps: overlaps.iter().map(|(at, outcome)| format!("{at} {outcome:?}")).collect(),
            words: words(&record.journal),
        })
    }
}

/// A room by its number. Of ten, three have a leaky canceller and one has no echo at all.
pub fn room(number: u64) -> Room {
    let mut chance = SplitMix64::new(number.wrapping_mul(0x9E37) + 7);
    let mut between = |least: f64, most: f64| least + (most - least) * chance.fraction();
    Room {
        seed: number,
        rt60: between(0.1, 0.8) as f32,
        gain: if number % 10 == 9 { -90.0 } else { between(-30.0, -3.0) as f32 },
        delay: between(20.0, 400.0) as u32,
        drift: between(-150.0, 150.0) as f32,
        noise: between(-75.0, -50.0) as f32,
        canceller: if number % 10 < 3 { Canceller::Leaky } else { Canceller::None },
    }
}

fn describe(room: &Room) -> String {
    let Room { seed, rt60, gain, delay, drift, noise, canceller } = room;
    format!("{seed}: RT60 {rt60:.2} s, {gain:.0} dB, {delay} ms, {drift:.0} ppm, noise {noise:.0} dBFS, {canceller:?}")
}

fn ms(ms: u64) -> CallTime {
    CallTime::from_millis(ms)
}

fn seconds(audio: &[f32]) -> f32 {
    audio.len() as f32 / EAR_RATE as f32
}

/// The clip, `ms` after the beginning.
fn at(ms: u64, clip: &[f32]) -> Vec<f32> {
    let silence = std::iter::repeat_n(0.0, ms as usize * EAR_RATE as usize / 1000);
    silence.chain(clip.iter().copied()).collect()
}

/// With `pause` ms of silence at the quietest place of its middle.
fn paused(clip: &[f32], pause: u32) -> Vec<f32> {
    const PLACE: usize = EAR_RATE as usize / 25;
    if pause == 0 {
        return clip.to_vec();
    }
    let middle = clip.len() / 3..clip.len() * 2 / 3;
    let quietest = middle.step_by(PLACE / 4).min_by(|a, b| {
        let level = |at: usize| level_dbfs(&clip[at..(at + PLACE).min(clip.len())]);
        level(*a).total_cmp(&level(*b))
    });
    let cut = quietest.map_or(clip.len(), |at| at + PLACE / 2);
    let silence = std::iter::repeat_n(0.0, pause as usize * EAR_RATE as usize / 1000);
    clip[..cut].iter().copied().chain(silence).chain(clip[cut..].iter().copied()).collect()
}

fn stops(entry: &JournalEntry) -> bool {
    entry.outputs.iter().any(|output| matches!(output, Output::StopPlayout { .. }))
}

fn thinks(entry: &JournalEntry) -> bool {
    let is_it =
        |output: &Output| matches!(output, Output::Notify { notice: Notice::State { state: AgentState::Thinking } });
    entry.outputs.iter().any(is_it)
}

/// Since when the agent had been silent when it was stopped.
fn silent_from(record: &Record, stop: CallTime) -> CallTime {
    let tick = (stop.as_millis() / 20) as usize;
    let before = record.sounding.iter().take(tick).rev().take_while(|sounding| !**sounding).count();
    // A stop fades out within a tick.
    if before == 0 { stop + Duration::from_millis(20) } else { ms((tick - before) as u64 * 20) }
}

/// For how long the agent was silent and then went on, in s.
fn hiccup(journal: &[JournalEntry]) -> f32 {
    let (mut since, mut silent) = (None, Duration::ZERO);
    for entry in journal {
        for output in &entry.outputs {
            match output {
                Output::PausePlayout { .. } => since = Some(entry.at),
                Output::Unduck { .. } => silent += since.take().map_or(Duration::ZERO, |since| entry.at.since(since)),
                _ => {}
            }
        }
    }
    silent.as_secs_f32()
}

/// What was recognised last of each utterance.
fn words(journal: &[JournalEntry]) -> String {
    let texts = journal.iter().filter_map(|entry| match &entry.step {
        Step::Input(Input::Transcript { text, .. }) => Some(text.trim()),
        Step::Input(_) | Step::Timeout => None,
    });
    texts.collect::<Vec<_>>().join(" / ")
}

/// Clips of one kind.
pub fn of(clips: &[Clip], kind: Kind) -> impl Iterator<Item = &Clip> {
    clips.iter().filter(move |clip| clip.kind == kind)
}
