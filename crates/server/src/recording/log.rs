//! A recording's log, `recording.log` beside its tracks: what was written when, what is missing and why, as a hash chain.
//!
//! A line is the chain's link behind it (64 hex digits), a space and a JSON object ([`Line`]). It is written after what it tells
//! of, so a crash leaves a log that is true and at most some pages that it doesn't know. docs/recordings.md has the format.

use super::Track;
use ringline_audio::GapCause;
use ringline_model::InstanceId;
use ringline_model::chain::{Hash, recording_link, recording_start};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

pub const NAME: &str = "recording.log";
/// Longest line that is read, in bytes; none of ours comes near.
const MAX_LINE: u64 = 4096;

/// What a line tells. Positions are in samples at 48 kHz since the recording began, `bytes` from and to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Line {
    /// The tracks' position 0, in µs of call time.
    Began { began_us: u64 },
    /// Whole pages of a track, up to the position `until`; `recovered` if they were found after a crash.
    Segment {
        track: Track,
        bytes: [u64; 2],
        sha256: String,
        until: u64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recovered: bool,
    },
    /// Nothing came for this part.
    Gap { track: Track, gap: [u64; 2], cause: String },
    /// Packets whose place was taken were left out, so many in all.
    LeftOut { track: Track, left_out: u64 },
    /// The log tells of bytes that were gone after a crash (a power failure, or somebody took them).
    Missing { track: Track, missing: [u64; 2] },
    /// So many bytes behind the last whole page were cut off after a crash.
    Cut { track: Track, cut: u64 },
    /// Packets that the recorder had no time for, in all.
    Dropped { dropped: u64 },
    /// Recording ended early.
    Failed { failed: String },
    /// The end: of the call, or found after a crash.
    Ended { ended: Ending },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Call,
    Crash,
}

impl Line {
    pub fn gap(track: Track, from: u64, to: u64, cause: GapCause) -> Self {
        Self::Gap { track, gap: [from, to], cause: cause.as_str().to_owned() }
    }
}

/// Writes a log. Lines are gathered and written together.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    link: Hash,
    gathered: String,
}

impl LogWriter {
    pub fn create(directory: &Path, instance: &InstanceId) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(directory.join(NAME))?;
        Ok(Self { file, link: recording_start(instance), gathered: String::new() })
    }

    /// Goes on behind what has been read; what follows it in the file (part of a line) is cut off.
    pub fn go_on(directory: &Path, read: &Log) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).open(directory.join(NAME))?;
        file.set_len(read.bytes)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        Ok(Self { file, link: read.head, gathered: String::new() })
    }

    pub fn line(&mut self, line: &Line) {
        let text = serde_json::to_string(line).expect("a line is plain JSON");
        self.link = recording_link(&self.link, &text);
        self.gathered.push_str(&format!("{} {text}\n", self.link));
    }

    /// Writes what has been gathered, in one write.
    pub fn write(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.file.write_all(self.gathered.as_bytes())?;
        self.gathered.clear();
        Ok(())
    }
}

/// A log that was read.
#[derive(Clone, Debug)]
pub struct Log {
    pub lines: Vec<Line>,
    /// Links of the lines.
    pub links: Vec<Hash>,
    /// The last link.
    pub head: Hash,
    /// Of whole lines.
    pub bytes: u64,
    /// The first line (from 1) that is not what it was when it was written; what is behind it isn't read.
    pub changed: Option<usize>,
}

