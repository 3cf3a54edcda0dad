//! The index of a recording that is over: how long its tracks are, what they lack and why.
//!
//! After a crash the recording is put in order first: a torn last page is cut off, a file without a page of audio is removed, pages
//! that the log doesn't know are told of, and the log says that it was done here. Blocking; to be called on a blocking thread. Doing it twice changes nothing.

use super::log::{Ending, Line, Log, LogWriter};
use super::track_file::unnamed;
use super::{Track, millis};
use crate::recording::seal::{RecordingEnd, SealedTrack};
use ringline_audio::{TrackScan, scan_track};
use ringline_model::InstanceId;
use ringline_model::chain::Hash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use utoipa::ToSchema;

pub const NAME: &str = "index.json";
/// Gaps of a track that are kept with the instance; the file has all.
const FEW_GAPS: usize = 200;

/// What a recording comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Index {
    /// Unix ms of the tracks' beginning.
    pub began_ms: i64,
    /// Of the longest track.
    pub duration_ms: u64,
    /// The server had died during the call.
    pub after_crash: bool,
    /// Packets that the recorder had no time for.
    pub dropped: u64,
    /// Why recording ended before the call did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failed: Option<String>,
    /// `user`, `agent` and `human` (who was in charge), as far as they are there.
    pub tracks: BTreeMap<String, TrackIndex>,
    /// Where it is kept; none: it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub stored: Option<String>,
    /// When and why it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub removed: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrackIndex {
    pub bytes: u64,
    pub sha256: String,
    pub pages: u64,
    /// Those of silence in gaps included.
    pub packets: u64,
    pub duration_ms: u64,
    /// Where no audio came, in order.
    pub gaps: Vec<GapIndex>,
    /// Gaps that are not listed here: the recording's index.json has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gaps_left_off: usize,
    /// In ms, by cause.
    pub gaps_ms: BTreeMap<String, u64>,
    /// Packets that came when their place was taken.
    pub left_out: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GapIndex {
    pub from_ms: u64,
    pub to_ms: u64,
    /// `joined_late`, `lost`, `not_sent`, `away`, `not_in_charge`, `dropped` or `clock`.
    pub cause: String,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Index {
    /// As it is kept with the instance.
    pub fn brief(&self) -> Self {
        let mut brief = self.clone();
        for track in brief.tracks.values_mut() {
            track.gaps_left_off = track.gaps.len().saturating_sub(FEW_GAPS);
            track.gaps.truncate(FEW_GAPS);
        }
        brief
    }
}

/// Puts a recording in order and says what it comes to; none if there is none. `created_ms`: Unix ms at call time 0.
pub fn finalise(directory: &Path, instance: &InstanceId, created_ms: i64) -> io::Result<Option<(Index, RecordingEnd)>> {
    let Some(mut log) = Log::of(directory, instance)? else { return Ok(None) };
    if log.ended().is_none() && log.changed.is_none() {
        recover(directory, &log)?;
        log = Log::of(directory, instance)?.ok_or(io::ErrorKind::NotFound)?;
    }
    let mut index = Index {
        began_ms: created_ms + (log.began_us().unwrap_or(0) / 1000) as i64,
        after_crash: log.ended() == Some(Ending::Crash),
        ..Index::default()
    };
    let mut sealed = BTreeMap::new();
    for track in Track::ALL {
        let path = directory.join(track.file_name());
        if !path.exists() {
            continue;
        }
        let scan = scan(&path)?;
        let (bytes, sha256) = hash(File::open(&path)?)?;
        // What counts survives a power failure from here on.
        File::open(&path)?.sync_all()?;
        sealed.insert(track.as_str().to_owned(), SealedTrack { bytes, sha256: sha256.clone() });
        let duration_ms = millis(scan.position);
        index.duration_ms = index.duration_ms.max(duration_ms);
        let TrackScan { pages, packets, .. } = scan;
        let entry = TrackIndex { bytes, sha256, pages, packets, duration_ms, ..TrackIndex::default() };
        index.tracks.insert(track.as_str().to_owned(), entry);
    }
    log.lines.iter().for_each(|line| index.take(line));
    File::open(directory.join(super::log::NAME))?.sync_all()?;
    let end = RecordingEnd { lines: log.lines.len() as u64, head: log.head.to_string(), tracks: sealed };
    Ok(Some((index, end)))
}

impl Index {
    fn take(&mut self, line: &Line) {
        match line {
            Line::Gap { track, gap: [from, to], cause } => {
                let Some(entry) = self.tracks.get_mut(track.as_str()) else { return };
                let gap = GapIndex { from_ms: millis(*from), to_ms: millis(*to), cause: cause.clone() };
                *entry.gaps_ms.entry(cause.clone()).or_default() += gap.to_ms - gap.from_ms;
                entry.gaps.push(gap);
            }
            Line::LeftOut { track, left_out } => {
                if let Some(entry) = self.tracks.get_mut(track.as_str()) {
                    entry.left_out = *left_out;
                }
            }
            Line::Dropped { dropped } => self.dropped = *dropped,
            Line::Failed { failed } => self.failed = Some(failed.clone()),
            Line::Began { .. }
            | Line::Segment { .. }
            | Line::Missing { .. }
            | Line::Cut { .. }
            | Line::Ended { .. } => {}
        }
    }
}

/// After a crash: cuts what is no whole page, and tells the log of what it doesn't know.
fn recover(directory: &Path, log: &Log) -> io::Result<()> {
    let mut writer = LogWriter::go_on(directory, log)?;
    for track in Track::ALL {
        remove(&unnamed(directory, track))?;
        let path = directory.join(track.file_name());
        let (found, length) = if path.exists() { (scan(&path)?, path.metadata()?.len()) } else { Default::default() };
        let logged = log.logged(track);
        // Headers alone are no track.
        let whole = if found.position > 0 { found } else { TrackScan::default() };
        if whole.bytes == 0 {
            remove(&path)?;
        } else if length > whole.bytes {
            OpenOptions::new().write(true).open(&path)?.set_len(whole.bytes)?;
        }
        if length > whole.bytes {
            writer.line(&Line::Cut { track, cut: length - whole.bytes });
        }
        if whole.bytes > logged {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(logged))?;
            let (_, sha256) = hash(file.take(whole.bytes - logged))?;
            let bytes = [logged, whole.bytes];
            writer.line(&Line::Segment { track, bytes, sha256, until: whole.position, recovered: true });
        } else if whole.bytes < logged {
            writer.line(&Line::Missing { track, missing: [whole.bytes, logged] });
        }
    }
    writer.line(&Line::Ended { ended: Ending::Crash });
    writer.write()
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn scan(path: &Path) -> io::Result<TrackScan> {
    scan_track(BufReader::with_capacity(1 << 16, File::open(path)?))
}

/// Length and SHA-256, as hex.
pub fn hash(mut reader: impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut reader, &mut HashInto(&mut hash))?;
    let hash: [u8; 32] = hash.finalize().into();
    Ok((bytes, Hash::from(hash).to_string()))
}

