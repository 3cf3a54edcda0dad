//! What is made of a recording on demand: mix-downs, waveforms, sentences. Each is made on a blocking thread and streams.
//!
//! At most [`AT_ONCE`] are made at a time; further ones wait for [`PATIENCE`] and are then refused. A reader that goes away ends its own.

use super::archive::Reader;
use super::{Track, index};
use anyhow::Context;
use bytes::Bytes;
use futures_util::Stream;
use ringline_audio::{MixError, mix_opus, mix_wav, mono_wav, peaks, scan_track, sentence_wav};
use ringline_model::InstanceId;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::ToSchema;

/// Mix-downs at a time: each takes a core.
pub const AT_ONCE: usize = 2;
/// How long one waits for its turn.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Pieces that wait for a slow reader.
const PIECES: usize = 4;
const PIECE: usize = 64 << 10;

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 16 kHz, user left, agent right.
    Wav,
    /// 16 kHz, both in one channel.
    MonoWav,
    /// Ogg, user left, agent right.
    Opus,
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Wav | Self::MonoWav => "audio/wav",
            Self::Opus => "audio/ogg",
        }
    }
}

/// The outline of both tracks.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Waveform {
    pub duration_ms: u64,
    /// The loudest sample of each part, 0 to 1.
    pub user: Vec<f32>,
    pub agent: Vec<f32>,
}

/// Writes a mix-down. Blocking.
pub fn write(format: Format, tracks: [Option<Reader>; 2], length: u64, out: impl Write) -> Result<(), MixError> {
    match format {
        Format::Wav => mix_wav(tracks, length, out),
        Format::MonoWav => mono_wav(tracks, length, out),
        Format::Opus => mix_opus(tracks, length, concat!("ringline ", env!("CARGO_PKG_VERSION")), out),
    }
}

/// Samples at 48 kHz of the longest track. Blocking; reads them.
pub fn length(tracks: [Option<Reader>; 2]) -> io::Result<u64> {
    let [user, agent] = tracks.map(|track| track.map_or(Ok(0), |track| scan_track(track).map(|scan| scan.position)));
    Ok(user?.max(agent?))
}

pub fn waveform(tracks: [Option<Reader>; 2], length: u64, buckets: usize) -> Result<Waveform, MixError> {
    let [user, agent] = peaks(tracks, length, buckets)?;
    Ok(Waveform { duration_ms: super::millis(length), user, agent })
}

/// Part of a track, in ms of its own time.
pub fn sentence(track: Reader, from_ms: u64, to_ms: u64, out: impl Write) -> Result<(), MixError> {
    let samples = |ms: u64| ms * u64::from(ringline_audio::WIRE_RATE) / 1000;
    sentence_wav(track, samples(from_ms), samples(to_ms), out)
}

/// A stream of what `make` writes. `turn` is held until it is done.
pub fn stream(
    instance: InstanceId,
    turn: OwnedSemaphorePermit,
    make: impl FnOnce(Box<dyn Write>) -> Result<(), MixError> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let out = io::BufWriter::with_capacity(PIECE, Pipe(sender.clone()));
        if let Err(error) = make(Box::new(out)) {
            let error = anyhow::Error::from(error);
            if sender.is_closed() {
                tracing::debug!(call.id = %instance, "nobody waits for the mix-down any more");
                return;
            }
            tracing::error!(call.id = %instance, error = format!("{error:#}"), "a mix-down failed");
            // The connection is cut, so that the file isn't taken for whole.
            if sender.blocking_send(Err(io::Error::other("the mix-down failed"))).is_err() {
                tracing::debug!(call.id = %instance, "nobody waits for the mix-down any more");
            }
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    })
}

/// Hands on what is written to it; waits for the reader.
struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let piece = Ok(Bytes::copy_from_slice(buffer));
        self.0.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The index of a recording that is over, as its file has it; none if there is none.
pub async fn whole_index(archive: &super::Archive, instance: &InstanceId) -> anyhow::Result<Option<index::Index>> {
    let Some(reader) = archive.reader(instance, index::NAME).await? else { return Ok(None) };
    let read = tokio::task::spawn_blocking(move || serde_json::from_reader(reader)).await?;
    read.map(Some).context("the index is not readable")
}

/// Where the tracks lie in the call: ms of call time at their beginning; none if nothing has been recorded yet.
pub async fn began_ms(archive: &super::Archive, instance: &InstanceId) -> anyhow::Result<Option<u64>> {
    let Some(reader) = archive.reader(instance, super::log::NAME).await? else { return Ok(None) };
    let id = instance.clone();
    let log = tokio::task::spawn_blocking(move || super::log::Log::read(reader, &id)).await??;
    Ok(log.began_us().map(|us| us / 1000))
}

/// How far a track has come, in ms; 0 if there is none.
pub async fn reaches_ms(archive: &super::Archive, instance: &InstanceId, track: Track) -> anyhow::Result<u64> {
    let Some(reader) = archive.reader(instance, track.file_name()).await? else { return Ok(0) };
    let scan = tokio::task::spawn_blocking(move || scan_track(reader)).await??;
    Ok(super::millis(scan.position))
}
