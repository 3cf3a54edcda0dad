//! The OpenAPI door: `POST /` or `GET /`, signed (server-api §1–§4).

use super::instances::TakenOver;
use super::long_query::whole_query;
use super::{acs_header, instances, listings, notify, page, request_id};
use crate::app::{App, internal};
use crate::voiceprints;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_protocol::auth::{AuthError, Presented, SignedRequest};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{
    DescribeAIAgentInstanceAnswer, DescribeNotifyConfigAnswer, DescribeRtcRobotInstanceAnswer, Done,
    GenerateAIAgentCall, GenerateAIAgentCallAnswer, GetAIAgentConcurrencyAnswer, InstanceDescription,
    ListAIAgentDialoguesAnswer, ListAIAgentInstanceAnswer, ListAIAgentVoiceprintsAnswer, ListSmartVoiceGroupsAnswer,
    ListedInstance, Operation, Request, RuntimeConfig, SetAIAgentVoiceprintAnswer, StartAIAgentInstance,
    StartAIAgentInstanceAnswer, TakeoverAIAgentCallAnswer,
};
use ringline_protocol::params::{MAX_QUERY, Params};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// `GET /`: an operation if it says which or is signed, else the page.
pub async fn door_or_page(state: State<Arc<App>>, head: Parts, body: Bytes) -> Response {
    let query = whole_query(&head.uri, &head.extensions);
    let mut names = query.split('&').filter_map(|pair| pair.split('=').next());
    let meant = head.headers.contains_key("x-acs-action") || names.any(|name| matches!(name, "Action" | "Signature"));
    if head.method == Method::GET && meant { door(state, head, body).await } else { page::index().await }
}

/// One signed request.
pub async fn door(State(app): State<Arc<App>>, head: Parts, body: Bytes) -> Response {
    let request_id = request_id();
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let result = serve(&app, &head, &body, &request_id, &host).await;
    let (status, body, retry_after) = match result {
        Ok(body) => (StatusCode::OK, body, None),
        Err(error) => {
            tracing::debug!(code = %error.code, status = error.status, "an OpenAPI request was refused");
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let base_url = app.base_url((!host.is_empty()).then_some(&*host));
            (status, error.envelope(&request_id, &host, &base_url), error.retry_after_ms)
        }
    };
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().extend(acs_header("x-acs-request-id", &request_id));
    if let Some(ms) = retry_after {
        response.headers_mut().extend(acs_header("x-acs-retry-after", &ms.to_string()));
    }
    response
}

async fn serve(app: &App, head: &Parts, body: &Bytes, request_id: &str, host: &str) -> Result<Value, ApiError> {
    if !matches!(head.method, Method::GET | Method::POST) {
        return Err(ApiError::unsupported_method());
    }
    let query = whole_query(&head.uri, &head.extensions);
    if query.len() > MAX_QUERY {
        return Err(ApiError::invalid_parameter("query", &format!("it is longer than {MAX_QUERY} bytes")));
    }
    let headers: Vec<(&str, &str)> =
        head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let request = SignedRequest { method: head.method.as_str(), path: head.uri.path(), query, headers: &headers, body };
    let (action, version) = authenticate(app, &request).await?;
    let operation = Operation::from_name(&action, &version)?;
    let base_url = app.base_url((!host.is_empty()).then_some(host));
    let request = Request::parse(operation, &Params::read(&request)?)?;
    answer(app, request, request_id.to_owned(), &base_url).await
}

