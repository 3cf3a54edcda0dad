//! Tools that the language model calls on the way to an answer, and the one function that is built in: hanging up
//! (`LlmConfig.FunctionMap`, server-api §5.1).
//!
//! A *round* is what one generation asks for: its calls run side by side, and when each has a result, or has missed its
//! deadline, the model is asked again under the same response, with the round behind the question. A failure is a
//! result, too: the model is told, and finds words for it. From the first call on the question cannot be taken back, since
//! a tool may have done something: what the user says then is an interruption, and the history has the round.

use crate::{Conversation, EndReason, Event, Message, Output, Role, Stage, response::Response, text};
use ringline_model::{BuiltIn, CallTime, ResponseId, ToolCall};
use std::time::Duration;

/// From calling a tool to its result; then the model is told that there is none.
pub(crate) const TOOL_WAIT: Duration = Duration::from_secs(10);

/// Rounds of one answer; at one more the answer has failed.
const MAX_ROUNDS: usize = 5;

/// Calls of one round; further ones are answered with an error.
const MAX_CALLS: usize = 8;

/// Characters of a result that the model is given; the rest is cut off.
const MAX_RESULT_CHARS: usize = 8000;

/// The calls of one response.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    /// What the model was asked first: system prompt to question.
    prompt: Vec<Message>,
    /// Asked for by the generation that still runs.
    asked: Vec<ToolCall>,
    /// The round that runs: its calls, and the text before them.
    running: Vec<Run>,
    said: String,
    until: CallTime,
    rounds: Vec<Message>,
}

#[derive(Debug)]
struct Run {
    call: ToolCall,
    is_over: bool,
}

impl Tools {
    pub fn new(prompt: Vec<Message>) -> Self {
        Self { prompt, ..Self::default() }
    }

    pub fn ask(&mut self, calls: Vec<ToolCall>) {
        self.asked.extend(calls);
        self.asked.truncate(2 * MAX_CALLS);
    }

    pub fn are_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    pub fn are_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// A tool has been called for this response.
    pub fn were_called(&self) -> bool {
        self.are_running() || !self.rounds.is_empty()
    }

    /// When the round that runs is over at the latest.
    pub fn deadline(&self) -> Option<CallTime> {
        self.are_running().then_some(self.until)
    }

    fn begin(&mut self, said: String, now: CallTime) -> Vec<ToolCall> {
        let mut calls = Vec::new();
        for (index, call) in self.asked.drain(..).enumerate() {
            let is_over = index >= MAX_CALLS;
            let result = if is_over { failure("too many calls at once") } else { String::new() };
            if !is_over {
                calls.push(call.clone());
            }
            self.running.push(Run { call: ToolCall { result, ..call }, is_over });
        }
        (self.said, self.until) = (said, now + TOOL_WAIT);
        calls
    }

    /// Takes a result. Returns whether it was waited for.
    fn finish(&mut self, id: &str, result: &str) -> bool {
        let Some(run) = self.running.iter_mut().find(|run| run.call.id == id && !run.is_over) else { return false };
        run.call.result = text::trimmed(result, MAX_RESULT_CHARS);
        run.is_over = true;
        true
    }

    fn is_round_over(&self) -> bool {
        self.are_running() && self.running.iter().all(|run| run.is_over)
    }

    /// The calls without a result.
    fn late(&self) -> Vec<ToolCall> {
        self.running.iter().filter(|run| !run.is_over).map(|run| run.call.clone()).collect()
    }

    /// The round as it stands: what is not known has failed.
    pub fn round(&self) -> Option<Message> {
        let calls: Vec<_> = self.running.iter().map(Run::with_result).collect();
        (!calls.is_empty()).then(|| Message { calls, ..Message::new(Role::Assistant, self.said.clone()) })
    }

    /// Everything the model is asked with in the next round.
    fn go_on(&mut self) -> Vec<Message> {
        self.rounds.extend(self.round());
        self.running.clear();
        self.prompt.iter().chain(&self.rounds).cloned().collect()
    }
}

impl Run {
    fn with_result(&self) -> ToolCall {
        let mut call = self.call.clone();
        if !self.is_over {
            call.result = failure("the answer was interrupted before there was a result");
        }
        call
    }
}

fn failure(reason: &str) -> String {
    format!("Error: {reason}")
}

impl Conversation {
    pub(crate) fn on_tool_calls(&mut self, id: ResponseId, calls: Vec<ToolCall>) {
        // A guess must not act: the turn may go on. The model is asked again when it is over.
        if self.on_guess_failed(id) {
            return;
        }
        if let Some(response) = self.current(id)
            && !response.is_text_complete()
            && !response.tools.are_running()
        {
            response.tools.ask(calls);
        }
    }

    /// The generation has ended in calls.
    pub(crate) fn run_tools(&mut self) {
        let now = self.now;
        let function_map = &self.config.llm.function_map;
        let Some(response) = &mut self.response else { return };
        let said = response.end_round();
        if response.tools.rounds.len() >= MAX_ROUNDS {
            response.tools.asked.clear();
            response.complete(true);
            return self.on_generation_failed("the language model calls tools without end".to_owned());
        }
        let built_in = |call: &ToolCall| function_map.iter().find(|entry| entry.name == call.name);
        if let Some(entry) = response.tools.asked.iter().find_map(built_in) {
            match entry.function {
                BuiltIn::HangUp => response.ends_call = Some(EndReason::HungUp),
            }
            response.tools.asked.clear();
            response.complete(true);
            self.failures = 0;
            return self.go_on_speaking();
        }
        let calls = response.tools.begin(said, now);
        let (id, question) = (response.id, response.question.take());
        if let Some(question) = question {
            self.whispers.heeded();
            self.record_user(question);
        }
        for ToolCall { id: call, name, arguments, result: _ } in calls {
            self.outbox.push(Output::RunTool { response: id, call, name, arguments });
        }
        self.go_on_speaking();
    }

    pub(crate) fn on_tool_finished(&mut self, id: ResponseId, call: &str, result: &str) {
        if let Some(response) = self.current(id)
            && response.tools.finish(call, result)
        {
            self.end_round();
        }
    }

    pub(crate) fn on_tool_failed(&mut self, id: ResponseId, call: &str, error: String) {
        if let Some(response) = self.current(id)
            && response.tools.finish(call, &failure(&error))
        {
            self.outbox.record(Event::ProviderFailed { stage: Stage::Tool, error });
            self.end_round();
        }
    }

    pub(crate) fn on_tools_late(&mut self) {
        let Some(response) = &mut self.response else { return };
        for call in response.tools.late() {
            response.tools.finish(&call.id, &failure("the tool gave no result in time"));
            let error = format!("the tool {} gave no result in time", call.name);
            self.outbox.record(Event::ProviderFailed { stage: Stage::Tool, error });
        }
        self.end_round();
    }

    /// If every call has its result, the model is asked again.
    fn end_round(&mut self) {
        let now = self.now;
        let Some(response) = self.response.as_mut().filter(|response| response.tools.is_round_over()) else { return };
        self.history.push_round(response.tools.round());
        let messages = response.tools.go_on();
        response.ask_again(now);
        self.outbox.push(Output::Generate { response: response.id, sentence: response.sentence, messages });
    }

    /// A response is dropped: what its tools may have done stays known.
    pub(crate) fn keep_round(&mut self, response: &Response) {
        self.history.push_round(response.tools.round());
    }
}
