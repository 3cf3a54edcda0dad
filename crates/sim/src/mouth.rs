//! The mouth: one segment after the other becomes audio, which goes to playout as it comes. Cancelling drops what waits and
//! what is under way.

use crate::chance::Chance;
use crate::edge::{Edge, Happening};
use crate::mood::{Fate, Mood, fell_back};
use crate::playout::Playout;
use ringline_conversation::{Input, Stage};
use ringline_model::{ResponseId, SegmentId};
use std::collections::VecDeque;
use std::time::Duration;

/// A piece of audio as synthesis gives it out, in ms.
const PIECE: u32 = 400;

/// Longest audio of one segment, in ms (the server's mouth drops the rest).
const LONGEST: u32 = 60_000;

/// From one piece to the next; then the synthesis has failed (as in the server's mouth).
const STALL: Duration = Duration::from_secs(4);

/// How far one synthesis came.
#[derive(Debug)]
pub(crate) enum Progress {
    Audio { job: u64, ms: u32 },
    Done { job: u64 },
    Failed { job: u64 },
}

#[derive(Debug)]
enum Source {
    Text { chars: u64, rate: f64 },
    Clip { ms: u32 },
}

#[derive(Debug)]
struct Utter {
    response: ResponseId,
    segment: SegmentId,
    source: Source,
}

#[derive(Debug)]
struct Job {
    response: ResponseId,
    segment: SegmentId,
    heard: bool,
    ms: u32,
}

#[derive(Debug)]
pub(crate) struct Mouth {
    chance: Chance,
    mood: Mood,
    /// Another voice is asked when this one fails.
    has_other: bool,
    queue: VecDeque<Utter>,
    job: Option<Job>,
    /// Counts jobs, so that progress of a dropped one is not taken for another's.
    jobs: u64,
}

impl Mouth {
    pub fn new(mut chance: Chance) -> Self {
        let has_other = chance.percent(30);
        Self { mood: Mood::draw(&mut chance), has_other, chance, queue: VecDeque::new(), job: None, jobs: 0 }
    }

    pub fn say(
        &mut self,
        response: ResponseId,
        segment: SegmentId,
        text: &str,
        rate: f64,
        edge: &mut Edge,
        playout: &mut Playout,
    ) {
        let source = Source::Text { chars: text.chars().count() as u64, rate };
        self.queue.push_back(Utter { response, segment, source });
        self.go_on(edge, playout);
    }

    pub fn play(&mut self, response: ResponseId, segment: SegmentId, ms: u32, edge: &mut Edge, playout: &mut Playout) {
        self.queue.push_back(Utter { response, segment, source: Source::Clip { ms } });
        self.go_on(edge, playout);
    }

    /// Drops `response` and every one before it.
    pub fn cancel(&mut self, response: ResponseId, edge: &mut Edge, playout: &mut Playout) {
        self.queue.retain(|utter| utter.response > response);
        if self.job.as_ref().is_some_and(|job| job.response <= response) {
            self.job = None;
        }
        self.go_on(edge, playout);
    }

    /// The responses it has work for.
    pub fn works_for(&self) -> impl Iterator<Item = ResponseId> {
        let queued = self.queue.iter().map(|utter| utter.response);
        self.job.as_ref().map(|job| job.response).into_iter().chain(queued)
    }

    fn go_on(&mut self, edge: &mut Edge, playout: &mut Playout) {
        while self.job.is_none() {
            let Some(Utter { response, segment, source }) = self.queue.pop_front() else { return };
            match source {
                Source::Text { chars, rate } => {
                    self.jobs += 1;
                    self.job = Some(Job { response, segment, heard: false, ms: 0 });
                    self.synthesise(chars, rate, edge);
                }
                // It is there as a whole, and the conversation knows its length.
                Source::Clip { ms } => {
                    playout.push(response, segment, ms, edge);
                    playout.finish_segment(response, segment, edge);
                }
            }
        }
    }

    fn synthesise(&mut self, chars: u64, rate: f64, edge: &mut Edge) {
        let job = self.jobs;
        let mut fate = self.mood.fate(&mut self.chance);
        let mut at = edge.now + self.mood.latency(&mut self.chance, 40, 400);
        if self.has_other && matches!(fate, Fate::Empty | Fate::Fails | Fate::Silent) {
            edge.at(at, Happening::Arrives(fell_back(Stage::Synthesis)));
            fate = Mood::Well.fate(&mut self.chance);
            at = at + Mood::Well.latency(&mut self.chance, 40, 400);
        }
        let natural = chars * self.chance.between(45, 90) + 150;
        let mut left = ((natural as f64 / rate) as u32).min(LONGEST);
        match fate {
            Fate::Answers => {}
            Fate::Empty => left = 0,
            Fate::Fails => return edge.at(at, Happening::Mouth(Progress::Failed { job })),
            Fate::Silent => return,
            Fate::Breaks | Fate::Stalls => left = left.min(self.chance.between(20, 1200) as u32),
        }
        // Percent of real time.
        let speed = self.chance.weighted(&[(60, 10), (25, 40), (12, 90), (3, 160)]);
        while left > 0 {
            let ms = left.min(PIECE);
            edge.at(at, Happening::Mouth(Progress::Audio { job, ms }));
            at = at + self.chance.fine_ms(0, u64::from(ms) * speed / 50);
            left -= ms;
        }
        match fate {
            Fate::Answers | Fate::Empty => edge.at(at, Happening::Mouth(Progress::Done { job })),
            Fate::Breaks => edge.at(at, Happening::Mouth(Progress::Failed { job })),
            Fate::Stalls => edge.at(at + STALL, Happening::Mouth(Progress::Failed { job })),
            Fate::Fails | Fate::Silent => {}
        }
    }

    pub fn progress(&mut self, progress: &Progress, edge: &mut Edge, playout: &mut Playout) {
        let (Progress::Audio { job, .. } | Progress::Done { job } | Progress::Failed { job }) = progress;
        let is_current = *job == self.jobs;
        let Some(current) = self.job.as_mut().filter(|_| is_current) else { return };
        let (response, segment) = (current.response, current.segment);
        match progress {
            Progress::Audio { ms, .. } => {
                if !std::mem::replace(&mut current.heard, true) {
                    edge.tell(Input::SegmentAudioReady { segment });
                }
                current.ms += ms;
                playout.push(response, segment, *ms, edge);
                return;
            }
            Progress::Done { .. } => {
                edge.tell(Input::SegmentSynthesised { segment, duration_ms: current.ms });
            }
            Progress::Failed { .. } => {
                edge.tell(Input::SegmentFailed { segment, error: "the voice failed".to_owned() });
            }
        }
        playout.finish_segment(response, segment, edge);
        self.job = None;
        self.go_on(edge, playout);
    }
}
