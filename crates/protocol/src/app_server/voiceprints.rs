//! The registry of voiceprints under the app server's names.

use super::{Refusal, mandatory, read_object, renamed};
use crate::openapi;
use serde::Serialize;

/// Registers a voiceprint; `user_id` and `input` must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAIAgentVoiceprint(pub openapi::SetAIAgentVoiceprint);

/// Forgets a voiceprint; `user_id` and `voiceprint_id` must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearAIAgentVoiceprint(pub openapi::ClearAIAgentVoiceprint);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAIAgentVoiceprintAnswer {
    /// 200
    pub code: u16,
    pub voiceprint_id: String,
    pub request_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClearAIAgentVoiceprintAnswer {
    /// 200
    pub code: u16,
    pub message: &'static str,
    pub request_id: String,
}

impl ClearAIAgentVoiceprintAnswer {
    pub fn new(request_id: String) -> Self {
        Self { code: 200, message: super::SUCCESS, request_id }
    }
}

impl SetAIAgentVoiceprint {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let (params, _) = renamed(read_object(body)?);
        mandatory(&params, "UserId").map_err(|_| Refusal::Validation("user_id is mandatory".into()))?;
        Ok(Self(openapi::SetAIAgentVoiceprint::parse(&params)?))
    }
}

impl ClearAIAgentVoiceprint {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let (params, _) = renamed(read_object(body)?);
        for (api, name) in [("UserId", "user_id"), ("VoiceprintId", "voiceprint_id")] {
            mandatory(&params, api).map_err(|_| Refusal::Validation(format!("{name} is mandatory")))?;
        }
        Ok(Self(openapi::ClearAIAgentVoiceprint::parse(&params)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ringline_model::RegistrationMode;

    #[test]
    fn what_the_apps_send_is_read() {
        let body = br#"{"user_id":"alice","region":"cn-shanghai","voiceprint_id":"alice_17",
            "input":"{\"Type\":\"oss\",\"Data\":\"https://example.com/a.wav\",\"Format\":\"wav\"}"}"#;
        let SetAIAgentVoiceprint(request) = SetAIAgentVoiceprint::parse(body).unwrap();
        assert_eq!((request.voiceprint.as_deref(), &*request.url), (Some("alice_17"), "https://example.com/a.wav"));
        let body = br#"{"user_id":"alice","voiceprint_id":"v","registration_mode":"Implicit"}"#;
        let ClearAIAgentVoiceprint(request) = ClearAIAgentVoiceprint::parse(body).unwrap();
        assert_eq!((request.voiceprint.as_deref(), request.mode), (Some("v"), RegistrationMode::Implicit));
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = |body: &[u8]| ClearAIAgentVoiceprint::parse(body).unwrap_err().to_string();
        assert_eq!(refused(br#"{"user_id":"alice"}"#), "voiceprint_id is mandatory");
        assert_eq!(refused(br#"{"voiceprint_id":"v"}"#), "user_id is mandatory");
        let error = SetAIAgentVoiceprint::parse(br#"{"user_id":"alice"}"#).unwrap_err();
        assert_eq!(error.body("R")["error_code"], "MissingInput");
    }
}
