//! What everything at the edge works with: call time, the agenda, and the one channel to the conversation.
//!
//! The channel keeps order: what was said first arrives first, a little later. What is in it arrives, whatever was decided
//! meanwhile; that is where late answers come from.

use crate::agenda::Agenda;
use crate::caller::Move;
use crate::chance::Chance;
use crate::ears::EarCommand;
use crate::mouth::Progress;
use ringline_conversation::Input;
use ringline_model::{CallTime, ClipId, ResponseId, UtteranceId};
use std::time::Duration;

/// Something that happens in the world at its time.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The conversation takes an input out of the channel.
    Arrives(Input),
    /// The user's side becomes louder or quieter than the threshold.
    SoundBegins,
    SoundEnds,
    /// What sounds is known to be the agent's voice.
    EchoKnown,
    /// Voice activity detection is sure, if nothing changed since.
    Voice {
        epoch: u64,
    },
    /// The ears get a command of the conversation.
    Ears(EarCommand),
    /// The recogniser or the end-of-turn model is done.
    Recognised {
        utterance: UtteranceId,
        input: Input,
    },
    /// The language model sends.
    Model {
        response: ResponseId,
        input: Input,
    },
    Mouth(Progress),
    /// Playout has something to report, if nothing changed since.
    Tick {
        epoch: u64,
    },
    /// The media task is told to fall silent for a while, or to go on.
    PausePlayout {
        paused: bool,
    },
    /// The media task is told to stop.
    StopPlayout {
        response: ResponseId,
    },
    Clip {
        clip: ClipId,
        input: Input,
    },
    Caller(Move),
    /// The app server or an operator does the next thing on its list.
    Operator,
}

#[derive(Debug)]
pub(crate) struct Edge {
    pub now: CallTime,
    agenda: Agenda<Happening>,
    chance: Chance,
    /// When the last input arrives that was put into the channel.
    last: CallTime,
    /// The same for the media task's.
    last_command: CallTime,
    /// Longest time in the channel, in ms: how busy the machine is.
    lag: u64,
}

impl Edge {
    pub fn new(mut chance: Chance) -> Self {
        let lag = chance.weighted(&[(80, 2), (15, 10), (5, 120)]);
        Self {
            now: CallTime::ZERO,
            agenda: Agenda::new(),
            chance,
            last: CallTime::ZERO,
            last_command: CallTime::ZERO,
            lag,
        }
    }

    pub fn at(&mut self, at: CallTime, what: Happening) {
        self.agenda.put(at.max(self.now), what);
    }

    pub fn after(&mut self, by: Duration, what: Happening) {
        self.agenda.put(self.now + by, what);
    }

    /// Puts an input into the channel.
    pub fn tell(&mut self, input: Input) {
        let lag = self.lag();
        self.last = self.last.max(self.now + lag);
        self.agenda.put(self.last, Happening::Arrives(input));
    }

    /// Puts a command into the media task's channel.
    pub fn command(&mut self, command: Happening) {
        let lag = self.lag();
        self.last_command = self.last_command.max(self.now + lag);
        self.agenda.put(self.last_command, command);
    }

    /// How long a message between tasks takes this time.
    pub fn lag(&mut self) -> Duration {
        self.chance.fine_ms(0, self.lag)
    }

    pub fn next_at(&self) -> Option<CallTime> {
        self.agenda.next_at()
    }

    pub fn take(&mut self) -> Option<Happening> {
        let (at, what) = self.agenda.take()?;
        self.now = self.now.max(at);
        Some(what)
    }

    pub fn waiting(&self) -> usize {
        self.agenda.len()
    }
}
