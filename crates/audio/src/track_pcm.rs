//! A track's audio as samples, from wherever one likes to the end, true to media time.

use crate::track_reader::{TrackPacket, TrackReader};
use crate::{AudioError, MAX_PACKET, WIRE_RATE};
use std::fmt;
use std::io::Read;

/// Decoded, but not given out, before the wanted position: a decoder needs 80 ms to be true (RFC 7845 §4.6), in samples at
/// [`WIRE_RATE`].
const PREROLL: u64 = 3840;
/// What the encoder put before the first sample and every track's header tells to drop, in samples at [`WIRE_RATE`].
const PRE_SKIP: u64 = 312;

/// Decodes one track to mono at a rate of Opus (8, 12, 16, 24 or 48 kHz). Memory: one page and one packet.
pub struct TrackPcm<R> {
    packets: TrackReader<R>,
    decoder: opus::Decoder,
    /// Samples at [`WIRE_RATE`] in one of ours.
    step: u64,
    /// Position of the next sample given out, at our rate, where 0 is the first sample of the file.
    next: u64,
    /// Decoded samples, of which those from `given` on wait.
    pcm: Vec<f32>,
    given: usize,
    /// Where `pcm[0]` lies.
    pcm_at: u64,
    ended: bool,
}

impl<R: Read> TrackPcm<R> {
    /// From `from` on, in samples at [`WIRE_RATE`] since the track's beginning.
    ///
    /// # Errors
    /// [`AudioError::Codec`] if libopus takes no such rate.
    pub fn new(reader: R, rate: u32, from: u64) -> Result<Self, AudioError> {
        let decoder = opus::Decoder::new(rate, opus::Channels::Mono)
            .map_err(|source| AudioError::Codec { doing: "set up a decoder", source })?;
        let step = u64::from(WIRE_RATE / rate);
        let next = (from + PRE_SKIP) / step;
        let pcm = vec![0.0; (MAX_PACKET / WIRE_RATE * rate) as usize];
        Ok(Self { packets: TrackReader::new(reader), decoder, step, next, pcm, given: 0, pcm_at: 0, ended: false })
    }

    /// The next samples, silence where there are none. False if the track had ended before: then all are silence.
    ///
    /// # Errors
    /// [`AudioError::Write`] with what the reader says.
    pub fn read(&mut self, out: &mut [f32]) -> Result<bool, AudioError> {
        let mut filled = 0;
        while filled < out.len() {
            let waiting = self.pcm.len() - self.given;
            let at = self.pcm_at + self.given as u64;
            if waiting == 0 {
                if self.ended || !self.decode_next()? {
                    self.ended = true;
                    break;
                }
            } else if at > self.next {
                let silent = (at - self.next).min((out.len() - filled) as u64) as usize;
                out[filled..filled + silent].fill(0.0);
                filled += silent;
                self.next += silent as u64;
            } else if at < self.next {
                // Before what is wanted, or where another packet was.
                self.given += (self.next - at).min(waiting as u64) as usize;
            } else {
                let taken = waiting.min(out.len() - filled);
                out[filled..filled + taken].copy_from_slice(&self.pcm[self.given..self.given + taken]);
                self.given += taken;
                filled += taken;
                self.next += taken as u64;
            }
        }
        out[filled..].fill(0.0);
        self.next += (out.len() - filled) as u64;
        Ok(filled > 0 || out.is_empty())
    }

    /// False at the end.
    fn decode_next(&mut self) -> Result<bool, AudioError> {
        let from = (self.next * self.step).saturating_sub(PREROLL);
        loop {
            let Some(TrackPacket { at, duration, payload }) = self.packets.next_packet()? else { return Ok(false) };
            if at + u64::from(duration) < from {
                continue;
            }
            self.pcm.resize((u64::from(duration) / self.step) as usize, 0.0);
            if self.decoder.decode_float(&payload, &mut self.pcm, false).is_err() {
                self.pcm.fill(0.0);
            }
            (self.given, self.pcm_at) = (0, at / self.step);
            return Ok(true);
        }
    }
}

impl<R> fmt::Debug for TrackPcm<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackPcm").field("next", &self.next).field("ended", &self.ended).finish_non_exhaustive()
    }
}
