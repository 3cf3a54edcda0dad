//! Whether a call's journal and recording are what they were: both chains are computed anew, and their ends compared with the seal.
//!
//! What was changed is named as exactly as the chains allow: the journal's row, the log's line, and of a track the pages of one flush
//! (500 ms); the very byte, if it is the only one in them. A recording is read once, as a stream.

use super::archive::{Archive, Reader};
use super::changed_byte::changed_byte;
use super::index::hash;
use super::log::{self, Log};
use super::seal::{Document, RecordingEnd, Seal, SealError};
use super::{Track, millis};
use anyhow::Context;
use ringline_model::InstanceId;
use ringline_model::chain::{Hash, journal_link, journal_start};
use ringline_store::{InstanceStatus, Store};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use utoipa::ToSchema;

/// Rows read at a time.
const PAGE: u32 = 500;
/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verification {
    pub verdict: Verdict,
    /// In words: the first thing that was changed, or what is vouched for.
    pub findings: Vec<String>,
    /// Rows of the journal.
    pub rows: u64,
    /// Bytes of the tracks.
    pub bytes: u64,
    /// When it was sealed; none: it isn't.
    pub sealed: Option<String>,
    /// The server had died during the call, and it was sealed at the next start.
    pub after_crash: bool,
    /// The public key that seals of this server are checked with, as hex.
    pub key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is as it was signed.
    Intact,
    /// Something is not as it was.
    Changed,
    /// The chains hold, but nothing was signed yet: the call runs, its server died and has not been started since, or it ended
    /// before there were seals.
    Unsealed,
}

/// Checks a call; none if there is no such call. `key`: the public key, as hex.
pub async fn verify(
    store: &dyn Store,
    archive: &Archive,
    key: &str,
    instance: &InstanceId,
) -> anyhow::Result<Option<Verification>> {
    let Some(record) = store.instance(instance).await? else { return Ok(None) };
    let mut changed = Vec::new();
    let mut findings = Vec::new();
    let document = match sealed(store, key, instance).await? {
        Ok(document) => document,
        Err(error) => {
            changed.push(format!("Nothing vouches for the call: {error}."));
            None
        }
    };
    let rows = journal(store, instance, document.as_ref(), &mut changed, &mut findings).await?;
    let removed = record.recordings.as_ref().and_then(|recordings| recordings["removed"].as_str());
    let bytes = if let Some(removed) = removed {
        findings.push(format!("The recording was removed: {removed}."));
        0
    } else {
        recording(archive, instance, document.as_ref(), &mut changed, &mut findings).await?
    };
    if document.is_none() && changed.is_empty() {
        findings.push(match record.status {
            InstanceStatus::Finished => "It is not sealed: it waits for the server, or ended before there were seals.".into(),
            _ => "It is not sealed: the call runs, or its server died and was not started since; then what was written last \
                  (up to 0.5 s) may not be in the chain yet. The next start seals it and says so."
                .to_owned(),
        });
    }
    let verdict = match (&document, changed.is_empty()) {
        (_, false) => Verdict::Changed,
        (Some(_), true) => Verdict::Intact,
        (None, true) => Verdict::Unsealed,
    };
    changed.append(&mut findings);
    Ok(Some(Verification {
        verdict,
        findings: changed,
        rows,
        bytes,
        after_crash: document.as_ref().is_some_and(|document| document.after_crash),
        sealed: document.map(|document| document.sealed),
        key: key.to_owned(),
    }))
}

async fn sealed(
    store: &dyn Store,
    key: &str,
    instance: &InstanceId,
) -> anyhow::Result<Result<Option<Document>, SealError>> {
    let Some(text) = store.seal(instance).await? else { return Ok(Ok(None)) };
    let Ok(seal) = serde_json::from_str::<Seal>(&text) else { return Ok(Err(SealError::Unreadable)) };
    Ok(seal.check(key).and_then(|document| {
        if document.instance == *instance { Ok(Some(document)) } else { Err(SealError::Unreadable) }
    }))
}

