//! What other settings would have made of a recorded call.
//!
//! What the user and the server did (speech, joining, commands, …) happened whatever the settings; it is given to a conversation
//! with the changed settings at its recorded times. What providers and playout answered counts only for the question they were
//! asked: it is given when the changed conversation asks the same, as long after the question as in the recording. At the first
//! question that the recording has no answer to (another text is asked, or more of the user's speech is to be recognised at once)
//! the recorded answers no longer apply, and the comparison ends there ([`WhatIf::until`]).

mod change;

pub use change::{Change, ChangeError};

use crate::{Conversation, Event, Input, InterruptReason, JournalEntry, Notice, Output, Setup, Step};
use ringline_model::{CallTime, ClipId, ResponseId, SegmentId, SentenceId, UtteranceId};
use std::collections::BTreeMap;

/// Steps of a changed call; a recorded one has fewer (1 s has at most some hundred). What is beyond is not run.
const MOST_STEPS: usize = 1_000_000;

/// Something that was decided in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The user's turn was taken to be over.
    Turn { sentence: SentenceId, text: String },
    /// The agent was stopped.
    Interrupted { reason: InterruptReason, response: ResponseId },
}

/// One decision as it was and as it would have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub decision: Decision,
    pub recorded: Option<CallTime>,
    pub changed: Option<CallTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// In the order of the recording, those that only the changed call has behind.
    pub decisions: Vec<Difference>,
    /// From here on the recorded answers no longer apply, and why; none: they did to the end.
    pub until: Option<(CallTime, String)>,
}

/// A question to providers or playout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Transcribe(UtteranceId, u32),
    Score(UtteranceId, u32),
    Identify(UtteranceId, u32),
    Response(ResponseId),
    Segment(SegmentId),
    Stop(ResponseId),
    Clip(ClipId),
}

impl Question {
    /// What an output asks, and the part of it that must be the same for the answer to apply.
    fn of(output: &Output) -> Option<(Self, String)> {
        Some(match output {
            Output::Transcribe { utterance, revision } => (Self::Transcribe(*utterance, *revision), String::new()),
            Output::ScoreEndOfTurn { utterance, revision } => (Self::Score(*utterance, *revision), String::new()),
            Output::Identify { utterance, asked } => (Self::Identify(*utterance, *asked), String::new()),
            Output::Generate { response, messages, .. } => {
                let texts: Vec<_> = messages.iter().map(|message| message.text.as_str()).collect();
                (Self::Response(*response), texts.join("\n"))
            }
            Output::Synthesise { segment, text, .. } => (Self::Segment(*segment), text.clone()),
            Output::PlayClip { segment, clip, .. } => (Self::Segment(*segment), format!("clip {clip}")),
            Output::StopPlayout { response } => (Self::Stop(*response), String::new()),
            Output::LoadClip { clip, url } => (Self::Clip(*clip), url.clone()),
            _ => return None,
        })
    }

    /// What an input answers; none: it happened by itself.
    fn answered_by(input: &Input) -> Option<Self> {
        Some(match input {
            Input::Transcript { utterance, revision, .. } | Input::TranscriptFailed { utterance, revision, .. } => {
                Self::Transcribe(*utterance, *revision)
            }
            Input::EndOfTurn { utterance, revision, .. } => Self::Score(*utterance, *revision),
            Input::Identified { utterance, asked, .. } => Self::Identify(*utterance, *asked),
            Input::ResponseText { response, .. }
            | Input::ResponseFinished { response }
            | Input::ResponseFailed { response, .. } => Self::Response(*response),
            Input::SegmentAudioReady { segment }
            | Input::SegmentSynthesised { segment, .. }
            | Input::SegmentFailed { segment, .. }
            | Input::SegmentPlayoutStarted { segment }
            | Input::SegmentPlayoutFinished { segment } => Self::Segment(*segment),
            Input::PlayoutStopped { response, .. } => Self::Stop(*response),
            Input::ClipReady { clip, .. } | Input::ClipFailed { clip, .. } => Self::Clip(*clip),
            _ => return None,
        })
    }

    /// Whether the changed call can go on without the recording knowing this question.
    fn is_needed(&self) -> bool {
        matches!(self, Self::Transcribe(..) | Self::Response(_) | Self::Segment(_))
    }
}

/// What the recording knows of a question.
#[derive(Debug)]
struct Asked {
    at: CallTime,
    what: String,
    answers: Vec<(CallTime, Input)>,
}

/// Runs a recorded call with changed settings.
pub fn what_if(setup: Setup, journal: &[JournalEntry], changes: &[Change]) -> WhatIf {
    let mut changed = setup;
    changes.iter().for_each(|change| change.apply(&mut changed.config));
    let mut run = Run {
        conversation: Conversation::new(changed),
        asked: recorded_questions(journal),
        coming: BTreeMap::new(),
        count: 0,
        decisions: Vec::new(),
        until: None,
        over: false,
    };
    for entry in journal {
        if let Step::Input(input) = &entry.step
            && Question::answered_by(input).is_none()
        {
            run.come(entry.at, changed_input(input, changes));
        }
    }
    let end = journal.last().map_or(CallTime::ZERO, |entry| entry.at);
    run.to(end);
    compare(recorded_decisions(journal), run)
}

