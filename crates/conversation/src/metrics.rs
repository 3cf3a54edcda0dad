//! How well the turns of a call were taken, from its journal alone: the τ-voice definitions.
//!
//! - *Response rate*: of the user's turns that were shown, those that the agent answered aloud.
//! - *Yield rate* and *yield time*: of the interruptions (speech with words that begins while the agent is heard), those at which
//!   the agent fell silent within [`YIELD`] of the speech's beginning, and how long after it.
//! - *Backchannel selectivity*: of the sounds over the agent that want nothing of it ("mm-hm", a cough), those after which the
//!   agent went on for [`HOLD`] at least, as far as it had something to say.
//! - *Agent interrupts user*: times the agent began to be heard while the user was speaking, per turn of the user's.
//!
//! A journal does not know what the user meant: speech without words, or of backchannels alone (`backchannel`, which judges
//! the call itself), is a sound that wants nothing, a remark of a word or two counts as neither, and the agent's own voice is nobody's.
//! Speech that the conversation did not listen to has no words in the journal, and counts as none.

use crate::backchannel::{Meaning, meaning};
use crate::{Input, JournalEntry, Notice, Output, Step};
use ringline_model::{CallTime, SentenceId, UtteranceId};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// An agent that stops later than this has not yielded.
pub const YIELD: Duration = Duration::from_secs(2);

/// An agent that is not stopped within this goes on.
pub const HOLD: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    pub turns: usize,
    pub answered: usize,
    pub interruptions: usize,
    /// How long after the speech began the agent was silent, of those interruptions at which it yielded.
    pub yields: Vec<Duration>,
    pub backchannels: usize,
    pub held: usize,
    pub agent_interrupts: usize,
}

/// Speech that began while the agent was heard.
#[derive(Debug)]
struct Over {
    utterance: Option<UtteranceId>,
    began: CallTime,
    text: String,
    /// When the agent was stopped after it.
    stopped: Option<CallTime>,
}

/// Reads a journal entry by entry, as it grows.
#[derive(Debug, Default)]
pub struct MetricsReading {
    heard_since: Option<CallTime>,
    user_speaks: bool,
    over: Vec<Over>,
    shown: BTreeSet<SentenceId>,
    answered: BTreeSet<SentenceId>,
    /// The agent began while the user spoke.
    agent_interrupts: usize,
    /// Between two segments of one response the agent does not fall silent.
    speaks: bool,
}

impl Metrics {
    /// `language`: the agent's recognition language.
    pub fn of(journal: &[JournalEntry], language: Option<&str>) -> Self {
        let mut reading = MetricsReading::default();
        journal.iter().for_each(|entry| reading.read(entry));
        reading.metrics(language)
    }

    pub fn response_rate(&self) -> Option<f64> {
        share(self.answered, self.turns)
    }

    pub fn yield_rate(&self) -> Option<f64> {
        share(self.yields.len(), self.interruptions)
    }

    /// The median.
    pub fn yield_time(&self) -> Option<Duration> {
        let mut times = self.yields.clone();
        times.sort();
        times.get(times.len() / 2).copied()
    }

    pub fn selectivity(&self) -> Option<f64> {
        share(self.held, self.backchannels)
    }

    pub fn agent_interrupts_per_turn(&self) -> Option<f64> {
        share(self.agent_interrupts, self.turns)
    }
}

fn share(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

impl MetricsReading {
    /// The next entry.
    pub fn read(&mut self, entry: &JournalEntry) {
        if let Step::Input(input) = &entry.step {
            self.happened(input, entry.at);
        }
        entry.outputs.iter().for_each(|output| self.asked(output, entry.at));
    }

    fn happened(&mut self, input: &Input, now: CallTime) {
        if let Input::SpeechStarted { at } | Input::SpeechResumed { at } = input {
            self.user_speaks = true;
            if self.heard_since.is_some_and(|since| since < *at) {
                self.over.push(Over { utterance: None, began: *at, text: String::new(), stopped: None });
            }
        } else if let Input::SpeechWasEcho { at } = input {
            self.user_speaks = false;
            self.over.retain(|over| over.began < *at);
        } else if let Input::SpeechPaused { .. } | Input::UserLeft = input {
            self.user_speaks = false;
        } else if let Input::InterimTranscript { utterance, text } | Input::Transcript { utterance, text, .. } = input {
            for over in self.over.iter_mut().filter(|over| over.utterance == Some(*utterance)) {
                over.text.clone_from(text);
            }
        } else if let Input::SegmentPlayoutStarted { .. } = input {
            if !self.speaks && self.user_speaks {
                self.agent_interrupts += 1;
            }
            self.heard_since.get_or_insert(now);
            self.speaks = true;
        }
    }

    fn asked(&mut self, output: &Output, now: CallTime) {
        if let Output::OpenUtterance { utterance, .. } = output {
            if let Some(over) = self.over.last_mut().filter(|over| over.utterance.is_none()) {
                over.utterance = Some(*utterance);
            }
        } else if let Output::StopPlayout { .. } = output {
            if self.heard_since.take().is_some() {
                let late = |over: &&mut Over| over.stopped.is_none() && now.since(over.began) <= YIELD;
                self.over.iter_mut().filter(late).for_each(|over| over.stopped = Some(now));
            }
            self.speaks = false;
        } else if let Output::Notify { notice: Notice::UserSubtitle { sentence, .. } } = output {
            self.shown.insert(*sentence);
        } else if let Output::Notify { notice: Notice::AgentSubtitle { text, end, sentence } } = output {
            if *end {
                (self.heard_since, self.speaks) = (None, false);
            } else if !text.is_empty() {
                self.answered.insert(*sentence);
            }
        }
    }

    /// Of what has been read. `language`: the agent's recognition language.
    pub fn metrics(self, language: Option<&str>) -> Metrics {
        let answered = self.shown.intersection(&self.answered).count();
        let mut metrics = Metrics {
            turns: self.shown.len(),
            answered,
            agent_interrupts: self.agent_interrupts,
            ..Metrics::default()
        };
        for over in &self.over {
            let stopped = over.stopped.map(|at| at.since(over.began));
            match meaning(&over.text, language) {
                Meaning::Nothing | Meaning::Backchannel => {
                    metrics.backchannels += 1;
                    metrics.held += usize::from(stopped.is_none_or(|after| after > HOLD));
                }
                Meaning::Words => {
                    metrics.interruptions += 1;
                    metrics.yields.extend(stopped);
                }
                // Nobody can say which it was.
                Meaning::Remark => {}
            }
        }
        metrics
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |rate: Option<f64>| rate.map_or("     -".to_owned(), |rate| format!("{rate:6.2}"));
        let time = self.yield_time().map_or("     -".to_owned(), |time| format!("{:4.2} s", time.as_secs_f64()));
        writeln!(
            f,
            "response rate              {}  {} of {} turns",
            rate(self.response_rate()),
            self.answered,
            self.turns
        )?;
        let (yields, all) = (self.yields.len(), self.interruptions);
        writeln!(f, "yield rate                 {}  {yields} of {all} interruptions", rate(self.yield_rate()))?;
        writeln!(f, "yield time, median         {time}")?;
        let (held, all) = (self.held, self.backchannels);
        writeln!(f, "backchannel selectivity    {}  {held} of {all} sounds", rate(self.selectivity()))?;
        let (count, per) = (self.agent_interrupts, rate(self.agent_interrupts_per_turn()));
        writeln!(f, "agent interrupts user      {per}  per turn, {count} times")
    }
}
