//! The OpenAPI door: `POST /`, signed (server-api §1–§4).

use super::{acs_header, request_id};
use crate::app::{App, internal};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ringline_conversation::StopCause;
use ringline_protocol::auth::{AuthError, Presented, SignedRequest};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{
    DescribeAIAgentInstance, DescribeAIAgentInstanceAnswer, GenerateAIAgentCall, GenerateAIAgentCallAnswer,
    InstanceDescription, InstanceStatus, Operation, Request, RuntimeConfig, StopAIAgentInstance,
    StopAIAgentInstanceAnswer,
};
use ringline_protocol::params::{MAX_QUERY, Params};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// One signed request.
pub async fn door(State(app): State<Arc<App>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let request_id = request_id();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let result = serve(&app, &method, &uri, &headers, &body, &request_id, &host).await;
    let (status, body, retry_after) = match result {
        Ok(body) => (StatusCode::OK, body, None),
        Err(error) => {
            tracing::debug!(code = %error.code, status = error.status, "an OpenAPI request was refused");
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, error.envelope(&request_id, &host), error.retry_after_ms)
        }
    };
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().extend(acs_header("x-acs-request-id", &request_id));
    if let Some(ms) = retry_after {
        response.headers_mut().extend(acs_header("x-acs-retry-after", &ms.to_string()));
    }
    response
}

async fn serve(
    app: &App,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
    request_id: &str,
    host: &str,
) -> Result<Value, ApiError> {
    let query = uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return Err(ApiError::invalid_parameter("query", &format!("it is longer than {MAX_QUERY} bytes")));
    }
    let headers: Vec<(&str, &str)> =
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let request = SignedRequest { method: method.as_str(), path: uri.path(), query, headers: &headers, body };
    let (action, version) = authenticate(app, &request).await?;
    let operation = Operation::from_name(&action, &version)?;
    match Request::parse(operation, &Params::read(&request)?)? {
        Request::GenerateAIAgentCall(request) => json(generate(app, request, request_id, host).await?),
        Request::StopAIAgentInstance(request) => json(stop(app, &request, request_id).await?),
        Request::DescribeAIAgentInstance(request) => json(describe(app, &request, request_id).await?),
    }
}

fn json(answer: impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|error| {
        tracing::error!(%error, "an answer does not serialise");
        ApiError::internal()
    })
}

/// Who signed it, within the window, not seen before, and allowed to; the action and version that were signed.
async fn authenticate(app: &App, request: &SignedRequest<'_>) -> Result<(String, String), ApiError> {
    let presented = Presented::read(request)?;
    let key = app.store.access_key(presented.access_key_id()).await.map_err(|e| internal(&e))?;
    let key = key.ok_or(AuthError::UnknownKey)?;
    if !key.active {
        return Err(AuthError::InactiveKey.into());
    }
    let now = App::now_s();
    let accepted = presented.check(request, &key.secret, now)?;
    app.nonces.lock().map_err(|_| ApiError::internal())?.remember(&accepted, now)?;
    if key.operations.is_some_and(|allowed| !allowed.contains(&accepted.action)) {
        return Err(ApiError::forbidden(format!("This access key may not call {}.", accepted.action)));
    }
    Ok((accepted.action, accepted.version))
}

async fn generate(
    app: &App,
    request: GenerateAIAgentCall,
    request_id: &str,
    host: &str,
) -> Result<GenerateAIAgentCallAnswer, ApiError> {
    let base_url = app.base_url((!host.is_empty()).then_some(host));
    let started = app.start_call(&request.agent, request.options, &base_url).await?;
    Ok(GenerateAIAgentCallAnswer {
        request_id: request_id.to_owned(),
        instance_id: started.handle.instance.clone(),
        channel_id: started.handle.channel.clone(),
        agent_user_id: started.handle.agent_user.clone(),
        avatar_user_id: String::new(),
        user_id: started.handle.user.clone(),
        token: started.token,
    })
}

/// Idempotent: stopping a finished instance succeeds. The answer does not wait for the end.
async fn stop(
    app: &App,
    request: &StopAIAgentInstance,
    request_id: &str,
) -> Result<StopAIAgentInstanceAnswer, ApiError> {
    match app.calls.get(&request.instance) {
        Some(handle) => handle.stop(StopCause::Api).await,
        None => {
            let known = app.store.instance(&request.instance).await.map_err(|e| internal(&e))?;
            known.ok_or_else(ApiError::instance_not_found)?;
        }
    }
    Ok(StopAIAgentInstanceAnswer { request_id: request_id.to_owned() })
}

async fn describe(
    app: &App,
    request: &DescribeAIAgentInstance,
    request_id: &str,
) -> Result<DescribeAIAgentInstanceAnswer, ApiError> {
    let record = app.store.instance(&request.instance).await.map_err(|e| internal(&e))?;
    let record = record.ok_or_else(ApiError::instance_not_found)?;
    let status = match record.status {
        ringline_store::InstanceStatus::Created => InstanceStatus::Created,
        ringline_store::InstanceStatus::Executing => InstanceStatus::Executing,
        ringline_store::InstanceStatus::Finished => InstanceStatus::Finished,
    };
    Ok(DescribeAIAgentInstanceAnswer {
        request_id: request_id.to_owned(),
        instance: InstanceDescription {
            status,
            agent_config: record.config,
            template_config: record.template,
            runtime_config: RuntimeConfig { channel_id: record.channel, agent_user_id: record.agent_user },
            call_log_url: String::new(),
            user_data: record.user_data.unwrap_or_default(),
            session_id: record.session.to_string(),
            gmt_create: record.created_ms,
            gmt_modified: record.modified_ms,
        },
    })
}
