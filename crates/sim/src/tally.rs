//! What happened in calls, counted, so that one sees what a simulation reaches.

use ringline_conversation::{ClientCommand, Event, Input, JournalEntry, Notice, Output, Step};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// One call's.
    pub(crate) fn of(journal: &[JournalEntry]) -> Self {
        let mut tally = Self::default();
        tally.add("steps", journal.len() as u64);
        for entry in journal {
            match &entry.step {
                Step::Timeout => tally.add("steps: deadline", 1),
                Step::Input(Input::TakeoverConnected) => tally.add("takeovers connected", 1),
                Step::Input(Input::Client { command: ClientCommand::StartPushToTalk }) => {
                    tally.add("button pressed", 1)
                }
                Step::Input(Input::UserLeft) => tally.add("user left", 1),
                Step::Input(Input::Whisper { .. }) => tally.add("whispers", 1),
                Step::Input(_) => {}
            }
            entry.outputs.iter().for_each(|output| tally.see(output));
        }
        tally
    }

    fn see(&mut self, output: &Output) {
        if let Output::TakeBack = output {
            self.add("calls given back", 1);
        } else if let Output::Generate { .. } = output {
            self.add("questions asked", 1);
        } else if let Output::OpenUtterance { .. } = output {
            self.add("utterances", 1);
        } else if let Output::PlayClip { .. } = output {
            self.add("clips played", 1);
        } else if let Output::RunTool { .. } = output {
            self.add("tools called", 1);
        } else if let Output::Record { event: Event::FellBack { stage, .. } } = output {
            self.add(format!("fell back: {stage:?}"), 1);
        } else if let Output::Record { event: Event::ProviderFailed { stage, .. } } = output {
            self.add(format!("failed: {stage:?}"), 1);
        } else if let Output::Record { event: Event::Interrupted { reason, .. } } = output {
            self.add(format!("interrupted: {reason:?}"), 1);
        } else if let Output::Record { event: Event::Dialogue { role, interrupted, .. } } = output {
            let cut = if *interrupted { ", cut" } else { "" };
            self.add(format!("entries: {role:?}{cut}"), 1);
        } else if let Output::Record { event: Event::Latency { .. } } = output {
            self.add("answers by voice", 1);
        } else if let Output::Notify { notice: Notice::WillLeave { reason, .. } } = output {
            self.add(format!("client told of leaving: {reason}"), 1);
        } else if let Output::End { reason } = output {
            self.add(format!("ended: {}", reason.as_str()), 1);
        }
    }

    pub fn add(&mut self, what: impl Into<String>, count: u64) {
        *self.0.entry(what.into()).or_default() += count;
    }

    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| self.add(what.clone(), *count));
    }

    pub fn count(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(what, count)| (what.as_str(), *count))
    }
}
