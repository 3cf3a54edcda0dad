//! Reads an [`OggTrack`](crate::OggTrack) again, page by page, up to the last whole one.
//!
//! A page counts only if its checksum is right, so after a crash the reader ends where the file stops being
//! true. Memory: one page (at most 64 kB) and its packets.

use crate::packet_duration;
use ogg::reading::{BasePacketReader, PageParser};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};

/// One packet with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackPacket {
    /// Media position of the first sample, in samples at [`WIRE_RATE`](crate::WIRE_RATE).
    pub at: u64,
    /// In samples at [`WIRE_RATE`](crate::WIRE_RATE).
    pub duration: u32,
    pub payload: Vec<u8>,
}

/// What a whole track comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackScan {
    /// Bytes of whole pages, headers included: a file cut to this length is whole.
    pub bytes: u64,
    pub pages: u64,
    /// Packets, those of silence in gaps included.
    pub packets: u64,
    /// Media position behind the last packet, in samples at [`WIRE_RATE`](crate::WIRE_RATE).
    pub position: u64,
    /// The stream has been ended in order.
    pub ended: bool,
    /// Something follows that is no whole page.
    pub torn: bool,
}

/// Reads a track to its end or to where it is torn.
///
/// # Errors
/// From the reader; a torn track is none.
pub fn scan_track(reader: impl Read) -> io::Result<TrackScan> {
    let mut reader = TrackReader::new(reader);
    while reader.next_packet()?.is_some() {}
    Ok(reader.scan())
}

/// Gives a track's packets one after the other.
pub struct TrackReader<R> {
    reader: R,
    packets: BasePacketReader,
    /// Of the page read last.
    ready: VecDeque<TrackPacket>,
    headers: u8,
    scan: TrackScan,
}

const HEADERS: u8 = 2;
const PAGE_HEADER: usize = 27;

impl<R: Read> TrackReader<R> {
    pub fn new(reader: R) -> Self {
        let packets = BasePacketReader::new();
        Self { reader, packets, ready: VecDeque::new(), headers: 0, scan: TrackScan::default() }
    }

    /// The next packet; none at the end, or where the track is torn.
    ///
    /// # Errors
    /// From the reader.
    pub fn next_packet(&mut self) -> io::Result<Option<TrackPacket>> {
        while self.ready.is_empty() {
            if self.scan.torn || !self.read_page()? {
                return Ok(None);
            }
        }
        Ok(self.ready.pop_front())
    }

    /// What has been read so far; of pages, not of packets given out.
    pub fn scan(&self) -> TrackScan {
        self.scan
    }

    /// False at the end.
    fn read_page(&mut self) -> io::Result<bool> {
        let mut header = [0; PAGE_HEADER];
        match fill(&mut self.reader, &mut header)? {
            0 => return Ok(false),
            PAGE_HEADER => {}
            _ => return Ok(self.tear()),
        }
        let Ok((mut parser, segments)) = PageParser::new(header) else { return Ok(self.tear()) };
        let mut lacing = vec![0; segments];
        if fill(&mut self.reader, &mut lacing)? < segments {
            return Ok(self.tear());
        }
        let length = parser.parse_segments(lacing);
        let mut body = vec![0; length];
        if fill(&mut self.reader, &mut body)? < length {
            return Ok(self.tear());
        }
        let Ok(page) = parser.parse_packet_data(body) else { return Ok(self.tear()) };
        if self.packets.push_page(page).is_err() {
            return Ok(self.tear());
        }
        self.scan.bytes += (PAGE_HEADER + segments + length) as u64;
        self.scan.pages += 1;
        self.take_packets();
        Ok(true)
    }

    fn tear(&mut self) -> bool {
        self.scan.torn = true;
        false
    }

    /// Places the page's packets: its granule position is the end of the last.
    fn take_packets(&mut self) {
        let mut found: Vec<(Vec<u8>, u32)> = Vec::new();
        let mut end = None;
        while let Some(packet) = self.packets.read_packet() {
            self.scan.ended |= packet.last_in_stream();
            if self.headers < HEADERS {
                self.headers += 1;
                continue;
            }
            end = Some(packet.absgp_page());
            // What isn't Opus has no length; the writer takes none.
            let duration = packet_duration(&packet.data).unwrap_or(0);
            found.push((packet.data, duration));
        }
        let Some(end) = end else { return };
        let length: u64 = found.iter().map(|(_, duration)| u64::from(*duration)).sum();
        // The last page may end before its packets do: what lies behind its end doesn't count.
        let mut at = end.saturating_sub(length).max(self.scan.position.min(end));
        for (payload, duration) in found {
            if at >= end {
                break;
            }
            self.scan.packets += 1;
            self.ready.push_back(TrackPacket { at, duration, payload });
            at += u64::from(duration);
        }
        self.scan.position = self.scan.position.max(end);
    }
}

impl<R> fmt::Debug for TrackReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackReader").field("scan", &self.scan).finish_non_exhaustive()
    }
}

/// As much as there is, at most the buffer.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
