//! `GET /recordings/{instance}/{file}?expires=…&signature=…`: recordings for whoever holds an address that a callback gave out
//! (server-api §10.3). `call.wav` is both sides in one channel; `user.wav` and `agent.wav` are one side `from`…`to` (ms of call time).
//!
//! A sentence is told of as soon as it was said: its end may not be in the file yet, and is waited for.

use crate::app::{App, internal};
use crate::recording::mixdown::{self, Format};
use crate::recording::{Archive, Track};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_model::InstanceId;
use ringline_protocol::error::ApiError;
use ringline_protocol::recording::{Recorded, check};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Longest sentence, in ms; of a longer one this much is given out.
const MAX_SENTENCE_MS: u64 = 600_000;
/// The recorder flushes every 500 ms: a sentence's end is waited for as often and as long as this.
const TRIES: u32 = 12;
const WAIT: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
pub struct Signed {
    from: Option<u64>,
    to: Option<u64>,
    expires: i64,
    signature: String,
}

pub async fn recording(
    State(app): State<Arc<App>>,
    Path((instance, file)): Path<(String, String)>,
    signed: Result<Query<Signed>, QueryRejection>,
) -> Response {
    match read(&app, instance, &file, signed.ok().map(|Query(signed)| signed)).await {
        Ok(response) => response,
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(serde_json::json!({"Code": error.code, "Message": error.message}))).into_response()
        }
    }
}

async fn read(app: &App, instance: String, file: &str, signed: Option<Signed>) -> Result<Response, ApiError> {
    let refused = |why: &str| ApiError::forbidden(format!("This recording is not given out: {why}."));
    let signed = signed.ok_or_else(|| refused("the address has no expiry and signature"))?;
    let instance = InstanceId::parse(instance).map_err(|_| ApiError::instance_not_found())?;
    let recorded = Recorded::of(file, signed.from, signed.to).ok_or_else(|| refused("there is no such file"))?;
    check(app.rtc_app.key.reveal(), &instance, recorded, signed.expires, &signed.signature, App::now_s())
        .map_err(|error| refused(&error.to_string()))?;
    app.store.instance(&instance).await.map_err(|e| internal(&e))?.ok_or_else(ApiError::instance_not_found)?;
    let turn = app.recordings.turn().await.ok_or_else(ApiError::unavailable)?;
    let archive = &app.recordings.archive;
    let made = match recorded {
        Recorded::Call => call(archive, instance, turn).await,
        Recorded::Sentence { is_user, from_ms, to_ms } => {
            let track = if is_user { Track::User } else { Track::Agent };
            sentence(archive, instance, turn, track, (from_ms, to_ms)).await
        }
    };
    match made {
        Ok(Some(body)) => {
            let content_type = Format::MonoWav.content_type();
            let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "private, no-store")];
            Ok((headers, body).into_response())
        }
        Ok(None) => Err(ApiError::instance_not_found()),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a recording cannot be read");
            Err(ApiError::unavailable())
        }
    }
}

/// None if there is no recording (any more).
async fn call(archive: &Archive, instance: InstanceId, turn: OwnedSemaphorePermit) -> anyhow::Result<Option<Body>> {
    let tracks = archive.tracks(&instance).await?;
    if tracks.iter().all(Option::is_none) {
        return Ok(None);
    }
    let length = tokio::task::spawn_blocking(move || mixdown::length(tracks)).await??;
    let tracks = archive.tracks(&instance).await?;
    let write = move |out| mixdown::write(Format::MonoWav, tracks, length, out);
    Ok(Some(Body::from_stream(mixdown::stream(instance, turn, write))))
}

async fn sentence(
    archive: &Archive,
    instance: InstanceId,
    turn: OwnedSemaphorePermit,
    track: Track,
    (from_ms, to_ms): (u64, u64),
) -> anyhow::Result<Option<Body>> {
    let Some(began_ms) = mixdown::began_ms(archive, &instance).await? else { return Ok(None) };
    let from_ms = from_ms.saturating_sub(began_ms);
    let to_ms = to_ms.saturating_sub(began_ms).min(from_ms + MAX_SENTENCE_MS);
    let is_over = archive.reader(&instance, crate::recording::seal::NAME).await?.is_some();
    for _ in 0..TRIES {
        if is_over || mixdown::reaches_ms(archive, &instance, track).await? >= to_ms {
            break;
        }
        tokio::time::sleep(WAIT).await;
    }
    let Some(reader) = archive.reader(&instance, track.file_name()).await? else { return Ok(None) };
    let write = move |out| mixdown::sentence(reader, from_ms, to_ms, out);
    Ok(Some(Body::from_stream(mixdown::stream(instance, turn, write))))
}
