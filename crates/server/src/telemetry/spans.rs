//! The spans of a call, made of its journal while it is written: a value, fed step by step.
//!
//! `call` → `turn` (one for each response: what the user said, and what became of it) → the stages `ears` (the utterance),
//! `transcript`, `generation` and `tool` (of each round), `synthesis` and `playout` (of each segment). Speech that became no turn is a
//! stage of the call itself.
//!
//! Limits: [`TURNS`] turns are kept, since late stages of a stopped one still come; the oldest is closed as it is when another
//! begins. [`OPEN`] stages may be open at once; beyond them further ones are left out.

use ringline_conversation::{EndReason, Input, JournalEntry, Output, Step};
use ringline_model::{CallTime, ResponseId, SegmentId, SentenceId, UtteranceId};
use std::collections::VecDeque;

const TURNS: usize = 4;
const OPEN: usize = 256;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Id(String),
    Number(i64),
    Word(&'static str),
}

pub type Attributes = Vec<(&'static str, Value)>;

/// A span that is over. Ids count from 1 within a call; the call's own is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub id: u32,
    pub parent: Option<u32>,
    pub name: &'static str,
    pub begin: CallTime,
    pub end: CallTime,
    pub attributes: Attributes,
    pub failed: bool,
}

/// What a stage waits for.
#[derive(Clone, Debug, PartialEq)]
enum Until {
    UtteranceClosed(UtteranceId),
    Transcript(UtteranceId, u32),
    Generated(ResponseId),
    ToolDone(ResponseId, String),
    Synthesised(ResponseId, SegmentId),
    Played(ResponseId, SegmentId),
}

impl Until {
    const fn utterance(&self) -> Option<UtteranceId> {
        match self {
            Self::UtteranceClosed(utterance) | Self::Transcript(utterance, _) => Some(*utterance),
            _ => None,
        }
    }

