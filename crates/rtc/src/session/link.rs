//! Two sessions, a wire in memory and a clock that is set by hand: minutes of a call in milliseconds.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Incoming, Outgoing, Session};
use crate::{AudioPacket, CloseReason, Identity, PathLimits, PeerEvent, SessionConfig};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const OPUS: u8 = 111;
pub(super) const RED: u8 = 63;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

struct Flying {
    arrives: Instant,
    to: Side,
    source: SocketAddr,
    bytes: Vec<u8>,
}

/// An RTP packet that either side sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) payload_type: u8,
    pub(super) at: Duration,
    /// `None` when the wire lost it.
    pub(super) arrives: Option<Duration>,
}

pub(super) struct Link {
    start: Instant,
    now: Instant,
    pub(super) client: Session,
    pub(super) server: Session,
    pub(super) client_address: SocketAddr,
    server_address: SocketAddr,
    flying: Vec<Flying>,
    pub(super) delay: Duration,
    /// Further delay, evenly spread; reorders.
    pub(super) jitter: Duration,
    pub(super) loss: f64,
    pub(super) cut: bool,
    random: u64,
    pub(super) sent: Vec<Sent>,
    pub(super) client_events: Vec<(Duration, PeerEvent)>,
    pub(super) server_events: Vec<(Duration, PeerEvent)>,
}

pub(super) fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

pub(super) fn config(address: SocketAddr, ice_lite: bool) -> SessionConfig {
    let identity = Identity::generate().expect("a certificate");
    SessionConfig { identity, ice_lite, udp: vec![address], tcp: Vec::new(), path: PathLimits::default() }
}

impl Link {
    /// A call whose offer and answer are exchanged, on a wire of 20 ms.
    pub(super) fn new(ice_lite: bool) -> Link {
        Link::of(ice_lite, false)
    }

    /// A listener's connection, with two lines.
    pub(super) fn listening() -> Link {
        let mut link = Link::of(true, true);
        link.run(3 * SECOND);
        link
    }

    fn of(ice_lite: bool, two: bool) -> Link {
        let offer = if two { Session::offer_two } else { Session::offer };
        let start = Instant::now();
        let (client_address, server_address) = (address(1, 5000), address(2, 7000));
        let (mut client, offer) = offer(&config(client_address, false), start).expect("an offer");
        let (server, answer) = Session::accept(&config(server_address, ice_lite), &offer, start).expect("an answer");
        client.take_answer(&answer, start).expect("agreement");
        Link {
            start,
            now: start,
            client,
            server,
            client_address,
            server_address,
            flying: Vec::new(),
            delay: 20 * MS,
            jitter: Duration::ZERO,
            loss: 0.0,
            cut: false,
            random: 7,
            sent: Vec::new(),
            client_events: Vec::new(),
            server_events: Vec::new(),
        }
    }

    pub(super) fn connected(ice_lite: bool) -> Link {
        let mut link = Link::new(ice_lite);
        link.run(3 * SECOND);
        for events in [&link.client_events, &link.server_events] {
            for wanted in [PeerEvent::Connected, PeerEvent::ChannelOpen] {
                assert!(events.iter().any(|(_, event)| *event == wanted), "{wanted:?} in {events:?}");
            }
        }
        link
    }

    /// Both sides have heard for long enough that nothing is lost, so that redundancy is off.
    pub(super) fn trusted() -> Link {
        let mut link = Link::connected(true);
        for side in [Side::Client, Side::Server] {
            let now = link.now;
            link.session(side).on_loss(0.0, now);
            link.session(side).on_loss(0.0, now + 10 * SECOND);
        }
        link.run(MS);
        link
    }

