//! What the agent says, waiting to be sent, and the gate that drops what must not be said any more.
//!
//! Speech is queued as it is synthesised and leaves one 20 ms frame per [`tick`](Playout::tick): the queue is
//! here and not in the caller's jitter buffer, so that it can be taken back. Every piece names its response (its
//! generation) and its segment. [`stop`](Playout::stop) drops the audio of a response and of all before it, and
//! whatever of them comes later is [`Stale`](Pushed::Stale).
//!
//! While the user speaks over it, speech can be [`duck`](Playout::duck)ed, or [`pause`](Playout::pause)d to go on later from where it
//! was; a stop ends both.
//!
//! Segments play in the order of their first push. A frame holds audio of one segment only: the last one of a
//! segment is filled up with silence.

mod events;

pub use events::{Events, Tick};

use crate::{FRAME_MS, MOUTH_FRAME, MOUTH_RATE};
use ringline_model::{ResponseId, SegmentId};
use std::collections::VecDeque;

/// Audio that may wait, in samples at [`MOUTH_RATE`]: 120 s, about 12 MB. A piece that doesn't fit is refused
/// ([`Pushed::Full`]) and its producer has to wait.
pub const CAPACITY: usize = 120 * MOUTH_RATE as usize;
/// Segments that may wait; the next one is refused.
pub const MAX_SEGMENTS: usize = 256;
/// Ticks of sent silence after speech or a stop: 200 ms. If packets just stopped, the receiver's concealment
/// would ring on.
pub const TAIL_TICKS: u32 = 10;
/// One silence packet per this many idle ticks: five per second tell the client that the path lives.
pub const KEEP_ALIVE_TICKS: u32 = 10;
/// Loudest volume, in percent.
pub const MAX_VOLUME: u16 = 400;

/// Ducked speech is this much of its volume: −14 dB. It is still understood, and a person who speaks over it is, too.
pub const DUCKED: f32 = 0.2;

/// Length of the fade when playout is stopped: 10 ms.
const FADE: usize = MOUTH_FRAME / 2;
const SAMPLES_PER_MS: u64 = MOUTH_RATE as u64 / 1000;

/// What became of a piece of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Queued,
    /// Its response has been stopped, or its segment has been finished: dropped.
    Stale,
    /// There is no room ([`CAPACITY`], [`MAX_SEGMENTS`]): nothing was taken, offer it again later.
    Full,
}

/// What of the stopped responses was playing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// None if none of them was in the middle of a segment.
    pub segment: Option<SegmentId>,
    /// How much of the segment's audio went out before the fade; 0 without a segment.
    pub played_ms: u32,
}

/// The segment that is in the middle of being played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Playing {
    pub response: ResponseId,
    pub segment: SegmentId,
    pub played_ms: u32,
}

/// Counters since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutStats {
    /// Frames of speech sent.
    pub frames: u64,
    /// Ticks at which a begun segment had no whole frame.
    pub underruns: u64,
    /// Pieces dropped as [`Pushed::Stale`].
    pub stale: u64,
    /// Pieces refused as [`Pushed::Full`].
    pub full: u64,
}

/// The queue of one call.
#[derive(Debug)]
pub struct Playout {
    lines: VecDeque<Line>,
    /// Samples in all lines.
    queued: usize,
    /// Audio of this response and of older ones is stale.
    gate: Option<ResponseId>,
    held: bool,
    /// `frame` holds the fade-out that leaves next.
    fading: bool,
    tail: u32,
    /// Ticks since something was sent.
    quiet: u32,
    gain: f32,
    /// The volume asked for.
    volume: f32,
    level: Level,
    frame: Box<[f32; MOUTH_FRAME]>,
    stats: PlayoutStats,
}

/// How loud speech is beside its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Full,
    Ducked,
    /// Silent; the queue keeps its place.
    Paused,
}

/// One segment in the queue.
#[derive(Debug)]
struct Line {
    response: ResponseId,
    segment: SegmentId,
    pcm: VecDeque<f32>,
    /// Samples that have left.
    sent: u64,
    finished: bool,
}

impl Line {
    fn has_begun(&self) -> bool {
        self.sent > 0
    }

    fn played_ms(&self) -> u32 {
        u32::try_from(self.sent / SAMPLES_PER_MS).unwrap_or(u32::MAX)
    }
}

impl Default for Playout {
    fn default() -> Self {
        Self::new()
    }
}

impl Playout {
    /// An empty queue at full volume; the first tick is a keep-alive.
    pub fn new() -> Self {
        Self {
            lines: VecDeque::new(),
            queued: 0,
            gate: None,
            held: false,
            fading: false,
            tail: 0,
            quiet: KEEP_ALIVE_TICKS - 1,
            gain: 1.0,
            volume: 1.0,
            level: Level::Full,
            frame: Box::new([0.0; MOUTH_FRAME]),
            stats: PlayoutStats::default(),
        }
    }

