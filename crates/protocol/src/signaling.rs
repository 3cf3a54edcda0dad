//! Our own signaling: one JSON `POST` joins a channel, one restarts its transport.
//!
//! The client sends an SDP offer with its channel token and gets the answer with the ids of everyone in the channel.
//! Candidates are inside the descriptions; `resource` is the path for [`ChangeRequest`]s (a restart of the transport, a
//! renewed token) and for `DELETE`, which leaves. A join may carry an [`AgentRequest`]: the agent is started on the token's
//! channel, and the [`AgentReply`] is in the answer, so that it comes before anything of the agent's.
//!
//! A member may stay as long as the token says that was sent last, and [`GRACE`] longer.

mod agent_request;

pub use agent_request::{AgentReply, AgentRequest, GenerateOnJoin};

use crate::supervisor::SupervisorTokenError;
use crate::token::{MAX_TOKEN, TokenError};
use ringline_model::{ChannelId, InstanceId, UserId};
use serde::{Deserialize, Serialize};

/// Longest session description, in bytes.
pub const MAX_SDP: usize = 64 * 1024;
/// How long a member whose token has run out may still bring a new one; then the server closes the connection with 9002,
/// reason 1. In s.
pub const GRACE: i64 = 10;
/// Longest body, in bytes: a description and the configuration inside an agent request, both as JSON texts.
pub const MAX_BODY: usize = 256 * 1024;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequest {
    /// Channel token, at most [`MAX_TOKEN`] bytes.
    pub token: String,
    /// Offer, at most [`MAX_SDP`] bytes.
    pub sdp: String,
    /// What the client believes to join; if given it must be what the token says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Asks for an agent; none: it is on the channel already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentRequest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinAnswer {
    pub sdp: String,
    pub channel_id: ChannelId,
    pub user_id: UserId,
    pub agent_user_id: UserId,
    pub instance_id: InstanceId,
    /// This connection of the user; a new join has a new one.
    pub member_id: String,
    /// Path of the joined member, for changes and leaving.
    pub resource: String,
    /// In how many s the token runs out, by the server's clock.
    pub expires_in: i64,
    /// If the join asked for an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_reply: Option<AgentReply>,
}

/// Changes a joined member: the token is the one that counts from now on if it lasts longer than the one before, and with
/// an offer the transport is restarted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRequest {
    pub token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeAnswer {
    /// If there was an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp: Option<String>,
    /// In how many s this token runs out, by the server's clock.
    pub expires_in: i64,
}

/// Tokens are secrets and descriptions are long: neither is printed.
impl std::fmt::Debug for JoinRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (channel, user) = (&self.channel_id, &self.user_id);
        f.debug_struct("JoinRequest").field("channel_id", channel).field("user_id", user).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ChangeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeRequest").field("restart", &self.sdp.is_some()).finish_non_exhaustive()
    }
}

impl JoinRequest {
    pub fn parse(body: &[u8]) -> Result<Self, SignalingError> {
        let request: Self = read(body)?;
        check_token(&request.token)?;
        check_sdp(&request.sdp)?;
        Ok(request)
    }
}

