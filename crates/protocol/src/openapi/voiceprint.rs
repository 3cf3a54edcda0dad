//! The registry of voiceprints: requests and answers (server-api §4.17–§4.19).

use super::answer::gmt;
use crate::error::ApiError;
use crate::params::Params;
use ringline_model::RegistrationMode;
use serde::Serialize;

/// Longest id, in characters.
pub const MAX_VOICEPRINT_ID: usize = 127;
/// Longest address of an audio file, in characters.
const MAX_URL: usize = 4096;
/// Last page of a listing; no source states one.
const LAST_PAGE: i64 = 100_000;

/// Registers a voiceprint (server-api §4.17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAIAgentVoiceprint {
    /// None: the server makes one.
    pub voiceprint: Option<String>,
    /// Where the WAV file is: an http or https address. Official apps give one with either type.
    pub url: String,
}

/// Forgets a voiceprint (server-api §4.18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearAIAgentVoiceprint {
    /// None names no voiceprint, so nothing is forgotten.
    pub voiceprint: Option<String>,
    pub mode: RegistrationMode,
}

/// Lists voiceprints (server-api §4.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAIAgentVoiceprints {
    /// Only that one.
    pub voiceprint: Option<String>,
    pub mode: RegistrationMode,
    pub offset: u32,
    /// 1..100
    pub limit: u32,
}

impl SetAIAgentVoiceprint {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let voiceprint = id(params)?;
        let input = params.object("Input")?.ok_or_else(|| ApiError::missing("Input"))?;
        let serde_json::Value::Object(fields) = input else { return Err(ApiError::missing("Input")) };
        let input = Params::from_values(fields);
        let within = |error: ApiError| ApiError {
            message: error.message.replacen("parameter ", "parameter Input.", 1),
            ..error
        };
        let text = |name, most| input.text(name, most).map_err(within);
        let one_of = |name, allowed: &[&str]| match text(name, 16)? {
            Some(text) if !allowed.iter().any(|word| text.eq_ignore_ascii_case(word)) => {
                let reason = format!("it must be {}", allowed.join(" or "));
                Err(ApiError::invalid_parameter(&format!("Input.{name}"), &reason))
            }
            _ => Ok(()),
        };
        one_of("Type", &["url", "oss"])?;
        one_of("Format", &["wav"])?;
        let url = text("Data", MAX_URL)?.ok_or_else(|| ApiError::invalid_parameter("Input.Data", "it is missing"))?;
        if url.starts_with("oss://") {
            let reason = "an oss:// address cannot be fetched here; give an http or https one, pre-signed if need be";
            return Err(ApiError::invalid_parameter("Input.Data", reason));
        }
        Ok(Self { voiceprint, url })
    }
}

impl ClearAIAgentVoiceprint {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { voiceprint: id(params)?, mode: mode(params)? })
    }
}

impl ListAIAgentVoiceprints {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let (offset, limit) = super::listing::page(params, LAST_PAGE, 1, 10)?;
        Ok(Self { voiceprint: id(params)?, mode: mode(params)?, offset, limit })
    }
}

fn id(params: &Params) -> Result<Option<String>, ApiError> {
    params.text("VoiceprintId", MAX_VOICEPRINT_ID)
}