/// How many rows there are.
async fn journal(
    store: &dyn Store,
    instance: &InstanceId,
    document: Option<&Document>,
    changed: &mut Vec<String>,
    findings: &mut Vec<String>,
) -> anyhow::Result<u64> {
    let head = store.journal_head(instance).await?.unwrap_or_default();
    let (mut link, mut next) = (journal_start(instance, &head), 0);
    let sealed = document.and_then(|document| document.journal.as_ref());
    loop {
        let rows = store.chained_journal(instance, next, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for chained in rows {
            let row = chained.row;
            let Some(hash) = chained.hash else {
                findings.push("The journal is of before there was a chain: nothing vouches for it.".into());
                return Ok(next);
            };
            if row.seq != next {
                changed.push(format!("Row {next} of the journal is missing."));
                return Ok(next);
            }
            link = journal_link(&link, row.seq, row.at_us, &row.step, &row.outputs);
            if hash != link.to_string() {
                let or_head = if row.seq == 0 { " (or what the conversation began with)" } else { "" };
                changed.push(format!("Row {} of the journal was changed{or_head}.", row.seq));
                return Ok(next);
            }
            next += 1;
        }
    }
    match sealed {
        Some(sealed) if sealed.rows > next => {
            changed.push(format!("Row {next} of the journal is missing: {} were sealed.", sealed.rows));
        }
        Some(sealed) if sealed.rows < next => {
            changed.push(format!("Row {} of the journal was added after it was sealed.", sealed.rows));
        }
        Some(sealed) if sealed.head != link.to_string() => {
            changed.push("The journal and its whole chain were written anew: its end is not what was sealed.".into());
        }
        Some(_) => findings.push(format!("The journal's {next} rows are as they were sealed.")),
        None if document.is_some() && next > 0 => {
            changed.push("The journal was added after the call was sealed.".into())
        }
        None => findings.push(format!("The chain of the journal's {next} rows holds.")),
    }
    Ok(next)
}

/// How many bytes the tracks have.
async fn recording(
    archive: &Archive,
    instance: &InstanceId,
    document: Option<&Document>,
    changed: &mut Vec<String>,
    findings: &mut Vec<String>,
) -> anyhow::Result<u64> {
    let sealed = document.and_then(|document| document.recording.clone());
    let Some(log) = archive.reader(instance, log::NAME).await? else {
        match sealed {
            Some(_) => changed.push("recording.log is missing.".into()),
            None => findings.push("Nothing was recorded.".into()),
        }
        return Ok(0);
    };
    let mut tracks = Vec::new();
    for track in Track::ALL {
        tracks.push((track, archive.reader(instance, track.file_name()).await?));
    }
    let id = instance.clone();
    let ended = document.is_some();
    let checked = tokio::task::spawn_blocking(move || -> io::Result<_> {
        let log = Log::read(log, &id)?;
        let (mut wrong, mut bytes) = (Vec::new(), 0);
        check_log(&log, sealed.as_ref(), ended, &mut wrong);
        for (track, reader) in tracks {
            let sealed = sealed.as_ref().and_then(|sealed| sealed.tracks.get(track.as_str()));
            bytes +=
                check_track(&log, track, reader, sealed.map(|sealed| (sealed.bytes, &*sealed.sha256)), &mut wrong)?;
        }
        Ok((wrong, bytes, log.lines.len()))
    });
    let (wrong, bytes, lines) = checked.await?.context("cannot read the recording")?;
    if wrong.is_empty() {
        let holds = if ended { "are as they were sealed" } else { "agree" };
        findings.push(format!("The {lines} lines of the recording's log and the {bytes} bytes of its tracks {holds}."));
    }
    changed.extend(wrong);
    Ok(bytes)
}

fn check_log(log: &Log, sealed: Option<&RecordingEnd>, ended: bool, wrong: &mut Vec<String>) {
    if let Some(line) = log.changed {
        return wrong.push(format!("Line {line} of recording.log was changed."));
    }
    let lines = log.lines.len() as u64;
    match sealed {
        Some(sealed) if sealed.lines > lines => {
            wrong.push(format!("Line {} of recording.log is missing: {} were sealed.", lines + 1, sealed.lines));
        }
        Some(sealed) if sealed.lines < lines => {
            wrong.push(format!("Line {} of recording.log was added after it was sealed.", sealed.lines + 1));
        }
        Some(sealed) if sealed.head != log.head.to_string() => {
            wrong.push("recording.log and its whole chain were written anew: its end is not what was sealed.".into());
        }
        None if ended => wrong.push("The recording was added after the call was sealed.".into()),
        _ => {}
    }
}

/// Compares a track with what the log tells of it, and with the seal.
fn check_track(
    log: &Log,
    track: Track,
    reader: Option<Reader>,
    sealed: Option<(u64, &str)>,
    wrong: &mut Vec<String>,
) -> io::Result<u64> {
    let file = track.file_name();
    let logged = log.logged(track);
    let Some(reader) = reader else {
        if logged > 0 {
            wrong.push(format!("{file} is missing."));
        }
        return Ok(0);
    };
    let mut reader = Hashing { inner: reader, hash: Sha256::new(), bytes: 0 };
    let mut position = 0;
    for ([from, to], sha256, until) in log.segments(track) {
        let mut pages = Vec::new();
        reader.by_ref().take(to - from).read_to_end(&mut pages)?;
        let (ms, end_ms) = (millis(position), millis(until));
        if (pages.len() as u64) < to - from {
            let ends = from + pages.len() as u64;
            wrong.push(format!("{file} ends at byte {ends}, {} were recorded ({ms} ms from its beginning).", logged));
            return Ok(ends);
        }
        if hash(&*pages)?.1 != sha256 {
            wrong.push(match changed_byte(&pages, sha256) {
                Some((at, was)) => format!(
                    "Byte {} of {file} was changed: it was {was:#04x} and is {:#04x} ({ms} to {end_ms} ms from its beginning).",
                    from + at as u64,
                    pages[at]
                ),
                None => format!(
                    "{file} was changed in several bytes, the first of them between {from} and {} ({ms} to {end_ms} ms from its beginning).",
                    to - 1
                ),
            });
            io::copy(&mut reader, &mut io::sink())?;
            return Ok(reader.bytes);
        }
        position = until;
    }
    io::copy(&mut reader, &mut io::sink())?;
    let bytes = reader.bytes;
    let whole: [u8; 32] = reader.hash.finalize().into();
    match sealed {
        // In a call that runs, or whose server died, pages may be there that the log isn't told of yet.
        None => {}
        Some((sealed, _)) if sealed != bytes => {
            wrong.push(format!(
                "{file} has {bytes} bytes, {sealed} were sealed: byte {} is the first.",
                bytes.min(sealed)
            ));
        }
        Some((_, sha256)) if log.changed.is_none() && Hash::from(whole).to_string() != sha256 => {
            wrong.push(format!("{file} was changed."));
        }
        Some(_) => {}
    }
    Ok(bytes)
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(&buffer[..length]);
        self.bytes += length as u64;
        Ok(length)
    }
}
