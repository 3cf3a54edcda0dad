//! The caller: when to speak, and what to make of what comes back. A value; time is an argument.

use super::wav::Turn;
use ringline_audio::MOUTH_FRAME;
use ringline_protocol::datachannel::{AgentState, ServerMessage, TurnLatency};
use std::time::{Duration, Instant};

/// Louder than this the agent is audible, in dBFS.
const AUDIBLE: f32 = -50.0;
/// So long without an audible frame and the agent is silent.
const SILENT_FOR: Duration = Duration::from_millis(400);
/// A pause before the next turn, as people make.
const BREATH: Duration = Duration::from_millis(300);

/// Something worth reporting.
#[derive(Debug, PartialEq)]
pub enum Fact {
    /// Last user speech sample sent → first audible agent sample received.
    VoiceToVoice {
        turn: usize,
        ms: u64,
    },
    /// First speech sample sent over the agent → last audible agent sample received.
    BargeIn {
        turn: usize,
        ms: u64,
    },
    /// The server's own parts of a turn.
    Parts(TurnLatency),
    Interrupted {
        reason: u8,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub enum Doing {
    Talking,
    Done,
    GaveUp(&'static str),
}

#[derive(Debug)]
enum Phase {
    /// Until the agent listens.
    Before,
    /// Since then; the next turn begins after a breath.
    Ready(Instant),
    /// Sending frame `next` of the turn.
    Speaking {
        next: usize,
    },
    /// The turn is out; its last speech sample left at `spoken`.
    Waiting,
    Done,
}

/// What is known of the answer to the current turn.
#[derive(Debug, Default)]
struct Answer {
    began: Option<Instant>,
    text: bool,
    complete: bool,
    audible: bool,
}

#[derive(Debug)]
struct Cut {
    turn: usize,
    speech_began: Instant,
    last_audible: Option<Instant>,
}

#[derive(Debug)]
pub struct Caller {
    turns: Vec<Turn>,
    interrupt_after: Option<Duration>,
    patience: Duration,
    phase: Phase,
    phase_since: Instant,
    turn: usize,
    spoken: Option<Instant>,
    answer: Answer,
    answered: usize,
    cut: Option<Cut>,
    last_audible: Option<Instant>,
}

impl Caller {
    pub fn new(turns: Vec<Turn>, interrupt_after: Option<Duration>, patience: Duration) -> Self {
        Self {
            turns,
            interrupt_after,
            patience,
            phase: Phase::Before,
            phase_since: Instant::now(),
            turn: 0,
            spoken: None,
            answer: Answer::default(),
            answered: 0,
            cut: None,
            last_audible: None,
        }
    }

    pub fn asked(&self) -> usize {
        self.turns.len()
    }

    pub fn answered(&self) -> usize {
        self.answered
    }

    pub fn is_speaking(&self) -> bool {
        matches!(self.phase, Phase::Speaking { .. })
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.phase_since = now;
    }

    /// Fills the next 20 ms.
    pub fn speak(&mut self, frame: &mut [f32; MOUTH_FRAME], now: Instant) {
        let Phase::Speaking { next } = &mut self.phase else { return };
        let turn = &self.turns[self.turn];
        *frame = turn.frames[*next];
        if *next == turn.speech.0
            && let Some(cut) = &mut self.cut
        {
            cut.speech_began = now;
        }
        if *next == turn.speech.1 {
            self.spoken = Some(now + Duration::from_millis(20));
        }
        *next += 1;
        if *next == turn.frames.len() {
            self.enter(Phase::Waiting, now);
        }
    }

    /// Moves on; called every 20 ms.
    pub fn poll(&mut self, now: Instant) -> Doing {
        match &self.phase {
            Phase::Before | Phase::Waiting if now - self.phase_since > self.patience => {
                return Doing::GaveUp("the agent did not answer in time");
            }
            Phase::Ready(since) if now - *since >= BREATH => {
                if self.turns.is_empty() {
                    return Doing::Done;
                }
                self.begin(now);
            }
            Phase::Waiting => self.wait(now),
            Phase::Done if self.silent(now) => return Doing::Done,
            Phase::Before | Phase::Ready(_) | Phase::Speaking { .. } | Phase::Done => {}
        }
        Doing::Talking
    }

    fn silent(&self, now: Instant) -> bool {
        self.last_audible.is_none_or(|at| now - at > SILENT_FOR)
    }

    fn begin(&mut self, now: Instant) {
        self.answer = Answer::default();
        self.spoken = None;
        self.enter(Phase::Speaking { next: 0 }, now);
    }

    fn wait(&mut self, now: Instant) {
        let more = self.turn + 1 < self.turns.len();
        if let (Some(after), Some(began), true) = (self.interrupt_after, self.answer.began, more)
            && now - began >= after
            && self.answer.text
        {
            self.answered += 1;
            self.turn += 1;
            self.cut = Some(Cut { turn: self.turn, speech_began: now, last_audible: None });
            return self.begin(now);
        }
        if self.answer.complete && self.answer.text && self.silent(now) {
            self.answered += 1;
            match more {
                true => {
                    self.turn += 1;
                    self.enter(Phase::Ready(now), now);
                }
                false => self.enter(Phase::Done, now),
            }
        }
    }

    pub fn message(&mut self, message: &ServerMessage, now: Instant) -> Vec<Fact> {
        let mut facts = Vec::new();
        match message {
            ServerMessage::State { state } => match (&self.phase, *state) {
                (Phase::Before, AgentState::Listening) => self.enter(Phase::Ready(now), now),
                (Phase::Waiting, AgentState::Speaking) if self.answer.began.is_none() => self.answer.began = Some(now),
                _ => {}
            },
            ServerMessage::AgentSubtitle { text, end, .. } => {
                if matches!(self.phase, Phase::Waiting) {
                    self.answer.text |= !text.is_empty();
                    self.answer.complete |= *end;
                }
            }
            ServerMessage::Interrupted { reason } => facts.push(Fact::Interrupted { reason: *reason as u8 }),
            ServerMessage::TurnLatency { latency } => facts.push(Fact::Parts(*latency)),
            _ => {}
        }
        facts
    }

    /// A received frame of this level.
    pub fn hear(&mut self, dbfs: f32, at: Instant) -> Vec<Fact> {
        let mut facts = Vec::new();
        let audible = dbfs > AUDIBLE;
        if audible {
            self.last_audible = Some(at);
            if let Some(cut) = &mut self.cut {
                cut.last_audible = Some(at);
            }
            if let (Phase::Waiting, false, Some(spoken), None) =
                (&self.phase, self.answer.audible, self.spoken, &self.cut)
            {
                self.answer.audible = true;
                facts.push(Fact::VoiceToVoice {
                    turn: self.turn,
                    ms: (at.saturating_duration_since(spoken)).as_millis() as u64,
                });
            }
        } else if let Some(cut) = &self.cut
            && self.silent(at)
        {
            if let Some(last) = cut.last_audible {
                let ms = last.saturating_duration_since(cut.speech_began).as_millis() as u64;
                facts.push(Fact::BargeIn { turn: cut.turn, ms });
            }
            self.cut = None;
        }
        facts
    }
}
