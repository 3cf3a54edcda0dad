//! One WebRTC session as a value: no socket, no clock, no task.
//!
//! Contract: after every call that takes `now`, take all datagrams with [`Session::poll_transmit`] and send them at
//! once, take the events with [`Session::poll_event`], and call [`Session::handle_timeout`] no later than
//! [`Session::poll_timeout`]. `now` must not run backwards between calls (a datagram's own time of receipt may lie
//! before it).
//!
//! str0m wants exactly one mutation, then to be polled until it is quiet. Every method here does that
//! before it returns, inside a guard that turns a panic of the library into the end of this session alone.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use str0m::change::SdpPendingOffer;
use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid, Pt};
use str0m::net::{DatagramRecv, Receive, Transmit};
use str0m::{Candidate, Input, Rtc};

pub use str0m::net::Protocol;

use crate::again::Again;
use crate::event::{CloseReason, PeerEvent, PeerStats};
use crate::limits::{MAX_AUDIO_BYTES, MAX_TEXT_BYTES};
use crate::path::{PathChange, PathWatch};
use crate::red::RedSwitch;
use crate::{RtcError, SessionConfig, sdp, stun};
use video::VideoAllowance;

mod drain;
#[cfg(test)]
mod link;
#[cfg(test)]
mod tests;
mod video;

/// A datagram to be sent now.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub protocol: Protocol,
    /// The local address it should leave from: one of those configured.
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub bytes: Vec<u8>,
}

impl From<Transmit> for Outgoing {
    fn from(transmit: Transmit) -> Outgoing {
        Outgoing {
            protocol: transmit.proto,
            source: transmit.source,
            destination: transmit.destination,
            bytes: transmit.contents.into(),
        }
    }
}

/// A received datagram.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    pub protocol: Protocol,
    pub source: SocketAddr,
    /// One of the configured local addresses.
    pub destination: SocketAddr,
    pub bytes: &'a [u8],
    /// When it was taken from the socket.
    pub received: Instant,
}

/// Audio that we send with a louder level than this, in dB of full scale, is marked as what may be speech.
const MAYBE_SPEECH: i8 = -60;

