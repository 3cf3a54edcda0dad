//! The media task of one call: WebRTC in and out, 20 ms by 20 ms.
//!
//! In: packet → decode → ears; the packet itself → recorder. Out: playout queue → encode at the tick → packet → user and
//! recorder. Ticks stand at absolute times; a task more than 60 ms late skips forward rather than bursting, and RTP
//! time advances through every tick, sent or not. Playout is held while no user is there.
//!
//! While a human is in charge with a voice of their own, the human's packets take the place of the playout's in the same track, and
//! the user's go to the human ([`human`]). Supervisors are given the packets of both sides ([`audience`]).
//!
//! The task waits for nobody: what it cannot hand over at once it drops and counts.

mod audience;
mod human;
mod quality;

use audience::Audience;
use human::{Human, InCharge};
use quality::Quality;

use super::clock::{CallClock, MediaClock};
use super::ears::Ears;
use super::received_track::{ReceivedTrack, wire_samples};
use super::recorder::{CallRecorder, RecordedPacket};
use super::{CallEvent, CallEvents, Who};
use crate::metrics::METRICS;
use crate::recording::Track;
use ringline_audio::{
    Ambience, EarPath, Events, GapCause, InOrder, MOUTH_FRAME, MouthEncoder, Playout, Pushed, Tick, WIRE_RATE,
};
use ringline_conversation::Input;
use ringline_model::{CallTime, InstanceId, ResponseId, SegmentId};
use ringline_rtc::{AudioPacket, Peer, PeerEvent};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Commands waiting; a sender that finds the channel full waits.
const COMMANDS: usize = 512;
const TICK: Duration = Duration::from_millis(20);
/// Samples of a tick on the wire.
const TICK_WIRE: u64 = WIRE_RATE as u64 / 50;
/// Later than this and missed ticks are skipped.
const LATE: Duration = Duration::from_millis(60);
/// A tick this late is about to be heard: a receiver's jitter buffer starts at 25 to 40 ms. (Less would refuse calls on a
/// shared machine whose neighbours take a core for a moment.)
const TOO_LATE: Duration = Duration::from_millis(20);
/// In percent: more ticks than that too late and the server takes no more calls for a while.
const TOO_MANY_LATE: u64 = 5;
/// With fewer ticks in a window (10 s of one call) there is no load to speak of.
const ENOUGH_TICKS: u64 = 500;
/// How long the peer is driven on after the end, so that last words and messages leave.
pub const LINGER: Duration = Duration::from_millis(300);
/// Without a data channel for so long the user counts as there anyway.
const CHANNEL_PATIENCE: Duration = Duration::from_secs(5);

pub use audience::Listener;
pub use human::HandOver;

pub type MediaCommands = mpsc::Sender<MediaCommand>;

pub enum MediaCommand {
    /// A transport; replaces the member's one before, which gets the goodbye.
    Attach {
        peer: Box<Peer>,
        who: Who,
        goodbye: String,
    },
    /// The member is out; with a goodbye because of us, without because they left.
    Detach {
        who: Who,
        goodbye: Option<String>,
    },
    /// The human is in charge, from a supervisor's seat or their own transport.
    HandOver(HandOver),
    /// The human in charge has another seat.
    SpeaksFrom {
        seat: u64,
    },
    /// The agent is in charge again.
    TakeBack,
    /// A supervisor listens.
    Listen(Listener),
    /// The voice of a supervisor who has the floor.
    SeatAudio {
        seat: u64,
        packet: AudioPacket,
    },
    Restart {
        who: Who,
        offer: String,
        answer: oneshot::Sender<Result<String, String>>,
    },
    /// Audio of a segment at 24 kHz.
    Speak {
        response: ResponseId,
        segment: SegmentId,
        pcm: Vec<f32>,
    },
    FinishSegment {
        response: ResponseId,
        segment: SegmentId,
    },
    /// How much audio waits to be played.
    Queued {
        answer: oneshot::Sender<Duration>,
    },
    /// Stop playout of the response and all before it; answered with [`Input::PlayoutStopped`].
    Stop {
        response: ResponseId,
    },
    /// Lower the speech, or let it fall silent and keep its place.
    Duck,
    Pause,
    Unduck,
    /// Output volume in percent.
    Volume(u16),
    /// The sound behind the agent's voice.
    Ambience(Option<Box<Ambience>>),
    /// Its volume in percent.
    AmbienceVolume(u16),
    /// For the data channel.
    SendText(String),
    /// The call is over.
    Close,
}

