//! Agents as operators write them: what the admin API takes and gives, and what a file lists at start.

mod check;
mod definition;
pub mod file;

mod providers;

pub use definition::Agent;
pub use providers::AgentProviders;

use crate::mcp::{McpError, McpServers};
use crate::outward::Outward;
use crate::providers::web_address;
use ringline_model::{AgentSettings, ConfigError};

/// Whether the addresses in an agent's settings are ones that may be called, as far as their texts say, and whether the commands
/// of its tool servers are there.
pub fn reachable(outward: &Outward, mcp: &McpServers, settings: &AgentSettings) -> Result<(), ConfigError> {
    let mut urls = vec![("settings.callbacks.url".to_owned(), settings.callbacks.url.clone())];
    for (node, providers) in settings.providers.nodes() {
        for (n, provider) in providers.iter().enumerate() {
            urls.push((settings.providers.path(node, n, "url"), web_address(&provider.url)));
        }
    }
    for (n, server) in settings.mcp_servers.iter().enumerate() {
        urls.push((format!("settings.mcp_servers[{n}].url"), server.url.clone()));
    }
    for (field, url) in urls.into_iter().filter(|(_, url)| !url.is_empty()) {
        outward.check(&url).map_err(|error| ConfigError { field, reason: error.to_string() })?;
    }
    let fault = |error: McpError| ConfigError { field: "settings.mcp_servers".into(), reason: error.to_string() };
    mcp.check(&settings.mcp_servers).map_err(fault)?;
    Ok(())
}
