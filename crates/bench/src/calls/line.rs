//! One call: asked for, joined, and driven for as long as the run lasts.

use super::caller::{Caller, FRAME, Fact, Manner, Sent};
use super::lateness::Lateness;
use super::socket::Socket;
use super::speech::Speech;
use crate::connection::Connection;
use crate::percentiles::micros;
use crate::signed::Ready;
use anyhow::{Context, bail};
use ringline_protocol::datachannel::{ClientMessage, ServerMessage, TurnLatency};
use ringline_rtc::{Identity, Incoming, PathLimits, PeerEvent, Protocol, Session, SessionConfig};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// Samples of a frame on the wire.
const FRAME_WIRE: u64 = 960;
/// From the offer to a connection.
const CONNECT: Duration = Duration::from_secs(20);
/// Datagrams read before something else has its turn.
const AT_ONCE: usize = 64;

/// Whom all calls go to.
pub enum Callee {
    Ringline {
        ready: Ready,
        agent_config: Option<String>,
    },
    /// An address that takes `{"sdp","type"}` and answers in the same form.
    Offers {
        host: String,
        path: String,
    },
}

/// What all calls of a run have in common.
pub struct Run {
    pub callee: Callee,
    pub speech: Speech,
    pub identity: Identity,
    /// A shorter payload is silence, in bytes.
    pub silence_below: usize,
    /// What is measured lies between.
    pub from: Instant,
    pub until: Instant,
    pub progress: Progress,
}

/// How far the run is, for whoever watches.
#[derive(Default)]
pub struct Progress {
    pub connected: AtomicU64,
    pub frames: AtomicU64,
    pub answered: AtomicU64,
    pub failed: AtomicU64,
}

/// What one call was like; times in µs.
pub struct Measured {
    pub lateness: Lateness,
    pub spoke: usize,
    pub unanswered: usize,
    pub response: Vec<i64>,
    pub barge_in: Vec<i64>,
    pub parts: Vec<TurnLatency>,
    /// From the request for a call to its token, if it was asked for.
    pub joinable: Option<Duration>,
    /// From the offer on.
    pub connected: Option<Duration>,
    pub first_sample: Option<Duration>,
    /// How late our own frames were sent.
    pub own_lateness: Vec<i64>,
    pub speech_sent: u64,
    pub audible_heard: u64,
}

/// Where a call's path is, and what ends it.
struct Answer {
    sdp: String,
    /// Path and token.
    goodbye: Option<(String, String)>,
}

impl Run {
    fn host(&self) -> anyhow::Result<&str> {
        match &self.callee {
            Callee::Ringline { ready, .. } => ready.host(),
            Callee::Offers { host, .. } => Ok(host),
        }
    }

    fn measures(&self, at: Instant) -> bool {
        (self.from..self.until).contains(&at)
    }

