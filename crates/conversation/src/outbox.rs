//! What the conversation asks for and nobody has fetched yet. It grows only within one step, since the edge drains it
//! after each.

use crate::{Event, Notice, Output};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(crate) struct Outbox(VecDeque<Output>);

impl Outbox {
    pub fn push(&mut self, output: Output) {
        self.0.push_back(output);
    }

    pub fn notify(&mut self, notice: Notice) {
        self.push(Output::Notify { notice });
    }

    pub fn record(&mut self, event: Event) {
        self.push(Output::Record { event });
    }

    pub fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }
}