    /// A call that begins on a wire that loses this share of all datagrams, which ones depends on the seed.
    pub(super) fn lossy(seed: u64, loss: f64) -> Link {
        let mut link = Link::new(true);
        (link.random, link.loss) = (seed, loss);
        link
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn time(&self) -> Duration {
        self.now - self.start
    }

    /// Lets `span` pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.pump();
        let mut at_once = 0;
        while let Some(next) = self.next_moment().filter(|next| *next <= end) {
            at_once = if next > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 1000, "a session asks to be woken at once, again and again");
            self.now = self.now.max(next);
            self.deliver();
            for session in [&mut self.client, &mut self.server] {
                if session.poll_timeout().is_some_and(|due| due <= self.now) {
                    session.handle_timeout(self.now);
                }
            }
            self.pump();
        }
        self.now = end;
    }

    /// Sends a frame of 20 ms from each side named, `count` times, and lets the time pass.
    pub(super) fn talk(&mut self, sides: &[Side], first_time: u64, count: u64) {
        for n in 0..count {
            let rtp_time = first_time + n * 960;
            let payload = rtp_time.to_be_bytes();
            for side in sides {
                let now = self.now;
                self.session(*side).send_audio(rtp_time, &payload, now);
            }
            self.run(20 * MS);
        }
    }

    pub(super) fn session(&mut self, side: Side) -> &mut Session {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    pub(super) fn heard(&self, side: Side) -> Vec<(Duration, AudioPacket)> {
        let audio = |(at, event): &(Duration, PeerEvent)| match event {
            PeerEvent::Audio(packet) => Some((*at, packet.clone())),
            _ => None,
        };
        self.events(side).iter().filter_map(audio).collect()
    }

    pub(super) fn events(&self, side: Side) -> &[(Duration, PeerEvent)] {
        match side {
            Side::Client => &self.client_events,
            Side::Server => &self.server_events,
        }
    }

    pub(super) fn when(&self, side: Side, wanted: &PeerEvent) -> Option<Duration> {
        self.events(side).iter().rfind(|(_, event)| event == wanted).map(|(at, _)| *at)
    }

    pub(super) fn closed(&self, side: Side) -> Option<(Duration, CloseReason)> {
        self.events(side).iter().find_map(|(at, event)| match event {
            PeerEvent::Closed { reason } => Some((*at, reason.clone())),
            _ => None,
        })
    }

    fn next_moment(&self) -> Option<Instant> {
        let arrival = self.flying.iter().map(|datagram| datagram.arrives).min();
        [arrival, self.client.poll_timeout(), self.server.poll_timeout()].into_iter().flatten().min()
    }

    fn deliver(&mut self) {
        while let Some(at) = self.flying.iter().position(|datagram| datagram.arrives <= self.now) {
            let Flying { to, source, bytes, .. } = self.flying.remove(at);
            let (protocol, received) = (super::Protocol::Udp, self.now);
            let destination = if to == Side::Client { self.client_address } else { self.server_address };
            let incoming = Incoming { protocol, source, destination, bytes: &bytes, received };
            let now = self.now;
            self.session(to).handle_datagram(incoming, now);
            self.pump();
        }
    }

    /// Takes what both sides have to say.
    fn pump(&mut self) {
        for from in [Side::Client, Side::Server] {
            while let Some(out) = self.session(from).poll_transmit() {
                self.fly(from, out);
            }
            let at = self.time();
            while let Some(event) = self.session(from).poll_event() {
                match from {
                    Side::Client => self.client_events.push((at, event)),
                    Side::Server => self.server_events.push((at, event)),
                }
            }
        }
    }

    fn fly(&mut self, from: Side, out: Outgoing) {
        let (to, source, there) = match from {
            Side::Client => (Side::Server, self.client_address, self.server_address),
            Side::Server => (Side::Client, self.server_address, self.client_address),
        };
        let lost = self.cut || out.destination != there || self.chance() < self.loss;
        let arrives = self.now + self.delay + self.jitter.mul_f64(self.chance());
        if let [0x80..=0xBF, kind, ..] = out.bytes[..]
            && matches!(kind & 0x7F, OPUS | RED)
        {
            let arrives = (!lost).then(|| arrives - self.start);
            self.sent.push(Sent { payload_type: kind & 0x7F, at: self.time(), arrives });
        }
        if !lost {
            self.flying.push(Flying { arrives, to, source, bytes: out.bytes });
        }
    }

    /// A number in 0..1 from a fixed sequence (Knuth's MMIX generator), so that runs repeat.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}