    /// Calls, and stays on the line until the run is over.
    pub async fn call(self: Arc<Self>, manner: Manner) -> anyhow::Result<Measured> {
        let mut http = Connection::open(self.host()?).await?;
        let server = http.server()?;
        let mut measured = Measured::new();
        let token = match &self.callee {
            Callee::Ringline { ready, agent_config } => {
                let (took, token) = start(&mut http, ready, agent_config.as_deref()).await?;
                measured.joinable = Some(took);
                token
            }
            Callee::Offers { .. } => String::new(),
        };
        let socket = Socket::towards(server).await?;
        let config = SessionConfig {
            identity: self.identity.clone(),
            ice_lite: false,
            udp: vec![socket.local],
            tcp: Vec::new(),
            path: PathLimits::default(),
        };
        let offered = Instant::now();
        let (mut session, offer) = Session::offer(&config, offered)?;
        let answer = self.offer(&mut http, &token, &offer).await?;
        session.take_answer(&answer.sdp, Instant::now())?;
        let line = Line {
            caller: Caller::new(manner, Duration::ZERO),
            run: &self,
            socket,
            session,
            offered,
            next_tick: None,
            ticks: 0,
            measured,
        };
        let measured = line.drive().await?;
        if let Some((path, token)) = answer.goodbye {
            let head = format!("DELETE {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
            // The call is over in any case.
            http.exchange(head.as_bytes()).await.ok();
        }
        Ok(measured)
    }

    async fn offer(&self, http: &mut Connection, token: &str, offer: &str) -> anyhow::Result<Answer> {
        let (path, body) = match &self.callee {
            Callee::Ringline { ready, .. } => (
                ready.rtc_url.strip_prefix(&ready.url).unwrap_or("/rtc/v1/calls"),
                json!({"token": token, "sdp": offer}),
            ),
            Callee::Offers { path, .. } => (path.as_str(), json!({"sdp": offer, "type": "offer"})),
        };
        let answer = http.post(self.host()?, path, &body.to_string()).await?;
        if !(200..300).contains(&answer.status) {
            bail!("the offer was answered with {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        let answer: Value = serde_json::from_slice(&answer.body).context("the answer to the offer is not JSON")?;
        let text = |key: &str| answer[key].as_str().map(str::to_owned);
        let goodbye = text("resource").map(|resource| (resource, token.to_owned()));
        Ok(Answer { sdp: text("sdp").context("the answer to the offer has no sdp")?, goodbye })
    }
}

/// The call's token, and how long it took to get.
async fn start(http: &mut Connection, ready: &Ready, agent_config: Option<&str>) -> anyhow::Result<(Duration, String)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Started {
        token: String,
    }
    let mut params = vec![("AIAgentId", ready.agent_id.as_str()), ("UserId", "bench")];
    params.extend(agent_config.map(|config| ("AgentConfig", config)));
    let (took, body) = ready.ask(http, "GenerateAIAgentCall", &params).await?;
    let started: Started = serde_json::from_slice(&body).context("the answer has no token")?;
    Ok((took, started.token))
}

impl Measured {
    fn new() -> Self {
        Self {
            lateness: Lateness::new(Instant::now()),
            spoke: 0,
            unanswered: 0,
            response: Vec::new(),
            barge_in: Vec::new(),
            parts: Vec::new(),
            joinable: None,
            connected: None,
            first_sample: None,
            own_lateness: Vec::new(),
            speech_sent: 0,
            audible_heard: 0,
        }
    }
}

struct Line<'a> {
    run: &'a Run,
    caller: Caller,
    socket: Socket,
    session: Session,
    /// The caller's time counts from here.
    offered: Instant,
    next_tick: Option<Instant>,
    ticks: u64,
    measured: Measured,
}

impl Line<'_> {
    async fn drive(mut self) -> anyhow::Result<Measured> {
        loop {
            while let Some(out) = self.session.poll_transmit() {
                self.socket.send(&out.bytes, out.destination);
            }
            while let Some(event) = self.session.poll_event() {
                self.event(event)?;
            }
            let now = Instant::now();
            if now >= self.run.until {
                break;
            }
            if self.measured.connected.is_none() && now - self.offered > CONNECT {
                bail!("no connection within {} s", CONNECT.as_secs());
            }
            let deadlines = [self.next_tick, self.session.poll_timeout(), Some(self.run.until)];
            let due = deadlines.into_iter().flatten().min().unwrap_or(self.run.until);
            if due > now {
                tokio::select! {
                    biased;
                    () = sleep_until(due.into()) => {}
                    ready = self.socket.readable() => {
                        ready?;
                        self.receive()?;
                        continue;
                    }
                }
            }
            self.time(Instant::now());
        }
        // Whoever does not hear the goodbye notices that nothing comes any more.
        self.session.send_text(&ClientMessage::StopAgent.to_json(1, "", ""), Instant::now()).ok();
        self.session.close(Instant::now());
        while let Some(out) = self.session.poll_transmit() {
            self.socket.send(&out.bytes, out.destination);
        }
        Ok(self.measured)
    }