/// An update of the configuration keeps what is asked about.
fn changed_input(input: &Input, changes: &[Change]) -> Input {
    let mut input = input.clone();
    if let Input::ConfigChanged { config } = &mut input {
        changes.iter().for_each(|change| change.apply(config));
    }
    input
}

fn recorded_questions(journal: &[JournalEntry]) -> BTreeMap<Question, Asked> {
    let mut asked: BTreeMap<Question, Asked> = BTreeMap::new();
    for entry in journal {
        if let Step::Input(input) = &entry.step
            && let Some(known) = Question::answered_by(input).and_then(|question| asked.get_mut(&question))
        {
            known.answers.push((entry.at, input.clone()));
        }
        for (question, what) in entry.outputs.iter().filter_map(Question::of) {
            asked.entry(question).or_insert(Asked { at: entry.at, what, answers: Vec::new() });
        }
    }
    asked
}

fn decision(output: &Output) -> Option<Decision> {
    if let Output::Notify { notice: Notice::UserSubtitle { text, end: true, sentence, .. } } = output {
        Some(Decision::Turn { sentence: *sentence, text: text.clone() })
    } else if let Output::Record { event: Event::Interrupted { reason, response, .. } } = output {
        Some(Decision::Interrupted { reason: *reason, response: *response })
    } else {
        None
    }
}

fn recorded_decisions(journal: &[JournalEntry]) -> Vec<(CallTime, Decision)> {
    let of = |entry: &JournalEntry| {
        let at = entry.at;
        entry.outputs.iter().filter_map(decision).map(move |decision| (at, decision)).collect::<Vec<_>>()
    };
    journal.iter().flat_map(of).collect()
}

fn compare(recorded: Vec<(CallTime, Decision)>, run: Run) -> WhatIf {
    let mut changed = run.decisions;
    let mut take = |decision: &Decision| {
        let index = changed.iter().position(|(_, other)| other == decision)?;
        Some(changed.remove(index).0)
    };
    let mut decisions: Vec<Difference> = Vec::new();
    for (at, decision) in recorded {
        let other = take(&decision);
        if other.is_some() || run.until.as_ref().is_none_or(|(until, _)| at <= *until) {
            decisions.push(Difference { decision, recorded: Some(at), changed: other });
        }
    }
    let only = changed.into_iter().map(|(at, decision)| Difference { decision, recorded: None, changed: Some(at) });
    decisions.extend(only);
    WhatIf { decisions, until: run.until }
}

/// The changed call while it runs.
struct Run {
    conversation: Conversation,
    asked: BTreeMap<Question, Asked>,
    /// Inputs to come, in their order.
    coming: BTreeMap<(CallTime, usize), Input>,
    count: usize,
    decisions: Vec<(CallTime, Decision)>,
    until: Option<(CallTime, String)>,
    over: bool,
}

impl Run {
    fn come(&mut self, at: CallTime, input: Input) {
        self.count += 1;
        self.coming.insert((at, self.count), input);
    }

    fn to(&mut self, end: CallTime) {
        for _ in 0..MOST_STEPS {
            let due = self.conversation.poll_timeout();
            let next = self.coming.keys().next().map(|(at, _)| *at);
            let Some(at) = due.into_iter().chain(next).min().filter(|at| *at <= end) else { return };
            let step = match due {
                Some(due) if due <= at => Step::Timeout,
                _ => match self.coming.pop_first() {
                    Some((_, input)) => Step::Input(input),
                    None => return,
                },
            };
            self.step(at, step);
            if self.over {
                return;
            }
        }
    }

    fn step(&mut self, at: CallTime, step: Step) {
        let entry = JournalEntry::record(&mut self.conversation, at, step);
        for output in &entry.outputs {
            self.decisions.extend(decision(output).map(|decision| (at, decision)));
            self.over |= matches!(output, Output::End { .. });
            if let Some((question, what)) = Question::of(output) {
                self.ask(at, question, what);
            }
            if self.until.is_some() {
                self.over = true;
                return;
            }
        }
    }

    fn ask(&mut self, at: CallTime, question: Question, what: String) {
        let known = self.asked.remove(&question).filter(|known| known.what == what);
        match known {
            Some(known) => {
                for (answered, input) in known.answers {
                    self.come(at + answered.since(known.at), input);
                }
            }
            None if question.is_needed() => {
                let why = match question {
                    Question::Transcribe(..) => {
                        "the user's speech would have been recognised in other pieces".to_owned()
                    }
                    Question::Response(_) => "the language model would have been asked something else".to_owned(),
                    _ => format!("the agent would have said something else: {what:?}"),
                };
                self.until = Some((at, why));
            }
            None => {}
        }
    }
}
