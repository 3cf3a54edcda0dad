//! A supervisor's connection: one task that owns its peer, hears both sides and hands the supervisor's voice on.
//!
//! Both sides are forwarded as they are, nothing is decoded or mixed: the user's packets on the first line, on the second what
//! the user hears (the agent's, or a human's who is in charge, but never the supervisor's own). The task is not the call's: a
//! supervisor whose network or browser is slow costs the call a packet dropped into a full queue, and nothing else.

use crate::calls::media::{MediaCommand, MediaCommands};
use crate::calls::relay::Relay;
use crate::calls::{CallEvent, CallEvents};
use ringline_audio::WIRE_RATE;
use ringline_rtc::{AudioPacket, Peer, PeerEvent};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Packets that wait for the task: 0.6 s of both sides. At one more it is dropped; the receiver conceals it.
pub const PACKETS: usize = 64;
/// Commands that wait.
pub const COMMANDS: usize = 8;
/// How long the goodbye may take to leave.
const GOODBYE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub enum Command {
    Restart { offer: String, answer: oneshot::Sender<Result<String, String>> },
    Close,
}

/// A packet of one side, as it was sent or received.
pub struct Overheard {
    pub line: Line,
    /// Changes when another sender's packets follow, whose sequence and times begin anew.
    pub sender: u32,
    pub sequence: u64,
    pub rtp_time: u64,
    pub payload: Arc<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    User,
    /// What the user hears.
    Agent,
}

/// What the media task has of a seat.
pub struct Listener {
    pub seat: u64,
    pub packets: mpsc::Sender<Overheard>,
    /// The supervisor has the floor: their voice is wanted.
    pub floor: Arc<AtomicBool>,
}

pub struct Seat {
    pub seat: u64,
    pub peer: Box<Peer>,
    pub commands: mpsc::Receiver<Command>,
    pub packets: mpsc::Receiver<Overheard>,
    pub floor: Arc<AtomicBool>,
    pub media: MediaCommands,
    pub events: CallEvents,
}

/// One of the two lines on its way out.
struct Out {
    relay: Relay,
    sender: u32,
}

impl Out {
    fn new() -> Self {
        Self { relay: Relay::behind(0), sender: 0 }
    }

    /// The packet's time in the line, whose clock says `now`. None: leave it out.
    fn place(&mut self, packet: &Overheard, now: u64) -> Option<u64> {
        if std::mem::replace(&mut self.sender, packet.sender) != packet.sender {
            self.relay.another_sender();
        }
        self.relay.place(packet.sequence, packet.rtp_time, &packet.payload, now)
    }
}

enum Wake {
    Peer(PeerEvent),
    Packet(Option<Overheard>),
    Command(Option<Command>),
}

impl Seat {
    /// Runs until the connection or the call is over; then says so.
    pub async fn run(mut self) {
        let seat = self.seat;
        self.drive().await;
        self.peer.close();
        // One more round lets the goodbye out.
        if tokio::time::timeout(GOODBYE, self.peer.event()).await.is_err() {
            tracing::trace!(seat, "the supervisor's client said nothing more");
        }
        if self.events.send(CallEvent::SeatLeft { seat }).await.is_err() {
            tracing::debug!(seat, "a supervisor left after the end of the call");
        }
    }

    async fn drive(&mut self) {
        let (mut user, mut agent) = (Out::new(), Out::new());
        let mut connected_at = None;
        loop {
            let wake = tokio::select! {
                biased;
                event = self.peer.event() => Wake::Peer(event),
                packet = self.packets.recv() => Wake::Packet(packet),
                command = self.commands.recv() => Wake::Command(command),
            };
            match wake {
                Wake::Packet(Some(packet)) => {
                    let Some(connected_at) = connected_at else { continue };
                    let now = wire_now(connected_at);
                    match packet.line {
                        Line::User => {
                            if let Some(at) = user.place(&packet, now) {
                                self.peer.send_audio(at, &packet.payload);
                            }
                        }
                        Line::Agent => {
                            if let Some(at) = agent.place(&packet, now) {
                                self.peer.send_second(at, &packet.payload);
                            }
                        }
                    }
                }
                Wake::Peer(PeerEvent::Connected) => {
                    connected_at = Some(Instant::now());
                    if self.events.send(CallEvent::SeatConnected { seat: self.seat }).await.is_err() {
                        return;
                    }
                }
                Wake::Peer(PeerEvent::Audio(packet)) => self.speak(packet),
                Wake::Peer(PeerEvent::Closed { reason }) => {
                    tracing::debug!(seat = self.seat, ?reason, "a supervisor's transport closed");
                    return;
                }
                Wake::Peer(
                    PeerEvent::ChannelOpen
                    | PeerEvent::Text(_)
                    | PeerEvent::SecondAudio(_)
                    | PeerEvent::PathLost
                    | PeerEvent::PathRestored
                    | PeerEvent::Loss { .. },
                ) => {}
                Wake::Command(Some(Command::Restart { offer, answer })) => {
                    let result = self.peer.restart(&offer).map_err(|error| error.to_string());
                    if answer.send(result).is_err() {
                        tracing::debug!("nobody waits for the restart's answer any more");
                    }
                }
                // The media task, and with it the call, is gone; or the seat is.
                Wake::Command(Some(Command::Close) | None) | Wake::Packet(None) => return,
            }
        }
    }

    /// Hands the supervisor's voice on while they have the floor.
    fn speak(&self, packet: AudioPacket) {
        if self.floor.load(Ordering::Relaxed)
            && self.media.try_send(MediaCommand::SeatAudio { seat: self.seat, packet }).is_err()
        {
            tracing::debug!(seat = self.seat, "a packet of a supervisor's voice was dropped");
        }
    }
}

fn wire_now(since: Instant) -> u64 {
    (since.elapsed().as_micros() * u128::from(WIRE_RATE) / 1_000_000) as u64
}
