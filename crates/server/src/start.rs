//! The ways a call starts: where the server chooses the channel, where the caller's server does, and where a client does by
//! joining.
//!
//! A token of a channel the caller chose may be made with the agent's app or with the server's own; whichever it is, the
//! call's other tokens are made with it, too. On one channel there is at most one agent: a second is refused with
//! `ChannelBusy`.

use crate::app::{App, Site, fresh};
use crate::calls::CallHandle;
use ringline_model::{AgentId, AgentKind, ChannelId, RtcApp, UserId};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{CallOptions, StartAIAgentInstance};
use ringline_protocol::signaling::GenerateOnJoin;
use ringline_protocol::token::{ChannelToken, TokenError};
use ringline_store::AgentRecord;
use std::sync::Arc;

/// A call that has started and waits for its user.
pub struct Started {
    pub handle: Arc<CallHandle>,
    pub kind: AgentKind,
    pub user: UserId,
    pub token: String,
}

impl App {
    /// GenerateAIAgentCall, whichever door it came through. `base_url` is where the caller reached us.
    pub async fn start_call(
        &self,
        agent: &AgentId,
        mut options: CallOptions,
        base_url: &str,
    ) -> Result<Started, ApiError> {
        let agent = self.agent(agent).await?;
        let (kind, expire) = (agent.kind, options.expire);
        let user = options.user.take().unwrap_or_else(|| fresh(UserId::parse));
        let site = Site {
            channel: fresh(ChannelId::parse),
            user: Some(user.clone()),
            agent_user: fresh(UserId::parse),
            rtc_app: self.app_of(&agent).clone(),
            rtc_url: Self::rtc_url(base_url),
        };
        let handle = self.launch(agent, options, site).await?;
        let (token, _) = handle.token(&user, expire, Self::now_s());
        Ok(Started { handle, kind, user, token })
    }

    /// StartAIAgentInstance: the caller chose the channel and the agent's id in it, and says so with a token for both. The
    /// user is whoever joins first.
    pub async fn start_instance(
        &self,
        request: StartAIAgentInstance,
        base_url: &str,
    ) -> Result<Arc<CallHandle>, ApiError> {
        let agent = self.agent(&request.agent).await?;
        let runtime = request.runtime;
        let refused = |error: TokenError| ApiError::invalid_parameter("RuntimeConfig.AuthToken", &error.to_string());
        let (token, rtc_app) = self.open_for(&agent, runtime.auth_token.reveal()).map_err(refused)?;
        token.for_channel_and_user(&runtime.channel, &runtime.agent_user).map_err(refused)?;
        let site = Site {
            channel: runtime.channel,
            user: None,
            agent_user: runtime.agent_user,
            rtc_app,
            rtc_url: Self::rtc_url(base_url),
        };
        self.launch(agent, request.options, site).await
    }

    /// The app server's form of the same: the channel is the client's, the agent's id ours.
    pub async fn start_on_channel(
        &self,
        agent: &AgentId,
        channel: ChannelId,
        mut options: CallOptions,
        base_url: &str,
    ) -> Result<Arc<CallHandle>, ApiError> {
        let agent = self.agent(agent).await?;
        let site = Site {
            channel,
            user: options.user.take(),
            agent_user: fresh(UserId::parse),
            // The client has its token from getRtcAuthToken, which knows of no agent.
            rtc_app: self.rtc_app.clone(),
            rtc_url: Self::rtc_url(base_url),
        };
        self.launch(agent, options, site).await
    }

    /// A client joins with a token and asks for an agent: the channel and the user are the token's. If the agent is on the
    /// channel already, for this user, the request is a repeated one and the running call is the answer.
    pub async fn start_by_join(
        &self,
        request: GenerateOnJoin,
        token_text: &str,
        base_url: &str,
    ) -> Result<(ChannelToken, Arc<CallHandle>), JoinStartError> {
        let agent = self.agent(&request.agent).await?;
        let (token, rtc_app) = match self.calls.on_channel(&ChannelToken::peek(token_text)?.channel) {
            Some(call) => (self.open_token(token_text)?, call.rtc_app.clone()),
            None => self.open_for(&agent, token_text)?,
        };
        if let Some(running) = self.running(&token, &request.agent)? {
            return Ok((token, running));
        }
        if request.agent_user.as_ref() == Some(&token.user) {
            return Err(ApiError::invalid_parameter("AIAgentUserId", "it is the user's").into());
        }
        let site = Site {
            channel: token.channel.clone(),
            user: Some(token.user.clone()),
            agent_user: request.agent_user.unwrap_or_else(|| fresh(UserId::parse)),
            rtc_app,
            rtc_url: Self::rtc_url(base_url),
        };
        match self.launch(agent, request.options, site).await {
            Ok(handle) => Ok((token, handle)),
            // The same request may have come twice at once.
            Err(error) if error == ApiError::channel_busy() => match self.running(&token, &request.agent)? {
                Some(running) => Ok((token, running)),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// The agent's call on the token's channel, if the token's user may join it.
    fn running(&self, token: &ChannelToken, agent: &AgentId) -> Result<Option<Arc<CallHandle>>, JoinStartError> {
        let Some(call) = self.calls.on_channel(&token.channel) else { return Ok(None) };
        if !call.takes(&token.user) {
            return Err(TokenError::WrongUser.into());
        }
        if call.agent != *agent { Err(ApiError::channel_busy().into()) } else { Ok(Some(call)) }
    }

    fn app_of<'a>(&'a self, agent: &'a AgentRecord) -> &'a RtcApp {
        agent.settings.app.as_ref().unwrap_or(&self.rtc_app)
    }

    /// Opens a token with the agent's app or the server's own, whichever it names.
    fn open_for(&self, agent: &AgentRecord, text: &str) -> Result<(ChannelToken, RtcApp), TokenError> {
        let named = ChannelToken::peek(text)?.app_id;
        let app = [self.app_of(agent), &self.rtc_app].into_iter().find(|app| app.id == named);
        let app = app.ok_or(TokenError::WrongApp)?;
        Ok((ChannelToken::open(text, &app.id, app.key.reveal(), Self::now_s())?, app.clone()))
    }
}

/// Why a join did not get its agent.
#[derive(Debug, thiserror::Error)]
pub enum JoinStartError {
    /// The join itself is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The operation is.
    #[error(transparent)]
    Operation(#[from] ApiError),
}
