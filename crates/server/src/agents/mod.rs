//! Agents as operators write them: what the admin API takes and gives, and what a file lists at start.

mod check;
mod definition;
pub mod file;

mod models;

pub use definition::Agent;
pub use models::AgentModels;

use crate::outward::Outward;
use ringline_model::{AgentSettings, ConfigError};

/// Whether the addresses in an agent's settings are ones that may be called, as far as their texts say.
pub fn reachable(outward: &Outward, settings: &AgentSettings) -> Result<(), ConfigError> {
    let llm = settings.providers.llm.as_ref().map(|llm| ("settings.providers.llm.base_url", llm.base_url.as_str()));
    let callbacks = ("settings.callbacks.url", settings.callbacks.url.as_str());
    for (field, url) in [callbacks].into_iter().chain(llm).filter(|(_, url)| !url.is_empty()) {
        outward.check(url).map_err(|error| ConfigError { field: field.into(), reason: error.to_string() })?;
    }
    Ok(())
}
