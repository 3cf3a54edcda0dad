use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest id that may travel (server-api §15).
const MAX_LEN: usize = 64;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("it is empty")]
    Empty,
    #[error("it has {0} characters, at most {MAX_LEN} are allowed")]
    TooLong(usize),
    #[error("it may hold only letters, digits, '-', '_', '.', '@' and ':'")]
    BadCharacter,
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks length and characters.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                if text.is_empty() {
                    return Err(IdError::Empty);
                }
                let length = text.chars().count();
                if length > MAX_LEN {
                    return Err(IdError::TooLong(length));
                }
                let ok = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | ':');
                if !text.chars().all(ok) {
                    return Err(IdError::BadCharacter);
                }
                Ok(Self(text))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    )+};
}

text_id! {
    /// A stored agent.
    AgentId,
    /// One agent running in one call.
    InstanceId,
    /// The media and signaling space of a call.
    ChannelId,
    /// A participant's id in a channel; the agent has one too.
    UserId,
    /// The key under which the dialogues of several calls belong together.
    SessionId,
}

macro_rules! counter_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

counter_id! {
    /// One stretch of user speech, between speech started and its end.
    UtteranceId,
    /// One agent turn: a model generation, the greeting, or a text to be said. It is also the *generation*
    /// of the audio that speaks it: audio of an older response than the current one is dropped.
    ResponseId,
    /// One piece of a response that goes to speech synthesis; counts up over the whole call.
    SegmentId,
    /// One piece of audio that comes from a URL instead of synthesis.
    ClipId,
    /// The vendor's `sentenceId`: one per user question, shared by all answers to it. The greeting has 0.
    SentenceId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_characters_fit_and_sixty_five_do_not() {
        assert!(UserId::parse("a".repeat(64)).is_ok());
        assert_eq!(UserId::parse("a".repeat(65)), Err(IdError::TooLong(65)));
        assert_eq!(UserId::parse(""), Err(IdError::Empty));
        assert_eq!(UserId::parse("a b"), Err(IdError::BadCharacter));
    }

    #[test]
    fn an_id_that_does_not_parse_does_not_deserialise() {
        assert!(serde_json::from_str::<ChannelId>("\"room-1\"").is_ok());
        assert!(serde_json::from_str::<ChannelId>("\"room 1\"").is_err());
    }
}
