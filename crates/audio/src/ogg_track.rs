//! A recording: Opus packets as they came or went, in an Ogg file (RFC 3533, RFC 7845) that only grows.
//!
//! Every packet has its media position, and the file keeps it: what is missing between two packets is filled
//! with packets of silence, so that two tracks of a call lie beside each other in any player. After each
//! [`flush`](OggTrack::flush) the bytes written are a readable file, whatever happens to the process.

use crate::{AudioError, WIRE_RATE, packet_duration, silence_packet};
use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use std::{fmt, io::Write};

/// Pages end after this much audio even without a flush, in samples at [`WIRE_RATE`]: 1 s (RFC 7845 §6).
pub const PAGE: u64 = WIRE_RATE as u64;
/// Longest gap that is filled, in samples at [`WIRE_RATE`]: 10 min, about 120 kB. What is missing beyond it is
/// left out of the packets: the granule positions say where it is, and it is counted.
pub const MAX_GAP: u64 = 600 * WIRE_RATE as u64;
/// Longest comment header, in bytes.
pub const MAX_HEADER: usize = 64 * 1024;

/// A packet that lies up to this much before the end of the one before it is taken as following it: 2.5 ms,
/// the shortest packet.
const OVERLAP: u64 = 120;

/// What the headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OggTrackConfig {
    /// Distinguishes logical streams; any number.
    pub serial: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Samples at [`WIRE_RATE`] that the encoder added before the first; a player drops them. 312 for libopus
    /// at its usual setting.
    pub pre_skip: u16,
    /// Rate of the source in Hz, for information.
    pub input_rate: u32,
    /// Who wrote the file.
    pub vendor: String,
    /// Lines of the form `NAME=value`.
    pub comments: Vec<String>,
}

/// Counters since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OggTrackStats {
    /// Packets written, without those of silence.
    pub packets: u64,
    /// Samples of silence at [`WIRE_RATE`] put into gaps.
    pub silence_filled: u64,
    /// Packets left out because their place was already taken.
    pub late: u64,
    /// Gaps longer than [`MAX_GAP`].
    pub holes: u64,
}

/// Where a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Behind the packet before it.
    Following,
    /// Behind silence that was put in from here to there, both in samples at [`WIRE_RATE`].
    BehindGap { from: u64, to: u64 },
    /// Nowhere: its place was taken.
    LeftOut,
}

/// Writes one track. After an error of the writer the track must not be used any more.
pub struct OggTrack<W: Write> {
    writer: PacketWriter<'static, W>,
    serial: u32,
    /// The last packet with its end position: it is kept back so that it can end a page.
    pending: Option<(Vec<u8>, u64)>,
    /// Media position behind the last packet, at [`WIRE_RATE`]: its granule position.
    written: u64,
    /// Where the current page began.
    page_start: u64,
    stats: OggTrackStats,
}

impl<W: Write> OggTrack<W> {
    /// Writes both headers, each on pages of its own, and flushes them.
    ///
    /// # Errors
    /// [`AudioError::Channels`], [`AudioError::HeaderTooLong`], or [`AudioError::Write`] from the writer.
    pub fn new(writer: W, config: &OggTrackConfig) -> Result<Self, AudioError> {
        if !(1..=2).contains(&config.channels) {
            return Err(AudioError::Channels(config.channels));
        }
        let comments = comment_header(config);
        if comments.len() > MAX_HEADER {
            return Err(AudioError::HeaderTooLong { got: comments.len(), limit: MAX_HEADER });
        }
        let mut writer = PacketWriter::new(writer);
        writer.write_packet(id_header(config), config.serial, PacketWriteEndInfo::EndPage, 0)?;
        writer.write_packet(comments, config.serial, PacketWriteEndInfo::EndPage, 0)?;
        writer.inner_mut().flush()?;
        let stats = OggTrackStats::default();
        Ok(Self { writer, serial: config.serial, pending: None, written: 0, page_start: 0, stats })
    }

    /// Appends a packet whose first sample lies `at_48k` samples at [`WIRE_RATE`] behind the track's beginning.
    /// A gap before it is filled with silence, to 2.5 ms; the rest counts towards the next gap. A packet whose
    /// place is taken is left out and counted. The answer says which it was.
    ///
    /// # Errors
    /// [`AudioError::NotOpus`] (nothing is written), or [`AudioError::Write`] from the writer.
    pub fn packet(&mut self, at_48k: u64, payload: &[u8]) -> Result<Placed, AudioError> {
        let duration = u64::from(packet_duration(payload).ok_or(AudioError::NotOpus)?);
        if at_48k.saturating_add(OVERLAP) <= self.written {
            self.stats.late += 1;
            return Ok(Placed::LeftOut);
        }
        let from = self.written;
        self.fill_to(at_48k)?;
        let placed = if self.written > from { Placed::BehindGap { from, to: self.written } } else { Placed::Following };
        self.stats.packets += 1;
        self.append(payload, duration)?;
        Ok(placed)
    }

