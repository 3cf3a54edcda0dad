//! The media loop of `ringline call`: a frame every 20 ms, and what comes back.

use super::caller::{Caller, Doing};
use super::listener::Listener;
use super::report::Report;
use super::way_back::WayBack;
use crate::timer::sleep_until;
use ringline_audio::{EarPath, MOUTH_FRAME, MouthEncoder, level_dbfs};
use ringline_protocol::datachannel::{ClientMessage, ServerMessage};
use ringline_rtc::{Peer, PeerEvent};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const TICK: Duration = Duration::from_millis(20);
const TICK_WIRE: u64 = 960;

/// What a finished call was like.
pub struct Heard {
    pub asked: usize,
    pub answered: usize,
    pub audio: Vec<f32>,
    pub listener: Listener,
}

/// Longest call that is kept for --out, in samples: 30 minutes at 16 kHz.
const MAX_HEARD: usize = 30 * 60 * 16_000;

/// The media loop.
pub struct Line<'a> {
    peer: &'a mut Peer,
    caller: Caller,
    report: &'a mut Report,
    encoder: MouthEncoder,
    ears: EarPath,
    heard: Vec<f32>,
    listener: Listener,
    began: std::time::Instant,
    way_back: WayBack,
    sent: u64,
    /// To be sent once the channel is open.
    messages: Vec<String>,
    /// In push-to-talk: whether the button is held.
    button: Option<bool>,
}

impl<'a> Line<'a> {
    pub fn new(
        peer: &'a mut Peer,
        caller: Caller,
        report: &'a mut Report,
        messages: Vec<String>,
        push_to_talk: bool,
        way_back: WayBack,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            peer,
            caller,
            report,
            encoder: MouthEncoder::new()?,
            ears: EarPath::new()?,
            heard: Vec::new(),
            listener: Listener::default(),
            began: std::time::Instant::now(),
            way_back,
            sent: 0,
            messages,
            button: push_to_talk.then_some(false),
        })
    }

    pub async fn run(mut self) -> anyhow::Result<Heard> {
        let mut next_tick: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(next_tick) => {
                    self.tick()?;
                    if let Some(event) = self.way_back.look(self.peer).await {
                        self.report.event(event, json!({}));
                    }
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
                answer = self.way_back.answer() => {
                    if let Some(event) = self.way_back.take(self.peer, answer) {
                        self.report.event(event, json!({}));
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
        self.way_back.heard();
        let came = packet.received.saturating_duration_since(self.began);
        self.listener.packet(packet.rtp_time, came, &packet.payload);
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
        self.peer.close();
        self.outcome()
    }

    fn outcome(self) -> Heard {
        let (asked, answered) = (self.caller.asked(), self.caller.answered());
        Heard { asked, answered, audio: self.heard, listener: self.listener }
    }
}
