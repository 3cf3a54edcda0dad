//! What the doors do with instances, whichever door asks: find, describe, change and stop them.

use crate::app::{App, fresh, internal};
use crate::calls::{CallHandle, Ended, TakeoverError};
use ringline_conversation::StopCause;
use ringline_model::{ChannelId, InstanceId, UserId};
use ringline_protocol::call_log;
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{
    DEFAULT_EXPIRE, ListedInstance, RuntimeConfig, SendAIAgentDataChannelMessage, SendAIAgentSpeech, SendAIAgentText,
    Speech, TakeoverAIAgentCall, UpdateAIAgentInstance,
};
use ringline_store::InstanceRecord;
use std::sync::Arc;

impl From<Ended> for ApiError {
    fn from(_: Ended) -> Self {
        Self::instance_finished()
    }
}

/// A call that can be told something: `InstanceFinished` or `InstanceNotFound` if there is none.
async fn find(app: &App, instance: &InstanceId) -> Result<Arc<CallHandle>, ApiError> {
    if let Some(handle) = app.calls.get(instance) {
        return Ok(handle);
    }
    let known = app.store.instance(instance).await.map_err(|e| internal(&e))?;
    Err(if known.is_some() { ApiError::instance_finished() } else { ApiError::instance_not_found() })
}

/// A call whose user is there, or has been: what is told to nobody would be lost.
async fn connected(app: &App, instance: &InstanceId) -> Result<Arc<CallHandle>, ApiError> {
    let handle = find(app, instance).await?;
    if handle.has_joined() { Ok(handle) } else { Err(ApiError::instance_not_connected()) }
}

/// Idempotent: stopping a finished instance succeeds. Does not wait for the end.
pub async fn stop(app: &App, instance: &InstanceId) -> Result<(), ApiError> {
    match find(app, instance).await {
        Ok(handle) => handle.stop(StopCause::Api).await,
        Err(error) if error == ApiError::instance_finished() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Returns when the change is stored; the running call has it by then.
pub async fn update(app: &App, request: UpdateAIAgentInstance) -> Result<(), ApiError> {
    find(app, &request.instance).await?.update(request).await?
}

/// Before the user is there the text or audio waits behind the greeting; at most 16 wait, further ones are not taken.
pub async fn say(app: &App, request: SendAIAgentSpeech) -> Result<(), ApiError> {
    let SendAIAgentSpeech { instance, speech, interrupt } = request;
    match speech {
        Speech::Text(text) => Ok(find(app, &instance).await?.say(text, interrupt).await?),
        Speech::AudioUrl(url) => {
            app.outward.check(&url).map_err(|why| ApiError::invalid_parameter("Text", &why.to_string()))?;
            Ok(find(app, &instance).await?.say_audio(url, interrupt).await?)
        }
    }
}

pub async fn ask(app: &App, request: SendAIAgentText) -> Result<(), ApiError> {
    Ok(connected(app, &request.instance).await?.ask(request.text).await?)
}

/// Sent to a user who is there. Nothing is kept for one who has left for a moment.
pub async fn custom_message(app: &App, request: SendAIAgentDataChannelMessage) -> Result<(), ApiError> {
    Ok(connected(app, &request.instance).await?.custom(request.message).await?)
}

/// Calls a human in. The token, if one is wanted, is good for an hour, as GenerateAIAgentCall's.
pub async fn take_over(app: &App, request: TakeoverAIAgentCall) -> Result<TakenOver, ApiError> {
    let handle = find(app, &request.instance).await?;
    let human = handle.take_over(request.human, fresh(UserId::parse)).await.map_err(|error| match error {
        TakeoverError::InProgress => ApiError::takeover_in_progress(),
        TakeoverError::NoHuman => ApiError::invalid_parameter("HumanAgentUserId", &error.to_string()),
        // These three are about supervisors, and no supervisor asks here.
        TakeoverError::NoTakeover | TakeoverError::AnotherHuman | TakeoverError::NotConnected => {
            ApiError::takeover_in_progress()
        }
        TakeoverError::Ended(ended) => ended.into(),
    })?;
    let token = request.require_token.then(|| handle.token(&human, DEFAULT_EXPIRE, App::now_s()).0);
    Ok(TakenOver { channel: handle.channel.clone(), human, token })
}

/// Where the human joins.
pub struct TakenOver {
    pub channel: ChannelId,
    pub human: UserId,
    pub token: Option<String>,
}

/// An instance as Describe and List show it; `base_url` is where the caller reached us.
pub async fn describe(app: &App, instance: &InstanceId, base_url: &str) -> Result<ListedInstance, ApiError> {
    let record = app.store.instance(instance).await.map_err(|e| internal(&e))?;
    Ok(listed(app, record.ok_or_else(ApiError::instance_not_found)?, base_url))
}

pub fn listed(app: &App, record: InstanceRecord, base_url: &str) -> ListedInstance {
    ListedInstance {
        status: record.status,
        call_log_url: call_log::address(base_url, app.rtc_app.key.reveal(), &record.id, App::now_s()),
        instance_id: record.id,
        agent_config: record.config,
        template_config: record.template,
        runtime_config: RuntimeConfig { channel_id: record.channel, agent_user_id: record.agent_user },
        user_data: record.user_data.unwrap_or_default(),
        session_id: record.session,
        gmt_create: record.created_ms,
        gmt_modified: record.modified_ms,
    }
}