    /// Ends the page and flushes the writer: everything so far is readable from now on. To be called at least
    /// once per second. Nothing is written if there is nothing new.
    ///
    /// # Errors
    /// [`AudioError::Write`] from the writer.
    pub fn flush(&mut self) -> Result<(), AudioError> {
        self.write_pending(PacketWriteEndInfo::EndPage)?;
        self.writer.inner_mut().flush()?;
        Ok(())
    }

    /// Ends the stream, flushes, and gives the writer back.
    ///
    /// # Errors
    /// [`AudioError::Write`] from the writer.
    pub fn finish(mut self) -> Result<W, AudioError> {
        if self.pending.is_none() {
            // The last page has to hold a packet. A granule position that doesn't count it makes players drop
            // it again (RFC 7845 §4.4).
            let (_, silence) = silence_packet(OVERLAP).expect("the shortest packet");
            self.pending = Some((silence.to_vec(), self.written));
        }
        self.write_pending(PacketWriteEndInfo::EndStream)?;
        self.writer.inner_mut().flush()?;
        Ok(self.writer.into_inner())
    }

    /// Media position behind the last packet, in samples at [`WIRE_RATE`].
    pub fn position(&self) -> u64 {
        self.written
    }

    /// Where the track is written to.
    pub fn get_ref(&self) -> &W {
        self.writer.inner()
    }

    /// As [`get_ref`](Self::get_ref); whoever writes to it destroys the track.
    pub fn get_mut(&mut self) -> &mut W {
        self.writer.inner_mut()
    }

    pub fn stats(&self) -> OggTrackStats {
        self.stats
    }

    fn fill_to(&mut self, at: u64) -> Result<(), AudioError> {
        let gap = at.saturating_sub(self.written);
        if gap > MAX_GAP {
            // The jump has to lie between two pages, or the packets before it would seem to be later.
            self.stats.holes += 1;
            self.write_pending(PacketWriteEndInfo::EndPage)?;
            self.written += gap - MAX_GAP;
            self.page_start = self.written;
        }
        while let Some((duration, silence)) = silence_packet(at.saturating_sub(self.written)) {
            self.stats.silence_filled += u64::from(duration);
            self.append(silence, u64::from(duration))?;
        }
        Ok(())
    }

    fn append(&mut self, payload: &[u8], duration: u64) -> Result<(), AudioError> {
        let page_is_full = self.written.saturating_sub(self.page_start) >= PAGE;
        self.write_pending(if page_is_full { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket })?;
        self.written = self.written.saturating_add(duration);
        self.pending = Some((payload.to_vec(), self.written));
        Ok(())
    }

    fn write_pending(&mut self, end: PacketWriteEndInfo) -> Result<(), AudioError> {
        if let Some((payload, granule)) = self.pending.take() {
            self.writer.write_packet(payload, self.serial, end, granule)?;
            if end == PacketWriteEndInfo::EndPage {
                self.page_start = granule;
            }
        }
        Ok(())
    }
}

impl<W: Write> fmt::Debug for OggTrack<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serial, written, stats, .. } = self;
        f.debug_struct("OggTrack").field("serial", serial).field("written", written).field("stats", stats).finish()
    }
}

/// RFC 7845 §5.1, channel mapping family 0, no gain.
fn id_header(config: &OggTrackConfig) -> Vec<u8> {
    let mut header = b"OpusHead\x01".to_vec();
    header.push(config.channels);
    header.extend(config.pre_skip.to_le_bytes());
    header.extend(config.input_rate.to_le_bytes());
    header.extend([0, 0, 0]);
    header
}

/// RFC 7845 §5.2.
fn comment_header(config: &OggTrackConfig) -> Vec<u8> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut header = b"OpusTags".to_vec();
    header.extend(count(config.vendor.len()));
    header.extend(config.vendor.as_bytes());
    header.extend(count(config.comments.len()));
    for comment in &config.comments {
        header.extend(count(comment.len()));
        header.extend(comment.as_bytes());
    }
    header
}
