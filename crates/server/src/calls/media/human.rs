//! A human is in charge: from a transport of their own (TakeoverAIAgentCall) or from a supervisor's seat. With their own voice
//! their packets go to the user as they are, in the agent's track; with the agent's voice they are only written down. Either way they
//! are recorded as they came, in a track of their own: one for whoever is in charge, since nobody else is meanwhile.

use super::super::CallEvent;
use super::super::clock::MediaClock;
use super::super::ears::Ears;
use super::super::received_track::{ReceivedTrack, wire_samples};
use super::super::recorder::RecordedPacket;
use super::super::relay::Relay;
use super::{TICK_WIRE, Task};
use crate::recording::Track;
use ringline_audio::{EarPath, GapCause, KEEP_ALIVE_TICKS, MIN_PAYLOAD};
use ringline_rtc::{AudioPacket, Peer, PeerEvent};
use tokio::time::Instant;

/// The transport of a human who takes over, who is no supervisor.
pub struct Human {
    pub peer: Box<Peer>,
    connected_at: Option<Instant>,
    /// The user's packets in the human's track.
    hears: Relay,
}

/// Who is in charge from now on.
pub struct HandOver {
    /// The supervisor's seat; none: the human's own transport.
    pub seat: Option<u64>,
    /// The user hears the human directly.
    pub is_heard: bool,
    /// What the human says is written down there.
    pub scribe: Ears,
}

/// A human is in charge.
pub struct InCharge {
    seat: Option<u64>,
    /// The human's packets in the user's track; none: they speak with the agent's voice.
    says: Option<Relay>,
    /// Ticks without a packet.
    quiet: u32,
    /// For the scribe; none: there is no decoder.
    path: Option<EarPath>,
    clock: MediaClock,
    track: ReceivedTrack,
    scribe: Ears,
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
    /// Whether the user hears the human, and not the agent.
    pub fn is_heard(&self) -> bool {
        self.says.is_some()
    }

    /// The user has a new transport, whose track begins.
    pub fn begin_track(&mut self) {
        self.says = self.says.as_ref().map(|_| Relay::behind(0));
    }

    /// What the human says is another sender's from here on.
    fn another_sender(&mut self) {
        if let Some(says) = &mut self.says {
            says.another_sender();
        }
        self.listen(GapCause::Away);
    }

    /// Begins to listen to a sender, before whom there was nobody, and why.
    fn listen(&mut self, before: GapCause) {
        self.clock = MediaClock::default();
        self.track = ReceivedTrack::new(Track::Human, before);
        self.path = EarPath::new().map_err(|error| tracing::error!(%error, "no decoder for a human in charge")).ok();
    }
}

impl Task {
    /// The transport that was replaced.
    pub fn attach_human(&mut self, peer: Box<Peer>) -> Option<Box<Peer>> {
        if let Some(in_charge) = self.in_charge.as_mut().filter(|in_charge| in_charge.seat.is_none()) {
            in_charge.another_sender();
        }
        let human = Human { peer, connected_at: None, hears: Relay::behind(0) };
        self.human.replace(human).map(|before| before.peer)
    }

    /// The human has no more transport; the one that was.
    pub fn detach_human(&mut self) -> Option<Box<Peer>> {
        self.human.take().map(|human| human.peer)
    }

    pub fn hand_over(&mut self, HandOver { seat, is_heard, scribe }: HandOver) {
        self.take_back();
        let sent = self.transport.as_ref().map_or(0, |transport| transport.rtp_time + TICK_WIRE);
        let says = is_heard.then(|| Relay::behind(sent));
        let (clock, track) = (MediaClock::default(), ReceivedTrack::new(Track::Human, GapCause::NotInCharge));
        let mut in_charge = InCharge { seat, says, quiet: 0, path: None, clock, track, scribe };
        in_charge.listen(GapCause::NotInCharge);
        self.in_charge = Some(in_charge);
        self.audience.give_floor(self.floor());
    }

    /// The human in charge has another seat, and with it another transport.
    pub fn speaks_from(&mut self, seat: u64) {
        if let Some(in_charge) = &mut self.in_charge {
            in_charge.seat = Some(seat);
            in_charge.another_sender();
        }
        self.audience.give_floor(self.floor());
    }

