//! `ringline call`: a person's side of a call from the terminal, for trying agents out and for tests.
//!
//! Flow: ask the app-server door for a call (or, given a token, join with it, asking for the agent if one is named) → post
//! an offer with the token → send each WAV as one user turn, in real
//! time, once the agent has finished the answer before → print what the agent sends → hang up after the last answer.

mod caller;
mod report;
mod wav;

use caller::{Caller, Doing};
use report::Report;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::StatusCode;
use ringline_audio::{EarPath, MOUTH_FRAME, MouthEncoder, level_dbfs};
use ringline_protocol::datachannel::{ClientMessage, ServerMessage};
use ringline_protocol::signaling::{AgentRequest, JoinAnswer, JoinRequest};
use ringline_protocol::token::ChannelToken;
use ringline_rtc::{Dial, Peer, PeerEvent};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

const TICK: Duration = Duration::from_millis(20);
const TICK_WIRE: u64 = 960;
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
        let Joined { mut peer, resource, answer } = join(&http, &url, &token, agent).await?;
        if self.join_token.is_some() {
            let reply = answer.agent_reply.map(|reply| json!(reply));
            let ids = json!({"instanceId": answer.instance_id, "channelId": answer.channel_id, "agentReply": reply});
            report.event("started", ids);
        }
        let caller =
            Caller::new(turns, self.interrupt_after.map(Duration::from_millis), Duration::from_secs(self.patience));
        let tell = self.tell.into_iter().map(|message| ClientMessage::SendCustomMessage { message }.to_json(1, "", ""));
        let messages = self.messages.into_iter().chain(tell).collect();
        let outcome = Line::new(&mut peer, caller, &mut report, messages, self.push_to_talk)?.run().await;
        // Say goodbye whatever happened.
        let goodbye = http.delete(&resource).bearer_auth(&token).send().await;
        if let Err(error) = goodbye {
            tracing::debug!(%error, "the server did not hear the goodbye");
        }
        let heard = outcome?;
        if let Some(path) = &self.out {
            wav::write(path, &heard.audio)?;
        }
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
    Ok(Joined { peer, resource, answer })
}

/// What a finished call was like.
struct Heard {
    asked: usize,
    answered: usize,
    audio: Vec<f32>,
}

/// Longest call that is kept for --out, in samples: 30 minutes at 16 kHz.
const MAX_HEARD: usize = 30 * 60 * 16_000;

/// The media loop.
struct Line<'a> {
    peer: &'a mut Peer,
    caller: Caller,
    report: &'a mut Report,
    encoder: MouthEncoder,
    ears: EarPath,
    heard: Vec<f32>,
    sent: u64,
    /// To be sent once the channel is open.
    messages: Vec<String>,
    /// In push-to-talk: whether the button is held.
    button: Option<bool>,
}

impl<'a> Line<'a> {
    fn new(
        peer: &'a mut Peer,
        caller: Caller,
        report: &'a mut Report,
        messages: Vec<String>,
        push_to_talk: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            peer,
            caller,
            report,
            encoder: MouthEncoder::new()?,
            ears: EarPath::new()?,
            heard: Vec::new(),
            sent: 0,
            messages,
            button: push_to_talk.then_some(false),
        })
    }

    async fn run(mut self) -> anyhow::Result<Heard> {
        let mut next_tick: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(next_tick) => {
                    self.tick()?;
                    next_tick = next_tick.map(|at| at + TICK);
                    match self.caller.poll(std::time::Instant::now()) {
                        Doing::Talking => {}
                        Doing::Done => return Ok(self.hang_up().await),
                        Doing::GaveUp(why) => {
                            self.report.event("gave_up", json!({"why": why}));
                            return Ok(self.hang_up().await);
                        }
                    }
                }
                event = self.peer.event() => match event {
                    PeerEvent::Connected => next_tick = Some(Instant::now()),
                    PeerEvent::ChannelOpen => {
                        self.report.event("joined", json!({}));
                        for message in std::mem::take(&mut self.messages) {
                            self.peer.send_text(&message)?;
                        }
                    }
                    PeerEvent::Text(text) => self.message(&text),
                    PeerEvent::Audio(packet) => self.hear(&packet),
                    PeerEvent::PathLost => self.report.event("path_lost", json!({})),
                    PeerEvent::PathRestored => self.report.event("path_restored", json!({})),
                    PeerEvent::Loss { .. } | PeerEvent::SecondAudio(_) => {}
                    PeerEvent::Closed { reason } => {
                        self.report.event("closed", json!({"reason": format!("{reason:?}")}));
                        return Ok(self.outcome());
                    }
                }
            }
        }
    }

    /// Presses the button before a turn's first frame and lets it go behind the last.
    fn hold_button(&mut self) -> anyhow::Result<()> {
        let speaks = self.caller.is_speaking();
        if let Some(held) = self.button.filter(|held| *held != speaks) {
            let message = if held { ClientMessage::FinishPushToTalk } else { ClientMessage::StartPushToTalk };
            self.peer.send_text(&message.to_json(1, "", ""))?;
            self.button = Some(speaks);
        }
        Ok(())
    }

    fn tick(&mut self) -> anyhow::Result<()> {
        self.hold_button()?;
        let mut frame = [0.0; MOUTH_FRAME];
        self.caller.speak(&mut frame, std::time::Instant::now());
        let payload = self.encoder.encode(&frame)?;
        self.peer.send_audio(self.sent * TICK_WIRE, payload);
        self.sent += 1;
        Ok(())
    }

    fn message(&mut self, text: &str) {
        let now = std::time::Instant::now();
        match serde_json::from_str::<Value>(text) {
            Ok(message) => self.report.message(message),
            Err(error) => return self.report.event("unreadable", json!({"why": error.to_string()})),
        }
        if let Ok(message) = ServerMessage::parse(text) {
            for fact in self.caller.message(&message, now) {
                self.report.fact(fact);
            }
        }
    }

    fn hear(&mut self, packet: &ringline_rtc::AudioPacket) {
        let Some(ear) = self.ears.receive(packet.sequence, packet.rtp_time, &packet.payload) else { return };
        let end = (ear.start as usize + ear.pcm.len()).min(MAX_HEARD);
        if end > self.heard.len() {
            self.heard.resize(end, 0.0);
            let start = end.saturating_sub(ear.pcm.len());
            self.heard[start..end].copy_from_slice(&ear.pcm[ear.pcm.len() - (end - start)..]);
        }
        for fact in self.caller.hear(level_dbfs(ear.pcm), packet.received) {
            self.report.fact(fact);
        }
    }

    async fn hang_up(self) -> Heard {
        if let Err(error) = self.peer.send_text(&ClientMessage::StopAgent.to_json(1, "", "")) {
            tracing::debug!(%error, "the agent did not hear the goodbye");
        }
        let until = Instant::now() + Duration::from_millis(200);
        while let Ok(event) = tokio::time::timeout_at(until, self.peer.event()).await {
            if matches!(event, PeerEvent::Closed { .. }) {
                break;
            }
        }
        let outcome = Heard { asked: self.caller.asked(), answered: self.caller.answered(), audio: self.heard };
        self.peer.close();
        outcome
    }

    fn outcome(self) -> Heard {
        Heard { asked: self.caller.asked(), answered: self.caller.answered(), audio: self.heard }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
