//! The recorder: one thread that appends the packets of all calls to their Ogg tracks.
//!
//! A call has two tracks, the user's packets as received and the agent's as sent, and a third one if a human takes over: theirs as
//! received. All are placed by the call's media time (48 kHz since recording began), so that any two tracks line up. Every 500 ms each track is flushed as a
//! whole page with its checksum, and the recording's log ([`crate::recording`]) is told of it: after `kill -9` the file is a valid Ogg
//! stream up to there. What is missing stays silent in its right length, and the log says why.
//!
//! Recording never harms the call: packets that find the queue full are counted, and a call whose disk fails goes on without.

use crate::metrics::METRICS;
use crate::recording::log::{Ending, Line, LogWriter};
use crate::recording::track_file::{TrackFile, create};
use crate::recording::{Track, private_dir};
use ringline_audio::{AudioError, GapCause, OggTrack, Placed, packet_duration};
use ringline_model::{CallTime, InstanceId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Packets waiting for the disk: 200 calls for about 0.8 s.
const QUEUE: usize = 16_384;
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// How often the thread looks for packets while there are calls. If it waited for them each would wake it: a system call of the media
/// thread for every frame, and a change of threads.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Gaps of one cause with no more than this between them are one, in samples at 48 kHz: 60 ms.
const SIGN_OF_LIFE: u64 = 2880;
/// A gap is told of, in samples at 48 kHz, when so much has followed it (1 s) or when it is so long (10 s).
const GAP_OVER: u64 = 48_000;
const GAP_PART: u64 = 480_000;

/// A packet for a track.
pub struct RecordedPacket {
    pub track: Track,
    /// Of the first sample, at 48 kHz since recording began.
    pub at: u64,
    /// If nothing lies directly before it: why.
    pub gap: GapCause,
    pub payload: Arc<[u8]>,
}

enum Message {
    Packet { call: u64, packet: RecordedPacket },
    Open { call: u64, instance: InstanceId },
    Began { call: u64, at: CallTime },
    Close { call: u64, dropped: u64 },
    Stop,
}

/// Handle to the recorder thread.
pub struct Recorder {
    queue: SyncSender<Message>,
    next: AtomicU64,
    dropped: Arc<AtomicU64>,
    open: Arc<Mutex<BTreeSet<InstanceId>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Recorder {
    /// Tracks go to `directory`/INSTANCE/{user,agent,human}.ogg.
    pub fn start(directory: PathBuf) -> std::io::Result<Self> {
        private_dir(&directory)?;
        let (queue, inbox) = sync_channel(QUEUE);
        let open = Arc::default();
        let calls = Recording { directory, open: Arc::clone(&open), calls: BTreeMap::new() };
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || calls.run(&inbox))?;
        Ok(Self { queue, next: AtomicU64::new(0), dropped: Arc::default(), open, thread: Mutex::new(Some(thread)) })
    }

    pub fn open(&self, instance: &InstanceId) -> CallRecorder {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(instance.clone());
        if self.queue.send(Message::Open { call, instance: instance.clone() }).is_err() {
            tracing::error!(call.id = %instance, "the recorder is gone");
        }
        CallRecorder {
            instance: instance.clone(),
            call,
            queue: self.queue.clone(),
            dropped_in_all: self.dropped.clone(),
            dropped: AtomicU64::new(0),
            drops: Default::default(),
        }
    }

    /// Whether the instance's tracks may still grow.
    pub fn is_open(&self, instance: &InstanceId) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).contains(instance)
    }

    /// Ends all tracks and waits for it.
    pub fn stop(&self) {
        if self.queue.send(Message::Stop).is_err() {
            return;
        }
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the recorder panicked");
        }
    }
}

/// Records one call; dropping it ends the tracks.
pub struct CallRecorder {
    instance: InstanceId,
    call: u64,
    queue: SyncSender<Message>,
    dropped_in_all: Arc<AtomicU64>,
    dropped: AtomicU64,
    /// Of each track: a packet was dropped since the last that was not.
    drops: [AtomicBool; Track::ALL.len()],
}

