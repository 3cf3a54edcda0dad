//! The app-server door: the JSON endpoints the demo apps and the page call (server-api §13). Every answer is HTTP 200;
//! `code` tells.

use super::{instances, request_id};
use crate::app::{App, internal};
use crate::voiceprints;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header;
use ringline_model::{AgentId, AgentKind};
use ringline_protocol::app_server::{
    AgentChoice, ClearAIAgentVoiceprint, ClearAIAgentVoiceprintAnswer, DescribeAIAgent, DescribeAIAgentAnswer,
    DescribeAIAgentInstance, DescribeAIAgentInstanceAnswer, Done, GenerateAIAgentCall, GenerateAIAgentCallAnswer,
    GetRtcAuthToken, GetRtcAuthTokenAnswer, Refusal, SetAIAgentVoiceprint, SetAIAgentVoiceprintAnswer,
    StartAIAgentInstanceWithChannel, StartAIAgentInstanceWithChannelAnswer, StartRobot, StartRobotAnswer,
    StopAIAgentInstance, StopRobot, TOKEN_LIFE, UpdateAIAgentInstance, UpdateRobot,
};
use ringline_protocol::error::ApiError;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// `POST …/generateAIAgentCall`
pub async fn generate_call(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let request = GenerateAIAgentCall::parse(&body);
    answer(generate(&app, &headers, request, &request_id).await, &request_id)
}

/// `POST …/startAIAgentInstance`: the older name, whose token lasts a day whatever the request says. The server chooses
/// the channel.
pub async fn start_instance(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let request = GenerateAIAgentCall::parse(&body).map(|mut request| {
        request.options.expire = TOKEN_LIFE as u32;
        request
    });
    answer(generate(&app, &headers, request, &request_id).await, &request_id)
}

/// `POST …/startAIAgentInstanceWithChannel`: on the client's channel, for which it has or gets its own token.
pub async fn start_instance_with_channel(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        let StartAIAgentInstanceWithChannel { agent, channel, options } =
            StartAIAgentInstanceWithChannel::parse(&body)?;
        let handle = app.start_on_channel(&agent, channel, options, &base_url(&app, &headers)).await?;
        Ok(StartAIAgentInstanceWithChannelAnswer {
            code: 200,
            ai_agent_instance_id: handle.instance.clone(),
            ai_agent_user_id: handle.agent_user.clone(),
            request_id: request_id.clone(),
        })
    };
    answer(outcome.await, &request_id)
}

/// `POST …/stopAIAgentInstance`
pub async fn stop_instance(State(app): State<Arc<App>>, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        instances::stop(&app, &StopAIAgentInstance::parse(&body)?.instance).await?;
        Ok(Done::new(request_id.clone()))
    };
    answer(outcome.await, &request_id)
}

/// `POST …/updateAIAgentInstance`
pub async fn update_instance(State(app): State<Arc<App>>, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        instances::update(&app, UpdateAIAgentInstance::parse(&body)?.0).await?;
        Ok(Done::new(request_id.clone()))
    };
    answer(outcome.await, &request_id)
}

/// `POST …/describeAIAgentInstance`
pub async fn describe_instance(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        let request = DescribeAIAgentInstance::parse(&body)?;
        let described = instances::describe(&app, &request.instance, &base_url(&app, &headers)).await?;
        Ok(DescribeAIAgentInstanceAnswer::new(described, request_id.clone()))
    };
    answer(outcome.await, &request_id)
}

/// `POST …/describeAIAgent`
pub async fn describe_agent(State(app): State<Arc<App>>, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        let request = DescribeAIAgent::parse(&body)?;
        let agent = app.store.agent(&request.agent).await.map_err(|e| internal(&e))?;
        let agent = agent.ok_or_else(ApiError::agent_not_found)?;
        Ok(DescribeAIAgentAnswer::new(&agent.id, &agent.name, agent.kind, request_id.clone()))
    };
    answer(outcome.await, &request_id)
}

/// `POST …/setAIAgentVoiceprint`
pub async fn set_voiceprint(State(app): State<Arc<App>>, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        let voiceprint_id = voiceprints::set(&app, SetAIAgentVoiceprint::parse(&body)?.0).await?;
        Ok(SetAIAgentVoiceprintAnswer { code: 200, voiceprint_id, request_id: request_id.clone() })
    };
    answer(outcome.await, &request_id)
}

