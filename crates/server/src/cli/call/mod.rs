//! `ringline call`: a person's side of a call from the terminal, for trying agents out and for tests.
//!
//! Flow: ask the app-server door for a call (or, given a token, join with it, asking for the agent if one is named) → post
//! an offer with the token → send each WAV as one user turn, in real
//! time, once the agent has finished the answer before → print what the agent sends → hang up after the last answer. A path
//! that is lost on the way is looked for again ([`way_back`]).

mod caller;
mod line;
mod listener;
mod report;
mod wav;
mod way_back;

use caller::Caller;
use line::Line;
use report::Report;
use way_back::WayBack;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::StatusCode;
use ringline_protocol::datachannel::ClientMessage;
use ringline_protocol::signaling::{AgentRequest, JoinAnswer, JoinRequest};
use ringline_protocol::token::ChannelToken;
use ringline_rtc::{Dial, Peer};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long signaling may take.
const SIGNALING: Duration = Duration::from_secs(15);
/// Longest --agent-config, in bytes.
const AGENT_CONFIG_LIMIT: usize = 64 * 1024;

#[derive(Args)]
pub struct Call {
    /// The server, e.g. http://127.0.0.1:8080.
    #[arg(long, value_name = "URL")]
    url: String,
    /// The agent's id.
    #[arg(long, value_name = "ID", required_unless_present = "join_token")]
    agent: Option<String>,
    /// Join with this channel token instead of asking the app server for a call. With --agent the call is started by
    /// joining, without it the agent is on the channel already.
    #[arg(long, value_name = "TOKEN")]
    join_token: Option<String>,
    /// Speech for one user turn (mono or stereo WAV, any rate); may be repeated.
    #[arg(long = "wav", value_name = "FILE")]
    wavs: Vec<PathBuf>,
    /// Speak over the agent: start the next turn this long after it began to answer, instead of waiting for the end.
    #[arg(long, value_name = "MS")]
    interrupt_after: Option<u64>,
    /// Write what was heard to a WAV file (16 kHz mono).
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON lines: {"t":ms,"event":…}, with the data-channel messages verbatim.
    #[arg(long)]
    json: bool,
    /// AIAgentConfig for this call, as JSON.
    #[arg(long, value_name = "JSON")]
    agent_config: Option<String>,
    /// The user's id [default: one of the terminal's own].
    #[arg(long, default_value = "terminal", value_name = "ID")]
    user: String,
    /// The session this call belongs to: the agent knows what was said in its earlier calls.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Once joined, send this to the app server (its callback client_defined_data); may be repeated.
    #[arg(long, value_name = "TEXT")]
    tell: Vec<String>,
    /// Hold the button of push-to-talk while a turn is spoken.
    #[arg(long)]
    push_to_talk: bool,
    /// Once joined, send this data-channel message, e.g. {"type":1105,"data":{"enable":true}}; may be repeated.
    #[arg(long = "send", value_name = "JSON")]
    messages: Vec<String>,
    /// How long one answer may take, in s.
    #[arg(long, default_value_t = 90, value_name = "S")]
    patience: u64,
}