    const fn response(&self) -> Option<ResponseId> {
        match self {
            Self::Generated(response)
            | Self::ToolDone(response, _)
            | Self::Synthesised(response, _)
            | Self::Played(response, _) => Some(*response),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Open {
    span: Span,
    until: Until,
}

#[derive(Debug)]
struct Turn {
    span: Span,
    response: ResponseId,
    /// Segments that were handed to synthesis, so that their playout finds its turn.
    segments: VecDeque<SegmentId>,
}

/// Segments remembered of a turn.
const SEGMENTS: usize = 64;

#[derive(Debug)]
pub struct Spans {
    next: u32,
    call: Span,
    turns: VecDeque<Turn>,
    open: Vec<Open>,
    /// Stages of hearing that are over, until it is known what turn they belong to.
    heard: Vec<Span>,
    done: VecDeque<Span>,
}

const CALL: u32 = 1;

impl Spans {
    pub fn new(attributes: Attributes) -> Self {
        let call = Span {
            id: CALL,
            parent: None,
            name: "call",
            begin: CallTime::ZERO,
            end: CallTime::ZERO,
            attributes,
            failed: false,
        };
        Self {
            next: CALL + 1,
            call,
            turns: VecDeque::new(),
            open: Vec::new(),
            heard: Vec::new(),
            done: VecDeque::new(),
        }
    }

    /// The next span that is over.
    pub fn poll(&mut self) -> Option<Span> {
        self.done.pop_front()
    }

    pub fn step(&mut self, entry: &JournalEntry) {
        if let Step::Input(input) = &entry.step {
            self.happened(input, entry.at);
        }
        entry.outputs.iter().for_each(|output| self.asked(output, entry.at));
    }

    /// The call is over, and everything that was open with it.
    pub fn end(&mut self, reason: EndReason, at: CallTime) {
        while let Some(Open { until, .. }) = self.open.first() {
            let until = until.clone();
            self.close(&until, at, "call_ended", false);
        }
        self.let_go();
        while let Some(turn) = self.turns.pop_front() {
            self.done.push_back(turn.span);
        }
        self.call.end = at;
        self.call.attributes.push(("ringline.end.reason", Value::Word(reason.as_str())));
        self.call.failed = reason == EndReason::ProviderFailed;
        self.done.push_back(self.call.clone());
    }

    fn happened(&mut self, input: &Input, now: CallTime) {
        match input {
            Input::Transcript { utterance, revision, .. } => {
                self.close(&Until::Transcript(*utterance, *revision), now, "finished", false);
            }
            Input::TranscriptFailed { utterance, revision, .. } => {
                self.close(&Until::Transcript(*utterance, *revision), now, "failed", true);
            }
            Input::ResponseFinished { response } => self.close(&Until::Generated(*response), now, "finished", false),
            Input::ResponseFailed { response, .. } => self.close(&Until::Generated(*response), now, "failed", true),
            Input::ToolFinished { response, call, .. } => {
                self.close(&Until::ToolDone(*response, call.clone()), now, "finished", false);
            }
            Input::ToolFailed { response, call, .. } => {
                self.close(&Until::ToolDone(*response, call.clone()), now, "failed", true);
            }
            Input::SegmentSynthesised { segment, .. } => self.segment_over(*segment, false, now, "finished", false),
            Input::SegmentFailed { segment, .. } => self.segment_over(*segment, false, now, "failed", true),
            Input::SegmentPlayoutStarted { segment } => self.played(*segment, now),
            Input::SegmentPlayoutFinished { segment } => self.segment_over(*segment, true, now, "finished", false),
            Input::PlayoutStopped { response, .. } => {
                self.close_all(now, "stopped", |until| until.response().is_some_and(|of| of <= *response));
            }
            _ => {}
        }
    }

    fn asked(&mut self, output: &Output, now: CallTime) {
        match output {
            Output::OpenUtterance { utterance, from } => {
                // What was heard before became no turn.
                self.let_go();
                let attributes = vec![("ringline.utterance.id", number(utterance.0))];
                self.begin("ears", None, (*from).min(now), attributes, Until::UtteranceClosed(*utterance));
            }
            Output::Transcribe { utterance, revision } => {
                let attributes = vec![
                    ("ringline.utterance.id", number(utterance.0)),
                    ("ringline.revision", Value::Number(i64::from(*revision))),
                ];
                self.begin("transcript", None, now, attributes, Until::Transcript(*utterance, *revision));
            }
            Output::CloseUtterance { utterance } => {
                self.close_all(now, "closed", |until| until.utterance() == Some(*utterance));
            }
            Output::Generate { response, sentence, .. } => {
                let turn = self.turn(*response, now);
                self.name(turn, *sentence);
                self.adopt(turn);
                let attributes = vec![("ringline.response.id", number(response.0))];
                self.begin("generation", Some(turn), now, attributes, Until::Generated(*response));
            }
            Output::RunTool { response, call, .. } => {
                let turn = self.turn(*response, now);
                let attributes = vec![("ringline.response.id", number(response.0))];
                self.begin("tool", Some(turn), now, attributes, Until::ToolDone(*response, call.clone()));
            }
            Output::Synthesise { response, segment, .. } | Output::PlayClip { response, segment, .. } => {
                let turn = self.turn(*response, now);
                if let Some(turn) = self.turns.iter_mut().find(|other| other.span.id == turn) {
                    turn.segments.push_back(*segment);
                    if turn.segments.len() > SEGMENTS {
                        turn.segments.pop_front();
                    }
                }
                if matches!(output, Output::Synthesise { .. }) {
                    let until = Until::Synthesised(*response, *segment);
                    self.begin("synthesis", Some(turn), now, of_segment(*segment), until);
                }
            }
            Output::CancelResponse { response } => {
                let cancelled = |until: &Until| {
                    !matches!(until, Until::Played(..)) && until.response().is_some_and(|of| of == *response)
                };
                self.close_all(now, "cancelled", cancelled);
            }
            _ => {}
        }
    }

    fn played(&mut self, segment: SegmentId, now: CallTime) {
        let Some(turn) = self.turns.iter().rev().find(|turn| turn.segments.contains(&segment)) else { return };
        let (id, response) = (turn.span.id, turn.response);
        self.begin("playout", Some(id), now, of_segment(segment), Until::Played(response, segment));
    }

    fn segment_over(&mut self, segment: SegmentId, playout: bool, now: CallTime, outcome: &'static str, failed: bool) {
        let found = self.open.iter().find(|open| match open.until {
            Until::Synthesised(_, of) => !playout && of == segment,
            Until::Played(_, of) => playout && of == segment,
            _ => false,
        });
        if let Some(until) = found.map(|open| open.until.clone()) {
            self.close(&until, now, outcome, failed);
        }
    }

    /// The turn of a response, begun if it is new.
    fn turn(&mut self, response: ResponseId, now: CallTime) -> u32 {
        if let Some(known) = self.turn_of(response) {
            return known;
        }
        if self.turns.len() >= TURNS
            && let Some(oldest) = self.turns.front().map(|turn| turn.response)
        {
            self.close_all(now, "left", |until| until.response() == Some(oldest));
            self.done.extend(self.turns.pop_front().map(|turn| turn.span));
        }
        let id = self.id();
        let attributes = vec![("ringline.response.id", number(response.0))];
        let span = Span { id, parent: Some(CALL), name: "turn", begin: now, end: now, attributes, failed: false };
        self.turns.push_back(Turn { span, response, segments: VecDeque::new() });
        id
    }

    fn turn_of(&self, response: ResponseId) -> Option<u32> {
        self.turns.iter().find(|turn| turn.response == response).map(|turn| turn.span.id)
    }

    fn name(&mut self, turn: u32, sentence: SentenceId) {
        const TURN: &str = "ringline.turn.id";
        if let Some(turn) = self.turns.iter_mut().find(|other| other.span.id == turn)
            && !turn.span.attributes.iter().any(|(name, _)| *name == TURN)
        {
            turn.span.attributes.push((TURN, number(sentence.0)));
        }
    }

    /// What was heard since the turn before is this turn's, also what is still under way.
    fn adopt(&mut self, turn: u32) {
        let heard = std::mem::take(&mut self.heard);
        let open = self.open.iter_mut().filter(|open| open.span.parent.is_none());
        let mut begin = None;
        for open in open {
            open.span.parent = Some(turn);
            begin = Some(begin.unwrap_or(open.span.begin).min(open.span.begin));
        }
        for mut span in heard {
            begin = Some(begin.unwrap_or(span.begin).min(span.begin));
            span.parent = Some(turn);
            self.grow(turn, span.begin, span.end);
            self.done.push_back(span);
        }
        if let Some(begin) = begin {
            self.grow(turn, begin, begin);
        }
    }

    /// What was heard belongs to no turn.
    fn let_go(&mut self) {
        for span in std::mem::take(&mut self.heard) {
            self.done.push_back(Span { parent: Some(CALL), ..span });
        }
    }

    fn begin(
        &mut self,
        name: &'static str,
        parent: Option<u32>,
        begin: CallTime,
        attributes: Attributes,
        until: Until,
    ) {
        if self.open.len() >= OPEN {
            return;
        }
        let span = Span { id: self.id(), parent, name, begin, end: begin, attributes, failed: false };
        self.open.push(Open { span, until });
    }

    fn close_all(&mut self, now: CallTime, outcome: &'static str, which: impl Fn(&Until) -> bool) {
        let chosen: Vec<_> = self.open.iter().map(|open| &open.until).filter(|until| which(until)).cloned().collect();
        for until in chosen {
            self.close(&until, now, outcome, false);
        }
    }

    fn close(&mut self, until: &Until, now: CallTime, outcome: &'static str, failed: bool) {
        let Some(at) = self.open.iter().position(|open| open.until == *until) else { return };
        let Open { mut span, .. } = self.open.remove(at);
        span.end = now.max(span.begin);
        span.failed = failed;
        span.attributes.push(("ringline.outcome", Value::Word(outcome)));
        match span.parent {
            None => self.heard.push(span),
            Some(parent) => {
                self.grow(parent, span.begin, span.end);
                self.done.push_back(span);
            }
        }
    }

    /// A turn is as long as its stages.
    fn grow(&mut self, parent: u32, begin: CallTime, end: CallTime) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.span.id == parent) {
            turn.span.begin = turn.span.begin.min(begin);
            turn.span.end = turn.span.end.max(end);
        }
    }

    fn id(&mut self) -> u32 {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        id
    }
}

fn of_segment(segment: SegmentId) -> Attributes {
    vec![("ringline.segment.id", number(segment.0))]
}

fn number(id: u64) -> Value {
    Value::Number(i64::try_from(id).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringline_conversation::Output as O;

    fn at(ms: u64) -> CallTime {
        CallTime::from_millis(ms)
    }

    fn run(steps: Vec<(u64, Option<Input>, Vec<Output>)>) -> Vec<Span> {
        let mut spans = Spans::new(Vec::new());
        for (ms, input, outputs) in steps {
            let step = input.map_or(Step::Timeout, Step::Input);
            spans.step(&JournalEntry { at: at(ms), step, outputs });
        }
        spans.end(EndReason::UserLeft, at(10_000));
        std::iter::from_fn(|| spans.poll()).collect()
    }

    fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
        spans.iter().filter(|span| span.name == name).collect()
    }

    /// Every span lies within its parent, and there is one without.
    fn nest(spans: &[Span]) {
        for span in spans {
            assert!(span.begin <= span.end, "{span:?}");
            let Some(parent) = span.parent else { continue };
            let parent = spans.iter().find(|other| other.id == parent).unwrap_or_else(|| panic!("no parent: {span:?}"));
            assert!(parent.begin <= span.begin && span.end <= parent.end, "{span:?} in {parent:?}");
        }
        assert_eq!(spans.iter().filter(|span| span.parent.is_none()).count(), 1);
    }

    fn heard(utterance: u64, from: u64) -> Vec<(u64, Option<Input>, Vec<Output>)> {
        let utterance = UtteranceId(utterance);
        vec![
            (from + 60, None, vec![O::OpenUtterance { utterance, from: at(from) }]),
            (from + 900, None, vec![O::Transcribe { utterance, revision: 1 }]),
            (from + 1000, Some(Input::Transcript { utterance, revision: 1, text: "secret words".into() }), vec![]),
            (from + 1300, None, vec![O::CloseUtterance { utterance }]),
        ]
    }

    fn answered(response: u64, from: u64) -> Vec<(u64, Option<Input>, Vec<Output>)> {
        let (response, segment) = (ResponseId(response), SegmentId(response));
        let synthesise = O::Synthesise {
            response,
            segment,
            text: "more secret words".into(),
            voice: None,
            rate: 1.0,
            emotion: None,
        };
        vec![
            (from, None, vec![O::Generate { response, sentence: SentenceId(response.0), messages: Vec::new() }]),
            (from + 200, None, vec![synthesise]),
            (from + 300, Some(Input::ResponseFinished { response }), vec![]),
            (from + 320, Some(Input::SegmentPlayoutStarted { segment }), vec![]),
            (from + 400, Some(Input::SegmentSynthesised { segment, duration_ms: 900 }), vec![]),
            (from + 1220, Some(Input::SegmentPlayoutFinished { segment }), vec![]),
        ]
    }

    #[test]
    fn a_turn_holds_what_was_heard_and_every_stage_of_its_answer() {
        let spans = run([heard(1, 1000), answered(1, 2300)].concat());
        nest(&spans);
        let [turn] = named(&spans, "turn")[..] else { panic!("{spans:?}") };
        assert_eq!((turn.begin, turn.end), (at(1000), at(3520)));
        for (stage, begin, end) in [
            ("ears", 1000, 2300),
            ("transcript", 1900, 2000),
            ("generation", 2300, 2600),
            ("synthesis", 2500, 2700),
            ("playout", 2620, 3520),
        ] {
            let [span] = named(&spans, stage)[..] else { panic!("{stage}: {spans:?}") };
            assert_eq!((span.begin, span.end, span.parent), (at(begin), at(end), Some(turn.id)), "{stage}");
        }
        assert!(!format!("{spans:?}").contains("secret"));
    }

    #[test]
    fn speech_that_became_no_turn_is_the_calls() {
        let spans = run([heard(1, 1000), heard(2, 3000), answered(2, 4300)].concat());
        nest(&spans);
        let ears = named(&spans, "ears");
        assert_eq!((ears.len(), ears[0].parent), (2, Some(CALL)));
        assert_eq!(ears[1].parent, Some(named(&spans, "turn")[0].id));
    }

    #[test]
    fn an_interrupted_turn_ends_where_its_playout_was_stopped() {
        let (response, segment) = (ResponseId(1), SegmentId(1));
        let mut steps = answered(1, 1000);
        steps.truncate(5);
        let stopped = Input::PlayoutStopped { response, segment: Some(segment), played_ms: 400 };
        steps.push((1800, None, vec![O::CancelResponse { response }, O::StopPlayout { response }]));
        steps.push((1820, Some(stopped), vec![]));
        let spans = run(steps);
        nest(&spans);
        let [playout] = named(&spans, "playout")[..] else { panic!("{spans:?}") };
        assert_eq!((playout.end, named(&spans, "turn")[0].end), (at(1820), at(1820)));
        assert!(playout.attributes.contains(&("ringline.outcome", Value::Word("stopped"))));
    }

    #[test]
    fn failures_are_marked_and_what_was_open_ends_with_the_call() {
        let (response, sentence) = (ResponseId(1), SentenceId(1));
        let call = "c".to_owned();
        let tool = O::RunTool { response, call: call.clone(), name: "look".into(), arguments: "secret".into() };
        let spans = run(vec![
            (100, None, vec![O::Generate { response, sentence, messages: Vec::new() }]),
            (200, None, vec![tool]),
            (300, Some(Input::ToolFailed { response, call, error: "secret".into() }), vec![]),
        ]);
        nest(&spans);
        assert!(named(&spans, "tool")[0].failed);
        assert_eq!(named(&spans, "generation")[0].end, at(10_000));
        assert!(!format!("{spans:?}").contains("secret"));
    }

    #[test]
    fn only_so_many_turns_and_stages_are_kept() {
        let mut spans = Spans::new(Vec::new());
        for n in 1..2000 {
            let (response, sentence) = (ResponseId(n), SentenceId(n));
            let outputs = vec![O::Generate { response, sentence, messages: Vec::new() }];
            spans.step(&JournalEntry { at: at(n), step: Step::Timeout, outputs });
            assert!(spans.turns.len() <= TURNS && spans.open.len() <= OPEN);
        }
        let calls = (0..1000).map(|n| n.to_string());
        let outputs = calls.map(|call| O::RunTool {
            response: ResponseId(1999),
            call,
            name: String::new(),
            arguments: String::new(),
        });
        spans.step(&JournalEntry { at: at(2000), step: Step::Timeout, outputs: outputs.collect() });
        assert_eq!(spans.open.len(), OPEN);
        spans.end(EndReason::UserLeft, at(3000));
        nest(&std::iter::from_fn(|| spans.poll()).collect::<Vec<_>>());
    }
}
