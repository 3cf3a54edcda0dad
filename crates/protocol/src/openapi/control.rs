//! Requests that change a running call (server-api §4.4, §4.8–§4.10).

use super::request::{MAX_USER_DATA, instance, layer};
use crate::error::ApiError;
use crate::params::Params;
use ringline_model::{AgentKind, EffectiveConfig, InstanceId, merge, merge_layers, normalise};
use serde_json::Value;

/// Longest text to be spoken, in characters (server-api §4.8).
pub const MAX_SPEECH: usize = 1024;
/// Longest text given as the user's, in characters; no source states one. A conversation takes no longer question.
pub const MAX_TEXT: usize = 4096;
/// Longest message passed through to the client, in characters (server-api §4.10).
pub const MAX_CUSTOM_MESSAGE: usize = 8192;

/// Changes a running instance's configuration (server-api §4.4).
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateAIAgentInstance {
    pub instance: InstanceId,
    /// A layer over the configuration in force, normalised.
    pub agent_config: Value,
    /// The deprecated form of the same, as it came.
    pub template_config: Value,
    /// Replaces the instance's; none keeps it.
    pub user_data: Option<String>,
}

/// What an update makes of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdatedConfig {
    pub effective: EffectiveConfig,
    /// The instance's template with the update's over it.
    pub template: Value,
}

/// Makes the agent speak (server-api §4.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAIAgentSpeech {
    pub instance: InstanceId,
    pub speech: Speech,
    /// May cut what the agent is saying.
    pub interrupt: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speech {
    /// To be synthesised.
    Text(String),
    /// An audio file to be played. Whether its address may be fetched is the server's to check.
    AudioUrl(String),
}

/// Puts a question in the user's place (server-api §4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAIAgentText {
    pub instance: InstanceId,
    pub text: String,
}

/// Pushes a message to the client (server-api §4.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAIAgentDataChannelMessage {
    pub instance: InstanceId,
    /// JSON as it came: clients parse it, and are given it letter for letter.
    pub message: String,
}

impl UpdateAIAgentInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            instance: instance(params)?,
            agent_config: normalise(&layer(params, "AgentConfig")?)?,
            template_config: layer(params, "TemplateConfig")?,
            user_data: params.text("UserData", MAX_USER_DATA)?,
        })
    }

    /// Lays the update over an instance's configuration and template (server-api §6, step 7) and checks the result. A
    /// value that cannot be is `InvalidParameter` and named.
    pub fn over(&self, config: &Value, template: &Value, kind: AgentKind) -> Result<UpdatedConfig, ApiError> {
        let effective = merge(config, &self.template_config, &self.agent_config, kind)?;
        let template = merge_layers([&normalise(template)?, &normalise(&self.template_config)?]);
        Ok(UpdatedConfig { effective, template })
    }
}

impl SendAIAgentSpeech {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let instance = instance(params)?;
        let speech = match params.text("Type", 64)?.as_deref() {
            None | Some("Text") => Speech::Text,
            Some("AudioUrl") => Speech::AudioUrl,
            Some(_) => return Err(ApiError::invalid_parameter("Type", "it must be Text or AudioUrl")),
        };
        let speech = speech(spoken(params, MAX_SPEECH)?);
        Ok(Self { instance, speech, interrupt: params.boolean("EnableInterrupt")?.unwrap_or(true) })
    }
}

impl SendAIAgentText {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { instance: instance(params)?, text: spoken(params, MAX_TEXT)? })
    }
}

impl SendAIAgentDataChannelMessage {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let instance = instance(params)?;
        let message = params.required_text("Message", MAX_CUSTOM_MESSAGE)?;
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&message) {
            return Err(ApiError::invalid_parameter("Message", &format!("it is not JSON: {error}")));
        }
        Ok(Self { instance, message })
    }
}