/// Carries an operation out.
async fn answer(app: &App, request: Request, request_id: String, base_url: &str) -> Result<Value, ApiError> {
    match request {
        Request::GenerateAIAgentCall(request) => return json(generate(app, request, request_id, base_url).await?),
        Request::StartAIAgentInstance(request) => return json(start(app, request, request_id, base_url).await?),
        Request::StopAIAgentInstance(request) => instances::stop(app, &request.instance).await?,
        Request::UpdateAIAgentInstance(request) => instances::update(app, request).await?,
        Request::SendAIAgentSpeech(request) => instances::say(app, request).await?,
        Request::SendAIAgentText(request) => instances::ask(app, request).await?,
        Request::SendAIAgentDataChannelMessage(request) => instances::custom_message(app, request).await?,
        Request::TakeoverAIAgentCall(request) => {
            let TakenOver { channel, human, token } = instances::take_over(app, request).await?;
            return json(TakeoverAIAgentCallAnswer {
                request_id,
                channel_id: channel,
                human_agent_user_id: human,
                token,
            });
        }
        Request::DeleteAIAgentDialogue(request) => listings::delete_dialogue(app, &request).await?,
        Request::ClearAIAgentVoiceprint(request) => voiceprints::clear(app, &request).await?,
        Request::SetNotifyConfig(request) => notify::set(app, request).await?,
        Request::DescribeAIAgentInstance(request) => {
            let instance = description(instances::describe(app, &request.instance, base_url).await?);
            return json(DescribeAIAgentInstanceAnswer { request_id, instance });
        }
        Request::ListAIAgentInstance(request) => {
            let instances = listings::instances(app, request, base_url).await?;
            return json(ListAIAgentInstanceAnswer { request_id, instances });
        }
        Request::GetAIAgentConcurrency(request) => {
            let active_count = listings::concurrency(app, &request).await?;
            return json(GetAIAgentConcurrencyAnswer { request_id, active_count });
        }
        Request::ListAIAgentDialogues(request) => {
            let dialogues = listings::dialogues(app, request).await?;
            return json(ListAIAgentDialoguesAnswer { request_id, dialogues });
        }
        Request::SetAIAgentVoiceprint(request) => {
            let voiceprint_id = voiceprints::set(app, request).await?;
            return json(SetAIAgentVoiceprintAnswer { request_id, voiceprint_id });
        }
        Request::ListAIAgentVoiceprints(request) => {
            let (voiceprints, total_count) = voiceprints::list(app, request).await?;
            return json(ListAIAgentVoiceprintsAnswer { request_id, voiceprints, total_count });
        }
        Request::DescribeNotifyConfig(request) => {
            return json(DescribeNotifyConfigAnswer::new(request_id, &notify::describe(app, request).await?));
        }
        Request::ListSmartVoiceGroups(request) => {
            return json(ListSmartVoiceGroupsAnswer { request_id, voice_groups: listings::voices(app, &request) });
        }
        Request::StartRtcRobotInstance(request) => return json(start(app, request.0, request_id, base_url).await?),
        Request::UpdateRtcRobotInstance(request) => instances::update(app, request.0).await?,
        Request::StopRtcRobotInstance(request) => instances::stop(app, &request.0.instance).await?,
        Request::DescribeRtcRobotInstance(request) => {
            return json(robot(request_id, instances::describe(app, &request.instance, base_url).await?));
        }
    }
    json(Done { request_id })
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
    request_id: String,
    base_url: &str,
) -> Result<GenerateAIAgentCallAnswer, ApiError> {
    let started = app.start_call(&request.agent, request.options, base_url).await?;
    Ok(GenerateAIAgentCallAnswer {
        request_id,
        instance_id: started.handle.instance.clone(),
        channel_id: started.handle.channel.clone(),
        agent_user_id: started.handle.agent_user.clone(),
        avatar_user_id: String::new(),
        user_id: started.user,
        token: started.token,
    })
}

async fn start(
    app: &App,
    request: StartAIAgentInstance,
    request_id: String,
    base_url: &str,
) -> Result<StartAIAgentInstanceAnswer, ApiError> {
    let handle = app.start_instance(request, base_url).await?;
    Ok(StartAIAgentInstanceAnswer { request_id, instance_id: handle.instance.clone() })
}

fn robot(request_id: String, instance: ListedInstance) -> DescribeRtcRobotInstanceAnswer {
    let ListedInstance { status, agent_config, runtime_config, user_data, .. } = instance;
    let RuntimeConfig { channel_id, agent_user_id } = runtime_config;
    let answer = DescribeRtcRobotInstanceAnswer::new(request_id, status, channel_id, agent_user_id, &agent_config);
    DescribeRtcRobotInstanceAnswer { user_data, ..answer }
}

/// Describe knows which instance it was asked for.
fn description(instance: ListedInstance) -> InstanceDescription {
    InstanceDescription {
        status: instance.status,
        agent_config: instance.agent_config,
        template_config: instance.template_config,
        runtime_config: instance.runtime_config,
        call_log_url: instance.call_log_url,
        user_data: instance.user_data,
        session_id: instance.session_id.to_string(),
        gmt_create: instance.gmt_create,
        gmt_modified: instance.gmt_modified,
    }
}
