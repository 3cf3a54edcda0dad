//! The voices agents can have, and how they sound.

use super::refusal::Refusal;
use super::{Id, Page, page};
use crate::app::App;
use crate::probe;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::ToSchema;

/// Samples kept, each about 200 KB; one more and all are made anew when they are asked for.
const KEPT: usize = 64;

/// A voice that `TtsConfig.VoiceId` can name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Voice {
    id: String,
    name: String,
    /// BCP 47, e.g. `en-US`.
    language: String,
}

/// A page of voices.
#[derive(Debug, Serialize, ToSchema)]
pub struct Voices {
    voices: Vec<Voice>,
    /// `after` of the next page; none: this is the last.
    next: Option<String>,
}

/// What voices have said before, as WAV files, by their ids.
#[derive(Default)]
pub struct Samples(Mutex<BTreeMap<String, Arc<[u8]>>>);

impl Samples {
    fn get(&self, voice: &str) -> Option<Arc<[u8]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(voice).cloned()
    }

    fn keep(&self, voice: &str, file: Arc<[u8]>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(voice.to_owned(), file);
    }
}

/// List voices
#[utoipa::path(get, path = "/voices", tag = "voices", operation_id = "list_voices", params(Page), responses(
    (status = 200, description = "A page", body = Voices),
    (status = 400, description = "The query cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Voices>, Refusal> {
    let Query(asked) = query?;
    let limit = asked.limit()?;
    let all = app.providers.voices();
    let first =
        asked.after.map_or(0, |after| all.iter().position(|voice| voice.id == after).map_or(all.len(), |n| n + 1));
    let read: Vec<_> = all[first..].iter().take(limit as usize + 1).collect();
    let (voices, next) = page(read, limit, |voice| voice.id.clone());
    let shown = voices.into_iter().map(|voice| Voice {
        id: voice.id.clone(),
        name: voice.name.clone(),
        language: voice.language.clone(),
    });
    Ok(Json(Voices { voices: shown.collect(), next }))
}

/// Hear a voice
///
/// A short sentence in the voice's language, as WAV. Made once and kept; new ones are made one at a time.
#[utoipa::path(get, path = "/voices/{id}/sample", tag = "voices", operation_id = "hear_voice",
    params(("id" = String, Path, description = "The voice's id")), responses(
    (status = 200, description = "What it sounds like", body = Vec<u8>, content_type = "audio/wav"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
    (status = 503, description = "The synthesiser gave nothing", body = Refusal),
))]
pub async fn sample(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Refusal> {
    let voice = app.providers.voices().iter().find(|voice| voice.id == id).ok_or_else(Refusal::voice_not_found)?;
    let samples = &app.operations.samples;
    let file = match samples.get(&voice.id) {
        Some(file) => file,
        None => {
            let _turn = app.operations.probing.lock().await;
            match samples.get(&voice.id) {
                Some(made_meanwhile) => made_meanwhile,
                None => {
                    let file = make(&app, &voice.id).await?;
                    samples.keep(&voice.id, file.clone());
                    file
                }
            }
        }
    };
    let headers = [(header::CONTENT_TYPE, "audio/wav"), (header::CACHE_CONTROL, "private, max-age=3600")];
    Ok((headers, file.to_vec()).into_response())
}

async fn make(app: &App, voice: &str) -> Result<Arc<[u8]>, Refusal> {
    let synthesizer = app.providers.for_call(None).synthesizer;
    let spoken = probe::speak(&*synthesizer, Some(voice.to_owned())).await.map_err(Refusal::provider_failed)?;
    let file = wav(&spoken.audio, spoken.rate);
    file.map(Arc::from).map_err(|error| Refusal::provider_failed(error.to_string()))
}

fn wav(audio: &[f32], rate: u32) -> Result<Vec<u8>, hound::Error> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec)?;
    for sample in audio {
        writer.write_sample((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16)?;
    }
    writer.finalize()?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_samples_are_kept() {
        let samples = Samples::default();
        for n in 0..=KEPT {
            samples.keep(&n.to_string(), Arc::from([0]));
        }
        assert!(samples.get("0").is_none() && samples.get(&KEPT.to_string()).is_some());
    }

    #[test]
    fn a_sample_is_a_wav_file() {
        let file = wav(&[0.0, 1.0, -2.0], 24_000).expect("written");
        let read: Vec<i16> =
            hound::WavReader::new(&file[..]).expect("a WAV").samples().collect::<Result<_, _>>().expect("samples");
        assert_eq!(read, [0, i16::MAX, -i16::MAX]);
    }
}
