//! Signaling: one POST with an offer and a token lets the user in; PATCH restarts ICE, DELETE leaves.
//!
//! Flow: token checked (signature, expiry, and channel and user if the request names them) → the running call on the
//! token's channel, whose user it must be → the hub answers the offer → the peer goes to the call's media task.
//! A second join of the same user replaces the transport before.

use crate::app::App;
use crate::calls::{CallHandle, JoinError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_model::InstanceId;
use ringline_protocol::signaling::{
    JoinAnswer, JoinRequest, RestartAnswer, RestartRequest, SignalingCode, SignalingError,
};
use ringline_protocol::token::{ChannelToken, TokenError};
use ringline_rtc::RtcError;
use std::sync::Arc;

pub const PATH: &str = "/rtc/v1/calls";

/// `POST /rtc/v1/calls`
pub async fn join(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refused> {
    let request = JoinRequest::parse(&body)?;
    let token = open(&app, &request.token)?;
    let channel = request.channel_id.as_ref().unwrap_or(&token.channel);
    let user = request.user_id.as_ref().unwrap_or(&token.user);
    token.for_channel_and_user(channel, user).map_err(SignalingError::from)?;
    let handle = app.calls.on_channel(&token.channel).ok_or(JoinError::NoCall)?;
    check_user(&token, &handle)?;
    let sdp = app.calls.join(&handle, &request.sdp).await?;
    let resource = format!("{PATH}/{}", handle.instance);
    let answer = JoinAnswer {
        sdp,
        channel_id: handle.channel.clone(),
        user_id: handle.user.clone(),
        agent_user_id: handle.agent_user.clone(),
        instance_id: handle.instance.clone(),
        member_id: handle.user.to_string(),
        resource: resource.clone(),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, resource)], Json(answer)).into_response())
}

/// `PATCH /rtc/v1/calls/{instance}`
pub async fn restart(
    State(app): State<Arc<App>>,
    Path(resource): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let request = RestartRequest::parse(&body)?;
    let handle = member(&app, &request.token, &resource)?;
    let sdp = app.calls.restart(&handle, request.sdp).await?;
    Ok(Json(RestartAnswer { sdp }).into_response())
}

/// `DELETE /rtc/v1/calls/{instance}`, with the token as bearer.
pub async fn leave(
    State(app): State<Arc<App>>,
    Path(resource): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    match member(&app, token, &resource) {
        Ok(handle) => handle.leave().await,
        // Whoever left a call that is over has what they wanted.
        Err(Refused(SignalingError { code: SignalingCode::CallFinished, .. })) => {}
        Err(refused) => return Err(refused),
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn open(app: &App, token: &str) -> Result<ChannelToken, SignalingError> {
    Ok(app.open_token(token)?)
}

fn check_user(token: &ChannelToken, handle: &CallHandle) -> Result<(), SignalingError> {
    if token.user == handle.user { Ok(()) } else { Err(TokenError::WrongUser.into()) }
}

/// The call of a resource, for a token of its channel and user.
fn member(app: &App, token: &str, resource: &str) -> Result<Arc<CallHandle>, Refused> {
    let token = open(app, token)?;
    let handle = InstanceId::parse(resource).ok().and_then(|instance| app.calls.get(&instance));
    let handle = handle.ok_or(JoinError::Finished)?;
    if handle.channel != token.channel {
        return Err(SignalingError::from(TokenError::WrongChannel).into());
    }
    check_user(&token, &handle)?;
    Ok(handle)
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
            JoinError::Busy | JoinError::Rtc(RtcError::Full) => SignalingCode::ServerBusy,
            JoinError::Rtc(RtcError::SdpTooLong { .. }) => SignalingCode::TooLarge,
            JoinError::Rtc(_) | JoinError::Restart(_) => SignalingCode::InvalidSdp,
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
