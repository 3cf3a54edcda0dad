//! Whether everything a server needs is in place, and what to do where it is not: for `ringline doctor` and the console.
//!
//! A check says what was found in words, and for what is not well what to do next. What it does not see: a browser's microphone,
//! and the way from a client's network to here, unless it is run there.

pub mod machine;
pub mod network;
pub mod providers;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was looked at.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Nothing failed.
    pub ok: bool,
    /// Where clients are told to send their media.
    pub candidates: Vec<String>,
    pub checks: Vec<Check>,
}

impl Report {
    pub fn of(candidates: Vec<String>, checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.verdict != Verdict::Failed), candidates, checks }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// `cpu`, `disk`, `database`, `clock`, `models`, `language_model`, `synthesis`, `recognition`, `udp`, `tcp`, `turn`, `http`.
    pub name: String,
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// It works, but not for everybody or not for long.
    Warning,
    Failed,
    /// It could not be looked at, or there is nothing to look at.
    Skipped,
}

impl Check {
    pub fn ok(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    pub fn warning(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, advice: Some(advice.into()), ..Self::ok(name, found) }
    }

    pub fn failed(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, advice: Some(advice.into()), ..Self::ok(name, found) }
    }

    pub fn skipped(name: &str, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(name, found) }
    }
}
