//! A whole audio file from somewhere, as mono samples at one rate.
//!
//! WAV (PCM of 8 to 32 bits, float), MP3, and Ogg with Vorbis or Opus; which of them it is the bytes say, not a name. At most
//! [`MAX_CHANNELS`] channels, which are averaged. Decoding stops at the given length, so that a small file of hours of silence
//! costs no more than that. Of an encoder's delay a few ms may stay at the beginning.

use crate::{AudioError, Resampler, WIRE_RATE};
use opus::Channels;
use std::io::Cursor;
use std::time::Duration;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// More channels than that are refused.
const MAX_CHANNELS: usize = 8;
/// Damaged packets in a row before the file is given up.
const MAX_DAMAGED: u32 = 50;
/// The longest Opus packet (RFC 6716 §3.4), in samples at [`WIRE_RATE`].
const MAX_OPUS_FRAME: usize = WIRE_RATE as usize * 120 / 1000;

#[derive(Debug, thiserror::Error)]
pub enum AudioFileError {
    #[error("it is no audio file of a known kind (WAV, MP3, Ogg)")]
    Unknown,
    #[error("the audio file is damaged: {0}")]
    Damaged(String),
    #[error("the audio file has {0} channels, at most {MAX_CHANNELS} are allowed")]
    Channels(usize),
    #[error("the audio file's sampling rate cannot be used")]
    Rate(#[source] AudioError),
    #[error("the audio is longer than {} s", .0.as_secs())]
    TooLong(Duration),
    #[error("the audio file holds no audio")]
    Empty,
}

/// The file's audio at `rate`. Takes its time: not for a thread that others wait for.
///
/// The library computes with a file's own numbers unchecked (a WAV header's channels times bytes overflow); where arithmetic
/// is checked that is a panic. It ends at this function, as a damaged file: nothing of the decoder outlives it.
pub fn decode_file(file: Vec<u8>, rate: u32, longest: Duration) -> Result<Vec<f32>, AudioFileError> {
    std::panic::catch_unwind(|| decode(file, rate, longest))
        .unwrap_or_else(|_| Err(AudioFileError::Damaged("its header holds impossible numbers".into())))
}

fn decode(file: Vec<u8>, rate: u32, longest: Duration) -> Result<Vec<f32>, AudioFileError> {
    let stream = MediaSourceStream::new(Box::new(Cursor::new(file)), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|_| AudioFileError::Unknown)?;
    let track = format.default_track(TrackType::Audio).ok_or(AudioFileError::Empty)?;
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or(AudioFileError::Unknown)?;
    let (id, mut decoder) = (track.id, Decoder::new(params)?);
    let mut mono = Mono { rate, longest, resampler: None, out: Vec::new() };
    let mut damaged = 0;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A file that was cut off ends there.
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            // Another stream follows the first in an Ogg file.
            Err(Error::ResetRequired) => break,
            Err(error) => return Err(AudioFileError::Damaged(error.to_string())),
        };
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet, &mut mono) {
            Ok(()) => damaged = 0,
            Err(AudioFileError::Damaged(why)) => {
                damaged += 1;
                if damaged > MAX_DAMAGED {
                    return Err(AudioFileError::Damaged(why));
                }
            }
            Err(error) => return Err(error),
        }
    }
    mono.finish()
}

enum Decoder {
    Library(Box<dyn AudioDecoder>, Vec<f32>),
    /// The library has no decoder for it; libopus mixes to mono itself.
    Opus(opus::Decoder, Box<[f32; MAX_OPUS_FRAME]>),
}

impl Decoder {
    fn new(params: &AudioCodecParameters) -> Result<Self, AudioFileError> {
        let channels = params.channels.as_ref().map_or(1, |channels| channels.count());
        if channels > MAX_CHANNELS || (params.codec == CODEC_ID_OPUS && channels > 2) {
            return Err(AudioFileError::Channels(channels));
        }
        if params.codec == CODEC_ID_OPUS {
            let decoder = opus::Decoder::new(WIRE_RATE, Channels::Mono)
                .map_err(|source| AudioFileError::Rate(AudioError::Codec { doing: "make a decoder", source }))?;
            return Ok(Self::Opus(decoder, Box::new([0.0; MAX_OPUS_FRAME])));
        }
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(params, &AudioDecoderOptions::default())
            .map_err(|_| AudioFileError::Unknown)?;
        Ok(Self::Library(decoder, Vec::new()))
    }

    fn decode(&mut self, packet: &symphonia::core::packet::Packet, mono: &mut Mono) -> Result<(), AudioFileError> {
        match self {
            Self::Library(decoder, samples) => {
                let audio = decoder.decode(packet).map_err(|error| AudioFileError::Damaged(error.to_string()))?;
                let (rate, channels) = (audio.spec().rate(), audio.spec().channels().count());
                if channels > MAX_CHANNELS {
                    return Err(AudioFileError::Channels(channels));
                }
                audio.copy_to_vec_interleaved(samples);
                mix(samples, channels);
                mono.push(rate, samples)
            }
            Self::Opus(decoder, frame) => {
                let decoded = decoder.decode_float(&packet.data, &mut frame[..], false);
                let length = decoded.map_err(|error| AudioFileError::Damaged(error.to_string()))?;
                mono.push(WIRE_RATE, &frame[..length])
            }
        }
    }
}

/// Averages the channels, in place.
fn mix(samples: &mut Vec<f32>, channels: usize) {
    if channels < 2 {
        return;
    }
    let frames = samples.len() / channels;
    for frame in 0..frames {
        let sum: f32 = samples[frame * channels..(frame + 1) * channels].iter().sum();
        samples[frame] = sum / channels as f32;
    }
    samples.truncate(frames);
}

/// What has been decoded, at the rate that is wanted.
struct Mono {
    rate: u32,
    longest: Duration,
    /// For the rate of the file's audio; its first packet tells.
    resampler: Option<(u32, Resampler)>,
    out: Vec<f32>,
}

impl Mono {
    fn push(&mut self, rate: u32, samples: &[f32]) -> Result<(), AudioFileError> {
        if self.resampler.as_ref().is_none_or(|(was, _)| *was != rate) {
            let next = Resampler::new(rate, self.rate).map_err(AudioFileError::Rate)?;
            if let Some((_, mut before)) = self.resampler.replace((rate, next)) {
                before.finish(&mut self.out);
            }
        }
        if let Some((_, resampler)) = &mut self.resampler {
            // Float files may hold anything.
            let samples: Vec<f32> =
                samples.iter().map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }).collect();
            resampler.push(&samples, &mut self.out);
        }
        self.check()
    }

    fn check(&self) -> Result<(), AudioFileError> {
        let most = self.longest.as_millis() * u128::from(self.rate) / 1000;
        if self.out.len() as u128 > most { Err(AudioFileError::TooLong(self.longest)) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<Vec<f32>, AudioFileError> {
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.finish(&mut self.out);
        }
        self.check()?;
        if self.out.is_empty() { Err(AudioFileError::Empty) } else { Ok(self.out) }
    }
}
