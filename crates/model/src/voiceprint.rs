use serde::{Deserialize, Serialize};

/// How a voiceprint came about (server-api §5.1, VoiceprintConfig); the names travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RegistrationMode {
    /// Registered beforehand.
    #[default]
    Explicit,
    /// Learned in a call.
    Implicit,
}

impl RegistrationMode {
    pub const ALL: &[Self] = &[Self::Explicit, Self::Implicit];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "Explicit",
            Self::Implicit => "Implicit",
        }
    }
}