    /// The agent has its voice back.
    pub fn take_back(&mut self) {
        if let (Some(InCharge { says: Some(says), .. }), Some(transport)) = (self.in_charge.take(), &mut self.transport)
        {
            // The human's last packets may lie ahead of our clock by their jitter.
            transport.rtp_time = transport.rtp_time.max(says.end());
            transport.sent_until = transport.sent_until.max(says.end());
        }
        self.audience.give_floor(None);
    }

    /// The seat whose supervisor is in charge.
    pub fn floor(&self) -> Option<u64> {
        self.in_charge.as_ref().and_then(|in_charge| in_charge.seat)
    }

    pub fn human_event(&mut self, event: PeerEvent) {
        let Some(human) = &mut self.human else { return };
        match event {
            PeerEvent::Connected => {
                human.connected_at = Some(Instant::now());
                self.tell(CallEvent::HumanJoined);
            }
            PeerEvent::Audio(packet) => {
                if self.in_charge.as_ref().is_some_and(|in_charge| in_charge.seat.is_none()) {
                    self.human_says(packet);
                }
            }
            PeerEvent::Closed { reason } => {
                tracing::debug!(call.id = %self.media.instance, ?reason, "the human's transport closed");
                let was_there = human.connected_at.is_some();
                self.human = None;
                // A human who was never there may try again.
                if was_there {
                    self.tell(CallEvent::HumanLeft);
                }
            }
            PeerEvent::ChannelOpen
            | PeerEvent::Text(_)
            | PeerEvent::SecondAudio(_)
            | PeerEvent::PathLost
            | PeerEvent::PathRestored
            | PeerEvent::Loss { .. } => {}
        }
    }

    pub fn seat_says(&mut self, seat: u64, packet: AudioPacket) {
        if self.floor() == Some(seat) {
            self.human_says(packet);
        }
    }

    /// The human's packet goes to the scribe and into the human's track, and to the user as it is and into the recording of what the
    /// user hears.
    fn human_says(&mut self, packet: AudioPacket) {
        let Some(in_charge) = &mut self.in_charge else { return };
        if let Some(path) = &mut in_charge.path
            && let Some(ear) = path.receive(packet.sequence, packet.rtp_time, &packet.payload)
        {
            let clock = &mut in_charge.clock;
            clock.arrived(ear.start + ear.pcm.len() as u64, self.media.clock.at(packet.received));
            in_charge.scribe.audio(clock.call_time(ear.start), ear.pcm);
            let (packet_at, lost) = (ear.packet_at, path.stats().lost);
            if let (Some(recorder), Some(began)) = (&self.media.recorder, self.recording_began) {
                recorder.packet(in_charge.track.place(packet_at, packet.payload.clone(), lost, clock, began));
            }
        }
        let (Some(transport), Some(says)) = (&mut self.transport, &mut in_charge.says) else { return };
        let Some(due) = transport.next_tick else { return };
        let now = transport.rtp_time + TICK_WIRE;
        let Some(at) = says.place(packet.sequence, packet.rtp_time, &packet.payload, now) else { return };
        in_charge.quiet = 0;
        transport.peer.send_audio(at, &packet.payload);
        self.audience.hears_sent(in_charge.seat, at, &packet.payload);
        if let (Some(recorder), Some(began)) = (&self.media.recorder, self.recording_began)
            && packet.payload.len() >= MIN_PAYLOAD
        {
            let due_at = wire_samples(self.media.clock.at(due.into_std()).since(began));
            let at = (due_at + at).saturating_sub(now);
            let payload = packet.payload;
            recorder.packet(RecordedPacket { track: Track::Agent, at, gap: GapCause::NotSent, payload });
        }
    }

    /// While the human says nothing, silence tells the client that the path lives.
    pub fn keep_alive(&mut self, rtp_time: u64) {
        let (Some(transport), Some(in_charge)) = (&mut self.transport, &mut self.in_charge) else { return };
        let Some(says) = &mut in_charge.says else { return };
        in_charge.quiet += 1;
        if in_charge.quiet >= KEEP_ALIVE_TICKS {
            in_charge.quiet = 0;
            transport.peer.send_audio(says.silence(rtp_time), self.encoder.silence());
        }
    }
}
