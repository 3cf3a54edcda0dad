//! A configuration by chance: an `AIAgentConfig` as a customer would write it (server-api §5.1), any value of any setting that
//! concerns the talk, the defaults most often. It goes through the reader that customers' configurations go through, so it is
//! valid by the same rules.

use crate::chance::Chance;
use ringline_model::AgentConfig;
use serde_json::{Map, Value, json};

/// The audio before the greeting, which is in no record.
pub(crate) const OPENING_URL: &str = "https://audio.example/hold.wav";

/// A word and how it is pronounced, if there is a rule for it.
pub(crate) const WRITTEN: &str = "weather";
pub(crate) const PRONOUNCED: &str = "wether";

/// What a call is configured with.
pub(crate) fn draw(chance: &mut Chance) -> Value {
    let mut root = Map::new();
    maybe(chance, &mut root, 70, "Greeting", |chance| {
        json!(chance.pick(&[
            "Hello, how can I help?",
            "Hi! I am your assistant. Ask me anything, I have all day.",
            "你好，请问有什么可以帮您？",
            "..."
        ]))
    });
    maybe(chance, &mut root, 8, "WakeUpQuery", |_| json!("Introduce yourself"));
    maybe(chance, &mut root, 8, "PreConnectAudioUrl", |_| json!(OPENING_URL));
    maybe(chance, &mut root, 60, "MaxIdleTime", |chance| json!(chance.between(1, 120)));
    maybe(chance, &mut root, 40, "UserOnlineTimeout", |chance| json!(chance.between(1, 90)));
    maybe(chance, &mut root, 40, "UserOfflineTimeout", |chance| json!(chance.between(0, 20)));
    maybe(chance, &mut root, 15, "EnablePushToTalk", |_| json!(true));
    maybe(chance, &mut root, 30, "GracefulShutdown", |_| json!(true));
    maybe(chance, &mut root, 20, "Volume", |chance| json!(chance.between(0, 400)));
    maybe(chance, &mut root, 20, "EnableIntelligentSegment", |_| json!(false));
    root.insert("AsrConfig".to_owned(), asr(chance));
    root.insert("TtsConfig".to_owned(), tts(chance));
    root.insert("LlmConfig".to_owned(), llm(chance));
    root.insert("InterruptConfig".to_owned(), interrupt(chance));
    root.insert("TurnDetectionConfig".to_owned(), turn_detection(chance));
    maybe(
        chance,
        &mut root,
        10,
        "AmbientSoundConfig",
        |chance| json!({"ResourceId": "office", "Volume": chance.between(0, 100)}),
    );
    maybe(
        chance,
        &mut root,
        20,
        "VoiceprintConfig",
        |chance| json!({"UseVoiceprint": chance.percent(80), "VoiceprintId": "v", "RegistrationMode": chance.pick(&["Explicit", "Implicit"])}),
    );
    maybe(chance, &mut root, 40, "AutoSpeechConfig", auto_speech);
    maybe(
        chance,
        &mut root,
        15,
        "BackChannelingConfigs",
        |chance| json!([{"Enabled": true, "TriggerStage": "pause_detected", "Probability": chance.between(0, 100) as f64 / 100.0, "Words": phrases(chance)}]),
    );
    Value::Object(root)
}

/// The configuration as the conversation gets it.
pub(crate) fn read(settings: &Value) -> AgentConfig {
    AgentConfig::from_json(settings).expect("only valid settings are drawn")
}

fn maybe(
    chance: &mut Chance,
    to: &mut Map<String, Value>,
    percent: u64,
    key: &str,
    value: impl FnOnce(&mut Chance) -> Value,
) {
    if chance.percent(percent) {
        let value = value(chance);
        to.insert(key.to_owned(), value);
    }
}

fn asr(chance: &mut Chance) -> Value {
    let mut asr = Map::new();
    maybe(chance, &mut asr, 50, "AsrMaxSilence", |chance| json!(chance.between(200, 1200)));
    maybe(chance, &mut asr, 40, "VadLevel", |chance| json!(chance.between(0, 11)));
    maybe(chance, &mut asr, 50, "VadDuration", |chance| match chance.percent(20) {
        true => json!(0),
        false => json!(chance.between(200, 2000)),
    });
    maybe(chance, &mut asr, 10, "AsrHotWords", |_| json!(["Ringline"]));
    maybe(chance, &mut asr, 10, "AsrLanguageId", |chance| {
        json!(chance.pick(&["en", "zh_mandarin", "zh_en", "es", "jp"]))
    });
    Value::Object(asr)
}