/// What all media tasks share: how late ticks are, for admission.
#[derive(Debug, Default)]
pub struct MediaLoad {
    /// Ticks, and those more than [`TOO_LATE`] late, since the window began.
    ticks: AtomicU64,
    late: AtomicU64,
    /// Of the window before: ticks in the upper half, late ones in the lower.
    last: AtomicU64,
}

/// Ticks of all calls in the last window of 5 s, and those more than 20 ms late.
#[derive(Clone, Copy, Debug)]
pub struct Lateness {
    pub ticks: u32,
    pub late: u32,
}

impl MediaLoad {
    fn tick(&self, late_by: Duration) {
        METRICS.tick_lateness.observe(late_by.as_secs_f64());
        self.ticks.fetch_add(1, Ordering::Relaxed);
        if late_by > TOO_LATE {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Starts a new window; true if too many of the last window's ticks came too late.
    pub fn overloaded(&self) -> bool {
        let (ticks, late) = (self.ticks.swap(0, Ordering::Relaxed), self.late.swap(0, Ordering::Relaxed));
        self.last.store(ticks << 32 | late & u64::from(u32::MAX), Ordering::Relaxed);
        ticks >= ENOUGH_TICKS && late * 100 > ticks * TOO_MANY_LATE
    }

    pub fn last_window(&self) -> Lateness {
        let last = self.last.load(Ordering::Relaxed);
        Lateness { ticks: (last >> 32) as u32, late: last as u32 }
    }
}

pub struct Media {
    pub instance: InstanceId,
    pub clock: CallClock,
    pub events: CallEvents,
    pub ears: Ears,
    pub recorder: Option<CallRecorder>,
    pub load: Arc<MediaLoad>,
    pub volume: u32,
}

impl Media {
    pub fn start(self, runtime: &tokio::runtime::Handle) -> Result<MediaCommands, ringline_audio::AudioError> {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let mut playout = Playout::new();
        playout.hold(true);
        playout.volume(self.volume as u16);
        let task = Task {
            encoder: MouthEncoder::new()?,
            playout,
            ambience: None,
            mixed: Box::new([0.0; MOUTH_FRAME]),
            transport: None,
            human: None,
            in_charge: None,
            audience: Audience::default(),
            recording_began: None,
            user_was_there: false,
            lost_events: 0,
            media: self,
        };
        runtime.spawn(task.run(commands));
        Ok(sender)
    }
}

/// A user's transport and what belongs to it alone.
struct Transport {
    peer: Box<Peer>,
    in_order: InOrder<AudioPacket>,
    ears: EarPath,
    clock: MediaClock,
    track: ReceivedTrack,
    /// Of the last tick, sent or not.
    rtp_time: u64,
    /// RTP time behind what was sent last.
    sent_until: u64,
    next_tick: Option<Instant>,
    joined: bool,
    connected_at: Option<Instant>,
    path_lost: bool,
    quality: Quality,
}

struct Task {
    media: Media,
    encoder: MouthEncoder,
    playout: Playout,
    ambience: Option<Box<Ambience>>,
    /// The frame that ambience and speech are mixed in.
    mixed: Box<[f32; MOUTH_FRAME]>,
    transport: Option<Transport>,
    human: Option<Human>,
    in_charge: Option<InCharge>,
    audience: Audience,
    /// Call time at which the tracks begin: the first join.
    recording_began: Option<CallTime>,
    /// A packet of the user's was recorded; behind it there may be another transport.
    user_was_there: bool,
    lost_events: u64,
}

enum Wake {
    Command(Option<MediaCommand>),
    Peer(PeerEvent),
    Human(PeerEvent),
    Tick,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<MediaCommand>) {
        // One timer for all ticks, set once for each.
        let mut alarm = std::pin::pin!(tokio::time::sleep_until(Instant::now()));
        let mut set_for = None;
        loop {
            let tick = self.transport.as_ref().and_then(|transport| transport.next_tick);
            if let Some(at) = tick.filter(|_| tick != set_for) {
                alarm.as_mut().reset(at);
                set_for = tick;
            }
            let wake = tokio::select! {
                biased;
                () = alarm.as_mut(), if tick.is_some() => Wake::Tick,
                event = event_of(self.transport.as_mut().map(|transport| &mut *transport.peer)) => Wake::Peer(event),
                event = event_of(self.human.as_mut().map(|human| &mut *human.peer)) => Wake::Human(event),
                command = commands.recv() => Wake::Command(command),
            };
            match wake {
                Wake::Tick => self.tick(),
                Wake::Peer(event) => self.peer_event(event),
                Wake::Human(event) => self.human_event(event),
                Wake::Command(Some(MediaCommand::Close) | None) => break,
                Wake::Command(Some(command)) => self.command(command),
            }
        }
        self.linger().await;
    }

    /// Lets what is on its way leave, then closes the transports.
    async fn linger(mut self) {
        self.media.recorder = None;
        if let Some(human) = &mut self.human {
            human.peer.close();
        }
        if let Some(transport) = self.transport {
            see_off(transport.peer).await;
        }
    }

    fn tell(&mut self, event: CallEvent) {
        if self.media.events.try_send(event).is_err() {
            self.lost_events += 1;
            METRICS.dropped_media_events.inc();
            if self.lost_events.is_power_of_two() {
                tracing::error!(call.id = %self.media.instance, lost = self.lost_events, "the agent task does not keep up with media");
            }
        }
    }

    fn command(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Attach { peer, who, goodbye } => {
                let replaced = match who {
                    Who::User => self.attach(peer),
                    Who::Human => self.attach_human(peer),
                };
                dismiss(replaced, Some(goodbye));
            }
            MediaCommand::Detach { who, goodbye } => {
                let gone = match who {
                    Who::User => {
                        self.playout.hold(true);
                        self.transport.take().map(|transport| transport.peer)
                    }
                    Who::Human => self.detach_human(),
                };
                dismiss(gone, goodbye);
            }
            MediaCommand::HandOver(hand_over) => self.hand_over(hand_over),
            MediaCommand::SpeaksFrom { seat } => self.speaks_from(seat),
            MediaCommand::TakeBack => self.take_back(),
            MediaCommand::Listen(listener) => self.listen(listener),
            MediaCommand::SeatAudio { seat, packet } => self.seat_says(seat, packet),
            MediaCommand::Restart { who, offer, answer } => {
                let peer = match who {
                    Who::Human => self.human.as_mut().map(|human| &mut human.peer),
                    Who::User => self.transport.as_mut().map(|transport| &mut transport.peer),
                };
                let result = match peer {
                    Some(peer) => peer.restart(&offer).map_err(|e| e.to_string()),
                    None => Err("there is no connection to restart; join again".to_owned()),
                };
                if answer.send(result).is_err() {
                    tracing::debug!(call.id = %self.media.instance, "nobody waits for the restart's answer any more");
                }
            }
            MediaCommand::Speak { response, segment, pcm } => match self.playout.push(response, segment, &pcm) {
                Pushed::Queued => self.begin_at_once(),
                Pushed::Stale => {}
                // The conversation's look-ahead keeps far below the queue's length.
                Pushed::Full => {
                    tracing::error!(call.id = %self.media.instance, segment.id = %segment, "the playout queue is full; speech is missing")
                }
            },
            MediaCommand::FinishSegment { response, segment } => match self.playout.finish_segment(response, segment) {
                Pushed::Queued | Pushed::Stale => {}
                Pushed::Full => {
                    tracing::error!(call.id = %self.media.instance, segment.id = %segment, "the playout queue has no room for another segment")
                }
            },
            MediaCommand::Queued { answer } => {
                let queued = Duration::from_millis(self.playout.queued_ms().into());
                if answer.send(queued).is_err() {
                    tracing::debug!(call.id = %self.media.instance, "the mouth does not wait for the queue any more");
                }
            }
            MediaCommand::Stop { response } => {
                let stopped = self.playout.stop(response);
                let (segment, played_ms) = (stopped.segment, stopped.played_ms);
                self.tell(CallEvent::Input(Input::PlayoutStopped { response, segment, played_ms }));
            }
            MediaCommand::Duck => self.playout.duck(),
            MediaCommand::Pause => self.playout.pause(),
            MediaCommand::Unduck => self.playout.unduck(),
            MediaCommand::Volume(percent) => self.playout.volume(percent),
            MediaCommand::Ambience(ambience) => self.ambience = ambience,
            MediaCommand::AmbienceVolume(percent) => {
                if let Some(ambience) = &mut self.ambience {
                    ambience.volume(percent);
                }
            }
            MediaCommand::SendText(text) => {
                if let Some(transport) = &mut self.transport
                    && let Err(error) = transport.peer.send_text(&text)
                {
                    tracing::debug!(call.id = %self.media.instance, %error, "a data-channel message was not sent");
                }
            }
            MediaCommand::Close => {}
        }
    }

