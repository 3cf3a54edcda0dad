use serde::{Deserialize, Serialize};

/// Where an instance is in its life (server-api §14); the names travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InstanceStatus {
    /// Started, the user hasn't come yet.
    Created,
    /// User and agent are, or were, connected.
    Executing,
    Finished,
}

impl InstanceStatus {
    pub const ALL: &[Self] = &[Self::Created, Self::Executing, Self::Finished];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Executing => "Executing",
            Self::Finished => "Finished",
        }
    }
}
