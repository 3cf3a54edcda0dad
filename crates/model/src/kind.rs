use serde::{Deserialize, Serialize};

/// Workflow type of an agent; the names travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AgentKind {
    #[default]
    VoiceChat,
    AvatarChat3D,
    VisionChat,
    VideoChat,
}

impl AgentKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VoiceChat => "VoiceChat",
            Self::AvatarChat3D => "AvatarChat3D",
            Self::VisionChat => "VisionChat",
            Self::VideoChat => "VideoChat",
        }
    }
}