    fn time(&mut self, now: Instant) {
        if self.next_tick.is_some_and(|due| due <= now) {
            self.tick(now);
        }
        if self.session.poll_timeout().is_some_and(|due| due <= now) {
            self.session.handle_timeout(now);
        }
    }

    fn receive(&mut self) -> anyhow::Result<()> {
        for _ in 0..AT_ONCE {
            let destination = self.socket.local;
            // An error is an ICMP answer to something sent; it says nothing about the next datagram.
            let Ok(Some(received)) = self.socket.receive() else { break };
            let incoming = Incoming {
                protocol: Protocol::Udp,
                source: received.source,
                destination,
                bytes: received.bytes,
                received: received.arrived,
            };
            self.session.handle_datagram(incoming, Instant::now());
            while let Some(event) = self.session.poll_event() {
                self.event(event)?;
            }
        }
        Ok(())
    }

    fn tick(&mut self, now: Instant) {
        let Some(due) = self.next_tick else { return };
        self.next_tick = Some(due + FRAME);
        if self.run.measures(now) {
            self.measured.own_lateness.push(micros(now - due));
        }
        // The caller's time is when the frame was due: its own lateness is reported, and is no part of the agent's times.
        let sent = self.caller.speak(due - self.offered);
        let speech = &self.run.speech;
        let packet = match sent {
            Sent::Silence => speech.quiet(self.ticks),
            Sent::Speech { turn, frame } => speech.packet(turn, frame),
        };
        if matches!(sent, Sent::Speech { .. }) && self.run.measures(now) {
            self.measured.speech_sent += 1;
        }
        self.session.send_audio_at(self.ticks * FRAME_WIRE, &packet.payload, packet.level, now);
        self.ticks += 1;
        self.facts(now);
    }

    fn facts(&mut self, now: Instant) {
        let counts = self.run.measures(now);
        let Self { caller, measured, run, .. } = self;
        for fact in caller.facts() {
            match fact {
                Fact::Greeted { at } => measured.first_sample = Some(at),
                Fact::Spoke if counts => measured.spoke += 1,
                Fact::Answered { after } if counts => {
                    measured.response.push(micros(after));
                    run.progress.answered.fetch_add(1, Ordering::Relaxed);
                }
                Fact::Unanswered if counts => measured.unanswered += 1,
                Fact::Silenced { after } if counts => measured.barge_in.push(micros(after)),
                Fact::Spoke | Fact::Answered { .. } | Fact::Unanswered | Fact::Silenced { .. } => {}
            }
        }
    }

    fn event(&mut self, event: PeerEvent) -> anyhow::Result<()> {
        match event {
            PeerEvent::Connected => {
                let now = Instant::now();
                self.measured.connected = Some(now - self.offered);
                self.next_tick = Some(now);
                self.run.progress.connected.fetch_add(1, Ordering::Relaxed);
            }
            PeerEvent::Audio(packet) => {
                let at = packet.received;
                let counts = self.run.measures(at);
                self.measured.lateness.arrived(packet.sequence, packet.rtp_time, at, counts);
                let audible = packet.payload.len() >= self.run.silence_below;
                self.measured.audible_heard += u64::from(counts && audible);
                self.caller.hear(audible, at.saturating_duration_since(self.offered));
                self.facts(at);
                self.run.progress.frames.fetch_add(u64::from(counts), Ordering::Relaxed);
            }
            // Few texts are a turn's latency: the others are not worth the reading.
            PeerEvent::Text(text) if text.contains("9001") => {
                if let Ok(ServerMessage::TurnLatency { latency }) = ServerMessage::parse(&text)
                    && self.run.measures(Instant::now())
                {
                    self.measured.parts.push(latency);
                }
            }
            PeerEvent::Closed { reason } => bail!("the call was closed: {reason:?}"),
            PeerEvent::ChannelOpen
            | PeerEvent::Text(_)
            | PeerEvent::SecondAudio(_)
            | PeerEvent::PathLost
            | PeerEvent::PathRestored
            | PeerEvent::Loss { .. } => {}
        }
        Ok(())
    }
}