impl ChangeRequest {
    pub fn parse(body: &[u8]) -> Result<Self, SignalingError> {
        let request: Self = read(body)?;
        check_token(&request.token)?;
        request.sdp.as_deref().map_or(Ok(()), check_sdp)?;
        Ok(request)
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, SignalingError> {
    if body.len() > MAX_BODY {
        return Err(SignalingError::new(SignalingCode::TooLarge, format!("The body has more than {MAX_BODY} bytes.")));
    }
    serde_json::from_slice(body)
        .map_err(|e| SignalingError::new(SignalingCode::InvalidRequest, format!("The body cannot be read: {e}.")))
}

fn check_token(token: &str) -> Result<(), SignalingError> {
    if token.len() > MAX_TOKEN {
        return Err(SignalingError::new(
            SignalingCode::InvalidToken,
            format!("The token has more than {MAX_TOKEN} bytes."),
        ));
    }
    Ok(())
}

fn check_sdp(sdp: &str) -> Result<(), SignalingError> {
    if sdp.len() > MAX_SDP {
        return Err(SignalingError::new(SignalingCode::TooLarge, format!("The SDP has more than {MAX_SDP} bytes.")));
    }
    if !sdp.starts_with("v=0") {
        return Err(SignalingError::new(SignalingCode::InvalidSdp, "The SDP does not begin with v=0."));
    }
    Ok(())
}

/// What the client is told when it cannot join. The body is this as JSON, the status that of its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code:?}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct SignalingError {
    pub code: SignalingCode,
    pub message: String,
    /// With [`SignalingCode::AgentRefused`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_reply: Option<Box<AgentReply>>,
}

/// Stable; clients branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SignalingCode {
    /// The body is not the JSON it must be.
    InvalidRequest,
    InvalidToken,
    TokenExpired,
    /// The token is for another channel or user.
    Forbidden,
    InvalidSdp,
    ChannelNotFound,
    /// The call is over.
    CallFinished,
    /// As many supervisors as allowed are connected.
    TooManySupervisors,
    TooLarge,
    /// The join asked for an agent and did not get it; the reply says why.
    AgentRefused,
    /// Full or draining; try again later or elsewhere.
    ServerBusy,
}

impl SignalingCode {
    /// HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::InvalidSdp => 400,
            Self::InvalidToken | Self::TokenExpired => 401,
            Self::Forbidden => 403,
            Self::ChannelNotFound => 404,
            Self::TooManySupervisors => 409,
            Self::CallFinished => 410,
            Self::TooLarge => 413,
            Self::AgentRefused => 422,
            Self::ServerBusy => 503,
        }
    }
}

impl SignalingError {
    pub fn new(code: SignalingCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), agent_reply: None }
    }

    pub fn agent_refused(reply: AgentReply) -> Self {
        let message = format!("The agent was not started: {}", reply.message.as_deref().unwrap_or(&reply.code));
        Self { code: SignalingCode::AgentRefused, message, agent_reply: Some(Box::new(reply)) }
    }
}

impl From<TokenError> for SignalingError {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Malformed | TokenError::WrongApp | TokenError::BadSignature | TokenError::TooLong => {
                SignalingCode::InvalidToken
            }
            TokenError::Expired => SignalingCode::TokenExpired,
            TokenError::WrongChannel | TokenError::WrongUser => SignalingCode::Forbidden,
        };
        Self::new(code, format!("Joining was refused: {error}."))
    }
}

