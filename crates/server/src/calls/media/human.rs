//! A human takes the call over: one more peer of the call, whose packets go to the user and the user's to them.

use super::super::CallEvent;
use super::super::recorder::Track;
use super::super::relay::Relay;
use super::{TICK_WIRE, Task, wire_samples};
use ringline_audio::{KEEP_ALIVE_TICKS, MIN_PAYLOAD};
use ringline_rtc::{AudioPacket, Peer, PeerEvent};
use tokio::time::Instant;

/// The transport of a human who takes over.
pub struct Human {
    pub peer: Box<Peer>,
    connected_at: Option<Instant>,
    /// The user's packets in the human's track.
    hears: Relay,
}

/// A human is in charge: their packets in the user's track.
pub struct InCharge {
    says: Relay,
    /// Ticks without a packet.
    quiet: u32,
}

impl Human {
    /// Forwards a packet of the user's.
    pub fn tell(&mut self, packet: &AudioPacket) {
        let Some(connected_at) = self.connected_at else { return };
        let now = wire_samples(packet.received.saturating_duration_since(connected_at.into_std()));
        if let Some(at) = self.hears.place(packet.sequence, packet.rtp_time, &packet.payload, now) {
            self.peer.send_audio(at, &packet.payload);
        }
    }
}

impl InCharge {
    /// The user has a new transport, whose track begins.
    pub fn begin_track(&mut self) {
        self.says = Relay::behind(0);
    }
}

impl Task {
    pub fn attach_human(&mut self, peer: Box<Peer>) {
        if let Some(in_charge) = &mut self.in_charge {
            in_charge.says.another_sender();
        }
        self.human = Some(Human { peer, connected_at: None, hears: Relay::behind(0) });
    }

    /// The agent has its voice back, if the call goes on.
    pub fn detach_human(&mut self) {
        if let Some(mut human) = self.human.take() {
            human.peer.close();
        }
        if let (Some(in_charge), Some(transport)) = (self.in_charge.take(), &mut self.transport) {
            // The human's last packets may lie ahead of our clock by their jitter.
            transport.rtp_time = transport.rtp_time.max(in_charge.says.end());
        }
    }

    pub fn human_event(&mut self, event: PeerEvent) {
        let Some(human) = &mut self.human else { return };
        match event {
            PeerEvent::Connected => {
                human.connected_at = Some(Instant::now());
                let sent = self.transport.as_ref().map_or(0, |transport| transport.rtp_time + TICK_WIRE);
                self.in_charge.get_or_insert_with(|| InCharge { says: Relay::behind(sent), quiet: 0 });
                self.tell(CallEvent::HumanJoined);
            }
            PeerEvent::Audio(packet) => self.human_says(packet),
            PeerEvent::Closed { reason } => {
                tracing::debug!(?reason, "the human's transport closed");
                self.human = None;
                // A human who was never there may try again.
                if self.in_charge.is_some() {
                    self.tell(CallEvent::HumanLeft);
                }
            }
            PeerEvent::ChannelOpen
            | PeerEvent::Text(_)
            | PeerEvent::PathLost
            | PeerEvent::PathRestored
            | PeerEvent::Loss { .. } => {}
        }
    }

    /// The human's packet goes to the user as it is, and into the recording of what the user hears.
    fn human_says(&mut self, packet: AudioPacket) {
        let (Some(transport), Some(in_charge)) = (&mut self.transport, &mut self.in_charge) else { return };
        let Some(due) = transport.next_tick else { return };
        let now = transport.rtp_time + TICK_WIRE;
        let Some(at) = in_charge.says.place(packet.sequence, packet.rtp_time, &packet.payload, now) else { return };
        in_charge.quiet = 0;
        transport.peer.send_audio(at, &packet.payload);
        if let (Some(recorder), Some(began)) = (&self.media.recorder, self.recording_began)
            && packet.payload.len() >= MIN_PAYLOAD
        {
            let due_at = wire_samples(self.media.clock.at(due.into_std()).since(began));
            recorder.packet(Track::Agent, (due_at + at).saturating_sub(now), packet.payload);
        }
    }

    /// While the human says nothing, silence tells the client that the path lives.
    pub fn keep_alive(&mut self, rtp_time: u64) {
        let (Some(transport), Some(in_charge)) = (&mut self.transport, &mut self.in_charge) else { return };
        in_charge.quiet += 1;
        if in_charge.quiet >= KEEP_ALIVE_TICKS {
            in_charge.quiet = 0;
            transport.peer.send_audio(in_charge.says.silence(rtp_time), self.encoder.silence());
        }
    }
}