impl CallRecorder {
    /// The tracks begin here. Never blocks.
    pub fn began(&self, at: CallTime) {
        self.send(Message::Began { call: self.call, at });
    }

    /// Never blocks.
    pub fn packet(&self, mut packet: RecordedPacket) {
        let dropped = &self.drops[packet.track as usize];
        if dropped.swap(false, Ordering::Relaxed) {
            packet.gap = GapCause::Dropped;
        }
        let track = packet.track;
        if !self.send(Message::Packet { call: self.call, packet }) {
            self.drops[track as usize].store(true, Ordering::Relaxed);
        }
    }

    fn send(&self, message: Message) -> bool {
        if self.queue.try_send(message).is_ok() {
            return true;
        }
        METRICS.dropped_recorder_packets.inc();
        self.dropped.fetch_add(1, Ordering::Relaxed);
        let dropped = self.dropped_in_all.fetch_add(1, Ordering::Relaxed) + 1;
        if dropped.is_power_of_two() {
            tracing::error!(call.id = %self.instance, dropped, "the disk is too slow: packets are missing from recordings");
        }
        false
    }
}

impl Drop for CallRecorder {
    fn drop(&mut self) {
        match self.queue.try_send(Message::Close { call: self.call, dropped: self.dropped.load(Ordering::Relaxed) }) {
            Ok(()) => {}
            Err(TrySendError::Disconnected(_)) => {
                tracing::debug!(call.id = %self.instance, "a call ended after the recorder");
            }
            // The disk is behind. A media thread must not wait for it, so another one does.
            Err(TrySendError::Full(close)) => {
                let queue = self.queue.clone();
                std::thread::spawn(move || queue.send(close));
            }
        }
    }
}

/// What the thread knows.
struct Recording {
    directory: PathBuf,
    open: Arc<Mutex<BTreeSet<InstanceId>>>,
    calls: BTreeMap<u64, Tracks>,
}

struct Tracks {
    instance: InstanceId,
    directory: PathBuf,
    /// Made with the first thing there is to write.
    log: Option<LogWriter>,
    open: BTreeMap<Track, OpenTrack>,
    /// Nothing more is written.
    failed: bool,
}

struct OpenTrack {
    ogg: OggTrack<TrackFile>,
    /// The gap that may go on: a pause with a sign of life now and then is one.
    gap: Option<Gap>,
}

#[derive(Clone, Copy)]
struct Gap {
    from: u64,
    to: u64,
    cause: GapCause,
}

impl Recording {
    fn run(mut self, inbox: &Receiver<Message>) {
        let mut next_flush = Instant::now() + FLUSH_EVERY;
        loop {
            let message = if self.calls.is_empty() {
                inbox.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                inbox.try_recv()
            };
            match message {
                Ok(Message::Open { call, instance }) => {
                    let directory = self.directory.join(instance.as_str());
                    let tracks = Tracks { instance, directory, log: None, open: BTreeMap::new(), failed: false };
                    self.calls.insert(call, tracks);
                }
                Ok(Message::Began { call, at }) => {
                    self.with(call, |tracks| tracks.line(&Line::Began { began_us: at.as_micros() }));
                }
                Ok(Message::Packet { call, packet }) => self.with(call, |tracks| tracks.append(&packet)),
                Ok(Message::Close { call, dropped }) => {
                    if let Some(mut tracks) = self.calls.remove(&call) {
                        tracks.try_to(|tracks| tracks.finish(dropped));
                        self.closed(&tracks.instance);
                    }
                }
                Err(TryRecvError::Empty) => std::thread::sleep(LOOK_EVERY),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => {
                    for (_, mut tracks) in std::mem::take(&mut self.calls) {
                        tracks.try_to(|tracks| tracks.finish(0));
                        self.closed(&tracks.instance);
                    }
                    return;
                }
            }
            if Instant::now() >= next_flush {
                next_flush = Instant::now() + FLUSH_EVERY;
                self.calls.values_mut().for_each(|tracks| tracks.try_to(Tracks::flush));
            }
        }
    }

