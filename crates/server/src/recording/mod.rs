//! What becomes of recordings: tracks and their log while a call runs, then index, seal, storage, and what is made of them on demand.
//!
//! A recording is a directory named by the instance: `user.ogg`, `agent.ogg` and, where a human was in charge, `human.ogg` (the
//! recorder writes them), `recording.log` ([`log`]), and once the call is over `index.json` ([`index`]) and `seal.json` ([`seal`]). It is made under `<data>/recordings`; the
//! [`Archive`] says where it is kept. One task ([`keep`]) does everything that follows a call, so no call waits for it, and finds at
//! start what was left to do. docs/recordings.md is the format for others.

pub mod archive;
mod bucket;
mod changed_byte;
pub mod index;
pub mod keeper;
pub mod log;
pub mod mixdown;
pub mod seal;
pub mod track_file;
pub mod verify;

pub use archive::Archive;
pub use keeper::{Addresses, Keeper, keep};
pub use seal::SealKey;

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the doors need of recordings.
pub struct Recordings {
    pub archive: Archive,
    pub key: Arc<SealKey>,
    turns: Arc<Semaphore>,
}

impl Recordings {
    pub fn new(archive: Archive, key: Arc<SealKey>) -> Self {
        Self { archive, key, turns: Arc::new(Semaphore::new(mixdown::AT_ONCE)) }
    }

    /// Leave to read a whole recording; none if too many are being read.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(mixdown::PATIENCE, self.turns.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok)
    }
}

/// Whose audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// What the user sent.
    User,
    /// What the user was sent: by the agent, or a human in charge with a voice of their own.
    Agent,
    /// What a human in charge sent, also where the agent said it.
    Human,
}

impl Track {
    pub const ALL: [Self; 3] = [Self::User, Self::Agent, Self::Human];
    /// Both ends of the user's line, which mix-downs have left and right.
    pub const SIDES: [Self; 2] = [Self::User, Self::Agent];

    pub const fn file_name(self) -> &'static str {
        match self {
            Self::User => "user.ogg",
            Self::Agent => "agent.ogg",
            Self::Human => "human.ogg",
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Human => "human",
        }
    }
}

/// Makes a directory that only its owner can look into: it holds what people said.
pub fn private_dir(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Samples at 48 kHz in ms.
pub const fn millis(samples: u64) -> u64 {
    samples / (ringline_audio::WIRE_RATE as u64 / 1000)
}
