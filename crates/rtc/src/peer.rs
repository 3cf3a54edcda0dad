//! A session with its socket: what a call's media task owns.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::Sleep;

use crate::event::{CloseReason, PeerEvent, PeerStats};
use crate::hub::Alive;
use crate::limits::MAX_DATAGRAM;
use crate::net::Reach;
use crate::session::Incoming;
use crate::table::{Datagram, Place};
use crate::{Protocol, RtcError, Session, stun};

/// One call's connection, on the server from [`Hub::accept`](crate::Hub::accept), on the client from
/// [`Dial::answer`](crate::Dial::answer). All WebRTC work happens inside its methods, on the task that calls them:
/// somebody must be in [`Peer::event`] nearly always, or the connection starves.
///
/// Dropping it forgets the call without a word to the other side; [`Peer::close`] says goodbye.
#[derive(Debug)]
pub struct Peer {
    session: Session,
    edge: Edge,
    alarm: Alarm,
}

/// Wakes at a deadline or before it. The deadline moves with nearly every datagram, mostly to later; a timer that is left as it was
/// and rings once in vain is cheaper than one that is set anew each time.
#[derive(Debug)]
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When it rings; none: it has rung.
    set_for: Option<Instant>,
}

impl Alarm {
    fn new() -> Alarm {
        Alarm { sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), set_for: None }
    }

    fn set(&mut self, deadline: Instant) {
        if self.set_for.is_none_or(|at| deadline < at) {
            self.sleep.as_mut().reset(deadline.into());
            self.set_for = Some(deadline);
        }
    }

    /// Resolves when it rings. Cancel-safe.
    async fn rings(&mut self) {
        self.sleep.as_mut().await;
        self.set_for = None;
    }
}

#[derive(Debug)]
enum Edge {
    Hub { alive: Arc<Alive>, reach: Arc<Reach>, place: Place },
    Own(Own),
}

/// A client's own socket.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) socket: UdpSocket,
    pub(crate) local: SocketAddr,
    pub(crate) buffer: Box<[u8]>,
}

impl Own {
    pub(crate) fn new(socket: UdpSocket, local: SocketAddr) -> Own {
        Own { socket, local, buffer: vec![0; MAX_DATAGRAM].into() }
    }
}

/// What ended a wait.
enum Woken {
    Datagram(Datagram),
    /// So many bytes are in the own socket's buffer.
    Bytes(usize, SocketAddr),
    Timeout,
    HubGone,
}

impl Peer {
    pub(crate) fn of_hub(session: Session, alive: Arc<Alive>, reach: Arc<Reach>, place: Place) -> Peer {
        Peer { session, edge: Edge::Hub { alive, reach, place }, alarm: Alarm::new() }
    }

    pub(crate) fn of_socket(session: Session, own: Own) -> Peer {
        let mut peer = Peer { session, edge: Edge::Own(own), alarm: Alarm::new() };
        peer.flush();
        peer
    }

    /// The next event. Drives the connection while it waits: received datagrams, timeouts, everything that must be sent. Cancel-safe:
    /// dropping the future loses nothing. After [`PeerEvent::Closed`] it gives that again, at once.
    pub async fn event(&mut self) -> PeerEvent {
        loop {
            self.flush();
            if let Some(event) = self.session.poll_event() {
                return event;
            }
            let Some(deadline) = self.session.poll_timeout() else {
                let reason = self.session.ended().cloned().unwrap_or(CloseReason::Local);
                return PeerEvent::Closed { reason };
            };
            match self.wait(deadline).await {
                Woken::Timeout => self.session.handle_timeout(Instant::now()),
                Woken::Datagram(datagram) => self.on_datagram(&datagram),
                Woken::Bytes(length, source) => self.on_bytes(length, source),
                Woken::HubGone => self.close(),
            }
        }
    }

    async fn wait(&mut self, deadline: Instant) -> Woken {
        self.alarm.set(deadline);
        match &mut self.edge {
            Edge::Hub { place, .. } => tokio::select! {
                datagram = place.inbox.recv() => datagram.map_or(Woken::HubGone, Woken::Datagram),
                () = self.alarm.rings() => Woken::Timeout,
            },
            Edge::Own(own) => tokio::select! {
                received = own.socket.recv_from(&mut own.buffer) => match received {
                    Ok((length, source)) => Woken::Bytes(length, source),
                    // An ICMP answer to something sent, for instance; it says nothing about the next datagram.
                    Err(_) => Woken::Bytes(0, own.local),
                },
                () = self.alarm.rings() => Woken::Timeout,
            },
        }
    }

    fn on_datagram(&mut self, datagram: &Datagram) {
        let Edge::Hub { reach, .. } = &self.edge else { return };
        let incoming = Incoming {
            protocol: datagram.protocol,
            source: datagram.source,
            destination: reach.destination_of(datagram.source),
            bytes: &datagram.bytes,
            received: datagram.received,
        };
        self.session.handle_datagram(incoming, Instant::now());
    }

