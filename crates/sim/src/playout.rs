//! Playout on the media clock: what waits leaves in frames of 20 ms on a fixed grid while the user is there, and is reported as
//! the server's playout does it (`ringline-audio`): a segment's first frame, its last one, and how far a stopped one came.
//!
//! Frames in the middle of a segment change nothing that anybody is told, so the clock is looked at only when there is
//! something to report.

use crate::edge::{Edge, Happening};
use ringline_conversation::Input;
use ringline_model::{CallTime, ResponseId, SegmentId};
use std::collections::VecDeque;
use std::time::Duration;

const FRAME_MS: u32 = 20;
const FRAME: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Line {
    response: ResponseId,
    segment: SegmentId,
    /// Audio that waits, and that has left, in ms.
    waits: u32,
    sent: u32,
    finished: bool,
}

#[derive(Debug)]
pub(crate) struct Playout {
    lines: VecDeque<Line>,
    gate: Option<ResponseId>,
    held: bool,
    paused: bool,
    next_tick: CallTime,
    epoch: u64,
    planned: Option<CallTime>,
}

impl Line {
    /// Whole frames, and the last one of a finished segment.
    fn frames(&self) -> u32 {
        match self.finished {
            true => self.waits.div_ceil(FRAME_MS),
            false => self.waits / FRAME_MS,
        }
    }
}

impl Playout {
    /// Held until the user is there. `phase`: where the grid begins.
    pub fn new(phase: CallTime) -> Self {
        Self {
            lines: VecDeque::new(),
            gate: None,
            held: true,
            paused: false,
            next_tick: phase,
            epoch: 0,
            planned: None,
        }
    }

    pub fn push(&mut self, response: ResponseId, segment: SegmentId, ms: u32, edge: &mut Edge) {
        self.advance(edge);
        if let Some(line) = self.line(response, segment) {
            line.waits += ms;
        }
        self.plan(edge);
    }

    pub fn finish_segment(&mut self, response: ResponseId, segment: SegmentId, edge: &mut Edge) {
        self.advance(edge);
        if let Some(line) = self.line(response, segment) {
            line.finished = true;
        }
        self.plan(edge);
    }

    /// Drops the response and all before it, and says how far it came.
    pub fn stop(&mut self, response: ResponseId, edge: &mut Edge) {
        self.advance(edge);
        self.gate = self.gate.max(Some(response));
        self.paused = false;
        let front = self.lines.front().filter(|line| line.sent > 0 && line.response <= response);
        let (segment, played_ms) = front.map_or((None, 0), |line| (Some(line.segment), line.sent));
        self.lines.retain(|line| line.response > response);
        edge.tell(Input::PlayoutStopped { response, segment, played_ms });
        self.plan(edge);
    }

    /// While the user is not there nothing leaves.
    pub fn hold(&mut self, held: bool, edge: &mut Edge) {
        self.advance(edge);
        self.held = held;
        self.plan(edge);
    }

    /// Falls silent and keeps its place, until a stop at the latest.
    pub fn pause(&mut self, paused: bool, edge: &mut Edge) {
        self.advance(edge);
        self.paused = paused;
        self.plan(edge);
    }

    pub fn is_paused(&self) -> bool {
        self.paused
    }

    pub fn tick(&mut self, epoch: u64, edge: &mut Edge) {
        if epoch == self.epoch {
            self.planned = None;
            self.advance(edge);
            self.plan(edge);
        }
    }

    /// Sound leaves now.
    pub fn is_audible(&self) -> bool {
        !self.held && !self.paused && self.lines.front().is_some_and(|line| line.sent > 0 && line.frames() > 0)
    }

    /// The responses of which audio waits or plays.
    pub fn responses(&self) -> impl Iterator<Item = ResponseId> {
        self.lines.iter().filter(|line| line.waits > 0).map(|line| line.response)
    }

    fn line(&mut self, response: ResponseId, segment: SegmentId) -> Option<&mut Line> {
        if self.gate.is_some_and(|gate| response <= gate) {
            return None;
        }
        let index = self.lines.iter().position(|line| line.segment == segment).unwrap_or_else(|| {
            self.lines.push_back(Line { response, segment, waits: 0, sent: 0, finished: false });
            self.lines.len() - 1
        });
        Some(&mut self.lines[index])
    }

    /// Does the ticks up to now.
    fn advance(&mut self, edge: &mut Edge) {
        while self.next_tick <= edge.now {
            // With this tick.
            let ticks = (edge.now.since(self.next_tick).as_micros() / FRAME.as_micros()) as u32 + 1;
            let Some(line) = self.lines.front_mut().filter(|_| !self.held && !self.paused) else {
                return self.skip(ticks);
            };
            if line.finished && line.waits == 0 {
                edge.tell(Input::SegmentPlayoutFinished { segment: line.segment });
                self.lines.pop_front();
                continue;
            }
            let frames = line.frames().min(ticks);
            if frames == 0 {
                return self.skip(ticks);
            }
            if line.sent == 0 {
                edge.tell(Input::SegmentPlayoutStarted { segment: line.segment });
            }
            let ms = line.waits.min(frames * FRAME_MS);
            line.waits -= ms;
            line.sent += ms;
            self.next_tick = self.next_tick + FRAME * frames;
            if line.finished && line.waits == 0 {
                edge.tell(Input::SegmentPlayoutFinished { segment: line.segment });
                self.lines.pop_front();
            }
        }
    }

    fn skip(&mut self, ticks: u32) {
        self.next_tick = self.next_tick + FRAME * ticks;
    }

    /// The tick that has something to report next, as far as is known.
    fn next_report(&self) -> Option<CallTime> {
        let line = self.lines.front().filter(|_| !self.held && !self.paused)?;
        match (line.sent > 0, line.finished) {
            (false, _) => (line.frames() > 0 || line.finished).then_some(self.next_tick),
            (true, true) => Some(self.next_tick + FRAME * line.frames().saturating_sub(1)),
            (true, false) => None,
        }
    }

    fn plan(&mut self, edge: &mut Edge) {
        let next = self.next_report();
        if next == self.planned {
            return;
        }
        self.epoch += 1;
        self.planned = next;
        if let Some(at) = next {
            edge.at(at, Happening::Tick { epoch: self.epoch });
        }
    }
}
