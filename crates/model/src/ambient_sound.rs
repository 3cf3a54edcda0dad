//! The sound behind the agent's voice (`AmbientSoundConfig`, server-api §5.1).

use crate::ConfigError;
use crate::reader::Reader;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmbientSoundConfig {
    /// One of the agent's ambient sounds; none: no sound.
    pub resource: Option<String>,
    /// In percent, 0..100 (100); 0: off.
    pub volume: u32,
}

impl Default for AmbientSoundConfig {
    fn default() -> Self {
        Self { resource: None, volume: 100 }
    }
}

impl AmbientSoundConfig {
    pub(crate) fn read(ambient: &Reader<'_>) -> Result<Self, ConfigError> {
        let volume = ambient.integer("Volume", 0, 100)?.unwrap_or(Self::default().volume);
        Ok(Self { resource: ambient.text("ResourceId", 64)?, volume })
    }

    /// What is to be heard; nothing at volume 0.
    pub fn audible(&self) -> Option<&str> {
        self.resource.as_deref().filter(|_| self.volume > 0)
    }
}