impl Log {
    /// Reads to the end, to half a line, or to a line that doesn't follow the one before.
    pub fn read(reader: impl Read, instance: &InstanceId) -> io::Result<Self> {
        let mut reader = BufReader::new(reader);
        let head = recording_start(instance);
        let mut log = Self { lines: Vec::new(), links: Vec::new(), head, bytes: 0, changed: None };
        loop {
            let mut text = Vec::new();
            let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)?;
            if text.pop() != Some(b'\n') {
                if length as u64 == MAX_LINE {
                    log.changed = Some(log.lines.len() + 1);
                }
                return Ok(log);
            }
            let read = String::from_utf8(text).ok().and_then(|text| {
                let (link, line) = text.split_once(' ')?;
                let expected = recording_link(&log.head, line);
                (Hash::parse(link)? == expected).then_some(())?;
                Some((expected, serde_json::from_str(line).ok()?))
            });
            let Some((link, line)) = read else {
                log.changed = Some(log.lines.len() + 1);
                return Ok(log);
            };
            log.lines.push(line);
            log.links.push(link);
            log.head = link;
            log.bytes += length as u64;
        }
    }

    /// The log in a directory; none if there is none.
    pub fn of(directory: &Path, instance: &InstanceId) -> io::Result<Option<Self>> {
        match File::open(directory.join(NAME)) {
            Ok(file) => Self::read(file, instance).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn began_us(&self) -> Option<u64> {
        self.lines.iter().find_map(|line| match line {
            Line::Began { began_us } => Some(*began_us),
            _ => None,
        })
    }

    pub fn ended(&self) -> Option<Ending> {
        self.lines.iter().find_map(|line| match line {
            Line::Ended { ended } => Some(*ended),
            _ => None,
        })
    }

    /// The pages of a track that the log tells of: bytes, hash, and the position behind them.
    pub fn segments(&self, of: Track) -> impl Iterator<Item = ([u64; 2], &str, u64)> {
        self.lines.iter().filter_map(move |line| match line {
            Line::Segment { track, bytes, sha256, until, .. } if *track == of => {
                Some((*bytes, sha256.as_str(), *until))
            }
            _ => None,
        })
    }

    /// Bytes of a track that the log tells of.
    pub fn logged(&self, of: Track) -> u64 {
        self.segments(of).last().map_or(0, |(bytes, ..)| bytes[1])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn instance() -> InstanceId {
        InstanceId::parse("i").unwrap()
    }

    fn lines() -> Vec<Line> {
        let segment = |from, to| Line::Segment {
            track: Track::User,
            bytes: [from, to],
            sha256: "5e".repeat(32),
            until: 24_000,
            recovered: false,
        };
        vec![
            Line::Began { began_us: 20 },
            segment(0, 300),
            Line::gap(Track::Agent, 0, 960, GapCause::NotSent),
            segment(300, 700),
            Line::LeftOut { track: Track::User, left_out: 2 },
            Line::Missing { track: Track::User, missing: [1, 2] },
            Line::Cut { track: Track::Agent, cut: 7 },
            Line::Dropped { dropped: 3 },
            Line::Failed { failed: "full".into() },
            Line::Ended { ended: Ending::Crash },
        ]
    }

    fn written() -> (tempfile::TempDir, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::create(directory.path(), &instance()).unwrap();
        lines().iter().for_each(|line| writer.line(line));
        writer.write().unwrap();
        let text = std::fs::read(directory.path().join(NAME)).unwrap();
        (directory, text)
    }

    #[test]
    fn lines_come_back_as_they_were_written() {
        let (_directory, text) = written();
        let log = Log::read(&*text, &instance()).unwrap();
        assert_eq!((log.lines.clone(), log.changed, log.bytes), (lines(), None, text.len() as u64));
        assert_eq!((log.began_us(), log.ended(), log.logged(Track::User)), (Some(20), Some(Ending::Crash), 700));
    }

    #[test]
    fn whatever_byte_is_changed_its_line_is_named() {
        let (_directory, text) = written();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            let line = text[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            let log = Log::read(&*changed, &instance()).unwrap();
            // Without its line end the last line is half a line.
            let expected = if at + 1 == text.len() { None } else { Some(line) };
            assert_eq!(log.changed, expected, "byte {at}");
        }
        let other = Log::read(&*text, &InstanceId::parse("j").unwrap()).unwrap();
        assert_eq!(other.changed, Some(1), "another call's");
    }

    #[test]
    fn half_a_line_is_cut_off_and_the_chain_goes_on() {
        let (directory, text) = written();
        std::fs::write(directory.path().join(NAME), &text[..text.len() - 5]).unwrap();
        let log = Log::of(directory.path(), &instance()).unwrap().unwrap();
        assert_eq!((log.lines.len(), log.changed), (9, None));
        let mut writer = LogWriter::go_on(directory.path(), &log).unwrap();
        writer.line(&Line::Ended { ended: Ending::Crash });
        writer.write().unwrap();
        assert_eq!(std::fs::read(directory.path().join(NAME)).unwrap(), text);
    }
}