/// One WebRTC session with one audio line both ways and one data channel for text. Who listens to two voices at once has a
/// second line, from the server to the client.
/// A client's camera is taken and let go.
pub struct Session {
    rtc: Rtc,
    /// An offer of ours that waits for its answer.
    pending: Option<SdpPendingOffer>,
    /// The local address that replaces all others when that answer comes.
    next_local: Option<Candidate>,
    audio: Option<Mid>,
    opus: Option<Pt>,
    /// The second audio line, if the offer has one that we send on.
    second: Option<(Mid, Pt)>,
    /// We have offered a second line to listen on.
    listens_twice: bool,
    channel: Option<ChannelId>,
    connected: bool,
    ended: Option<CloseReason>,
    events: VecDeque<PeerEvent>,
    transmits: VecDeque<Outgoing>,
    library_deadline: Instant,
    path: PathWatch,
    red: RedSwitch,
    red_applied: bool,
    again: Again,
    video: VideoAllowance,
    stats: PeerStats,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("connected", &self.connected)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Answers an offer (the server's side). Returns the session and the answer.
    ///
    /// # Errors
    /// The offer is too long, unreadable, without audio or without Opus, or cannot be agreed to.
    pub fn accept(config: &SessionConfig, offer: &str, now: Instant) -> Result<(Session, String), RtcError> {
        let mut session = Session::new(config, now, true)?;
        let answer = session.take_offer(offer, now)?;
        Ok((session, answer))
    }

    /// Makes an offer with audio both ways and a data channel (the client's side). The session goes on when
    /// [`Session::take_answer`] was called.
    ///
    /// # Errors
    /// A configured address can't be offered.
    pub fn offer(config: &SessionConfig, now: Instant) -> Result<(Session, String), RtcError> {
        Session::offer_lines(config, false, now)
    }

    /// [`Session::offer`] with a second line to listen on.
    ///
    /// # Errors
    /// As [`Session::offer`].
    pub fn offer_two(config: &SessionConfig, now: Instant) -> Result<(Session, String), RtcError> {
        Session::offer_lines(config, true, now)
    }

    fn offer_lines(config: &SessionConfig, two: bool, now: Instant) -> Result<(Session, String), RtcError> {
        let mut session = Session::new(config, now, false)?;
        let mut changes = session.rtc.sdp_api();
        let audio = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        if two {
            changes.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        changes.add_channel("ringline".into());
        let (offer, pending) = changes.apply().expect("an added line needs an offer");
        session.audio = Some(audio);
        session.listens_twice = two;
        session.pending = Some(pending);
        Ok((session, sdp::as_sent(&offer.to_sdp_string())))
    }

    fn new(config: &SessionConfig, now: Instant, answers: bool) -> Result<Session, RtcError> {
        Ok(Session {
            rtc: config.build(now, answers)?,
            pending: None,
            next_local: None,
            audio: None,
            opus: None,
            second: None,
            listens_twice: false,
            channel: None,
            connected: false,
            ended: None,
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            library_deadline: now,
            path: PathWatch::new(config.path, now),
            red: RedSwitch::default(),
            // str0m starts with redundancy on wherever it is negotiated.
            red_applied: true,
            again: Again::default(),
            video: VideoAllowance::new(now),
            stats: PeerStats::default(),
        })
    }

    /// Answers a further offer on the running session: an ICE restart, or a change of media. Media keeps flowing on the
    /// old path until the new one works.
    ///
    /// # Errors
    /// As [`Session::accept`]; the session goes on as it was, if the library permits it.
    pub fn restart(&mut self, offer: &str, now: Instant) -> Result<String, RtcError> {
        let answer = self.take_offer(offer, now)?;
        self.stats.restarts += 1;
        Ok(answer)
    }

    fn take_offer(&mut self, offer: &str, now: Instant) -> Result<String, RtcError> {
        let answer = guarded("the offer", || {
            let read = sdp::read_offer(offer)?;
            self.must_live()?;
            self.pending = None;
            self.step(now, |rtc| rtc.sdp_api().accept_offer(read))
        })?;
        let mut lines = sdp::audio_mids(offer).map(Mid::from);
        self.audio = lines.find(|mid| self.rtc.media(*mid).is_some_and(|media| !media.stopped()));
        let sends = |mid: &Mid| self.rtc.media(*mid).is_some_and(|media| media.direction().is_sending());
        let second = lines.find(sends);
        self.find_opus()?;
        self.second = second.and_then(|mid| Some((mid, self.opus_on(mid)?)));
        let answer = sdp::as_sent(&answer.to_sdp_string());
        self.video.negotiated(&answer);
        Ok(answer)
    }

    /// Makes an offer that restarts ICE on the running session (the client's side), replacing one that still
    /// waits for its answer. With `local`, that becomes the only local UDP address once the answer is taken; the
    /// other side learns it from the checks, so the offer needn't name it.
    ///
    /// # Errors
    /// [`RtcError::WrongState`] when the session has ended; [`RtcError::Negotiation`] when `local` is no address.
    pub fn offer_restart(&mut self, local: Option<SocketAddr>, now: Instant) -> Result<String, RtcError> {
        self.must_live()?;
        self.next_local = local.map(host_candidate).transpose()?;
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(local.is_none());
        let (offer, pending) = changes.apply().expect("an ICE restart needs an offer");
        self.pending = Some(pending);
        self.settle(now);
        Ok(sdp::as_sent(&offer.to_sdp_string()))
    }

    /// Takes the answer to an offer of ours.
    ///
    /// # Errors
    /// The answer is unreadable or does not fit the offer, or there was no offer.
    pub fn take_answer(&mut self, answer: &str, now: Instant) -> Result<(), RtcError> {
        self.must_live()?;
        let pending = self.pending.take().ok_or(RtcError::WrongState { reason: "no offer was made" })?;
        guarded("the answer", || {
            let answer = sdp::read_answer(answer)?;
            self.step(now, |rtc| rtc.sdp_api().accept_answer(pending, answer))
        })?;
        if let Some(candidate) = self.next_local.take() {
            self.settle_after(now, |rtc| {
                rtc.add_local_candidate(candidate);
            });
        }
        self.find_opus()
    }

    /// Takes a received datagram.
    pub fn handle_datagram(&mut self, datagram: Incoming<'_>, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        if !self.video.takes(datagram.bytes, now) {
            self.stats.video_dropped += 1;
            return;
        }
        let Ok(contents) = DatagramRecv::try_from(datagram.bytes) else {
            self.stats.datagrams_refused += 1;
            return;
        };
        let Incoming { protocol: proto, source, destination, .. } = datagram;
        let input = Input::Receive(datagram.received, Receive { proto, source, destination, contents });
        let queued = self.transmits.len();
        // An error here means the datagram was bad, not the session: anybody can send one.
        if self.step(now, |rtc| rtc.handle_input(input)).is_err() {
            self.stats.datagrams_refused += 1;
        }
        // A check counts as a sign of life only once its password was found right, which shows in it being answered.
        let answered = || {
            let mut new = self.transmits.iter().skip(queued);
            new.any(|sent| sent.destination == source && stun::is_success(&sent.bytes))
        };
        if !stun::is_request(datagram.bytes) || answered() {
            self.path.on_heard(now);
        }
        self.watch_path(now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        if now >= self.library_deadline {
            self.settle_after(now, |_| {});
        }
        while let Some(again) = self.again.poll(now) {
            self.transmits.push_back(again);
        }
        self.watch_path(now);
    }

    /// When [`Session::handle_timeout`] is due. `None` once the session has ended.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        [self.path.deadline(), self.again.deadline()].into_iter().flatten().chain([self.library_deadline]).min()
    }

    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        self.transmits.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// Why the session has ended, if it has.
    pub fn ended(&self) -> Option<&CloseReason> {
        self.ended.as_ref()
    }

    /// Sends one Opus packet. `rtp_time` counts 48 kHz samples and must advance through silence; its lower 32 bits travel.
    /// What can't be sent (see [`PeerStats::audio_unsent`]) is dropped: audio is never kept for later.
    pub fn send_audio(&mut self, rtp_time: u64, payload: &[u8], now: Instant) {
        let line = self.audio.zip(self.opus).filter(|_| self.sends_audio());
        self.send_on(line, rtp_time, payload, None, now);
    }

    /// [`Session::send_audio`] with the packet's level in dB of full scale (0 to -127), which browsers send along, too (RFC 6464).
    pub fn send_audio_at(&mut self, rtp_time: u64, payload: &[u8], level: i8, now: Instant) {
        let line = self.audio.zip(self.opus).filter(|_| self.sends_audio());
        self.send_on(line, rtp_time, payload, Some(level), now);
    }

    /// Sends one Opus packet on the second line, which has an RTP time of its own; see [`Session::send_audio`].
    pub fn send_second(&mut self, rtp_time: u64, payload: &[u8], now: Instant) {
        self.send_on(self.second, rtp_time, payload, None, now);
    }

    /// Whether there is a second line to send on.
    pub fn has_second(&self) -> bool {
        self.second.is_some()
    }

    fn send_on(&mut self, line: Option<(Mid, Pt)>, rtp_time: u64, payload: &[u8], level: Option<i8>, now: Instant) {
        let sendable = self.connected && self.ended.is_none() && (1..=MAX_AUDIO_BYTES).contains(&payload.len());
        let Some((mid, opus)) = line.filter(|_| sendable) else {
            self.stats.audio_unsent += 1;
            return;
        };
        let time = MediaTime::new(rtp_time, Frequency::FORTY_EIGHT_KHZ);
        let written = self.step(now, |rtc| match rtc.writer(mid) {
            Some(writer) => match level {
                Some(level) => writer.audio_level(level, level > MAYBE_SPEECH).write(opus, now, time, payload),
                None => writer.write(opus, now, time, payload),
            },
            None => Ok(()),
        });
        match written {
            Ok(()) => self.stats.audio_out += 1,
            Err(_) => self.stats.audio_unsent += 1,
        }
        // str0m makes the packet at the next timeout; that is now, not when the next deadline happens to come.
        self.settle_after(now, |_| {});
    }

    /// Sends a text on the data channel.
    ///
    /// # Errors
    /// The channel isn't open, the text is empty or too long, or too much is already waiting.
    pub fn send_text(&mut self, text: &str, now: Instant) -> Result<(), RtcError> {
        if text.is_empty() {
            // str0m would send a message without bytes, which SCTP hasn't: it blocks all that follow.
            return Err(RtcError::TextEmpty);
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(RtcError::TextTooLong { size: text.len() });
        }
        let channel = self.channel.filter(|_| self.ended.is_none()).ok_or(RtcError::ChannelNotOpen)?;
        let taken = self.step(now, |rtc| match rtc.channel(channel) {
            Some(mut channel) => channel.write(false, text.as_bytes()).map(Some),
            None => Ok(None),
        })?;
        self.settle_after(now, |_| {});
        match taken {
            Some(true) => {
                self.stats.texts_out += 1;
                Ok(())
            }
            Some(false) => Err(RtcError::Backlog),
            None => Err(RtcError::ChannelNotOpen),
        }
    }

    /// Says goodbye to the other side and ends the session.
    pub fn close(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        if self.step(now, Rtc::close).is_ok() {
            self.settle_after(now, |_| {});
        }
        self.end(CloseReason::Local);
    }

    /// The ICE user name the other side must use now.
    pub fn local_ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    pub fn stats(&self) -> PeerStats {
        PeerStats { red_active: self.red.is_on(), ..self.stats }
    }

    pub(crate) fn stats_mut(&mut self) -> &mut PeerStats {
        &mut self.stats
    }

    fn must_live(&self) -> Result<(), RtcError> {
        if self.ended.is_some() { Err(RtcError::WrongState { reason: "it has ended" }) } else { Ok(()) }
    }

    fn sends_audio(&self) -> bool {
        self.audio.and_then(|mid| self.rtc.media(mid)).is_some_and(|media| media.direction().is_sending())
    }

    /// Looks up what Opus is called in this session; it can change with each negotiation.
    fn find_opus(&mut self) -> Result<(), RtcError> {
        let mid = self.audio.ok_or(RtcError::NoAudio)?;
        if self.rtc.writer(mid).is_none() {
            return Err(RtcError::NoAudio);
        }
        self.opus = Some(self.opus_on(mid).ok_or(RtcError::NoOpus)?);
        Ok(())
    }

    fn opus_on(&mut self, mid: Mid) -> Option<Pt> {
        let writer = self.rtc.writer(mid)?;
        writer.payload_params().find(|params| params.spec().codec == Codec::Opus).map(|params| params.pt())
    }

    fn watch_path(&mut self, now: Instant) {
        while self.ended.is_none()
            && let Some(change) = self.path.poll(now)
        {
            match change {
                PathChange::Lost => {
                    self.stats.paths_lost += 1;
                    self.events.push_back(PeerEvent::PathLost);
                }
                PathChange::Restored => self.events.push_back(PeerEvent::PathRestored),
                PathChange::NeverConnected => self.end(CloseReason::ConnectTimeout),
                PathChange::GaveUp => self.end(CloseReason::PathTimeout),
            }
        }
    }
}

fn host_candidate(local: SocketAddr) -> Result<Candidate, RtcError> {
    Candidate::host(local, "udp").map_err(|error| RtcError::Negotiation { reason: error.to_string() })
}

/// Reading what strangers wrote must not be able to end the process.
fn guarded<T>(what: &str, read: impl FnOnce() -> Result<T, RtcError>) -> Result<T, RtcError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(RtcError::Negotiation { reason: format!("{what} could not be handled") }))
}