struct HashInto<'h>(&'h mut Sha256);

impl io::Write for HashInto<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.update(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::track_file::create;
    use super::*;
    use ringline_audio::{GapCause, silence_packet};

    /// A recording of two tracks as it is left behind when the process dies after `flushes` of 500 ms and some packets.
    fn crashed(flushes: u64) -> (tempfile::TempDir, InstanceId) {
        let (directory, instance) = (tempfile::tempdir().unwrap(), InstanceId::parse("i").unwrap());
        let mut log = LogWriter::create(directory.path(), &instance).unwrap();
        log.line(&Line::Began { began_us: 3_000_000 });
        log.line(&Line::gap(Track::User, 4800, 9600, GapCause::Lost));
        let (_, packet) = silence_packet(960).unwrap();
        for track in Track::SIDES {
            let mut ogg = create(directory.path(), track).unwrap();
            for flush in 0..flushes {
                for n in 0..25 {
                    ogg.packet((flush * 25 + n) * 960, packet).unwrap();
                }
                ogg.flush().unwrap();
                let until = ogg.position();
                log.line(&ogg.get_mut().segment(track, until).unwrap().unwrap());
            }
            log.write().unwrap();
            // Flushed, but the log did not come to it.
            ogg.packet(flushes * 25 * 960, packet).unwrap();
            ogg.flush().unwrap();
        }
        (directory, instance)
    }

    #[test]
    fn a_torn_page_is_cut_off_and_what_the_log_does_not_know_is_told_of_as_recovered() {
        let (directory, instance) = crashed(4);
        let user = directory.path().join("user.ogg");
        let whole = std::fs::read(&user).unwrap();
        std::fs::write(&user, [&whole, &whole[..40]].concat()).unwrap();
        let (index, end) = finalise(directory.path(), &instance, 1000).unwrap().unwrap();
        assert_eq!((index.began_ms, index.duration_ms, index.after_crash), (4000, 2020, true));
        assert_eq!(std::fs::read(&user).unwrap(), whole);
        assert_eq!(index.tracks["user"].packets, 101);
        assert_eq!(index.tracks["user"].gaps_ms["lost"], 100);
        assert_eq!(end.tracks["user"].bytes, whole.len() as u64);
        let log = Log::of(directory.path(), &instance).unwrap().unwrap();
        assert!(log.lines.contains(&Line::Cut { track: Track::User, cut: 40 }));
        let recovered = |line: &&Line| matches!(line, Line::Segment { recovered: true, .. });
        assert_eq!(log.lines.iter().filter(recovered).count(), 2);
        assert_eq!(end.head, log.head.to_string());
        // Once more, as if the server had died before it could note it.
        assert_eq!(finalise(directory.path(), &instance, 1000).unwrap().unwrap(), (index, end));
    }

    #[test]
    fn wherever_the_file_was_cut_it_is_put_in_order() {
        let (directory, instance) = crashed(2);
        let user = directory.path().join("user.ogg");
        let log = std::fs::read(directory.path().join(super::super::log::NAME)).unwrap();
        let whole = std::fs::read(&user).unwrap();
        for cut in (0..whole.len()).step_by(11) {
            std::fs::write(&user, &whole[..cut]).unwrap();
            std::fs::write(directory.path().join(super::super::log::NAME), &log).unwrap();
            let (index, _) = finalise(directory.path(), &instance, 0).unwrap().unwrap();
            let Some(track) = index.tracks.get("user") else {
                assert!(!user.exists() && scan_track(&whole[..cut]).unwrap().position == 0, "cut at {cut}");
                continue;
            };
            let kept = std::fs::read(&user).unwrap();
            assert_eq!(kept, whole[..kept.len()], "cut at {cut}");
            assert_eq!(track.bytes, kept.len() as u64);
            let scan = scan_track(&*kept).unwrap();
            assert!(!scan.torn && scan.position > 0);
        }
    }

    #[test]
    fn where_nothing_was_recorded_there_is_no_index() {
        let directory = tempfile::tempdir().unwrap();
        let instance = InstanceId::parse("i").unwrap();
        assert_eq!(finalise(&directory.path().join("nowhere"), &instance, 0).unwrap(), None);
    }
}