    /// The transport that was replaced.
    fn attach(&mut self, peer: Box<Peer>) -> Option<Box<Peer>> {
        let ears = match EarPath::new() {
            Ok(ears) => ears,
            Err(error) => {
                tracing::error!(call.id = %self.media.instance, %error, "no decoder for a new transport");
                return None;
            }
        };
        self.playout.hold(true);
        if let Some(in_charge) = &mut self.in_charge {
            in_charge.begin_track();
        }
        let before = if self.user_was_there { GapCause::Away } else { GapCause::JoinedLate };
        let transport = Transport {
            peer,
            in_order: InOrder::default(),
            ears,
            clock: MediaClock::default(),
            track: ReceivedTrack::new(Track::User, before),
            rtp_time: 0,
            sent_until: 0,
            next_tick: None,
            joined: false,
            connected_at: None,
            path_lost: false,
            quality: Quality::default(),
        };
        self.audience.another_user();
        self.transport.replace(transport).map(|before| before.peer)
    }

    fn peer_event(&mut self, event: PeerEvent) {
        let Some(transport) = &mut self.transport else { return };
        match event {
            PeerEvent::Connected => {
                let now = Instant::now();
                transport.connected_at = Some(now);
                transport.next_tick = Some(now);
            }
            PeerEvent::ChannelOpen => self.join(),
            PeerEvent::Text(text) => self.tell(CallEvent::ClientText(text)),
            PeerEvent::Audio(packet) => self.hear(packet),
            PeerEvent::PathLost => {
                transport.path_lost = true;
                self.playout.hold(true);
                self.report_quality();
            }
            PeerEvent::PathRestored => {
                transport.path_lost = false;
                if transport.joined {
                    self.playout.hold(false);
                }
                self.report_quality();
            }
            PeerEvent::SecondAudio(_) => {}
            PeerEvent::Loss { fraction } => METRICS.loss_to_user.observe(f64::from(fraction)),
            PeerEvent::Closed { reason } => {
                tracing::debug!(call.id = %self.media.instance, ?reason, "the user's transport closed");
                let joined = transport.joined;
                self.transport = None;
                self.playout.hold(true);
                if joined {
                    self.tell(CallEvent::Left);
                }
            }
        }
    }

