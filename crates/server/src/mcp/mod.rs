//! Tools that language models call on servers of the Model Context Protocol.
//!
//! A *link* is one server: a child process of a command in the server's own configuration, shared by all calls, or an address
//! of an agent's, by streamable HTTP and by the rules for addresses. It is connected when a call of an agent that may use it
//! starts, and made anew when it has broken. Names of tools are `SERVER__TOOL`, so that those of two servers differ.
//!
//! Limits: 8 servers for an agent; 64 tools of a server, each with a description of 1,024 characters and a schema of 16 KiB (larger
//! ones are left out, with a line in the log); connecting 15 s, listing 5 s, a call 10 s; a result 16 KiB. A server that does
//! not answer costs a call its tools and nothing else.

mod link;
mod offer;

use crate::config::McpConfig;
use crate::outward::{Outward, OutwardError};
use link::{Link, Way};
use offer::Offered;
use ringline_model::{AgentId, McpServer, ToolDefinition};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Links over HTTP that are kept; at one more all are made anew when they are needed.
const KEPT: usize = 256;
/// How long a question waits for tools that are not listed yet. The next one may have them.
const TOOLS_WAIT: Duration = Duration::from_secs(3);

/// Why an agent's tool servers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    #[error("tool server `{name}`: its address may not be called: {error}")]
    Address { name: String, error: OutwardError },
    #[error("tool server `{0}`: the server's configuration has no command of this name ([[mcp.commands]])")]
    NoCommand(String),
    #[error("tool server `{name}`: the header `{header}` cannot be sent")]
    Header { name: String, header: String },
}

/// A server at an address of an agent's, as it was described when it was linked.
type Remote = (McpServer, Arc<Link>);

/// The process's tool servers.
pub struct McpServers {
    outward: Outward,
    commands: BTreeMap<String, Arc<Link>>,
    remote: Mutex<HashMap<(AgentId, String), Remote>>,
}

impl McpServers {
    pub fn new(config: &McpConfig, outward: Outward) -> Self {
        let link = |command: &crate::config::McpCommand| {
            (command.name.clone(), Arc::new(Link::new(&command.name, Way::Command(command.clone()))))
        };
        Self { outward, commands: config.commands.iter().map(link).collect(), remote: Mutex::default() }
    }

    /// Whether these can be an agent's; the error says what to change.
    pub fn check(&self, servers: &[McpServer]) -> Result<(), McpError> {
        servers.iter().try_for_each(|server| self.way(server).map(drop))
    }

    /// The tools of a call that starts now; connecting begins at once. Call inside the runtime.
    pub fn of(&self, agent: &AgentId, servers: &[McpServer]) -> Result<Option<Arc<CallTools>>, McpError> {
        if servers.is_empty() {
            return Ok(None);
        }
        let links = servers.iter().map(|server| Ok((server.clone(), self.link(agent, server)?)));
        let links: Vec<_> = links.collect::<Result<_, McpError>>()?;
        for (_, link) in &links {
            let link = link.clone();
            tokio::spawn(async move { link.tools().await });
        }
        Ok(Some(Arc::new(CallTools { links })))
    }

    /// Ends the child processes.
    pub async fn close(&self) {
        for link in self.commands.values() {
            link.close().await;
        }
    }

    /// None: the command of its name.
    fn way(&self, server: &McpServer) -> Result<Option<Way>, McpError> {
        let name = || server.name.clone();
        if server.url.is_empty() {
            return match self.commands.contains_key(&server.name) {
                true => Ok(None),
                false => Err(McpError::NoCommand(name())),
            };
        }
        let client = self.outward.client_for(&server.url).map_err(|error| McpError::Address { name: name(), error })?;
        let headers = server.headers.iter().map(|(header, value)| {
            let wrong = || McpError::Header { name: name(), header: header.clone() };
            let mut value = value.reveal().parse::<reqwest::header::HeaderValue>().map_err(|_| wrong())?;
            value.set_sensitive(true);
            Ok((header.parse::<reqwest::header::HeaderName>().map_err(|_| wrong())?, value))
        });
        let headers = headers.collect::<Result<_, McpError>>()?;
        Ok(Some(Way::Http { client, url: server.url.clone(), headers }))
    }

    fn link(&self, agent: &AgentId, server: &McpServer) -> Result<Arc<Link>, McpError> {
        let Some(way) = self.way(server)? else { return Ok(self.commands[&server.name].clone()) };
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (agent.clone(), server.name.clone());
        if let Some((_, link)) =
            remote.get(&key).filter(|(known, _)| (&known.url, &known.headers) == (&server.url, &server.headers))
        {
            return Ok(link.clone());
        }
        if remote.len() >= KEPT {
            remote.clear();
        }
        let link = Arc::new(Link::new(&server.name, way));
        remote.insert(key, (server.clone(), link.clone()));
        Ok(link)
    }
}

/// The tool servers of one call.
pub struct CallTools {
    links: Vec<(McpServer, Arc<Link>)>,
}

impl CallTools {
    /// What the language model is offered, as far as it is known in time.
    pub async fn definitions(&self) -> Vec<ToolDefinition> {
        let listed = self.links.iter().map(|(server, link)| async move {
            let tools = tokio::time::timeout(TOOLS_WAIT, link.tools()).await.unwrap_or_default();
            tools.iter().filter(|tool| is_allowed(server, tool)).map(|tool| tool.definition.clone()).collect::<Vec<_>>()
        });
        futures_util::future::join_all(listed).await.concat()
    }

    /// Calls a tool by the name it was offered under; the error is for the language model.
    pub async fn call(&self, name: &str, arguments: &str) -> Result<String, String> {
        for (server, link) in &self.links {
            let tools = link.known();
            if let Some(tool) = tools.iter().find(|tool| tool.definition.name == name && is_allowed(server, tool)) {
                return link.call(&tool.name, arguments).await;
            }
        }
        Err(format!("there is no tool `{name}`"))
    }
}

fn is_allowed(server: &McpServer, tool: &Offered) -> bool {
    server.tools.is_empty() || server.tools.contains(&tool.name)
}
