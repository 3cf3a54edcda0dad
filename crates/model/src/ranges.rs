//! The ranges of fields that a call stores and echoes though this version does not act on them (server-api §5.1): a value
//! that cannot be is named at once, not on the day it begins to count.

use crate::ConfigError;
use crate::config::Reader;

pub(crate) fn check(root: &Reader<'_>) -> Result<(), ConfigError> {
    video_content(&root.child("VcrConfig")?)
}

fn video_content(vcr: &Reader<'_>) -> Result<(), ConfigError> {
    for detector in ["StillFrameMotion", "InvalidFrameMotion", "PeopleCount", "Equipment", "HeadMotion", "LookAway"] {
        let detector = vcr.child(detector)?;
        detector.boolean("Enabled")?;
        detector.integer("CallbackDelay", 200, 5000)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::AgentConfig;
    use serde_json::{Value, json};

    fn refused(config: Value) -> String {
        AgentConfig::from_json(&config).expect_err("it cannot be").field
    }

    #[test]
    fn what_cannot_be_is_named_and_what_just_can_is_taken() {
        let rule = |word: &str| json!({"TtsConfig": {"PronunciationRules": [{"Word": word, "Pronunciation": "b"}]}});
        let words = |text: &str, probability: f64| {
            json!({"BackChannelingConfigs": [{"Enabled": true,
            "TriggerStage": "pause_detected", "Probability": 1, "Words": [{"Text": text, "Probability": probability}]}]})
        };
        let wrong = [
            (json!({"AsrConfig": {"VadLevel": 12}}), "AsrConfig.VadLevel"),
            (json!({"LlmConfig": {"OutputMinLength": 101}}), "LlmConfig.OutputMinLength"),
            (json!({"LlmConfig": {"OutputMaxDelay": 999}}), "LlmConfig.OutputMaxDelay"),
            (json!({"LlmConfig": {"OutputMaxDelay": "10001"}}), "LlmConfig.OutputMaxDelay"),
            (json!({"AmbientSoundConfig": {"Volume": 101}}), "AmbientSoundConfig.Volume"),
            (json!({"VoiceprintConfig": {"RegistrationMode": "Other"}}), "VoiceprintConfig.RegistrationMode"),
            (
                json!({"VcrConfig": {"StillFrameMotion": {"CallbackDelay": 199}}}),
                "VcrConfig.StillFrameMotion.CallbackDelay",
            ),
            (json!({"BackChannelingConfigs": [{"Probability": 1.1}]}), "BackChannelingConfigs.Probability"),
            (json!({"BackChannelingConfigs": [{"TriggerStage": "never"}]}), "BackChannelingConfigs.TriggerStage"),
            (words(&"m".repeat(21), 1.0), "BackChannelingConfigs.Words.Text"),
            (words("mm", -0.1), "BackChannelingConfigs.Words.Probability"),
            (rule("a b"), "TtsConfig.PronunciationRules"),
            (rule("0123456789"), "TtsConfig.PronunciationRules"),
            (rule(""), "TtsConfig.PronunciationRules"),
        ];
        for (config, field) in wrong {
            assert_eq!(refused(config), field);
        }
        for fits in [
            json!({"AsrConfig": {"VadLevel": 11}, "LlmConfig": {"OutputMinLength": 100, "OutputMaxDelay": 1000}}),
            json!({"LlmConfig": {"OutputMaxDelay": 0}, "AmbientSoundConfig": {"Volume": "100", "ResourceId": "rain"}}),
            json!({"VcrConfig": {"StillFrameMotion": {"Enabled": true, "CallbackDelay": 200}, "LookAway": {"Enabled": false}}}),
            words(&"m".repeat(20), 1.0),
            rule("012345678"),
        ] {
            assert!(AgentConfig::from_json(&fits).is_ok(), "{fits}");
        }
    }

    #[test]
    fn hot_words_have_one_to_ten_characters() {
        let words = |word: &str| json!({"AsrConfig": {"AsrHotWords": [word]}});
        assert!(AgentConfig::from_json(&words("0123456789")).is_ok());
        assert_eq!(refused(words("0123456789a")), "AsrConfig.AsrHotWords");
        assert_eq!(refused(words("")), "AsrConfig.AsrHotWords");
    }
}
