//! One tool server, over a child process or HTTP.
//!
//! Whoever needs it first connects, and the others wait for that. After a failure it is left alone for a while, so that a server
//! that is down is not waited for by every question. Errors for the language model hold nothing of addresses.

use super::offer::{Offered, offer, read};
use crate::config::McpCommand;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, JsonObject, PaginatedRequestParams,
};
use rmcp::service::{NotificationContext, RoleClient, RunningService, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

const CONNECT: Duration = Duration::from_secs(15);
const LIST: Duration = Duration::from_secs(5);
const CALL: Duration = Duration::from_secs(10);
/// After a failure to connect.
const REST: Duration = Duration::from_secs(30);
/// Tools are listed again when their list is as old as this, or their server says that it has changed.
const FRESH: Duration = Duration::from_secs(300);
/// Pages of a list of tools that are read.
const PAGES: usize = 16;
const MAX_MESSAGE: usize = 1024 * 1024;
/// Bytes of a child's messages that are logged, and of one line.
const MAX_STDERR: u64 = 1024 * 1024;

/// What a child process keeps of the server's environment; the rest may hold secrets.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"];

/// How a server is reached.
pub enum Way {
    Command(McpCommand),
    Http { client: reqwest::Client, url: String, headers: HashMap<HeaderName, HeaderValue> },
}

pub struct Link {
    name: String,
    way: Way,
    state: tokio::sync::Mutex<State>,
    /// As they were listed last.
    tools: RwLock<Arc<[Offered]>>,
}

#[derive(Default)]
struct State {
    open: Option<Arc<Open>>,
    failed_at: Option<Instant>,
    listed_at: Option<Instant>,
}

/// A connection.
struct Open {
    service: RunningService<RoleClient, Client>,
}

/// What the server may ask of us: nothing. It may say that its tools have changed.
struct Client {
    changed: AtomicBool,
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let about = Implementation::new("ringline", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), about)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Relaxed);
    }
}

impl Link {
    pub fn new(name: &str, way: Way) -> Self {
        Self { name: name.to_owned(), way, state: tokio::sync::Mutex::default(), tools: RwLock::new(Arc::from([])) }
    }

    /// The tools as they were listed last.
    pub fn known(&self) -> Arc<[Offered]> {
        self.tools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tools; connects and lists them where that is needed. Of a server that fails the ones that were known.
    pub async fn tools(&self) -> Arc<[Offered]> {
        if let Err(error) = self.ready(true).await {
            tracing::warn!(server = self.name, error, "a tool server cannot be used");
        }
        self.known()
    }

    /// Calls a tool by the server's own name for it.
    pub async fn call(&self, tool: &str, arguments: &str) -> Result<String, String> {
        let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
        let arguments: JsonObject =
            serde_json::from_str(arguments).map_err(|error| format!("the arguments are no JSON object: {error}"))?;
        let work = async {
            let open = self.ready(false).await?;
            let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
            open.service.peer().call_tool(request).await.map_err(|error| self.words(error)).and_then(read)
        };
        timeout(CALL, work).await.unwrap_or_else(|_| Err("the tool gave no result in time".to_owned()))
    }

    pub async fn close(&self) {
        let open = self.state.lock().await.open.take();
        if let Some(Ok(mut open)) = open.map(Arc::try_unwrap)
            && let Err(error) = open.service.close().await
        {
            tracing::debug!(server = self.name, %error, "a tool server did not end well");
        }
    }

    /// A connection that stands, whose tools are known, and fresh if `listed`.
    async fn ready(&self, listed: bool) -> Result<Arc<Open>, String> {
        let mut state = self.state.lock().await;
        let open = match state.open.clone().filter(|open| !open.service.is_closed()) {
            Some(open) => open,
            None if state.failed_at.is_some_and(|at| at.elapsed() < REST) => {
                return Err("it could not be reached a moment ago".to_owned());
            }
            None => {
                // Set first: whoever gives up waiting must not leave the impression that nobody has tried.
                (state.open, state.failed_at, state.listed_at) = (None, Some(Instant::now()), None);
                let open = timeout(CONNECT, self.connect()).await;
                let open = Arc::new(open.map_err(|_| "it did not answer in time".to_owned())??);
                (state.open, state.failed_at) = (Some(open.clone()), None);
                open
            }
        };
        let changed = open.service.service().changed.swap(false, Ordering::Relaxed);
        let is_old = state.listed_at.is_none_or(|at| at.elapsed() >= FRESH) || changed;
        if state.listed_at.is_none() || listed && is_old {
            let tools = timeout(LIST, self.list(&open)).await;
            let tools = tools.map_err(|_| "its tools could not be listed in time".to_owned())??;
            *self.tools.write().unwrap_or_else(PoisonError::into_inner) = tools.into();
            state.listed_at = Some(Instant::now());
        }
        Ok(open)
    }

    async fn list(&self, open: &Open) -> Result<Vec<Offered>, String> {
        let (mut tools, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let page = open.service.peer().list_tools(Some(page)).await.map_err(|error| self.words(error))?;
            tools.extend(page.tools);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(offer(&self.name, tools))
    }

    async fn connect(&self) -> Result<Open, String> {
        let client = Client { changed: AtomicBool::new(false) };
        let service = match &self.way {
            Way::Command(command) => {
                let process = self.spawn(command).map_err(|error| format!("its command does not start: {error}"))?;
                rmcp::service::serve_client(client, process).await
            }
            Way::Http { client: http, url, headers } => {
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .custom_headers(headers.clone())
                    .max_sse_event_size(MAX_MESSAGE)
                    .max_json_response_size(MAX_MESSAGE);
                let transport = StreamableHttpClientTransport::with_client(http.clone(), config);
                rmcp::service::serve_client(client, transport).await
            }
        };
        service.map(|service| Open { service }).map_err(|error| {
            tracing::debug!(server = self.name, %error, "connecting to a tool server");
            "it does not answer as a tool server".to_owned()
        })
    }

    fn spawn(&self, command: &McpCommand) -> std::io::Result<TokioChildProcess> {
        let mut child = Command::new(&command.command);
        child.args(&command.args).env_clear().kill_on_drop(true);
        child.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        child.envs(&command.env);
        let (process, stderr) = TokioChildProcess::builder(child).stderr(Stdio::piped()).spawn()?;
        if let Some(stderr) = stderr {
            let server = self.name.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(stderr.take(MAX_STDERR)).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    tracing::debug!(server, line, "a tool server says");
                }
                // What comes after is read and dropped, so that the child is not held up.
                let mut rest = lines.into_inner().into_inner().into_inner();
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.ok();
            });
        }
        Ok(process)
    }

    /// An error for the language model.
    fn words(&self, error: ServiceError) -> String {
        match error {
            ServiceError::McpError(error) => error.message.chars().take(1000).collect(),
            other => {
                tracing::warn!(server = self.name, error = %short(&other), "a tool server failed");
                "the tool server does not answer".to_owned()
            }
        }
    }
}

/// An error of the transport names the address, whose query may hold secrets.
fn short(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::TransportSend(_) => "the request could not be sent",
        ServiceError::TransportClosed => "the connection is closed",
        ServiceError::Timeout { .. } => "no answer in time",
        ServiceError::Cancelled { .. } => "the request was cancelled",
        _ => "an answer that does not fit",
    }
}