    fn with(&mut self, call: u64, write: impl FnOnce(&mut Tracks) -> Result<(), AudioError>) {
        if let Some(tracks) = self.calls.get_mut(&call) {
            tracks.try_to(write);
        }
    }

    fn closed(&self, instance: &InstanceId) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(instance);
    }
}

impl Tracks {
    /// The first failure ends the recording, which its log tells if it still can.
    fn try_to(&mut self, write: impl FnOnce(&mut Self) -> Result<(), AudioError>) {
        if self.failed {
            return;
        }
        let Err(error) = write(self) else { return };
        self.failed = true;
        let error = anyhow::Error::from(error);
        let told = format!("{error:#}");
        tracing::error!(call.id = %self.instance, error = told, "cannot record; the call goes on without");
        if let Some(log) = &mut self.log {
            log.line(&Line::Failed { failed: told });
            if let Err(error) = log.write() {
                tracing::debug!(call.id = %self.instance, %error, "not even that it failed could be recorded");
            }
        }
    }

    fn log(&mut self) -> Result<&mut LogWriter, AudioError> {
        if self.log.is_none() {
            private_dir(&self.directory)?;
            self.log = Some(LogWriter::create(&self.directory, &self.instance)?);
        }
        Ok(self.log.as_mut().expect("just made"))
    }

    fn line(&mut self, line: &Line) -> Result<(), AudioError> {
        self.log()?.line(line);
        Ok(())
    }

    fn append(&mut self, packet: &RecordedPacket) -> Result<(), AudioError> {
        // With what is no Opus no track begins: it would have no audio.
        if packet_duration(&packet.payload).is_none() {
            return Ok(());
        }
        self.log()?;
        let track = packet.track;
        if !self.open.contains_key(&track) {
            let ogg = create(&self.directory, track)?;
            self.open.insert(track, OpenTrack { ogg, gap: None });
        }
        let (Some(open), Some(log)) = (self.open.get_mut(&track), &mut self.log) else { return Ok(()) };
        match open.ogg.packet(packet.at, &packet.payload) {
            Ok(Placed::BehindGap { from, to }) => {
                match &mut open.gap {
                    Some(gap) if gap.cause == packet.gap && from <= gap.to + SIGN_OF_LIFE => gap.to = to,
                    _ => {
                        open.tell_gap(track, log);
                        open.gap = Some(Gap { from, to, cause: packet.gap });
                    }
                }
                Ok(())
            }
            Ok(Placed::Following | Placed::LeftOut) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The log tells of pages when they are in the file.
    fn flush(&mut self) -> Result<(), AudioError> {
        let Some(log) = &mut self.log else { return Ok(()) };
        for (track, open) in &mut self.open {
            open.ogg.flush()?;
            let until = open.ogg.position();
            if let Some(segment) = open.ogg.get_mut().segment(*track, until)? {
                log.line(&segment);
            }
            if open.gap.is_some_and(|gap| until >= gap.to + GAP_OVER || gap.to - gap.from >= GAP_PART) {
                open.tell_gap(*track, log);
            }
        }
        log.write()?;
        Ok(())
    }

    fn finish(&mut self, dropped: u64) -> Result<(), AudioError> {
        let Some(log) = &mut self.log else { return Ok(()) };
        for (track, mut open) in std::mem::take(&mut self.open) {
            open.tell_gap(track, log);
            let (until, left_out) = (open.ogg.position(), open.ogg.stats().late);
            let mut file = open.ogg.finish()?;
            if let Some(segment) = file.segment(track, until)? {
                log.line(&segment);
            }
            if left_out > 0 {
                log.line(&Line::LeftOut { track, left_out });
            }
        }
        if dropped > 0 {
            log.line(&Line::Dropped { dropped });
        }
        log.line(&Line::Ended { ended: Ending::Call });
        log.write()?;
        Ok(())
    }
}

impl OpenTrack {
    fn tell_gap(&mut self, track: Track, log: &mut LogWriter) {
        if let Some(Gap { from, to, cause }) = self.gap.take() {
            log.line(&Line::gap(track, from, to, cause));
        }
    }
}

#[cfg(test)]
mod tests;
