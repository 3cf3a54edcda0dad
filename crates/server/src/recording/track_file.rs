//! A track's file while it is written: counts and hashes what goes into it, so that the log can tell of it.

use super::Track;
use super::log::Line;
use ringline_audio::{AudioError, OggTrack, OggTrackConfig};
use ringline_model::chain::Hash;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// libopus's look-ahead at its usual setting, in samples at 48 kHz.
const PRE_SKIP: u16 = 312;

/// Where a track's pages go.
#[derive(Debug)]
pub struct TrackFile {
    file: BufWriter<File>,
    bytes: u64,
    /// What the log tells of.
    logged: u64,
    unlogged: Sha256,
}

impl TrackFile {
    fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        Ok(Self { file, bytes: 0, logged: 0, unlogged: Sha256::new() })
    }

    /// What has been written since the last call, for the log; `until` is the position behind it.
    pub fn segment(&mut self, track: Track, until: u64) -> Option<Line> {
        if self.bytes == self.logged {
            return None;
        }
        let bytes = [self.logged, self.bytes];
        self.logged = self.bytes;
        let hash: [u8; 32] = self.unlogged.finalize_reset().into();
        Some(Line::Segment { track, bytes, sha256: Hash::from(hash).to_string(), until, recovered: false })
    }
}

impl Write for TrackFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.unlogged.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Begins a track in a directory that is there. The file has its name only once the headers are in it: whoever opens it finds a
/// track.
pub fn create(directory: &Path, track: Track) -> Result<OggTrack<TrackFile>, AudioError> {
    let config = OggTrackConfig {
        serial: track as u32 + 1,
        channels: 1,
        pre_skip: PRE_SKIP,
        input_rate: ringline_audio::WIRE_RATE,
        vendor: concat!("ringline ", env!("CARGO_PKG_VERSION")).to_owned(),
        comments: Vec::new(),
    };
    let path = directory.join(track.file_name());
    let new = path.with_extension("new");
    let track = OggTrack::new(TrackFile::create(&new)?, &config)?;
    std::fs::rename(new, path)?;
    Ok(track)
}
