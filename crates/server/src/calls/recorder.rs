//! The recorder: one thread that appends the packets of all calls to their Ogg tracks.
//!
//! A call has two tracks, the user's packets as received and the agent's as sent, both placed by the call's media time
//! (48 kHz since recording began), so that any two tracks line up. Every track is flushed at least once a second as a
//! whole page with its checksum: after `kill -9` the file is a valid Ogg stream up to there.
//! Not recorded: nothing is hidden when the disk is too slow; packets that find the queue full are counted and the gap
//! stays silent in its right length.

use crate::metrics::METRICS;
use ringline_audio::{OggTrack, OggTrackConfig};
use ringline_model::InstanceId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Packets waiting for the disk: 200 calls for about 0.8 s.
const QUEUE: usize = 16_384;
/// libopus's look-ahead at its usual setting, in samples at 48 kHz.
const PRE_SKIP: u16 = 312;
const FLUSH_EVERY: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Track {
    User,
    Agent,
}

impl Track {
    const fn file_name(self) -> &'static str {
        match self {
            Self::User => "user.ogg",
            Self::Agent => "agent.ogg",
        }
    }
}

enum Message {
    Packet { call: u64, track: Track, at: u64, payload: Arc<[u8]> },
    Open { call: u64, directory: PathBuf },
    Close { call: u64 },
    Stop,
}

/// Handle to the recorder thread.
pub struct Recorder {
    queue: SyncSender<Message>,
    directory: PathBuf,
    next: AtomicU64,
    dropped: Arc<AtomicU64>,
    thread: std::sync::Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Recorder {
    /// Tracks go to `directory`/INSTANCE/{user,agent}.ogg.
    pub fn start(directory: PathBuf) -> std::io::Result<Self> {
        private_dir(&directory)?;
        let (queue, inbox) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || record(&inbox))?;
        let thread = std::sync::Mutex::new(Some(thread));
        Ok(Self { queue, directory, next: AtomicU64::new(0), dropped: Arc::default(), thread })
    }

    pub fn open(&self, instance: &InstanceId) -> CallRecorder {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.join(instance.as_str());
        if self.queue.send(Message::Open { call, directory }).is_err() {
            tracing::error!("the recorder is gone");
        }
        CallRecorder { call, queue: self.queue.clone(), dropped: self.dropped.clone() }
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
    call: u64,
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl CallRecorder {
    /// A packet whose first sample is at `at` (48 kHz since recording began). Never blocks.
    pub fn packet(&self, track: Track, at: u64, payload: Arc<[u8]>) {
        if self.queue.try_send(Message::Packet { call: self.call, track, at, payload }).is_err() {
            METRICS.dropped_recorder_packets.inc();
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::error!(dropped, "the disk is too slow: packets are missing from recordings");
            }
        }
    }
}

impl Drop for CallRecorder {
    fn drop(&mut self) {
        match self.queue.try_send(Message::Close { call: self.call }) {
            Ok(()) => {}
            Err(TrySendError::Disconnected(_)) => tracing::debug!("a call ended after the recorder"),
            // The disk is behind. A media thread must not wait for it, so another one does.
            Err(TrySendError::Full(close)) => {
                let queue = self.queue.clone();
                std::thread::spawn(move || queue.send(close));
            }
        }
    }
}

struct Tracks {
    directory: PathBuf,
    open: BTreeMap<Track, OggTrack<BufWriter<File>>>,
}

fn record(inbox: &Receiver<Message>) {
    let mut calls: BTreeMap<u64, Tracks> = BTreeMap::new();
    let mut next_flush = Instant::now() + FLUSH_EVERY;
    loop {
        match inbox.recv_timeout(next_flush.saturating_duration_since(Instant::now())) {
            Ok(Message::Open { call, directory }) => {
                calls.insert(call, Tracks { directory, open: BTreeMap::new() });
            }
            Ok(Message::Packet { call, track, at, payload }) => {
                if let Some(tracks) = calls.get_mut(&call)
                    && let Err(error) = tracks.append(track, at, &payload)
                {
                    tracing::error!(%error, directory = %tracks.directory.display(), "cannot record; the call goes on without");
                    calls.remove(&call);
                }
            }
            Ok(Message::Close { call }) => {
                if let Some(tracks) = calls.remove(&call) {
                    tracks.finish();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                calls.into_values().for_each(Tracks::finish);
                return;
            }
        }
        if Instant::now() >= next_flush {
            next_flush = Instant::now() + FLUSH_EVERY;
            calls.retain(|_, tracks| match tracks.flush() {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(%error, directory = %tracks.directory.display(), "cannot record; the call goes on without");
                    false
                }
            });
        }
    }
}

impl Tracks {
    fn append(&mut self, track: Track, at: u64, payload: &[u8]) -> Result<(), ringline_audio::AudioError> {
        if !self.open.contains_key(&track) {
            let opened = create(&self.directory, track)?;
            self.open.insert(track, opened);
        }
        self.open.get_mut(&track).map_or(Ok(()), |open| open.packet(at, payload))
    }

    fn flush(&mut self) -> Result<(), ringline_audio::AudioError> {
        self.open.values_mut().try_for_each(OggTrack::flush)
    }

    fn finish(self) {
        for (track, open) in self.open {
            if let Err(error) = open.finish().map(drop) {
                tracing::error!(%error, ?track, directory = %self.directory.display(), "cannot end a recording");
            }
        }
    }
}

/// Makes a directory that only its owner can look into: it holds what people said.
pub fn private_dir(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn create(directory: &Path, track: Track) -> Result<OggTrack<BufWriter<File>>, ringline_audio::AudioError> {
    private_dir(directory)?;
    let file = File::create(directory.join(track.file_name()))?;
    let config = OggTrackConfig {
        serial: track as u32 + 1,
        channels: 1,
        pre_skip: PRE_SKIP,
        input_rate: ringline_audio::WIRE_RATE,
        vendor: concat!("ringline ", env!("CARGO_PKG_VERSION")).to_owned(),
        comments: Vec::new(),
    };
    OggTrack::new(BufWriter::new(file), &config)
}
