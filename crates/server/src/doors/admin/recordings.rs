//! Recordings of calls: heard, looked at, vouched for. During a call there is what has been recorded so far.

use super::Id;
use super::refusal::Refusal;
use crate::app::App;
use crate::recording::index::{Index, TrackIndex};
use crate::recording::mixdown::{self, Format, Waveform};
use crate::recording::verify::{Verification, verify};
use crate::recording::{Track, archive::Reader};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ringline_model::InstanceId;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

/// Parts of a waveform, at most and unless told.
const MOST_BUCKETS: usize = 4096;
const USUAL_BUCKETS: usize = 600;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/calls/{id}/recording", get(mix))
        .route("/calls/{id}/recording/index", get(index))
        .route("/calls/{id}/tracks/{file}", get(track))
        .route("/calls/{id}/waveform", get(waveform))
        .route("/calls/{id}/verification", get(verification))
        .route("/recordings/key", get(key))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Mix {
    /// `opus` (Ogg, 48 kHz) or `wav` (16 kHz, 16 bits).
    #[param(inline)]
    #[serde(default)]
    format: MixFormat,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MixFormat {
    #[default]
    Opus,
    Wav,
}

/// The mixed recording of a call
///
/// Two channels: user left, agent right. Made while it is read.
#[utoipa::path(get, path = "/calls/{id}/recording", tag = "recordings", operation_id = "read_recording",
    params(("id" = String, Path, description = "Instance id"), Mix),
    responses(
        (status = 200, description = "The recording", content((Vec<u8> = "audio/ogg"), (Vec<u8> = "audio/wav"))),
        (status = 400, description = "The query cannot be", body = Refusal),
        (status = 401, description = "No or another token", body = Refusal),
        (status = 404, description = "No such call, or it has no recording (any more)", body = Refusal),
        (status = 503, description = "Too many are being made, or the store is away: try again", body = Refusal),
))]
pub async fn mix(
    State(app): State<Arc<App>>,
    Id(id): Id,
    query: Result<Query<Mix>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Mix { format }) = query?;
    let (format, extension) = match format {
        MixFormat::Opus => (Format::Opus, "ogg"),
        MixFormat::Wav => (Format::Wav, "wav"),
    };
    let instance = call(&app, &id).await?;
    let turn = turn(&app).await?;
    let length = length(&app, &instance).await?;
    let tracks = tracks(&app, &instance).await?;
    let name = format!("inline; filename=\"{instance}.{extension}\"");
    let made = mixdown::stream(instance, turn, move |out| mixdown::write(format, tracks, length, out));
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(made)).into_response())
}

/// One track as it was recorded
///
/// The user's packets as they came (`user.ogg`), what the user was sent (`agent.ogg`), or a human's in charge as they came
/// (`human.ogg`), in Ogg; all lie on the call's time.
#[utoipa::path(get, path = "/calls/{id}/tracks/{file}", tag = "recordings", operation_id = "read_track",
    params(("id" = String, Path, description = "Instance id"), ("file" = String, Path, description = "`user.ogg`, `agent.ogg` or `human.ogg`")),
    responses(
        (status = 200, description = "The track", content_type = "audio/ogg", body = Vec<u8>),
        (status = 401, description = "No or another token", body = Refusal),
        (status = 404, description = "No such call, or it has no such track (any more)", body = Refusal),
        (status = 503, description = "Too many are being read, or the store is away: try again", body = Refusal),
))]
pub async fn track(State(app): State<Arc<App>>, TrackPath(id, file): TrackPath) -> Result<Response, Refusal> {
    let track = Track::ALL.into_iter().find(|track| track.file_name() == file).ok_or_else(Refusal::not_found)?;
    let instance = call(&app, &id).await?;
    let turn = turn(&app).await?;
    let reader = app.recordings.archive.reader(&instance, track.file_name()).await.map_err(|e| away(&instance, &e))?;
    let mut reader = reader.ok_or_else(Refusal::recording_not_found)?;
    let copied = mixdown::stream(instance, turn, move |mut out| {
        std::io::copy(&mut reader, &mut out)?;
        out.flush()?;
        Ok(())
    });
    let headers = [(header::CONTENT_TYPE, "audio/ogg"), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, Body::from_stream(copied)).into_response())
}

