//! Signaling: one POST with an offer and a token lets the user in; PATCH restarts ICE or renews the token, DELETE leaves.
//!
//! Flow: token checked (signature, expiry, and channel and user if the request names them) → the running call on the
//! token's channel, whose user it must be → the hub answers the offer → the peer goes to the call's media task.
//! A second join of the same user replaces the transport before. A join that asks for an agent starts the call first. Supervisors join
//! with a token of their own scope, which is good for nothing else here.

use super::request_id;
use crate::app::App;
use crate::calls::{CallHandle, JoinError, SeatError};
use crate::start::JoinStartError;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_model::{InstanceId, UserId};
use ringline_protocol::signaling::{
    AgentReply, ChangeAnswer, ChangeRequest, JoinAnswer, JoinRequest, SignalingCode, SignalingError,
};
use ringline_protocol::supervisor::SupervisorToken;
use ringline_protocol::token::{ChannelToken, TokenError};
use ringline_rtc::RtcError;
use std::sync::Arc;

pub const PATH: &str = "/rtc/v1/calls";

/// `POST /rtc/v1/calls`
pub async fn join(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    let request = JoinRequest::parse(&body)?;
    if SupervisorToken::is_one(&request.token) {
        return supervise(&app, &request).await;
    }
    let named = |token: &ChannelToken| {
        let channel = request.channel_id.as_ref().unwrap_or(&token.channel);
        let user = request.user_id.as_ref().unwrap_or(&token.user);
        token.for_channel_and_user(channel, user)
    };
    let (token, handle, agent_reply) = match &request.agent {
        None => {
            let token = open(&app, &request.token)?;
            named(&token).map_err(SignalingError::from)?;
            let handle = app.calls.on_channel(&token.channel).ok_or(JoinError::NoCall)?;
            (token, handle, None)
        }
        Some(agent) => {
            let base_url = app.base_url(headers.get(header::HOST).and_then(|host| host.to_str().ok()));
            // Before anything is started the ids must fit; the token is checked where its app is known.
            ChannelToken::peek(&request.token).and_then(|token| named(&token)).map_err(SignalingError::from)?;
            let request_id = request_id();
            let started = match agent.understand() {
                Ok(start) => app.start_by_join(start, &request.token, &base_url).await,
                Err(error) => Err(error.into()),
            };
            let (token, handle) = started.map_err(|error| match error {
                JoinStartError::Token(error) => SignalingError::from(error),
                JoinStartError::Operation(error) => {
                    SignalingError::agent_refused(AgentReply::refused(request_id.clone(), &error))
                }
            })?;
            let reply = AgentReply::started(request_id, &handle.instance, &handle.channel, &handle.agent_user);
            (token, handle, Some(reply))
        }
    };
    let sdp = app.calls.join(&handle, &token, &request.sdp).await?;
    Ok(joined(&handle, token.user, token.expires, sdp, agent_reply))
}

/// What somebody is told who is let in, with where to change and to end it.
fn joined(
    handle: &CallHandle,
    user_id: UserId,
    expires: i64,
    sdp: String,
    agent_reply: Option<AgentReply>,
) -> Response {
    let resource = format!("{PATH}/{}", handle.instance);
    let answer = JoinAnswer {
        sdp,
        channel_id: handle.channel.clone(),
        agent_user_id: handle.agent_user.clone(),
        instance_id: handle.instance.clone(),
        member_id: user_id.to_string(),
        user_id,
        resource: resource.clone(),
        expires_in: expires - App::now_s(),
        agent_reply,
    };
    (StatusCode::CREATED, [(header::LOCATION, resource)], Json(answer)).into_response()
}

/// `PATCH /rtc/v1/calls/{instance}`
pub async fn change(
    State(app): State<Arc<App>>,
    Path(resource): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let request = ChangeRequest::parse(&body)?;
    if SupervisorToken::is_one(&request.token) {
        let (handle, token) = supervisor(&app, &request.token, Some(&resource))?;
        let sdp = match request.sdp {
            Some(offer) => Some(app.calls.restart_seat(&handle, &token.user, offer).await?),
            None => None,
        };
        return Ok(Json(ChangeAnswer { sdp, expires_in: token.expires - App::now_s() }).into_response());
    }
    let (handle, token) = member(&app, &request.token, &resource)?;
    handle.renew(&token.user, token.expires).await.map_err(|_| JoinError::Finished)?;
    let sdp = match request.sdp {
        Some(offer) => Some(app.calls.restart(&handle, &token.user, offer).await?),
        None => None,
    };
    Ok(Json(ChangeAnswer { sdp, expires_in: token.expires - App::now_s() }).into_response())
}