impl From<SupervisorTokenError> for SignalingError {
    fn from(error: SupervisorTokenError) -> Self {
        let code = match error {
            SupervisorTokenError::Malformed | SupervisorTokenError::BadSignature => SignalingCode::InvalidToken,
            SupervisorTokenError::Expired => SignalingCode::TokenExpired,
        };
        Self::new(code, format!("Joining was refused: {error}."))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn parse(body: Value) -> Result<JoinRequest, SignalingError> {
        JoinRequest::parse(body.to_string().as_bytes())
    }

    fn refused(body: Value) -> SignalingCode {
        let code = parse(body.clone()).unwrap_err().code;
        assert_eq!(ChangeRequest::parse(body.to_string().as_bytes()).unwrap_err().code, code);
        code
    }

    #[test]
    fn a_join_needs_only_token_and_offer() {
        let request = parse(json!({"token": "t", "sdp": "v=0\r\n", "unknown": 1})).unwrap();
        assert_eq!((request.channel_id, request.user_id), (None, None));
        let request = parse(json!({"token": "t", "sdp": "v=0", "channelId": "c", "userId": "u"})).unwrap();
        assert_eq!(request.channel_id.unwrap().as_str(), "c");
    }

    #[test]
    fn each_fault_of_a_join_has_its_code() {
        assert_eq!(refused(json!("garbage")), SignalingCode::InvalidRequest);
        assert_eq!(refused(json!({"sdp": "v=0"})), SignalingCode::InvalidRequest);
        assert_eq!(parse(json!({"token": "t"})).unwrap_err().code, SignalingCode::InvalidRequest);
        assert_eq!(refused(json!({"token": "t", "sdp": "hello"})), SignalingCode::InvalidSdp);
        assert_eq!(refused(json!({"token": "t", "sdp": ""})), SignalingCode::InvalidSdp);
        assert_eq!(refused(json!({"token": "t".repeat(MAX_TOKEN + 1), "sdp": "v=0"})), SignalingCode::InvalidToken);
        let long = format!("v=0{}", " ".repeat(MAX_SDP));
        assert_eq!(refused(json!({"token": "t", "sdp": long})), SignalingCode::TooLarge);
        assert_eq!(refused(json!({"token": "t", "sdp": "v=0".repeat(350_000)})), SignalingCode::TooLarge);
        let fits = format!("v=0{}", " ".repeat(MAX_SDP - 3));
        assert!(parse(json!({"token": "t".repeat(MAX_TOKEN), "sdp": fits})).is_ok());
    }

    #[test]
    fn a_change_without_an_offer_renews_the_token() {
        let change = |body: Value| ChangeRequest::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(change(json!({"token": "t"})).sdp, None);
        assert_eq!(change(json!({"token": "t", "sdp": "v=0"})).sdp.unwrap(), "v=0");
        let answer = |sdp: Option<String>| serde_json::to_value(ChangeAnswer { sdp, expires_in: 60 }).unwrap();
        assert_eq!(answer(None), json!({"expiresIn": 60}));
        assert_eq!(answer(Some("v=0".into())), json!({"sdp": "v=0", "expiresIn": 60}));
    }

    #[test]
    fn a_join_with_an_impossible_id_is_refused() {
        let body = json!({"token": "t", "sdp": "v=0", "userId": "u".repeat(65)});
        assert_eq!(parse(body).unwrap_err().code, SignalingCode::InvalidRequest);
    }

    #[test]
    fn the_answer_has_camel_case_names() {
        let answer = JoinAnswer {
            sdp: "v=0".into(),
            channel_id: ChannelId::parse("c").unwrap(),
            user_id: UserId::parse("u").unwrap(),
            agent_user_id: UserId::parse("a").unwrap(),
            instance_id: InstanceId::parse("i").unwrap(),
            member_id: "m".into(),
            resource: "/rtc/m".into(),
            expires_in: 3600,
            agent_reply: None,
        };
        let json = json!({"sdp": "v=0", "channelId": "c", "userId": "u", "agentUserId": "a", "instanceId": "i",
                          "memberId": "m", "resource": "/rtc/m", "expiresIn": 3600});
        assert_eq!(serde_json::to_value(&answer).unwrap(), json);
        assert_eq!(serde_json::from_value::<JoinAnswer>(json).unwrap(), answer);
    }

    #[test]
    fn token_errors_keep_their_status() {
        for (error, code) in [
            (TokenError::Malformed, SignalingCode::InvalidToken),
            (TokenError::WrongApp, SignalingCode::InvalidToken),
            (TokenError::BadSignature, SignalingCode::InvalidToken),
            (TokenError::TooLong, SignalingCode::InvalidToken),
            (TokenError::Expired, SignalingCode::TokenExpired),
            (TokenError::WrongChannel, SignalingCode::Forbidden),
            (TokenError::WrongUser, SignalingCode::Forbidden),
        ] {
            assert_eq!(SignalingError::from(error).code, code);
            let name = serde_json::to_value(code).unwrap();
            assert_eq!((code.status(), name.as_str().unwrap()), error.status_and_code());
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _outcome = (JoinRequest::parse(&body), ChangeRequest::parse(&body));
        }
    }
}
