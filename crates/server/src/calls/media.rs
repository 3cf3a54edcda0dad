//! The media task of one call: WebRTC in and out, 20 ms by 20 ms.
//!
//! In: packet → decode → ears; the packet itself → recorder. Out: playout queue → encode at the tick → packet → user and
//! recorder. Ticks stand at absolute times; a task more than 60 ms late skips forward rather than bursting, and RTP
//! time advances through every tick, sent or not. Playout is held while no user is there.
//!
//! While a human is in charge, the human's packets take the place of the playout's in the same track, and the user's go to
//! the human ([`human`]); nothing of them reaches the ears.
//!
//! The task waits for nobody: what it cannot hand over at once it drops and counts.

mod human;

use human::{Human, InCharge};

use super::clock::{CallClock, MediaClock};
use super::ears::Ears;
use super::recorder::{CallRecorder, Track};
use super::{CallEvent, CallEvents};
use ringline_audio::{
    Ambience, EAR_RATE, EarPath, Events, MOUTH_FRAME, MouthEncoder, Playout, Pushed, Tick, WIRE_RATE,
};
use ringline_conversation::Input;
use ringline_model::{CallTime, ResponseId, SegmentId};
use ringline_rtc::{AudioPacket, Peer, PeerEvent};
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
/// Wire samples of one sample at 16 kHz.
const EAR_TO_WIRE: u64 = WIRE_RATE as u64 / EAR_RATE as u64;
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

pub type MediaCommands = mpsc::Sender<MediaCommand>;

