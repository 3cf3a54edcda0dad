//! `GET /calllog/{instance}?expires=…&signature=…`: what was said in a call (server-api §10.1), to whoever holds the
//! address that DescribeAIAgentInstance gave out. During a call it shows what has been said so far.

use crate::app::{App, internal};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_model::InstanceId;
use ringline_protocol::call_log::{CallLog, Said, check};
use ringline_protocol::error::ApiError;
use ringline_store::limits::LIST_ROWS;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct Signed {
    expires: i64,
    signature: String,
}

/// The first 1,000 entries of the call; ListAIAgentDialogues gives the others page by page.
pub async fn call_log(
    State(app): State<Arc<App>>,
    Path(instance): Path<String>,
    signed: Result<Query<Signed>, QueryRejection>,
) -> Response {
    match read(&app, instance, signed.ok().map(|Query(signed)| signed)).await {
        // It grows during the call, and is nobody else's.
        Ok(log) => ([(header::CACHE_CONTROL, "private, no-store")], Json(log)).into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = serde_json::json!({"Code": error.code, "Message": error.message});
            (status, Json(body)).into_response()
        }
    }
}

async fn read(app: &App, instance: String, signed: Option<Signed>) -> Result<CallLog, ApiError> {
    let refused = |why: &str| ApiError::forbidden(format!("This call log is not given out: {why}."));
    let signed = signed.ok_or_else(|| refused("the address has no expiry and signature"))?;
    let instance = InstanceId::parse(instance).map_err(|_| ApiError::instance_not_found())?;
    check(app.rtc_app.key.reveal(), &instance, signed.expires, &signed.signature, App::now_s())
        .map_err(|error| refused(&error.to_string()))?;
    let record = app.store.instance(&instance).await.map_err(|e| internal(&e))?;
    let record = record.ok_or_else(ApiError::instance_not_found)?;
    let entries = app.store.instance_dialogues(&instance, LIST_ROWS).await.map_err(|e| internal(&e))?;
    let said = entries.into_iter().map(|entry| Said {
        time_ms: entry.time_ms,
        role: entry.producer.as_str(),
        kind: entry.kind.as_str(),
        text: entry.text,
    });
    Ok(CallLog::new(instance, record.started_ms.unwrap_or(record.created_ms), said))
}
