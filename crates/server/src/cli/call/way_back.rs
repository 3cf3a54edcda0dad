//! Brings a call back whose path has gone quiet: from another address if the network has changed, over the same socket if
//! somebody on the way may have forgotten it. Either is an ICE restart by signaling, tried again until the agent is heard.

use anyhow::{Context as _, bail};
use reqwest::StatusCode;
use ringline_protocol::signaling::{ChangeAnswer, ChangeRequest};
use ringline_rtc::Peer;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Without a packet for so long it is looked whether the network has changed. The agent's side sends five packets a second
/// even when it is silent.
const QUIET: Duration = Duration::from_secs(1);
/// Without one for so long ICE is restarted on a network that has not.
const LOST: Duration = Duration::from_secs(5);
/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a request may take; then the network may be another one again.
const REQUEST: Duration = Duration::from_secs(5);

pub struct WayBack {
    server: SocketAddr,
    resource: String,
    token: String,
    heard: Option<Instant>,
    looked: Instant,
    request: Option<JoinHandle<anyhow::Result<String>>>,
}

impl WayBack {
    /// `server` answers signaling, `resource` is the URL of the joined member.
    pub fn new(server: SocketAddr, resource: String, token: String) -> Self {
        Self { server, resource, token, heard: None, looked: Instant::now(), request: None }
    }

    /// A packet came.
    pub fn heard(&mut self) {
        self.heard = Some(Instant::now());
    }

    /// To be called often; says what it has begun to do.
    pub async fn look(&mut self, peer: &mut Peer) -> Option<&'static str> {
        let now = Instant::now();
        let quiet = now.saturating_duration_since(self.heard?);
        if quiet < QUIET || self.request.is_some() || now - self.looked < LOOK_EVERY {
            return None;
        }
        self.looked = now;
        let (offer, event) = if peer.has_moved(self.server).await {
            (peer.rebind(self.server).await, "network_changed")
        } else if quiet >= LOST {
            (peer.offer_restart(), "ice_restart")
        } else {
            return None;
        };
        match offer {
            Ok(sdp) => {
                let change = ChangeRequest { token: self.token.clone(), sdp: Some(sdp) };
                self.request = Some(tokio::spawn(ask(self.resource.clone(), change)));
                Some(event)
            }
            Err(error) => {
                tracing::debug!(%error, "no way to the server yet");
                None
            }
        }
    }

    /// The answer to a restart, when it is there. Cancel-safe.
    pub async fn answer(&mut self) -> anyhow::Result<String> {
        match &mut self.request {
            Some(request) => request.await?,
            None => std::future::pending().await,
        }
    }

    /// Takes what [`WayBack::answer`] gave; says what failed.
    pub fn take(&mut self, peer: &mut Peer, answer: anyhow::Result<String>) -> Option<&'static str> {
        self.request = None;
        // It has as long again to be heard.
        self.heard = Some(Instant::now());
        let taken = answer.and_then(|sdp| Ok(peer.take_answer(&sdp)?));
        if let Err(error) = &taken {
            tracing::debug!(%error, "the path was not restarted");
        }
        taken.is_err().then_some("restart_failed")
    }
}

/// On a connection of its own: one from before belongs to the network before.
async fn ask(resource: String, change: ChangeRequest) -> anyhow::Result<String> {
    let http = reqwest::Client::builder().timeout(REQUEST).build()?;
    let response = http.patch(&resource).json(&change).send().await?;
    if response.status() != StatusCode::OK {
        bail!("the server answered {}", response.status());
    }
    let answer: ChangeAnswer = response.json().await?;
    answer.sdp.context("the answer has no description")
}
