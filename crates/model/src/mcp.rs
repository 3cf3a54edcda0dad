//! The tool servers of an agent: servers of the Model Context Protocol (MCP) whose tools its language model may call.
//!
//! An agent names addresses, and commands of the server's own configuration by their names. The command itself stands there and
//! nowhere else, so that nobody who can write agents can run programs.

use crate::{ConfigError, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tool servers of one agent.
pub const MAX_MCP_SERVERS: usize = 8;

const MAX_NAME: usize = 24;
const MAX_HEADERS: usize = 16;
const MAX_TOOLS: usize = 64;

/// A tool server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct McpServer {
    /// Stands before the names of its tools. Without `url`: the name of a command in the server's configuration.
    pub name: String,
    /// Where it answers by streamable HTTP.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Sent with every request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// Those of its tools that may be called; none: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

impl McpServer {
    /// Whether it can be one; the error's field is its own, e.g. `name`.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field: &str, reason: String| Err(ConfigError { field: field.to_owned(), reason });
        if !is_tool_server_name(&self.name) {
            return wrong("name", format!("must be 1 to {MAX_NAME} letters, digits, - and _"));
        }
        if self.url.is_empty() && !self.headers.is_empty() {
            return wrong("headers", "mean nothing without url".to_owned());
        }
        if self.headers.len() > MAX_HEADERS {
            return wrong("headers", format!("has {} entries, at most {MAX_HEADERS} are allowed", self.headers.len()));
        }
        if self.tools.len() > MAX_TOOLS {
            return wrong("tools", format!("has {} entries, at most {MAX_TOOLS} are allowed", self.tools.len()));
        }
        Ok(())
    }
}

/// A name that can stand before the name of a tool.
pub fn is_tool_server_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_server_has_a_short_plain_name_and_headers_only_with_an_address() {
        let named = |name: &str| McpServer { name: name.into(), ..McpServer::default() };
        assert!(named("files-2").check().is_ok());
        for name in ["", "a b", "é", &"n".repeat(MAX_NAME + 1)] {
            assert_eq!(named(name).check().expect_err("no name").field, "name");
        }
        let headers = BTreeMap::from([("Authorization".to_owned(), Secret::from("Bearer x"))]);
        let mut server = McpServer { headers, ..named("a") };
        assert_eq!(server.check().expect_err("no address").field, "headers");
        server.url = "https://a.example/mcp".into();
        assert!(server.check().is_ok());
        assert!(!format!("{server:?}").contains("Bearer"));
    }
}