/// `POST …/clearAIAgentVoiceprint`
pub async fn clear_voiceprint(State(app): State<Arc<App>>, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        voiceprints::clear(&app, &ClearAIAgentVoiceprint::parse(&body)?.0).await?;
        Ok(ClearAIAgentVoiceprintAnswer::new(request_id.clone()))
    };
    answer(outcome.await, &request_id)
}

/// `POST …/getRtcAuthToken`
pub async fn rtc_auth_token(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    answer(auth_token(&app, &headers, &body), &request_id())
}

/// `POST /api/v1/imsRobot/startRobot`: the first release's name for a call.
pub async fn start_robot(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let request = StartRobot::parse(&body).map(|StartRobot(mut request)| {
        request.options.expire = TOKEN_LIFE as u32;
        request
    });
    let outcome = generate(&app, &headers, request, &request_id).await.map(StartRobotAnswer::from);
    answer(outcome, &request_id)
}

/// `POST /api/v1/imsRobot/stopRobot`
pub async fn stop_robot(State(app): State<Arc<App>>, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        instances::stop(&app, &StopRobot::parse(&body)?.0.instance).await?;
        Ok(Done::new(request_id.clone()))
    };
    answer(outcome.await, &request_id)
}

/// `POST /api/v1/imsRobot/updateRobot`
pub async fn update_robot(State(app): State<Arc<App>>, body: Bytes) -> Json<Value> {
    let request_id = request_id();
    let outcome = async {
        instances::update(&app, UpdateRobot::parse(&body)?.0).await?;
        Ok(Done::new(request_id.clone()))
    };
    answer(outcome.await, &request_id)
}

/// `POST …/…` of an operation there is none of here (messaging, telephone, uploads): clients read the body.
pub async fn not_offered() -> Json<Value> {
    answer::<()>(Err(ApiError::api_not_found().into()), &request_id())
}

fn answer<T: Serialize>(result: Result<T, Refusal>, request_id: &str) -> Json<Value> {
    let value = match result {
        Ok(answer) => serde_json::to_value(answer).unwrap_or_else(|error| {
            tracing::error!(%error, "an answer does not serialise");
            Refusal::from(ApiError::internal()).body(request_id)
        }),
        Err(refusal) => refusal.body(request_id),
    };
    Json(value)
}

fn base_url(app: &App, headers: &HeaderMap) -> String {
    app.base_url(headers.get(header::HOST).and_then(|host| host.to_str().ok()))
}

async fn generate(
    app: &App,
    headers: &HeaderMap,
    request: Result<GenerateAIAgentCall, Refusal>,
    request_id: &str,
) -> Result<GenerateAIAgentCallAnswer, Refusal> {
    let request = request?;
    let agent = match request.agent {
        AgentChoice::Id(id) => id,
        AgentChoice::Kind(kind) => first_of_kind(app, kind).await?,
    };
    let started = app.start_call(&agent, request.options, &base_url(app, headers)).await?;
    Ok(GenerateAIAgentCallAnswer {
        code: 200,
        rtc_auth_token: started.token,
        ai_agent_id: agent,
        ai_agent_instance_id: started.handle.instance.clone(),
        ai_agent_user_id: started.handle.agent_user.clone(),
        channel_id: started.handle.channel.clone(),
        workflow_type: Some(started.kind),
        request_id: request_id.to_owned(),
    })
}

async fn first_of_kind(app: &App, kind: AgentKind) -> Result<AgentId, ApiError> {
    let agents = app.store.agents(None, 100).await.map_err(|e| internal(&e))?;
    agents.into_iter().find(|agent| agent.kind == kind).map(|agent| agent.id).ok_or_else(ApiError::agent_not_found)
}

/// Without a channel the token invents one, which then exists only inside the token (server-api §11.1).
fn auth_token(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<GetRtcAuthTokenAnswer, Refusal> {
    let request = GetRtcAuthToken::parse(body)?;
    let channel = request.channel.clone().unwrap_or_else(App::new_channel);
    let (rtc_auth_token, timestamp) = app.token(&channel, &request.user, TOKEN_LIFE as u32, &base_url(app, headers));
    Ok(GetRtcAuthTokenAnswer { code: 200, rtc_auth_token, timestamp, channel_id: request.channel })
}
