//! The registry of voiceprints: who shall be known again, and how they sound.
//!
//! A file is fetched once, when it is registered, and kept as samples that an embedding can be made from at any time.
//! Limits: [`MAX_FILE`] bytes and [`FETCH`] for a file, [`SHORTEST`] to [`LONGEST`] of audio, [`AT_ONCE`] registrations at
//! once; one more is told to come back.

use crate::app::{App, internal};
use ringline_audio::{AudioFileError, EAR_RATE, decode_file, pcm16};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{
    ClearAIAgentVoiceprint, ListAIAgentVoiceprints, SetAIAgentVoiceprint, VoiceprintDescription,
};
use ringline_store::{RegistrationMode, VoiceprintQuery, VoiceprintRecord};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Largest file, in bytes.
const MAX_FILE: usize = 16 << 20;
/// For fetching it.
const FETCH: Duration = Duration::from_secs(10);
/// Less speech than that tells too little of a voice; no source states the limits.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
/// Each may hold a file and its samples in memory, and a thread.
const AT_ONCE: usize = 4;
const RETRY_AFTER_MS: u32 = 1000;

/// What the registry needs besides the store.
pub struct Voiceprints {
    places: Semaphore,
}

impl Voiceprints {
    pub const fn new() -> Self {
        Self { places: Semaphore::const_new(AT_ONCE) }
    }
}

/// Fetches the file and stores it; the voiceprint's id.
pub async fn set(app: &App, request: SetAIAgentVoiceprint) -> Result<String, ApiError> {
    app.outward.check(&request.url).map_err(unusable)?;
    let Ok(_place) = app.voiceprints.places.try_acquire() else { return Err(ApiError::throttling(RETRY_AFTER_MS)) };
    let file = app.outward.get(&request.url, MAX_FILE, FETCH).await.map_err(unusable)?;
    let decoded = tokio::task::spawn_blocking(move || normalised(file)).await;
    let audio = decoded.map_err(|error| {
        tracing::error!(%error, "decoding an audio file failed");
        unusable("the audio file cannot be decoded")
    })??;
    let now = App::now_ms();
    let id = request.voiceprint.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    let (mode, created_ms, modified_ms) = (RegistrationMode::Explicit, now, now);
    let record = VoiceprintRecord { id, mode, audio, created_ms, modified_ms };
    app.store.put_voiceprint(&record).await.map_err(|e| internal(&e))?;
    Ok(record.id)
}

/// Forgetting an unknown one succeeds.
pub async fn clear(app: &App, request: &ClearAIAgentVoiceprint) -> Result<(), ApiError> {
    if let Some(id) = &request.voiceprint {
        app.store.delete_voiceprint(id, request.mode).await.map_err(|e| internal(&e))?;
    }
    Ok(())
}

/// Oldest first; how many there are in all.
pub async fn list(app: &App, request: ListAIAgentVoiceprints) -> Result<(Vec<VoiceprintDescription>, u64), ApiError> {
    let ListAIAgentVoiceprints { voiceprint: id, mode, offset, limit } = request;
    let query = VoiceprintQuery { mode, id, offset, limit };
    let (page, total) = app.store.voiceprints(&query).await.map_err(|e| internal(&e))?;
    let described = page.into_iter().map(|voiceprint| VoiceprintDescription {
        voiceprint_id: voiceprint.id,
        gmt_create: voiceprint.created_ms,
        gmt_modified: voiceprint.modified_ms,
    });
    Ok((described.collect(), total))
}

/// The WAV file's audio as the store keeps it.
fn normalised(file: Vec<u8>) -> Result<Vec<u8>, ApiError> {
    if !file.starts_with(b"RIFF") {
        return Err(unusable("it is not a WAV file"));
    }
    let samples = match decode_file(file, EAR_RATE, LONGEST) {
        Err(AudioFileError::TooLong(_) | AudioFileError::Empty) => return Err(wrong_duration()),
        decoded => decoded.map_err(unusable)?,
    };
    if (samples.len() as u64) < SHORTEST.as_secs() * u64::from(EAR_RATE) {
        return Err(wrong_duration());
    }
    Ok(pcm16::to_bytes(&samples))
}

fn wrong_duration() -> ApiError {
    ApiError::invalid_audio_duration(SHORTEST.as_secs(), LONGEST.as_secs())
}

fn unusable(why: impl ToString) -> ApiError {
    ApiError::invalid_parameter("Input.Data", &why.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `samples` of a square wave at full scale.
    fn wav(rate: u32, samples: u32) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for n in 0..samples {
            writer.write_sample(if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).unwrap();
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    #[test]
    fn audio_is_kept_as_16_khz_samples() {
        let audio = normalised(wav(8_000, 48_000)).unwrap();
        assert_eq!(audio.len(), 6 * 16_000 * 2);
        let loud =
            audio.as_chunks::<2>().0.iter().filter(|bytes| i16::from_le_bytes(**bytes).unsigned_abs() > 20_000).count();
        assert!(loud > 80_000, "{loud}");
    }

    #[test]
    fn a_voice_of_less_than_5_s_or_more_than_60_s_is_refused_as_such() {
        for (samples, good) in [(0, false), (39_999, false), (40_000, true), (480_000, true), (480_001, false)] {
            let outcome = normalised(wav(8_000, samples));
            assert_eq!(outcome.is_ok(), good, "{samples}");
            if let Err(error) = outcome {
                assert_eq!((error.status, &*error.code), (400, "InvalidAudioDuration"), "{samples}");
            }
        }
    }

    #[test]
    fn what_is_no_wav_file_is_refused_by_name() {
        for file in [b"<html>".to_vec(), b"RIFF".to_vec(), b"ID3\x03".to_vec(), Vec::new()] {
            let error = normalised(file).unwrap_err();
            assert_eq!(&*error.code, "InvalidParameter");
            assert!(error.message.contains("Input.Data"), "{}", error.message);
        }
    }
}