impl Call {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::start_logs("warn", super::LogFormat::Text);
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.call())
    }

    async fn call(self) -> anyhow::Result<ExitCode> {
        let turns = self.wavs.iter().map(|path| wav::Turn::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
        let mut report = Report::new(self.json);
        let http = reqwest::Client::builder().timeout(SIGNALING).build()?;
        let url = self.url.trim_end_matches('/').to_owned();
        let (token, agent) = match (&self.join_token, &self.agent) {
            (Some(token), agent) => (token.clone(), agent.as_ref().map(|agent| self.agent_request(agent)).transpose()?),
            (None, Some(agent)) => {
                let started = self.start(&http, &url, agent).await?;
                report.event("started", json!({"instanceId": started.instance, "channelId": started.channel}));
                (started.token, None)
            }
            (None, None) => bail!("give --agent or --join-token"),
        };
        let Joined { mut peer, resource, server, answer } = join(&http, &url, &token, agent).await?;
        if self.join_token.is_some() {
            let reply = answer.agent_reply.map(|reply| json!(reply));
            let ids = json!({"instanceId": answer.instance_id, "channelId": answer.channel_id, "agentReply": reply});
            report.event("started", ids);
        }
        let caller =
            Caller::new(turns, self.interrupt_after.map(Duration::from_millis), Duration::from_secs(self.patience));
        let tell = self.tell.into_iter().map(|message| ClientMessage::SendCustomMessage { message }.to_json(1, "", ""));
        let messages = self.messages.into_iter().chain(tell).collect();
        let way_back = WayBack::new(server, resource.clone(), token.clone());
        let outcome = Line::new(&mut peer, caller, &mut report, messages, self.push_to_talk, way_back)?.run().await;
        // Say goodbye whatever happened.
        let goodbye = http.delete(&resource).bearer_auth(&token).send().await;
        if let Err(error) = goodbye {
            tracing::debug!(%error, "the server did not hear the goodbye");
        }
        let heard = outcome?;
        if let Some(path) = &self.out {
            wav::write(path, &heard.audio)?;
        }
        report.heard(heard.listener.heard());
        report.summary(heard.asked, heard.answered);
        Ok(if heard.answered == heard.asked { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn config(&self) -> anyhow::Result<&str> {
        let config = self.agent_config.as_deref().unwrap_or("{}");
        if config.len() > AGENT_CONFIG_LIMIT {
            bail!("--agent-config is longer than {AGENT_CONFIG_LIMIT} bytes");
        }
        Ok(config)
    }

    fn agent_request(&self, agent: &str) -> anyhow::Result<AgentRequest> {
        let mut params = json!({"AIAgentId": agent, "Expire": 86_400, "AgentConfig": self.config()?});
        if let Some(session) = &self.session {
            params["SessionId"] = json!(session);
        }
        let (action, params) = ("GenerateAIAgentCall".to_owned(), json!(params.to_string()));
        Ok(AgentRequest { agent_id: Some(agent.to_owned()), region: None, action, params })
    }

    async fn start(&self, http: &reqwest::Client, url: &str, agent: &str) -> anyhow::Result<StartedCall> {
        let config = self.config()?;
        let body = json!({"ai_agent_id": agent, "user_id": self.user, "expire": 3600, "template_config": "{}",
                          "agent_config": config, "session_id": self.session});
        let response = http.post(format!("{url}/api/v2/aiagent/generateAIAgentCall")).json(&body).send().await;
        let response =
            response.with_context(|| format!("there is no server at {url}; start one with `ringline serve`"))?;
        if response.status() != StatusCode::OK {
            bail!("{url} answered {}; is its app-server door enabled?", response.status());
        }
        let answer: Value = response.json().await.context("the server's answer is not JSON")?;
        if answer["code"] != json!(200) {
            let why = answer["message"].as_str().or(answer["msg"].as_str()).unwrap_or("no reason given");
            bail!("the call was refused: {} ({})", why, answer["error_code"].as_str().unwrap_or("no code"));
        }
        let text =
            |key: &str| answer[key].as_str().map(str::to_owned).with_context(|| format!("the answer has no {key}"));
        Ok(StartedCall {
            token: text("rtc_auth_token")?,
            instance: text("ai_agent_instance_id")?,
            channel: text("channel_id")?,
        })
    }
}

struct StartedCall {
    token: String,
    instance: String,
    channel: String,
}

struct Joined {
    peer: Peer,
    /// The URL that ends it.
    resource: String,
    /// Where signaling is answered.
    server: SocketAddr,
    answer: JoinAnswer,
}

async fn join(http: &reqwest::Client, url: &str, token: &str, agent: Option<AgentRequest>) -> anyhow::Result<Joined> {
    let rtc_url = ChannelToken::peek(token).context("the token is not readable")?.rtc_url;
    let rtc_url = rtc_url.unwrap_or_else(|| format!("{url}{}", crate::doors::signaling::PATH));
    let server = reqwest::Url::parse(&rtc_url)?.socket_addrs(|| None)?;
    let server = server.first().copied().with_context(|| format!("{rtc_url} has no address"))?;
    let (dial, offer) = Dial::new(server).await?;
    let body = JoinRequest { token: token.to_owned(), sdp: offer, channel_id: None, user_id: None, agent };
    let response =
        http.post(&rtc_url).json(&body).send().await.with_context(|| format!("{rtc_url} does not answer"))?;
    if response.status() != StatusCode::CREATED {
        let (status, text) = (response.status(), response.text().await.unwrap_or_default());
        bail!("joining was refused: {status} {}", text.chars().take(300).collect::<String>());
    }
    let answer: JoinAnswer = response.json().await?;
    let peer =
        tokio::time::timeout(SIGNALING, dial.answer(&answer.sdp)).await.context("no media path to the server")??;
    let resource = reqwest::Url::parse(&rtc_url)?.join(&answer.resource)?.to_string();
    Ok(Joined { peer, resource, server, answer })
}