/// `Text`, which must have something in it.
fn spoken(params: &Params, most: usize) -> Result<String, ApiError> {
    let text = params.required_text("Text", most)?;
    if text.trim().is_empty() {
        return Err(ApiError::invalid_parameter("Text", "it is blank"));
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{named, params};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn update(json: Value) -> UpdateAIAgentInstance {
        UpdateAIAgentInstance::parse(&params(json)).unwrap()
    }

    #[test]
    fn speech_interrupts_unless_told_not_to() {
        let parse = |json| SendAIAgentSpeech::parse(&params(json));
        let speech = parse(json!({"InstanceId": "i", "Text": "Hi."})).unwrap();
        assert_eq!((speech.speech, speech.interrupt), (Speech::Text("Hi.".into()), true));
        let polite = parse(json!({"InstanceId": "i", "Text": "Hi.", "EnableInterrupt": "False", "Type": "Text"}));
        assert!(!polite.unwrap().interrupt);
    }

    #[test]
    fn speech_may_be_an_audio_files_address() {
        let speech = json!({"InstanceId": "i", "Text": "http://example.com/a.wav", "Type": "AudioUrl"});
        let speech = SendAIAgentSpeech::parse(&params(speech)).unwrap().speech;
        assert_eq!(speech, Speech::AudioUrl("http://example.com/a.wav".into()));
    }

    #[test]
    fn speech_of_any_other_type_is_refused_by_name() {
        for kind in ["audiourl", "text", "Video"] {
            let speech = json!({"InstanceId": "i", "Text": "http://10.0.0.1/a.wav", "Type": kind});
            named(SendAIAgentSpeech::parse(&params(speech)), "Type");
        }
    }

    #[test]
    fn texts_have_limits_in_characters_and_may_not_be_blank() {
        let speech = |text: String| SendAIAgentSpeech::parse(&params(json!({"InstanceId": "i", "Text": text})));
        let text = |text: String| SendAIAgentText::parse(&params(json!({"InstanceId": "i", "Text": text})));
        assert!(speech("中".repeat(MAX_SPEECH)).is_ok() && text("中".repeat(MAX_TEXT)).is_ok());
        named(speech("x".repeat(MAX_SPEECH + 1)), "Text");
        named(text("x".repeat(MAX_TEXT + 1)), "Text");
        named(speech(" \n".into()), "Text");
        named(text(" ".into()), "Text");
        assert_eq!(text(String::new()).unwrap_err().code, "MissingText");
    }

    #[test]
    fn a_message_is_json_and_kept_letter_for_letter() {
        let message =
            |text: String| SendAIAgentDataChannelMessage::parse(&params(json!({"InstanceId": "i", "Message": text})));
        let odd = r#" {"b":1.50, "a":"中", "b":2} "#;
        assert_eq!(message(odd.into()).unwrap().message, odd);
        assert!(message(format!("\"{}\"", "x".repeat(MAX_CUSTOM_MESSAGE - 2))).is_ok());
        named(message(format!("\"{}\"", "x".repeat(MAX_CUSTOM_MESSAGE - 1))), "Message");
        for wrong in ["{", "hello", "{} {}"] {
            named(message(wrong.into()), "Message");
        }
        named(message("[".repeat(5000)), "Message");
    }

    #[test]
    fn an_update_wins_over_what_is_in_force_and_keeps_the_rest() {
        let update = update(json!({
            "InstanceId": "i", "UserData": "u",
            "AgentConfig": r#"{"Volume":50,"InterruptConfig":{"EnableVoiceInterrupt":false},"BackChannelingConfig":[]}"#,
            "TemplateConfig": r#"{"VoiceChat":{"AsrMaxSilence":700,"Volume":10}}"#,
        }));
        let config = json!({"Greeting": "Hi", "InterruptConfig": {"InterruptWords": ["stop"]}, "Volume": 100});
        let updated = update.over(&config, &json!({"VoiceChat": {"Greeting": "Hi"}}), AgentKind::VoiceChat).unwrap();
        assert_eq!(
            updated.effective.json,
            json!({"Greeting": "Hi", "Volume": 50, "AsrConfig": {"AsrMaxSilence": 700},
                   "InterruptConfig": {"InterruptWords": ["stop"], "EnableVoiceInterrupt": false}})
        );
        assert_eq!((updated.effective.config.volume, updated.effective.config.asr.max_silence), (50, 700));
        assert_eq!(updated.template, json!({"VoiceChat": {"Greeting": "Hi", "AsrMaxSilence": 700, "Volume": 10}}));
        assert_eq!(update.user_data.as_deref(), Some("u"));
    }

    #[test]
    fn an_update_of_nothing_changes_nothing() {
        let update = update(json!({"InstanceId": "i", "UserData": ""}));
        let config = json!({"Greeting": "", "Volume": 7});
        let updated = update.over(&config, &json!({}), AgentKind::VoiceChat).unwrap();
        assert_eq!((updated.effective.json, updated.template, update.user_data), (config, json!({}), None));
    }

    #[test]
    fn an_impossible_value_in_an_update_is_named() {
        let update = update(json!({"InstanceId": "i", "AgentConfig": {"Volume": 401}}));
        named(update.over(&json!({}), &json!({}), AgentKind::VoiceChat), "Volume");
        named(UpdateAIAgentInstance::parse(&params(json!({"InstanceId": "i", "AgentConfig": "["}))), "AgentConfig");
    }

    proptest! {
        #[test]
        fn updating_twice_with_the_same_changes_nothing_more(volume in 0_u32..=400, silence in 200_u32..=1200) {
            let config = json!({"Volume": volume, "AsrConfig": {"AsrMaxSilence": silence}});
            let update = update(json!({"InstanceId": "i", "AgentConfig": config}));
            let once = update.over(&json!({"Greeting": "Hi"}), &json!({}), AgentKind::VoiceChat).unwrap();
            let twice = update.over(&once.effective.json, &once.template, AgentKind::VoiceChat).unwrap();
            prop_assert_eq!(once, twice);
        }
    }
}
