//! A track's file while it is written: counts and hashes what goes into it, so that the log can tell of it.
//!
//! It gets its name once its first page of audio is in it, and not before: whoever finds a track can play it. What a process
//! leaves behind that was killed earlier is no track ([`unnamed`]), and is removed at the next start.

use super::Track;
use super::log::Line;
use ringline_audio::{AudioError, OggTrack, OggTrackConfig};
use ringline_model::chain::Hash;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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
    /// Where it is, until it has its name, and its name.
    unnamed: Option<(PathBuf, PathBuf)>,
}

/// Where a track is made until there is audio in it.
pub fn unnamed(directory: &Path, track: Track) -> PathBuf {
    directory.join(track.file_name()).with_extension("new")
}

impl TrackFile {
    fn create(directory: &Path, track: Track) -> io::Result<Self> {
        let unnamed = unnamed(directory, track);
        let file = BufWriter::new(File::create(&unnamed)?);
        let unnamed = Some((unnamed, directory.join(track.file_name())));
        Ok(Self { file, bytes: 0, logged: 0, unlogged: Sha256::new(), unnamed })
    }

    /// What has been written since the last call, for the log; `until` is the position behind it. To be asked for when pages of
    /// audio have been flushed: with the first of them the file gets its name.
    pub fn segment(&mut self, track: Track, until: u64) -> io::Result<Option<Line>> {
        if self.bytes == self.logged {
            return Ok(None);
        }
        if let Some((unnamed, named)) = self.unnamed.take() {
            std::fs::rename(unnamed, named)?;
        }
        let bytes = [self.logged, self.bytes];
        self.logged = self.bytes;
        let hash: [u8; 32] = self.unlogged.finalize_reset().into();
        Ok(Some(Line::Segment { track, bytes, sha256: Hash::from(hash).to_string(), until, recovered: false }))
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

/// Begins a track in a directory that is there.
pub fn create(directory: &Path, track: Track) -> Result<OggTrack<TrackFile>, AudioError> {
    let config = OggTrackConfig {
        serial: track as u32 + 1,
        channels: 1,
        pre_skip: PRE_SKIP,
        input_rate: ringline_audio::WIRE_RATE,
        vendor: concat!("ringline ", env!("CARGO_PKG_VERSION")).to_owned(),
        comments: Vec::new(),
    };
    OggTrack::new(TrackFile::create(directory, track)?, &config)
}