    fn on_bytes(&mut self, length: usize, source: SocketAddr) {
        let Edge::Own(own) = &self.edge else { return };
        let now = Instant::now();
        let incoming = Incoming {
            protocol: Protocol::Udp,
            source,
            destination: own.local,
            bytes: &own.buffer[..length],
            received: now,
        };
        self.session.handle_datagram(incoming, now);
    }

    /// Sends one Opus packet now. `rtp_time` counts 48 kHz samples; it must advance through silence. Audio that can't be
    /// sent at this moment is dropped and counted.
    pub fn send_audio(&mut self, rtp_time: u64, payload: &[u8]) {
        self.session.send_audio(rtp_time, payload, Instant::now());
        self.flush();
    }

    /// Sends one Opus packet on the second line, as [`Peer::send_audio`] on the first.
    pub fn send_second(&mut self, rtp_time: u64, payload: &[u8]) {
        self.session.send_second(rtp_time, payload, Instant::now());
        self.flush();
    }

    /// Whether the client has offered a second line to listen on.
    pub fn has_second(&self) -> bool {
        self.session.has_second()
    }

    /// Sends a text on the data channel.
    ///
    /// # Errors
    /// See [`Session::send_text`].
    pub fn send_text(&mut self, text: &str) -> Result<(), RtcError> {
        let sent = self.session.send_text(text, Instant::now());
        self.flush();
        sent
    }

    /// Answers a further offer of the client on this connection: ICE restart or renegotiation.
    ///
    /// # Errors
    /// See [`Session::restart`].
    pub fn restart(&mut self, offer_sdp: &str) -> Result<String, RtcError> {
        let answer = self.session.restart(offer_sdp, Instant::now())?;
        let ufrag = self.session.local_ufrag();
        if let Edge::Hub { alive, place, .. } = &self.edge {
            alive.shared.table().add_ufrag(place.key, ufrag);
        }
        self.flush();
        Ok(answer)
    }

    /// Makes an offer that restarts ICE (the client's side); goes on with [`Peer::take_answer`].
    ///
    /// # Errors
    /// The session has ended.
    pub fn offer_restart(&mut self) -> Result<String, RtcError> {
        let offer = self.session.offer_restart(None, Instant::now());
        self.flush();
        offer
    }

    /// Whether the system would now reach `server_hint` from another address than this client's: its network has changed.
    /// False while there is no way at all.
    pub async fn has_moved(&self, server_hint: SocketAddr) -> bool {
        let Edge::Own(own) = &self.edge else { return false };
        crate::dial::address_towards(server_hint).await.is_ok_and(|address| address != own.local.ip())
    }

    /// Moves a client to a fresh local socket, as after a change of network, and makes the offer that restarts ICE
    /// there; goes on with [`Peer::take_answer`].
    ///
    /// # Errors
    /// The session has ended, it is a server's, or no socket could be opened towards `server_hint`.
    pub async fn rebind(&mut self, server_hint: SocketAddr) -> Result<String, RtcError> {
        let Edge::Own(own) = &mut self.edge else {
            return Err(RtcError::WrongState { reason: "its port belongs to the hub" });
        };
        let next = crate::dial::open_towards(server_hint).await?;
        let offer = self.session.offer_restart(Some(next.local), Instant::now())?;
        *own = next;
        self.flush();
        Ok(offer)
    }

    /// Takes the answer to [`Peer::offer_restart`] or [`Peer::rebind`].
    ///
    /// # Errors
    /// The answer doesn't fit.
    pub fn take_answer(&mut self, answer_sdp: &str) -> Result<(), RtcError> {
        let taken = self.session.take_answer(answer_sdp, Instant::now());
        self.flush();
        taken
    }

    /// Says goodbye to the other side and ends the connection.
    pub fn close(&mut self) {
        self.session.close(Instant::now());
        self.flush();
    }

    pub fn stats(&self) -> PeerStats {
        let mut stats = self.session.stats();
        if let Edge::Hub { place, .. } = &self.edge {
            stats.inbox_dropped = place.dropped.load(Ordering::Relaxed);
        }
        stats
    }

    /// Sends everything the session left to send. What the kernel doesn't take at once is lost, as on any network:
    /// waiting would only make audio late.
    fn flush(&mut self) {
        while let Some(out) = self.session.poll_transmit() {
            let sent = match &self.edge {
                Edge::Hub { alive, .. } if out.protocol == Protocol::Tcp => {
                    alive.shared.connections.send(out.destination, &out.bytes)
                }
                Edge::Hub { alive, reach, place } => {
                    if stun::is_success(&out.bytes) {
                        // The password was right: from here on the address is this call's.
                        alive.shared.table().remember(place.key, out.destination);
                    }
                    alive.shared.socket.try_send_to(&out.bytes, reach.on_wire(out.destination)).is_ok()
                }
                Edge::Own(own) => own.socket.try_send_to(&out.bytes, out.destination).is_ok(),
            };
            if !sent {
                self.session.stats_mut().send_errors += 1;
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Edge::Hub { alive, place, .. } = &self.edge {
            alive.shared.table().remove(place.key);
        }
    }
}