pub enum MediaCommand {
    /// A transport for the user; replaces the one before.
    Attach(Box<Peer>),
    Detach,
    /// A transport for the human who takes over; replaces the one before.
    AttachHuman(Box<Peer>),
    /// The human is out.
    DetachHuman,
    /// On the transport of the human, or the user's.
    Restart {
        human: bool,
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
}

impl MediaLoad {
    fn tick(&self, late_by: Duration) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        if late_by > TOO_LATE {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Starts a new window; true if too many of the last window's ticks came too late.
    pub fn overloaded(&self) -> bool {
        let (ticks, late) = (self.ticks.swap(0, Ordering::Relaxed), self.late.swap(0, Ordering::Relaxed));
        ticks >= ENOUGH_TICKS && late * 100 > ticks * TOO_MANY_LATE
    }
}

pub struct Media {
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
            recording_began: None,
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
    ears: EarPath,
    clock: MediaClock,
    /// Where this transport's media position 0 lies in the recording; set by its first packet.
    user_began: Option<u64>,
    rtp_time: u64,
    next_tick: Option<Instant>,
    joined: bool,
    connected_at: Option<Instant>,
    path_lost: bool,
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
    /// Call time at which the tracks begin: the first join.
    recording_began: Option<CallTime>,
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
        loop {
            let tick = self.transport.as_ref().and_then(|transport| transport.next_tick);
            let wake = tokio::select! {
                biased;
                () = sleep_until(tick) => Wake::Tick,
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

    /// Lets what is on its way leave, then closes the transport.
    async fn linger(mut self) {
        self.media.recorder = None;
        if let Some(human) = &mut self.human {
            human.peer.close();
        }
        let Some(mut transport) = self.transport else { return };
        let until = Instant::now() + LINGER;
        while let Ok(event) = tokio::time::timeout_at(until, transport.peer.event()).await {
            if matches!(event, PeerEvent::Closed { .. }) {
                return;
            }
        }
        transport.peer.close();
        // One more round lets the goodbye out.
        if tokio::time::timeout(Duration::from_millis(50), transport.peer.event()).await.is_err() {
            tracing::trace!("the peer said nothing more");
        }
    }

    fn tell(&mut self, event: CallEvent) {
        if self.media.events.try_send(event).is_err() {
            self.lost_events += 1;
            if self.lost_events.is_power_of_two() {
                tracing::error!(lost = self.lost_events, "the agent task does not keep up with media");
            }
        }
    }

    fn command(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Attach(peer) => self.attach(peer),
            MediaCommand::Detach => {
                self.transport = None;
                self.playout.hold(true);
            }
            MediaCommand::AttachHuman(peer) => self.attach_human(peer),
            MediaCommand::DetachHuman => self.detach_human(),
            MediaCommand::Restart { human, offer, answer } => {
                let peer = match human {
                    true => self.human.as_mut().map(|human| &mut human.peer),
                    false => self.transport.as_mut().map(|transport| &mut transport.peer),
                };
                let result = match peer {
                    Some(peer) => peer.restart(&offer).map_err(|e| e.to_string()),
                    None => Err("there is no connection to restart; join again".to_owned()),
                };
                if answer.send(result).is_err() {
                    tracing::debug!("nobody waits for the restart's answer any more");
                }
            }
            MediaCommand::Speak { response, segment, pcm } => match self.playout.push(response, segment, &pcm) {
                Pushed::Queued | Pushed::Stale => {}
                // The conversation's look-ahead keeps far below the queue's length.
                Pushed::Full => tracing::error!(%segment, "the playout queue is full; speech is missing"),
            },
            MediaCommand::FinishSegment { response, segment } => match self.playout.finish_segment(response, segment) {
                Pushed::Queued | Pushed::Stale => {}
                Pushed::Full => tracing::error!(%segment, "the playout queue has no room for another segment"),
            },
            MediaCommand::Queued { answer } => {
                let queued = Duration::from_millis(self.playout.queued_ms().into());
                if answer.send(queued).is_err() {
                    tracing::debug!("the mouth does not wait for the queue any more");
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
                    tracing::debug!(%error, "a data-channel message was not sent");
                }
            }
            MediaCommand::Close => {}
        }
    }

    fn attach(&mut self, peer: Box<Peer>) {
        let ears = match EarPath::new() {
            Ok(ears) => ears,
            Err(error) => {
                tracing::error!(%error, "no decoder for a new transport");
                return;
            }
        };
        self.playout.hold(true);
        if let Some(in_charge) = &mut self.in_charge {
            in_charge.begin_track();
        }
        self.transport = Some(Transport {
            peer,
            ears,
            clock: MediaClock::default(),
            user_began: None,
            rtp_time: 0,
            next_tick: None,
            joined: false,
            connected_at: None,
            path_lost: false,
        });
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
            }
            PeerEvent::PathRestored => {
                transport.path_lost = false;
                if transport.joined {
                    self.playout.hold(false);
                }
            }
            PeerEvent::Loss { fraction } => tracing::trace!(fraction, "loss towards the user"),
            PeerEvent::Closed { reason } => {
                tracing::debug!(?reason, "the user's transport closed");
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
        self.recording_began.get_or_insert(self.media.clock.now());
        self.playout.hold(transport.path_lost);
        self.tell(CallEvent::Joined);
    }

    fn hear(&mut self, packet: AudioPacket) {
        if let Some(human) = &mut self.human {
            human.tell(&packet);
        }
        let Some(transport) = &mut self.transport else { return };
        let Some(ear) = transport.ears.receive(packet.sequence, packet.rtp_time, &packet.payload) else { return };
        let arrival = self.media.clock.at(packet.received);
        let end = ear.start + ear.pcm.len() as u64;
        transport.clock.arrived(end, arrival);
        if self.in_charge.is_none() {
            self.media.ears.audio(transport.clock.call_time(ear.start), ear.pcm);
        }
        if let (Some(recorder), Some(began)) = (&self.media.recorder, self.recording_began) {
            // What was filled in before the packet's own audio stays a gap in the track.
            let offset = *transport
                .user_began
                .get_or_insert_with(|| wire_samples(arrival.since(began)).saturating_sub(end * EAR_TO_WIRE));
            recorder.packet(Track::User, offset + ear.packet_at, packet.payload);
        }
    }

    fn tick(&mut self) {
        let Some(transport) = &mut self.transport else { return };
        let Some(due) = transport.next_tick else { return };
        let now = Instant::now();
        let late = now.saturating_duration_since(due);
        self.media.load.tick(late);
        let skipped = if late > LATE { (late.as_micros() / TICK.as_micros()) as u32 } else { 0 };
        transport.next_tick = Some(due + TICK * (skipped + 1));
        transport.rtp_time += u64::from(skipped + 1) * TICK_WIRE;
        let rtp_time = transport.rtp_time;
        if !transport.joined && transport.connected_at.is_some_and(|at| now - at > CHANNEL_PATIENCE) {
            self.join();
        }
        if self.in_charge.is_some() {
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
                    tracing::error!(%error, "a frame was not encoded");
                    None
                }
                None => is_silence.then(|| self.encoder.silence()),
            };
            if let Some(payload) = payload {
                transport.peer.send_audio(rtp_time, payload);
                if let (Some(recorder), Some(began)) = (&self.media.recorder, self.recording_began) {
                    // The copy moves to the recorder's thread: the one allocation of an outgoing frame.
                    let at = wire_samples(self.media.clock.at(due.into_std()).since(began));
                    recorder.packet(Track::Agent, at, Arc::from(payload));
                }
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

async fn event_of(peer: Option<&mut Peer>) -> PeerEvent {
    match peer {
        Some(peer) => peer.event().await,
        None => std::future::pending().await,
    }
}

fn wire_samples(span: Duration) -> u64 {
    (span.as_micros() * u128::from(WIRE_RATE) / 1_000_000) as u64
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
