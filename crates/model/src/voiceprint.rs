//! Whose voice counts (`VoiceprintConfig`, server-api §5.1).

use crate::ConfigError;
use crate::reader::Reader;
use serde::{Deserialize, Serialize};

/// How a voiceprint came about; the names travel.
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceprintConfig {
    /// Only the registered voice is answered (false).
    pub enabled: bool,
    /// Under which the voice is registered.
    pub id: Option<String>,
    pub mode: RegistrationMode,
}

impl VoiceprintConfig {
    pub(crate) fn read(voiceprint: &Reader<'_>) -> Result<Self, ConfigError> {
        let mode = match voiceprint.choice("RegistrationMode", &["Explicit", "Implicit"])? {
            Some("Implicit") => RegistrationMode::Implicit,
            _ => RegistrationMode::Explicit,
        };
        let id = voiceprint.text("VoiceprintId", 127)?.filter(|id| !id.is_empty());
        Ok(Self { enabled: voiceprint.boolean("UseVoiceprint")?.unwrap_or(false), id, mode })
    }

    /// The voice that is to be known from the start: its id, and how it was registered.
    pub fn registered(&self) -> Option<(&str, RegistrationMode)> {
        Some((self.id.as_deref()?, self.mode))
    }
}
