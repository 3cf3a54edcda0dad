//! Two tracks beside each other: user left, agent right. As WAV, as Ogg Opus, as the peaks of a waveform.
//!
//! Everything streams: tracks are read and results written piece by piece, so an hour takes no more memory than a second.
//! Lengths are handed in, in samples at [`WIRE_RATE`], because a WAV says its length first.

use crate::ogg_track::{OggTrack, OggTrackConfig};
use crate::track_pcm::TrackPcm;
use crate::{AudioError, EAR_RATE, WIRE_RATE};
use std::io::{Read, Write};

/// Of a mix-down as Opus, in bits per second.
const BITRATE: i32 = 64_000;
/// Samples at [`WIRE_RATE`] of an Opus frame: 20 ms.
const FRAME: usize = 960;
/// Samples at [`EAR_RATE`] written at a time: 100 ms.
const PIECE: usize = EAR_RATE as usize / 10;
/// Peaks are looked for at this rate: an outline needs no more.
const PEAK_RATE: u32 = 8000;
/// Longest WAV: what its 32-bit length can say, in bytes of samples.
const MAX_WAV: u64 = u32::MAX as u64 - 64;

/// Why two tracks did not come together.
#[derive(Debug, thiserror::Error)]
pub enum MixError {
    #[error("{minutes} minutes are too long for a WAV file; ask for Opus")]
    TooLong { minutes: u64 },
    #[error(transparent)]
    Audio(#[from] AudioError),
    #[error("the result could not be written")]
    Write(#[from] std::io::Error),
}

/// Writes `length` samples of both tracks as 16-bit WAV at [`EAR_RATE`] with two channels. A track that isn't there is silence.
///
/// # Errors
/// [`MixError::TooLong`] beyond 4 GB (18 h); reading and writing fail as their ends do.
pub fn mix_wav<R: Read>(tracks: [Option<R>; 2], length: u64, out: impl Write) -> Result<(), MixError> {
    write_wav(&mut pcm(tracks, EAR_RATE, 0)?, 2, length, out)
}

/// As [`mix_wav`] with both tracks in one channel.
///
/// # Errors
/// As [`mix_wav`].
pub fn mono_wav<R: Read>(tracks: [Option<R>; 2], length: u64, out: impl Write) -> Result<(), MixError> {
    write_wav(&mut pcm(tracks, EAR_RATE, 0)?, 1, length, out)
}

/// Writes one track from `from` to `to` as 16-bit WAV at [`EAR_RATE`] with one channel.
///
/// # Errors
/// As [`mix_wav`].
pub fn sentence_wav(track: impl Read, from: u64, to: u64, out: impl Write) -> Result<(), MixError> {
    let track = TrackPcm::new(track, EAR_RATE, from)?;
    write_wav(&mut [Some(track)], 1, to.saturating_sub(from), out)
}

/// Writes `length` samples of both tracks as Ogg Opus with two channels.
///
/// # Errors
/// Reading, encoding and writing fail as their ends do.
pub fn mix_opus<R: Read>(tracks: [Option<R>; 2], length: u64, vendor: &str, out: impl Write) -> Result<(), MixError> {
    let codec = |source| AudioError::Codec { doing: "encode a mix-down", source };
    let mut encoder = opus::Encoder::new(WIRE_RATE, opus::Channels::Stereo, opus::Application::Audio).map_err(codec)?;
    encoder.set_bitrate(opus::Bitrate::Bits(BITRATE)).map_err(codec)?;
    let pre_skip = encoder.get_lookahead().map_err(codec)?;
    let config = OggTrackConfig {
        serial: 1,
        channels: 2,
        pre_skip: u16::try_from(pre_skip).unwrap_or(312),
        input_rate: WIRE_RATE,
        vendor: vendor.to_owned(),
        comments: vec!["COMMENT=user left, agent right".into()],
    };
    let mut tracks = pcm(tracks, WIRE_RATE, 0)?;
    let mut out = OggTrack::new(out, &config)?;
    let (mut mono, mut both, mut packet) = (vec![0.0; FRAME], vec![0.0; 2 * FRAME], vec![0; 4000]);
    let mut at = 0;
    // One frame more, for what the encoder holds back.
    while at < length + u64::from(config.pre_skip) {
        for (channel, track) in tracks.iter_mut().enumerate() {
            read(track, &mut mono)?;
            for (place, sample) in both.iter_mut().skip(channel).step_by(2).zip(&mono) {
                *place = *sample;
            }
        }
        let size = encoder.encode_float(&both, &mut packet).map_err(codec)?;
        out.packet(at, &packet[..size])?;
        at += FRAME as u64;
    }
    out.finish()?;
    Ok(())
}

/// The loudest sample of each of `buckets` equal parts of `length` samples, for each track, 0.0 to 1.0.
///
/// # Errors
/// As reading does.
pub fn peaks<R: Read>(tracks: [Option<R>; 2], length: u64, buckets: usize) -> Result<[Vec<f32>; 2], MixError> {
    let samples = length / u64::from(WIRE_RATE / PEAK_RATE);
    let mut found = [vec![0.0f32; buckets], vec![0.0; buckets]];
    let mut piece = vec![0.0; PIECE];
    for (mut track, peaks) in pcm(tracks, PEAK_RATE, 0)?.into_iter().zip(&mut found) {
        let mut at = 0;
        while at < samples && track.is_some() {
            let count = (samples - at).min(PIECE as u64) as usize;
            read(&mut track, &mut piece[..count])?;
            for (n, sample) in piece[..count].iter().enumerate() {
                let bucket = ((at + n as u64) * buckets as u64 / samples) as usize;
                peaks[bucket] = peaks[bucket].max(sample.abs().min(1.0));
            }
            at += count as u64;
        }
    }
    Ok(found)
}

fn pcm<R: Read>(tracks: [Option<R>; 2], rate: u32, from: u64) -> Result<[Option<TrackPcm<R>>; 2], AudioError> {
    let [left, right] = tracks.map(|track| track.map(|track| TrackPcm::new(track, rate, from)).transpose());
    Ok([left?, right?])
}

fn read<R: Read>(track: &mut Option<TrackPcm<R>>, out: &mut [f32]) -> Result<(), AudioError> {
    match track {
        Some(track) => track.read(out).map(drop),
        None => {
            out.fill(0.0);
            Ok(())
        }
    }
}

/// Each track into a channel of its own, the last channel takes what is left.
fn write_wav<R: Read>(
    tracks: &mut [Option<TrackPcm<R>>],
    channels: usize,
    length: u64,
    mut out: impl Write,
) -> Result<(), MixError> {
    let samples = length / u64::from(WIRE_RATE / EAR_RATE);
    let bytes = samples * channels as u64 * 2;
    if bytes > MAX_WAV {
        return Err(MixError::TooLong { minutes: length / u64::from(WIRE_RATE) / 60 });
    }
    out.write_all(&wav_header(channels as u16, bytes as u32))?;
    let (mut mono, mut mixed) = (vec![0.0f32; PIECE], vec![0.0f32; PIECE * channels]);
    let mut piece = vec![0u8; PIECE * channels * 2];
    let mut left = samples;
    while left > 0 {
        let count = left.min(PIECE as u64) as usize;
        mixed.fill(0.0);
        for (n, track) in tracks.iter_mut().enumerate() {
            read(track, &mut mono[..count])?;
            let channel = n.min(channels - 1);
            for (place, sample) in mixed.iter_mut().skip(channel).step_by(channels).zip(&mono[..count]) {
                *place += *sample;
            }
        }
        for (place, sample) in piece.chunks_exact_mut(2).zip(&mixed) {
            place.copy_from_slice(&((sample.clamp(-1.0, 1.0) * 32767.0).round() as i16).to_le_bytes());
        }
        out.write_all(&piece[..count * channels * 2])?;
        left -= count as u64;
    }
    out.flush()?;
    Ok(())
}

/// A RIFF header for 16-bit samples at [`EAR_RATE`].
fn wav_header(channels: u16, bytes: u32) -> [u8; 44] {
    let mut header = [0; 44];
    let block = channels * 2;
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        header[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&(bytes + 36).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&1u16.to_le_bytes());
    put(&channels.to_le_bytes());
    put(&EAR_RATE.to_le_bytes());
    put(&(EAR_RATE * u32::from(block)).to_le_bytes());
    put(&block.to_le_bytes());
    put(&16u16.to_le_bytes());
    put(b"data");
    put(&bytes.to_le_bytes());
    header
}
