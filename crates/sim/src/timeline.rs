//! A journal as lines for the eye: what happened, and indented what came of it.

use ringline_conversation::{JournalEntry, Setup, Step};
use serde::Serialize;

/// Inputs at the left, outputs behind `→`.
pub fn timeline(setup: &Setup, journal: &[JournalEntry]) -> String {
    let mut out = format!("configuration: {}\n", json(&setup.config));
    for entry in journal {
        match &entry.step {
            Step::Timeout => out.push_str(&format!("{} deadline\n", entry.at)),
            Step::Input(input) => out.push_str(&format!("{} {}\n", entry.at, json(input))),
        }
        for output in &entry.outputs {
            out.push_str(&format!("          → {}\n", json(output)));
        }
    }
    out
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