fn mode(params: &Params) -> Result<RegistrationMode, ApiError> {
    let Some(text) = params.text("RegistrationMode", 16)? else { return Ok(RegistrationMode::default()) };
    let mode = RegistrationMode::ALL.iter().copied().find(|mode| mode.as_str() == text);
    mode.ok_or_else(|| ApiError::invalid_parameter("RegistrationMode", "it must be Explicit or Implicit"))
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetAIAgentVoiceprintAnswer {
    pub request_id: String,
    pub voiceprint_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAIAgentVoiceprintsAnswer {
    pub request_id: String,
    pub voiceprints: Vec<VoiceprintDescription>,
    /// All that fit the request, not only this page's.
    pub total_count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VoiceprintDescription {
    pub voiceprint_id: String,
    /// Unix milliseconds; written as `2026-01-02T03:04:05.000+00:00`.
    #[serde(serialize_with = "gmt")]
    pub gmt_create: i64,
    #[serde(serialize_with = "gmt")]
    pub gmt_modified: i64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{named, params};
    use super::*;
    use serde_json::json;

    #[test]
    fn an_input_is_an_object_or_its_text_and_either_type_may_hold_an_address() {
        let url = "https://bucket.example.com/a.wav?Signature=x";
        let object = json!({"Type": "oss", "Data": url, "Format": "wav"});
        for input in
            [object.clone(), json!(object.to_string()), json!({"Type": "url", "Data": url}), json!({"Data": url})]
        {
            let request = SetAIAgentVoiceprint::parse(&params(json!({"VoiceprintId": "alice_1", "Input": input})));
            let request = request.unwrap();
            assert_eq!((request.voiceprint.as_deref(), &*request.url), (Some("alice_1"), url));
        }
        let anonymous = SetAIAgentVoiceprint::parse(&params(json!({"Input": object}))).unwrap();
        assert_eq!(anonymous.voiceprint, None);
    }

    #[test]
    fn what_cannot_be_registered_is_named() {
        let parse = |json| SetAIAgentVoiceprint::parse(&params(json));
        assert_eq!(parse(json!({})).unwrap_err().code, "MissingInput");
        let url = "https://example.com/a.wav";
        named(parse(json!({"Input": "{"})), "Input");
        named(parse(json!({"Input": {}})), "Input.Data");
        named(parse(json!({"Input": {"Data": url, "Type": "file"}})), "Input.Type");
        named(parse(json!({"Input": {"Data": url, "Format": "mp3"}})), "Input.Format");
        named(parse(json!({"Input": {"Data": "x".repeat(MAX_URL + 1)}})), "Input.Data");
        named(parse(json!({"Input": {"Data": "oss://bucket/a.wav", "Type": "oss"}})), "oss://");
        named(parse(json!({"Input": {"Data": url}, "VoiceprintId": "x".repeat(128)})), "VoiceprintId");
        assert!(parse(json!({"Input": {"Data": url}, "VoiceprintId": "中".repeat(127)})).is_ok());
    }

    #[test]
    fn registration_is_explicit_unless_the_request_says_otherwise() {
        let clear = |json| ClearAIAgentVoiceprint::parse(&params(json));
        let explicit = clear(json!({"VoiceprintId": "v"})).unwrap();
        assert_eq!((explicit.voiceprint.as_deref(), explicit.mode), (Some("v"), RegistrationMode::Explicit));
        assert_eq!(clear(json!({"RegistrationMode": "Implicit"})).unwrap().mode, RegistrationMode::Implicit);
        named(clear(json!({"RegistrationMode": "implicit"})), "RegistrationMode");
        named(clear(json!({"VoiceprintId": "x".repeat(128)})), "VoiceprintId");
    }

    #[test]
    fn voiceprints_come_ten_a_page() {
        let list = |json| ListAIAgentVoiceprints::parse(&params(json));
        let usual = list(json!({})).unwrap();
        assert_eq!(
            (usual.offset, usual.limit, usual.voiceprint, usual.mode),
            (0, 10, None, RegistrationMode::Explicit)
        );
        let third = list(json!({"PageNumber": "3", "PageSize": 100, "VoiceprintId": "v"})).unwrap();
        assert_eq!((third.offset, third.limit, third.voiceprint.as_deref()), (200, 100, Some("v")));
        for (name, value) in [("PageSize", 0), ("PageSize", 101), ("PageNumber", 0), ("PageNumber", 100_001)] {
            named(list(json!({name: value})), name);
        }
    }

    #[test]
    fn the_answers_have_the_vendors_names() {
        let answer = ListAIAgentVoiceprintsAnswer {
            request_id: "R".into(),
            voiceprints: vec![VoiceprintDescription {
                voiceprint_id: "v".into(),
                gmt_create: 1_752_820_748_000,
                gmt_modified: 1_752_820_748_001,
            }],
            total_count: 3,
        };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"RequestId": "R", "TotalCount": 3, "Voiceprints": [{"VoiceprintId": "v",
                   "GmtCreate": "2025-07-18T06:39:08.000+00:00", "GmtModified": "2025-07-18T06:39:08.001+00:00"}]})
        );
        let answer = SetAIAgentVoiceprintAnswer { request_id: "R".into(), voiceprint_id: "v".into() };
        assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"RequestId": "R", "VoiceprintId": "v"}));
    }
}