/// What a recording comes to
///
/// Durations, gaps with their causes, hashes, and where it is kept. There is none before the call is over.
#[utoipa::path(get, path = "/calls/{id}/recording/index", tag = "recordings", operation_id = "read_recording_index",
    params(("id" = String, Path, description = "Instance id")),
    responses(
        (status = 200, description = "The index", body = Index),
        (status = 401, description = "No or another token", body = Refusal),
        (status = 404, description = "No such call, or it has no recording, or it runs", body = Refusal),
        (status = 503, description = "The store is away: try again", body = Refusal),
))]
pub async fn index(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<Index>, Refusal> {
    let instance = call(&app, &id).await?;
    let record = app.store.instance(&instance).await?.ok_or_else(Refusal::call_not_found)?;
    let noted: Option<Index> = record.recordings.and_then(|noted| serde_json::from_value(noted).ok());
    let noted = noted.ok_or_else(Refusal::recording_not_found)?;
    if !noted.tracks.values().any(|TrackIndex { gaps_left_off, .. }| *gaps_left_off > 0) {
        return Ok(Json(noted));
    }
    let whole = mixdown::whole_index(&app.recordings.archive, &instance).await.map_err(|e| away(&instance, &e))?;
    Ok(Json(whole.unwrap_or(noted)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Outline {
    /// Parts of equal length, 1..4096.
    #[param(minimum = 1, maximum = 4096, default = 600)]
    buckets: Option<usize>,
}

/// The outline of a recording
///
/// How loud each side is, part by part.
#[utoipa::path(get, path = "/calls/{id}/waveform", tag = "recordings", operation_id = "read_waveform",
    params(("id" = String, Path, description = "Instance id"), Outline),
    responses(
        (status = 200, description = "The outline", body = Waveform),
        (status = 400, description = "The query cannot be", body = Refusal),
        (status = 401, description = "No or another token", body = Refusal),
        (status = 404, description = "No such call, or it has no recording (any more)", body = Refusal),
        (status = 503, description = "Too many are being made, or the store is away: try again", body = Refusal),
))]
pub async fn waveform(
    State(app): State<Arc<App>>,
    Id(id): Id,
    query: Result<Query<Outline>, QueryRejection>,
) -> Result<Json<Waveform>, Refusal> {
    let buckets = query?.0.buckets.unwrap_or(USUAL_BUCKETS);
    if !(1..=MOST_BUCKETS).contains(&buckets) {
        return Err(Refusal::field("buckets", format!("{buckets} is outside 1..{MOST_BUCKETS}")));
    }
    let instance = call(&app, &id).await?;
    let turn = turn(&app).await?;
    let length = length(&app, &instance).await?;
    let tracks = tracks(&app, &instance).await?;
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        mixdown::waveform(tracks, length, buckets)
    });
    match made.await {
        Ok(Ok(waveform)) => Ok(Json(waveform)),
        Ok(Err(error)) => Err(away(&instance, &anyhow::Error::from(error))),
        Err(error) => Err(away(&instance, &anyhow::Error::from(error))),
    }
}

/// Whether a call is what it was
///
/// Computes the hash chains of journal and recording anew and compares them with the seal.
#[utoipa::path(get, path = "/calls/{id}/verification", tag = "recordings", operation_id = "verify_call",
    params(("id" = String, Path, description = "Instance id")),
    responses(
        (status = 200, description = "What was found", body = Verification),
        (status = 401, description = "No or another token", body = Refusal),
        (status = 404, description = "No such call", body = Refusal),
        (status = 503, description = "Too many are being checked, or the store is away: try again", body = Refusal),
))]
pub async fn verification(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<Verification>, Refusal> {
    let instance = call(&app, &id).await?;
    let _turn = turn(&app).await?;
    let recordings = &app.recordings;
    let found = verify(&*app.store, &recordings.archive, &recordings.key.public(), &instance).await;
    found.map_err(|error| away(&instance, &error))?.map(Json).ok_or_else(Refusal::call_not_found)
}

/// The public key of seals.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicKey {
    /// `ed25519`
    algorithm: &'static str,
    /// As hex.
    key: String,
}

/// The key that seals are checked with
#[utoipa::path(get, path = "/recordings/key", tag = "recordings", operation_id = "read_seal_key", responses(
    (status = 200, description = "The key", body = PublicKey),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn key(State(app): State<Arc<App>>) -> Json<PublicKey> {
    Json(PublicKey { algorithm: "ed25519", key: app.recordings.key.public() })
}

/// The two variables of a track's path.
pub struct TrackPath(String, String);

impl<S: Send + Sync> FromRequestParts<S> for TrackPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path: Result<Path<(String, String)>, _> = Path::from_request_parts(parts, state).await;
        path.map(|Path((id, file))| Self(id, file)).map_err(|_| Refusal::not_found())
    }
}

async fn call(app: &App, id: &str) -> Result<InstanceId, Refusal> {
    let instance = InstanceId::parse(id.to_owned()).map_err(|_| Refusal::call_not_found())?;
    app.store.instance(&instance).await?.map(|_| instance).ok_or_else(Refusal::call_not_found)
}

async fn turn(app: &App) -> Result<OwnedSemaphorePermit, Refusal> {
    app.recordings
        .turn()
        .await
        .ok_or_else(|| Refusal::busy("Too many recordings are being read; try again in a moment."))
}

async fn tracks(app: &App, instance: &InstanceId) -> Result<[Option<Reader>; 2], Refusal> {
    let tracks = app.recordings.archive.tracks(instance).await.map_err(|error| away(instance, &error))?;
    if tracks.iter().all(Option::is_none) { Err(Refusal::recording_not_found()) } else { Ok(tracks) }
}

/// Samples at 48 kHz of the longest track.
async fn length(app: &App, instance: &InstanceId) -> Result<u64, Refusal> {
    let tracks = tracks(app, instance).await?;
    let read = tokio::task::spawn_blocking(move || mixdown::length(tracks)).await;
    match read {
        Ok(Ok(length)) => Ok(length),
        Ok(Err(error)) => Err(away(instance, &anyhow::Error::from(error))),
        Err(error) => Err(away(instance, &anyhow::Error::from(error))),
    }
}

fn away(instance: &InstanceId, error: &anyhow::Error) -> Refusal {
    tracing::error!(call.id = %instance, error = format!("{error:#}"), "a recording cannot be read");
    Refusal::busy("The recording cannot be read now; the server's log says why.")
}