    fn join(&mut self) {
        let Some(transport) = &mut self.transport else { return };
        if transport.joined {
            return;
        }
        transport.joined = true;
        if self.recording_began.is_none() {
            let now = self.media.clock.now();
            self.recording_began = Some(now);
            if let Some(recorder) = &self.media.recorder {
                recorder.began(now);
            }
        }
        self.playout.hold(transport.path_lost);
        self.tell(CallEvent::Joined);
        self.begin_at_once();
    }

    fn hear(&mut self, packet: AudioPacket) {
        if let Some(human) = &mut self.human {
            human.tell(&packet);
        }
        self.audience.hears_user(&packet);
        let Some(transport) = &mut self.transport else { return };
        transport.quality.received(packet.sequence, packet.rtp_time, packet.received);
        let came = self.media.clock.at(packet.received).since(CallTime::ZERO);
        transport.in_order.push(packet.sequence, came, packet);
        self.hear_in_order();
    }

    /// Hears the packets whose turn it is, or that have waited long enough.
    fn hear_in_order(&mut self) {
        let now = self.media.clock.now().since(CallTime::ZERO);
        while let Some(packet) = self.transport.as_mut().and_then(|transport| transport.in_order.pop(now)) {
            self.hear_next(packet);
        }
    }

    fn hear_next(&mut self, packet: AudioPacket) {
        let Some(transport) = &mut self.transport else { return };
        let AudioPacket { sequence, rtp_time, audio_level, .. } = packet;
        let Some(ear) = transport.ears.receive_at(sequence, rtp_time, &packet.payload, audio_level) else { return };
        let arrival = self.media.clock.at(packet.received);
        let end = ear.start + ear.pcm.len() as u64;
        transport.clock.arrived(end, arrival);
        let at = |sample: usize| transport.clock.call_time(ear.start + sample as u64);
        let Range { start: from, end: to } = ear.unknown;
        self.media.ears.audio(at(0), &ear.pcm[..from]);
        self.media.ears.lost(at(from), to - from);
        self.media.ears.audio(at(to), &ear.pcm[to..]);
        let (packet_at, lost) = (ear.packet_at, transport.ears.stats().lost);
        if let (Some(recorder), Some(began)) = (&self.media.recorder, self.recording_began) {
            // What was filled in before the packet's own audio stays a gap in the track.
            self.user_was_there = true;
            recorder.packet(transport.track.place(packet_at, packet.payload, lost, &transport.clock, began));
        }
    }