    /// Queues samples at [`MOUTH_RATE`] for `segment`, all of them or none. The first push of a segment, even an
    /// empty one, gives it its place in the order; it keeps the place until it is finished or stopped.
    pub fn push(&mut self, response: ResponseId, segment: SegmentId, pcm: &[f32]) -> Pushed {
        if self.queued + pcm.len() > CAPACITY && !self.is_stale(response) {
            self.stats.full += 1;
            return Pushed::Full;
        }
        let Ok(index) = self.line(response, segment) else { return self.refuse(response) };
        if self.lines[index].finished {
            self.stats.stale += 1;
            return Pushed::Stale;
        }
        self.lines[index].pcm.extend(pcm);
        self.queued += pcm.len();
        Pushed::Queued
    }

    /// Says that `segment` is complete: its end will be reported when its last frame has left. One that never
    /// got audio takes its place in the order now. [`Pushed::Full`] if it has no place yet and there is none.
    pub fn finish_segment(&mut self, response: ResponseId, segment: SegmentId) -> Pushed {
        let Ok(index) = self.line(response, segment) else { return self.refuse(response) };
        self.lines[index].finished = true;
        Pushed::Queued
    }

    /// Advances by one frame. To be called once per [`FRAME_MS`], also while nothing plays.
    ///
    /// A tick with something to report is always a [`Tick::Frame`]; if there is nothing to play, its samples
    /// are silence.
    pub fn tick(&mut self) -> Tick<'_> {
        if self.held {
            return Tick::Idle;
        }
        if self.fading {
            self.fading = false;
            self.tail = TAIL_TICKS;
            self.quiet = 0;
            return Tick::Frame { pcm: &self.frame, events: Events::default() };
        }
        if self.level == Level::Paused && self.gain == 0.0 {
            // The client must not take a pause for the end of the speech, nor its concealment for speech.
            self.quiet = 0;
            return Tick::Silence;
        }
        if self.level == Level::Paused {
            return self.fade_to_pause();
        }
        let mut events = Events::default();
        self.leave_empty_segments(&mut events);
        if self.take_frame(&mut events) {
            self.tail = TAIL_TICKS;
            self.quiet = 0;
            self.stats.frames += 1;
            return Tick::Frame { pcm: &self.frame, events };
        }
        let dry = self.lines.front().is_some_and(Line::has_begun);
        let in_tail = self.tail > 0;
        self.tail = self.tail.saturating_sub(1);
        if dry {
            self.stats.underruns += 1;
        }
        if !events.is_empty() {
            self.quiet = 0;
            self.frame.fill(0.0);
            return Tick::Frame { pcm: &self.frame, events };
        }
        self.quiet += 1;
        if dry || in_tail {
            self.quiet = 0;
            Tick::Silence
        } else if self.quiet >= KEEP_ALIVE_TICKS {
            self.quiet = 0;
            Tick::KeepAlive
        } else {
            Tick::Idle
        }
    }

    /// Whether the next tick begins to speak after silence: a segment waits with a whole frame, and none is in the middle of
    /// being played. Such a tick may come sooner than a frame after the one before.
    pub fn begins(&self) -> bool {
        let ready = |line: &Line| !line.has_begun() && (line.finished || line.pcm.len() >= MOUTH_FRAME);
        !self.held && !self.fading && self.level != Level::Paused && self.lines.front().is_some_and(ready)
    }

    /// Drops the audio of `response` and of older ones, now and for good. If one of them was in the middle of a
    /// segment, the next tick fades its sound out and [`TAIL_TICKS`] of silence follow, unless newer audio does.
    pub fn stop(&mut self, response: ResponseId) -> Stopped {
        self.gate = self.gate.max(Some(response));
        let mut stopped = Stopped::default();
        if let Some(line) = self.lines.front().filter(|l| l.has_begun() && l.response <= response) {
            stopped = Stopped { segment: Some(line.segment), played_ms: line.played_ms() };
            self.tail = TAIL_TICKS;
            self.fade_out();
        }
        self.lines.retain(|l| l.response > response);
        self.queued = self.lines.iter().map(|l| l.pcm.len()).sum();
        self.level = Level::Full;
        stopped
    }

    /// Lowers what plays to [`DUCKED`], gliding within one frame, until [`unduck`](Self::unduck) or [`stop`](Self::stop). Nothing
    /// waits: the speech goes on.
    pub fn duck(&mut self) {
        self.level = Level::Ducked;
    }

    /// Fades what plays out within one frame and keeps it from there, until [`unduck`](Self::unduck) or [`stop`](Self::stop). The frame that
    /// was faded is played again then, so that nothing of the speech is lost.
    pub fn pause(&mut self) {
        self.level = Level::Paused;
    }

    /// Back to full volume, gliding within one frame, from where a pause began.
    pub fn unduck(&mut self) {
        self.level = Level::Full;
    }

    /// While held (the user is not there), ticks are idle and nothing is consumed or reported.
    pub fn hold(&mut self, held: bool) {
        if held && !self.held {
            self.fading = false;
            self.tail = 0;
            self.quiet = KEEP_ALIVE_TICKS - 1;
        }
        self.held = held;
    }

    /// Sets the volume in percent, at most [`MAX_VOLUME`]. It is reached within one frame, without a click;
    /// samples beyond full scale are clipped.
    pub fn volume(&mut self, percent: u16) {
        self.volume = f32::from(percent.min(MAX_VOLUME)) / 100.0;
    }

    /// Audio that waits, in milliseconds.
    pub fn queued_ms(&self) -> u32 {
        u32::try_from(self.queued as u64 / SAMPLES_PER_MS).expect("bounded by CAPACITY")
    }

    /// The segment that has begun and not ended.
    pub fn playing(&self) -> Option<Playing> {
        let line = self.lines.front().filter(|l| l.has_begun())?;
        Some(Playing { response: line.response, segment: line.segment, played_ms: line.played_ms() })
    }

    pub fn stats(&self) -> PlayoutStats {
        self.stats
    }

    fn is_stale(&self, response: ResponseId) -> bool {
        self.gate.is_some_and(|gate| response <= gate)
    }

    /// The segment's place in the queue; a new one at the end if it has none. Err if it may not have one.
    fn line(&mut self, response: ResponseId, segment: SegmentId) -> Result<usize, ()> {
        if self.is_stale(response) {
            return Err(());
        }
        if let Some(index) = self.lines.iter().position(|l| l.segment == segment && l.response == response) {
            return Ok(index);
        }
        if self.lines.len() >= MAX_SEGMENTS {
            return Err(());
        }
        self.lines.push_back(Line { response, segment, pcm: VecDeque::new(), sent: 0, finished: false });
        Ok(self.lines.len() - 1)
    }

    fn refuse(&mut self, response: ResponseId) -> Pushed {
        if self.is_stale(response) {
            self.stats.stale += 1;
            Pushed::Stale
        } else {
            self.stats.full += 1;
            Pushed::Full
        }
    }

    /// Finished segments at the front without audio end here. One report is left for the frame itself; more
    /// empty segments than that end with the next tick.
    fn leave_empty_segments(&mut self, events: &mut Events) {
        while events.room() > 1 && self.lines.front().is_some_and(|l| l.finished && l.pcm.is_empty()) {
            let line = self.lines.pop_front().expect("it has just been looked at");
            events.finish(line.segment);
        }
    }

    /// Takes the front segment's next frame; false if it has no whole one and isn't finished.
    fn take_frame(&mut self, events: &mut Events) -> bool {
        let Some(line) = self.lines.front_mut() else { return false };
        let available = line.pcm.len().min(MOUTH_FRAME);
        if available == 0 || (available < MOUTH_FRAME && !line.finished) {
            return false;
        }
        if !line.has_begun() {
            events.started = Some(line.segment);
            if self.gain == 0.0 && self.level == Level::Full {
                // It begins after a pause: there is nothing to glide from.
                self.gain = self.volume;
            }
        }
        self.frame.fill(0.0);
        for (to, from) in self.frame.iter_mut().zip(line.pcm.drain(..available)) {
            *to = from;
        }
        line.sent += available as u64;
        self.queued -= available;
        if line.finished && line.pcm.is_empty() {
            events.finish(line.segment);
            self.lines.pop_front();
        }
        self.amplify();
        true
    }

    /// Applies the volume to the frame, gliding from the last frame's to the one asked for.
    fn amplify(&mut self) {
        let target = match self.level {
            Level::Full => self.volume,
            Level::Ducked => self.volume * DUCKED,
            Level::Paused => 0.0,
        };
        let step = (target - self.gain) / MOUTH_FRAME as f32;
        for sample in self.frame.iter_mut() {
            self.gain += step;
            *sample = (*sample * self.gain).clamp(-1.0, 1.0);
        }
        self.gain = target;
    }

    /// The frame in which a pause falls silent: what would have played next, fading, and not taken from the queue.
    fn fade_to_pause(&mut self) -> Tick<'_> {
        self.frame.fill(0.0);
        if let Some(line) = self.lines.front().filter(|line| line.has_begun()) {
            for (to, from) in self.frame.iter_mut().zip(&line.pcm) {
                *to = *from;
            }
        }
        self.amplify();
        (self.tail, self.quiet) = (TAIL_TICKS, 0);
        Tick::Frame { pcm: &self.frame, events: Events::default() }
    }

    /// Makes the next frame of what would have played next, fading to zero within [`FADE`].
    fn fade_out(&mut self) {
        let Some(line) = self.lines.front() else { return };
        if line.pcm.is_empty() || self.held {
            return;
        }
        self.frame.fill(0.0);
        for (n, (to, from)) in self.frame.iter_mut().zip(line.pcm.iter().take(FADE)).enumerate() {
            *to = from * (FADE - n) as f32 / FADE as f32;
        }
        self.amplify();
        self.fading = true;
    }
}

const _: () = assert!(MOUTH_FRAME as u64 == SAMPLES_PER_MS * FRAME_MS as u64);
