//! What the page needs to know, and the state of a call for whoever holds its instance id.

use crate::app::{App, internal};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ringline_model::InstanceId;
use serde_json::json;
use std::sync::Arc;

/// Agents shown in the picker.
const AGENTS: u32 = 100;

/// `GET /api/ringline/v1/info`
pub async fn info(State(app): State<Arc<App>>) -> Response {
    let agents = match app.store.agents(None, AGENTS).await {
        Ok(agents) => agents,
        Err(error) => return refused(internal(&error).status, "the store failed"),
    };
    let agents: Vec<_> =
        agents.iter().map(|agent| json!({"id": agent.id, "name": agent.name, "kind": agent.kind})).collect();
    let voices = app.providers.voices().iter();
    let voices: Vec<_> = voices.map(|v| json!({"id": v.id, "name": v.name, "language": v.language})).collect();
    let models = app.config.models.family.as_str();
    let app_server = app.config.app_server.enabled;
    Json(json!({"version": crate::VERSION, "models": models, "agents": agents, "voices": voices, "appServer": app_server}))
        .into_response()
}

/// `GET /api/ringline/v1/calls/{instance}`: status alone; the id is 128 random bits that only the caller was told.
pub async fn call(State(app): State<Arc<App>>, Path(instance): Path<String>) -> Response {
    let Ok(instance) = InstanceId::parse(instance) else { return refused(404, "there is no such call") };
    match app.store.instance(&instance).await {
        Ok(Some(record)) => {
            Json(json!({"status": record.status.as_str(), "endReason": record.end_reason})).into_response()
        }
        Ok(None) => refused(404, "there is no such call"),
        Err(error) => refused(internal(&error).status, "the store failed"),
    }
}

fn refused(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"message": message}))).into_response()
}