fn tts(chance: &mut Chance) -> Value {
    let mut tts = Map::new();
    maybe(chance, &mut tts, 20, "VoiceId", |_| json!("voice-1"));
    maybe(chance, &mut tts, 30, "SpeechRate", |chance| json!(chance.between(50, 200) as f64 / 100.0));
    maybe(
        chance,
        &mut tts,
        10,
        "PronunciationRules",
        |_| json!([{"Word": WRITTEN, "Pronunciation": PRONOUNCED, "Type": "replacement"}]),
    );
    Value::Object(tts)
}

fn llm(chance: &mut Chance) -> Value {
    let mut llm = Map::new();
    maybe(chance, &mut llm, 20, "LlmSystemPrompt", |_| json!("You are a receptionist."));
    maybe(
        chance,
        &mut llm,
        10,
        "LlmHistory",
        |_| json!([{"Role": "user", "Content": "Hi."}, {"Role": "assistant", "Content": "Hello."}]),
    );
    maybe(chance, &mut llm, 30, "LlmHistoryLimit", |chance| json!(chance.between(0, 30)));
    maybe(chance, &mut llm, 30, "LlmCompleteReply", |_| json!(true));
    maybe(chance, &mut llm, 40, "HistorySyncWithTTS", |_| json!(true));
    maybe(chance, &mut llm, 15, "OutputMinLength", |chance| json!(chance.between(0, 100)));
    maybe(chance, &mut llm, 15, "OutputMaxDelay", |chance| json!(chance.between(1000, 10_000)));
    maybe(chance, &mut llm, 15, "FunctionMap", |_| json!([{"Function": "hangup", "MatchFunction": "end_call"}]));
    Value::Object(llm)
}

fn interrupt(chance: &mut Chance) -> Value {
    let mut interrupt = Map::new();
    maybe(chance, &mut interrupt, 20, "EnableVoiceInterrupt", |_| json!(false));
    maybe(chance, &mut interrupt, 30, "InterruptWords", |_| json!(["stop", "停", "hold on"]));
    maybe(chance, &mut interrupt, 30, "NoInterruptMode", |chance| json!(chance.pick(&["cache", "discard"])));
    maybe(chance, &mut interrupt, 20, "KeepInterruptWordsForLLM", |_| json!(true));
    maybe(chance, &mut interrupt, 20, "ResumeAfterFalseInterruption", |_| json!(false));
    Value::Object(interrupt)
}

fn turn_detection(chance: &mut Chance) -> Value {
    let mut turn = Map::new();
    maybe(chance, &mut turn, 40, "Mode", |chance| json!(chance.pick(&["Semantic", "Semantic", "Normal"])));
    maybe(chance, &mut turn, 30, "SemanticWaitDuration", |chance| match chance.percent(20) {
        true => json!(-1),
        false => json!(chance.between(0, 10_000)),
    });
    maybe(chance, &mut turn, 20, "Eagerness", |chance| json!(chance.pick(&["Low", "Medium", "High"])));
    maybe(chance, &mut turn, 20, "TurnEndWords", |_| json!(["over", "please"]));
    Value::Object(turn)
}

fn auto_speech(chance: &mut Chance) -> Value {
    let mut auto = Map::new();
    maybe(chance, &mut auto, 70, "UserIdle", |chance| {
        json!({"WaitTime": chance.between(5000, 20_000), "MaxRepeats": chance.between(0, 3), "Messages": phrases(chance),
            "HangupEndWord": chance.pick(&["Goodbye.", "", "..."])})
    });
    maybe(
        chance,
        &mut auto,
        50,
        "LlmPending",
        |chance| json!({"WaitTime": chance.between(500, 10_000), "Mode": chance.pick(&["random", "sequence"]), "Messages": phrases(chance)}),
    );
    maybe(chance, &mut auto, 20, "LlmFailed", |chance| json!({"Text": chance.pick(&["Ask me again.", "..."])}));
    maybe(chance, &mut auto, 20, "AsrFailed", |chance| json!({"Text": chance.pick(&["Pardon?", "..."])}));
    Value::Object(auto)
}

fn phrases(chance: &mut Chance) -> Value {
    match chance.between(0, 2) {
        0 => json!([{"Text": "Mm-hm", "Probability": 1.0}]),
        1 => json!([{"Text": "One moment", "Probability": 0.25}, {"Text": "Well", "Probability": 0.75}]),
        _ => json!([{"Text": "Hm?", "Probability": 0.4}, {"Text": "...", "Probability": 0.6}]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_drawn_is_valid() {
        for seed in 0..2000 {
            read(&draw(&mut Chance::new(seed)));
        }
    }
}