/// `DELETE /rtc/v1/calls/{instance}`, with the token as bearer.
pub async fn leave(
    State(app): State<Arc<App>>,
    Path(resource): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if SupervisorToken::is_one(token) {
        return match supervisor(&app, token, Some(&resource)) {
            Ok((handle, token)) => {
                handle.supervisors.leave(&token.user);
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Err(Refused(SignalingError { code: SignalingCode::CallFinished, .. })) => {
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Err(refused) => Err(refused),
        };
    }
    match member(&app, token, &resource) {
        Ok((handle, token)) => handle.leave(&token.user).await,
        // Whoever left a call that is over has what they wanted.
        Err(Refused(SignalingError { code: SignalingCode::CallFinished, .. })) => {}
        Err(refused) => return Err(refused),
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lets a supervisor listen.
async fn supervise(app: &App, request: &JoinRequest) -> Result<Response, Refused> {
    let (handle, token) = supervisor(app, &request.token, None)?;
    let named = |id: &Option<String>, ours: &str| id.as_ref().is_none_or(|id| id == ours);
    let (channel, user) = (request.channel_id.as_ref(), request.user_id.as_ref());
    if !named(&channel.map(ToString::to_string), handle.channel.as_str())
        || !named(&user.map(ToString::to_string), token.user.as_str())
        || request.agent.is_some()
    {
        let why = "The supervisor token is for another channel or user, or for no agent.";
        return Err(SignalingError::new(SignalingCode::Forbidden, why).into());
    }
    let sdp = app.calls.supervise(&handle, &token, &request.sdp).await?;
    Ok(joined(&handle, token.user, token.expires, sdp, None))
}

/// The running call of a supervisor token, which is that of the resource if there is one.
fn supervisor(app: &App, text: &str, resource: Option<&str>) -> Result<(Arc<CallHandle>, SupervisorToken), Refused> {
    let token = app.open_supervisor_token(text).map_err(SignalingError::from)?;
    if resource.is_some_and(|resource| resource != token.instance.as_str()) {
        return Err(SignalingError::from(TokenError::WrongChannel).into());
    }
    let handle = app.calls.get(&token.instance).ok_or(JoinError::Finished)?;
    Ok((handle, token))
}

fn open(app: &App, token: &str) -> Result<ChannelToken, SignalingError> {
    Ok(app.open_token(token)?)
}

/// The call of a resource, for a token of its channel and of somebody who takes part.
fn member(app: &App, token: &str, resource: &str) -> Result<(Arc<CallHandle>, ChannelToken), Refused> {
    let token = open(app, token)?;
    let handle = InstanceId::parse(resource).ok().and_then(|instance| app.calls.get(&instance));
    let handle = handle.ok_or(JoinError::Finished)?;
    if handle.channel != token.channel {
        return Err(SignalingError::from(TokenError::WrongChannel).into());
    }
    if handle.user() != Some(&token.user) && !handle.is_human(&token.user) {
        return Err(SignalingError::from(TokenError::WrongUser).into());
    }
    Ok((handle, token))
}

/// An answer that says why not.
pub struct Refused(SignalingError);

impl From<SignalingError> for Refused {
    fn from(error: SignalingError) -> Self {
        Self(error)
    }
}

impl From<JoinError> for Refused {
    fn from(error: JoinError) -> Self {
        let code = match &error {
            JoinError::NoCall => SignalingCode::ChannelNotFound,
            JoinError::Finished => SignalingCode::CallFinished,
            JoinError::WrongUser | JoinError::Seat(SeatError::Removed | SeatError::NotAllowed) => {
                SignalingCode::Forbidden
            }
            JoinError::Seat(SeatError::Full) => SignalingCode::TooManySupervisors,
            JoinError::Busy | JoinError::Rtc(RtcError::Full) => SignalingCode::ServerBusy,
            JoinError::Rtc(RtcError::SdpTooLong { .. }) => SignalingCode::TooLarge,
            JoinError::Rtc(_) | JoinError::Restart(_) | JoinError::OneLine => SignalingCode::InvalidSdp,
        };
        Self(SignalingError::new(code, format!("{error}.")))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(&self.0)).into_response();
        if self.0.code == SignalingCode::ServerBusy {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}
