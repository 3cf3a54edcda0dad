//! The error of an OpenAPI operation and its envelope (server-api §3.2, §3.3).

mod advice;

pub use advice::{PATH as ADVICE_PATH, advice};
use ringline_model::ConfigError;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What the caller is told. `code` is stable and clients branch on it; `message` is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    pub code: Cow<'static, str>,
    pub message: String,
    /// Goes into the header `x-acs-retry-after`, which makes SDKs back off; only for throttling.
    pub retry_after_ms: Option<u32>,
}

impl ApiError {
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after_ms: None }
    }

    /// A mandatory parameter is absent or empty. We use the gateway's form `Missing<Name>`.
    pub fn missing(name: &str) -> Self {
        Self::new(400, format!("Missing{name}"), format!("{name} is mandatory for this action."))
    }

    /// A parameter, or a field inside one, has a value it cannot have. The message names it.
    pub fn invalid_parameter(name: &str, reason: &str) -> Self {
        Self::new(400, "InvalidParameter", format!("The specified parameter {name} is not valid: {reason}."))
    }

    /// Unknown action or version.
    pub fn api_not_found() -> Self {
        Self::new(404, "InvalidApi.NotFound", "Specified api is not found, please check your url and method.")
    }

    pub fn unsupported_method() -> Self {
        Self::new(400, "UnsupportedHTTPMethod", "This http method is not supported.")
    }

    /// Clients map this code to their own error, and its message is quoted by app servers.
    pub fn agent_not_found() -> Self {
        Self::new(404, "AgentNotFound", "The specified agentId is not found.")
    }

    pub fn instance_not_found() -> Self {
        Self::new(404, "InstanceNotFound", "The specified instanceId is not found.")
    }

    /// A control operation on an instance that is over.
    pub fn instance_finished() -> Self {
        Self::new(400, "InstanceFinished", "The specified instance has finished.")
    }

    /// A control operation on an instance whose user has not come yet: nobody would hear or read it.
    pub fn instance_not_connected() -> Self {
        Self::new(400, "InstanceNotConnected", "The user of the specified instance has not joined yet.")
    }

    /// Something other than an agent or an instance does not exist.
    pub fn resource_not_found(what: &str) -> Self {
        Self::new(404, "ResourceNotFound", format!("The specified {what} is not found."))
    }

    /// The configured number of calls is running.
    pub fn concurrency_limit_exceeded() -> Self {
        Self::new(400, "ConcurrencyLimitExceeded", "The number of concurrent calls has reached its limit.")
    }

    /// On the channel the caller chose there is an agent already.
    pub fn channel_busy() -> Self {
        Self::new(400, "ChannelBusy", "There is an agent in the specified channel already.")
    }

    /// A voiceprint's audio is too short or too long, in s. Clients branch on this code.
    pub fn invalid_audio_duration(shortest: u64, longest: u64) -> Self {
        let message = format!("The audio must last {shortest} to {longest} seconds.");
        Self::new(400, "InvalidAudioDuration", message)
    }

    /// Another human is taking the call over.
    pub fn takeover_in_progress() -> Self {
        Self::new(400, "TakeoverInProgress", "Another takeover of the specified instance is under way.")
    }

    /// The key may not call this operation.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "Forbidden", message)
    }

    pub fn throttling(retry_after_ms: u32) -> Self {
        let error = Self::new(400, "Throttling", "Request was denied due to request throttling.");
        Self { retry_after_ms: Some(retry_after_ms), ..error }
    }

    /// Something failed here; what it was is logged, not sent.
    pub fn internal() -> Self {
        Self::new(500, "InternalError", "The request processing has failed due to some unknown error.")
    }

    /// The server is draining or full.
    pub fn unavailable() -> Self {
        Self::new(503, "ServiceUnAvailable", "The request has failed due to a temporary failure of the server.")
    }

    /// The body of the answer. `request_id` is an upper-case UUID, `host_id` the host the client dialled, `base_url` where
    /// it reached us: there is a page that says what to do about the error.
    pub fn envelope(&self, request_id: &str, host_id: &str, base_url: &str) -> Value {
        let mut envelope =
            json!({"RequestId": request_id, "HostId": host_id, "Code": self.code, "Message": self.message});
        if advice(&self.code).is_some() {
            envelope["Recommend"] = format!("{base_url}{ADVICE_PATH}/{}", self.code).into();
        }
        envelope
    }
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        let field = if error.field.is_empty() { "AgentConfig" } else { &error.field };
        Self::invalid_parameter(field, &error.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_what_clients_read() {
        assert_eq!(
            ApiError::agent_not_found().envelope("0F5E", "localhost:8080", "http://localhost:8080"),
            json!({"RequestId": "0F5E", "HostId": "localhost:8080", "Code": "AgentNotFound",
                   "Message": "The specified agentId is not found.",
                   "Recommend": "http://localhost:8080/errors/AgentNotFound"})
        );
    }

    #[test]
    fn without_room_for_its_nonce_a_request_is_told_when_to_come_back() {
        let error = ApiError::from(crate::auth::AuthError::Throttled);
        assert_eq!((error.status, &*error.code, error.retry_after_ms), (400, "Throttling", Some(1000)));
    }

    #[test]
    fn a_missing_parameter_is_named_in_code_and_message() {
        let error = ApiError::missing("AIAgentId");
        assert_eq!((error.status, &*error.code), (400, "MissingAIAgentId"));
        assert_eq!(error.message, "AIAgentId is mandatory for this action.");
    }

    #[test]
    fn a_configuration_error_names_its_field() {
        let field = ConfigError { field: "AsrConfig.AsrMaxSilence".into(), reason: "50 is outside 200..1200".into() };
        let error = ApiError::from(field);
        assert_eq!((error.status, &*error.code), (400, "InvalidParameter"));
        assert!(error.message.contains("AsrConfig.AsrMaxSilence"), "{}", error.message);
    }
}
