//! A setting by its name, to be tried: `endpointing.silence=600ms`.

use ringline_model::{AgentConfig, TurnDetectionMode};

/// One setting with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Silence { ms: u32 },
    SemanticMode(bool),
    SemanticWait { ms: u32 },
    InterruptionLevel(u32),
    InterruptionDuration { ms: u32 },
    VoiceInterruption(bool),
    InterruptionWords(Vec<String>),
}

/// Names, what they may be, and what they are in an agent's configuration.
const NAMES: &[(&str, &str)] = &[
    ("endpointing.silence", "200ms..1200ms (AsrMaxSilence)"),
    ("endpointing.semantic", "on or off (TurnDetectionConfig.Mode)"),
    ("endpointing.semantic_wait", "0ms..10s (SemanticWaitDuration)"),
    ("interruption.level", "0..11 (VadLevel)"),
    ("interruption.duration", "0ms or 200ms..2s (VadDuration)"),
    ("interruption.voice", "on or off (EnableVoiceInterrupt)"),
    ("interruption.words", "words with commas between (InterruptWords)"),
];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("`{0}` is not NAME=VALUE; names are\n{names}", names = names())]
    Form(String),
    #[error("there is no setting `{0}`; there are\n{names}", names = names())]
    Name(String),
    #[error("`{name}` cannot be `{value}`: it is {range}")]
    Value { name: String, value: String, range: &'static str },
}

fn names() -> String {
    NAMES.iter().map(|(name, range)| format!("  {name}  {range}")).collect::<Vec<_>>().join("\n")
}

impl std::str::FromStr for Change {
    type Err = ChangeError;

    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let (name, value) = text.split_once('=').ok_or_else(|| ChangeError::Form(text.to_owned()))?;
        let (name, value) = (name.trim(), value.trim());
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let (_, range) = known.ok_or_else(|| ChangeError::Name(name.to_owned()))?;
        let wrong = || ChangeError::Value { name: name.to_owned(), value: value.to_owned(), range };
        let within = |least: u32, most: u32| milliseconds(value).filter(|ms| (least..=most).contains(ms));
        match name {
            "endpointing.silence" => within(200, 1200).map(|ms| Self::Silence { ms }),
            "endpointing.semantic" => switch(value).map(Self::SemanticMode),
            "endpointing.semantic_wait" => within(0, 10_000).map(|ms| Self::SemanticWait { ms }),
            "interruption.level" => value.parse().ok().filter(|level| *level <= 11).map(Self::InterruptionLevel),
            "interruption.duration" => {
                within(0, 2000).filter(|ms| *ms == 0 || *ms >= 200).map(|ms| Self::InterruptionDuration { ms })
            }
            "interruption.voice" => switch(value).map(Self::VoiceInterruption),
            _ => Some(Self::InterruptionWords(value.split(',').map(|word| word.trim().to_owned()).collect())),
        }
        .ok_or_else(wrong)
    }
}

fn milliseconds(text: &str) -> Option<u32> {
    match text.strip_suffix("ms") {
        Some(ms) => ms.trim().parse().ok(),
        None => {
            let seconds: f64 = text.strip_suffix('s')?.trim().parse().ok()?;
            (0.0..=3600.0).contains(&seconds).then_some((seconds * 1000.0).round() as u32)
        }
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

impl Change {
    pub fn apply(&self, config: &mut AgentConfig) {
        match self {
            Self::Silence { ms } => config.asr.max_silence = *ms,
            Self::SemanticMode(on) => {
                let mode = if *on { TurnDetectionMode::Semantic } else { TurnDetectionMode::Normal };
                config.turn_detection.mode = mode;
            }
            Self::SemanticWait { ms } => config.turn_detection.semantic_wait = Some(*ms),
            Self::InterruptionLevel(level) => config.asr.vad_level = *level,
            Self::InterruptionDuration { ms } => config.asr.vad_duration = *ms,
            Self::VoiceInterruption(on) => config.interrupt.enable_voice_interrupt = *on,
            Self::InterruptionWords(words) => config.interrupt.words.clone_from(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_name_and_a_value_with_its_unit() {
        assert_eq!("endpointing.silence=600ms".parse(), Ok(Change::Silence { ms: 600 }));
        assert_eq!("endpointing.semantic_wait = 1.5s".parse(), Ok(Change::SemanticWait { ms: 1500 }));
        assert_eq!("interruption.voice=off".parse(), Ok(Change::VoiceInterruption(false)));
        let words = Change::InterruptionWords(vec!["stop".to_owned(), "wait".to_owned()]);
        assert_eq!("interruption.words=stop, wait".parse(), Ok(words));
    }

    #[test]
    fn what_cannot_be_is_answered_with_what_can() {
        let error = |text: &str| text.parse::<Change>().expect_err("wrong").to_string();
        assert!(error("endpointing.silence").contains("endpointing.silence  200ms..1200ms"));
        assert!(error("silence=1s").contains("interruption.duration"));
        assert_eq!(
            error("endpointing.silence=2s"),
            "`endpointing.silence` cannot be `2s`: it is 200ms..1200ms (AsrMaxSilence)"
        );
        assert!(error("interruption.duration=100ms").contains("200ms..2s"));
        assert!(error("endpointing.silence=600").contains("cannot be `600`"));
    }
}