    /// Speech that begins after silence does not wait for the next tick, up to 20 ms away: the tick comes now, and those after it
    /// follow it. RTP time advances by what has passed, so it stays true.
    fn begin_at_once(&mut self) {
        let Some(transport) = &mut self.transport else { return };
        let Some(due) = transport.next_tick.filter(|_| self.playout.begins() && self.in_charge.is_none()) else {
            return;
        };
        let now = Instant::now();
        let early = wire_samples(due.saturating_duration_since(now));
        let at = transport.rtp_time + TICK_WIRE;
        if early == 0 || early > transport.rtp_time || at < transport.sent_until + early {
            // It is due, or what was sent last still lasts.
            return;
        }
        transport.rtp_time -= early;
        transport.next_tick = Some(now);
        self.tick();
    }

    fn tick(&mut self) {
        self.hear_in_order();
        let Some(transport) = &mut self.transport else { return };
        let Some(due) = transport.next_tick else { return };
        let now = Instant::now();
        let late = now.saturating_duration_since(due);
        self.media.load.tick(late);
        let skipped = if late > LATE { (late.as_micros() / TICK.as_micros()) as u32 } else { 0 };
        transport.next_tick = Some(due + TICK * (skipped + 1));
        transport.rtp_time += u64::from(skipped + 1) * TICK_WIRE;
        let rtp_time = transport.rtp_time;
        let report = transport.quality.is_due();
        if !transport.joined && transport.connected_at.is_some_and(|at| now - at > CHANNEL_PATIENCE) {
            self.join();
        }
        if report {
            self.report_quality();
        }
        if self.in_charge.as_ref().is_some_and(InCharge::is_heard) {
            return self.keep_alive(rtp_time);
        }
        let events = {
            let Some(transport) = &mut self.transport else { return };
            let (mut frame, is_silence, events) = match self.playout.tick() {
                Tick::Frame { pcm, events } => (Some(pcm), false, events),
                Tick::Silence | Tick::KeepAlive => (None, true, Events::default()),
                Tick::Idle => (None, false, Events::default()),
            };
            if let Some(ambience) = self.ambience.as_mut().filter(|ambience| ambience.is_audible())
                && transport.joined
                && !transport.path_lost
            {
                *self.mixed = frame.copied().unwrap_or([0.0; MOUTH_FRAME]);
                ambience.mix(&mut self.mixed);
                frame = Some(&self.mixed);
            }
            if let Some(pcm) = frame {
                self.media.ears.sent(self.media.clock.at(due.into_std()), pcm);
            }
            let payload = match frame.map(|pcm| self.encoder.encode(pcm)) {
                Some(Ok(payload)) => Some(payload),
                Some(Err(error)) => {
                    tracing::error!(call.id = %self.media.instance, %error, "a frame was not encoded");
                    None
                }
                None => is_silence.then(|| self.encoder.silence()),
            };
            if let Some(payload) = payload {
                transport.peer.send_audio(rtp_time, payload);
                transport.sent_until = rtp_time + TICK_WIRE;
                if let (Some(recorder), Some(began)) = (&self.media.recorder, self.recording_began) {
                    // The copy moves to the recorder's thread: the one allocation of an outgoing frame.
                    let at = wire_samples(self.media.clock.at(due.into_std()).since(began));
                    let gap = if skipped > 0 { GapCause::Dropped } else { GapCause::NotSent };
                    recorder.packet(RecordedPacket { track: Track::Agent, at, gap, payload: Arc::from(payload) });
                }
                self.audience.hears_agent(rtp_time, payload);
            }
            events
        };
        if let Some(segment) = events.started {
            self.tell(CallEvent::Input(Input::SegmentPlayoutStarted { segment }));
        }
        for segment in events.finished() {
            self.tell(CallEvent::Input(Input::SegmentPlayoutFinished { segment }));
        }
    }
}

/// Says goodbye on a transport that is no longer the call's, beside the call.
fn dismiss(peer: Option<Box<Peer>>, goodbye: Option<String>) {
    let Some(mut peer) = peer else { return };
    match goodbye.map(|goodbye| peer.send_text(&goodbye)) {
        Some(Ok(())) => drop(tokio::spawn(see_off(peer))),
        // It was never connected, is no longer, or the client is leaving by itself.
        Some(Err(_)) | None => peer.close(),
    }
}

/// Lets what is on its way leave, then closes the transport.
async fn see_off(mut peer: Box<Peer>) {
    let until = Instant::now() + LINGER;
    while let Ok(event) = tokio::time::timeout_at(until, peer.event()).await {
        if matches!(event, PeerEvent::Closed { .. }) {
            return;
        }
    }
    peer.close();
    // One more round lets the goodbye out.
    if tokio::time::timeout(Duration::from_millis(50), peer.event()).await.is_err() {
        tracing::trace!("the peer said nothing more");
    }
}

async fn event_of(peer: Option<&mut Peer>) -> PeerEvent {
    match peer {
        Some(peer) => peer.event().await,
        None => std::future::pending().await,
    }
}
