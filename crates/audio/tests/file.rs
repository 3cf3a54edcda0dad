//! Files of others, as mono samples at one rate.
#![allow(clippy::unwrap_used)]

mod common;

use common::{speech_packets, voice};
use proptest::prelude::*;
use ringline_audio::{AudioFileError, OggTrack, OggTrackConfig, decode_file, rms};
use std::f32::consts::TAU;
use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(10);
const RATE: u32 = 24_000;

/// A WAV file: `format` is 1 for PCM, 3 for float; `sample` writes one sample of a value within ±1.
fn wav(format: u16, bits: u16, rate: u32, channels: u16, frames: &[Vec<f32>]) -> Vec<u8> {
    let mut data = Vec::new();
    for &value in frames.iter().flatten() {
        match (format, bits) {
            (3, 32) => data.extend(value.to_le_bytes()),
            (3, 64) => data.extend(f64::from(value).to_le_bytes()),
            (_, 8) => data.push((value * 127.0 + 128.0) as u8),
            _ => {
                data.extend(&((value * (1_u64 << (bits - 1)) as f32 * 0.999) as i32).to_le_bytes()[..bits as usize / 8])
            }
        }
    }
    let align = channels * bits / 8;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    for field in [format, channels] {
        file.extend(field.to_le_bytes());
    }
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(align)).to_le_bytes());
    file.extend(align.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// One second of 440 Hz at half scale on every channel.
fn tone(rate: u32, channels: usize) -> Vec<Vec<f32>> {
    (0..rate).map(|n| vec![0.5 * (TAU * 440.0 * n as f32 / rate as f32).sin(); channels]).collect()
}

/// How much of the samples is 440 Hz, as the amplitude of that tone.
fn amplitude(samples: &[f32], rate: u32) -> f32 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let phase = TAU * 440.0 * n as f32 / rate as f32;
        sine += sample * phase.sin();
        cosine += sample * phase.cos();
    }
    2.0 * f32::hypot(sine, cosine) / samples.len() as f32
}

#[test]
fn every_kind_of_wav_sounds_the_same() {
    for (format, bits) in [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)] {
        for (rate, channels) in [(8_000, 1), (16_000, 1), (24_000, 2), (44_100, 2), (48_000, 1), (96_000, 6)] {
            let file = wav(format, bits, rate, channels, &tone(rate, channels.into()));
            let samples = decode_file(file, RATE, LONGEST).unwrap();
            let what = format!("{format} {bits} bits {rate} Hz {channels} channels");
            assert_eq!(samples.len(), RATE as usize, "{what}");
            assert!((amplitude(&samples, RATE) - 0.5).abs() < 0.02, "{what}: {}", amplitude(&samples, RATE));
        }
    }
}

#[test]
fn channels_are_averaged() {
    let frames: Vec<_> = tone(RATE, 1).into_iter().map(|frame| vec![frame[0], 0.0]).collect();
    let samples = decode_file(wav(1, 16, RATE, 2, &frames), RATE, LONGEST).unwrap();
    assert!((amplitude(&samples, RATE) - 0.25).abs() < 0.01);
}

#[test]
fn an_ogg_opus_file_is_heard() {
    let speech = voice(48_000, 48_000);
    let packets = speech_packets(50);
    let config = OggTrackConfig {
        serial: 7,
        channels: 1,
        pre_skip: 312,
        input_rate: 48_000,
        vendor: "ringline".into(),
        comments: Vec::new(),
    };
    let mut track = OggTrack::new(Vec::new(), &config).unwrap();
    for packet in &packets {
        track.packet(packet.rtp_time - packets[0].rtp_time, &packet.payload).unwrap();
    }
    let file = track.finish().unwrap();
    let samples = decode_file(file, 16_000, LONGEST).unwrap();
    assert!((samples.len() as i64 - 16_000).abs() < 1_600, "{}", samples.len());
    assert!(rms(&samples) > rms(&speech) / 3.0, "{} of {}", rms(&samples), rms(&speech));
}

#[test]
fn audio_that_is_too_long_is_refused_at_its_limit() {
    let file = wav(1, 16, 8_000, 1, &tone(8_000, 1));
    assert!(decode_file(file.clone(), RATE, Duration::from_secs(1)).is_ok());
    let error = decode_file(file, RATE, Duration::from_millis(999)).unwrap_err();
    assert!(matches!(error, AudioFileError::TooLong(_)), "{error}");
}

#[test]
fn what_cannot_be_used_is_said() {
    let decode = |file: Vec<u8>| decode_file(file, RATE, LONGEST).unwrap_err();
    assert!(matches!(decode(Vec::new()), AudioFileError::Unknown));
    assert!(matches!(decode(b"<html>not found</html>".repeat(50)), AudioFileError::Unknown));
    assert!(matches!(decode(wav(1, 16, RATE, 1, &[])), AudioFileError::Empty | AudioFileError::Unknown));
    assert!(matches!(decode(wav(1, 16, 1_000, 1, &tone(1_000, 1))), AudioFileError::Rate(_)));
}

#[test]
fn values_that_are_no_numbers_are_silent() {
    let frames: Vec<_> = (0..3000).map(|n| vec![[f32::NAN, f32::INFINITY, 1e30][n % 3]]).collect();
    let samples = decode_file(wav(3, 32, RATE, 1, &frames), RATE, LONGEST).unwrap();
    assert!(samples.iter().all(|sample| sample.abs() <= 1.0));
}

#[test]
fn a_file_that_was_cut_off_plays_to_where_it_ends() {
    let mut file = wav(1, 16, RATE, 1, &tone(RATE, 1));
    file.truncate(file.len() / 2);
    let samples = decode_file(file, RATE, LONGEST).unwrap();
    assert!((amplitude(&samples, RATE) - 0.5).abs() < 0.02);
    assert!(samples.len() > 10_000 && samples.len() <= 12_000, "{}", samples.len());
}

#[test]
fn a_header_whose_numbers_overflow_is_a_damaged_file() {
    let mut file = wav(1, 16, 16_000, 2, &tone(16_000, 2)[..800]);
    // 65,282 channels of 2 bytes are more than a 16-bit block.
    file[23] = 0xff;
    let error = decode_file(file, RATE, LONGEST).unwrap_err();
    assert!(matches!(error, AudioFileError::Damaged(_)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damaged_files_are_decoded_or_refused(at in 0_usize..200, byte: u8, length in 0_usize..4000) {
        let mut file = wav(1, 16, 16_000, 2, &tone(16_000, 2)[..800]);
        file[at] = byte;
        file.truncate(length);
        if let Ok(samples) = decode_file(file, RATE, LONGEST) {
            prop_assert!(samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
