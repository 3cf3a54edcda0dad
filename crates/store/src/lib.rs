//! What Ringline keeps: agents, access keys, settings, agent instances, their journals, dialogues, and the outbox of events
//! that the app server is still to be told.
//!
//! One trait, [`Store`], and two back ends, [`SqliteStore`] and [`PostgresStore`], which pass the same suite
//! ([`suite::run`]).
//!
//! Contract:
//! - When a writing method returns `Ok`, the rows survive the death of this process. A power failure costs SQLite at most
//!   what was written in the last second; with Postgres it is the operator's choice, by default nothing. The modules of
//!   the back ends say how.
//! - A method writes all of what it was given or nothing.
//! - Wall-clock times are Unix milliseconds, handed in by the caller; nothing here reads a clock.
//! - Texts and lists have limits, stated in [`limits`]; beyond them a call fails with [`StoreError::TooLarge`] and
//!   nothing is stored.
//! - Records hold prompts, speech and secrets: their `Debug` shows ids and sizes only.
//!
//! Not here: the audio of recordings (files), and anything that lives only as long as the process (nonces, leases).

mod database;
mod error;
pub mod limits;
mod postgres;
mod records;
mod sqlite;
mod store;
#[doc(hidden)]
pub mod suite;
mod tables;

pub use error::StoreError;
pub use postgres::PostgresStore;
pub use ringline_model::{InstanceStatus, RegistrationMode};

pub use records::{
    AccessKeyRecord, AgentRecord, CallQuery, ClaimedEvent, DialogueKind, DialogueQuery, DialogueRecord, EventClaim,
    EventRecord, InstanceQuery, InstanceRecord, JournalRow, ListedCall, ListedVoiceprint, Order, Producer,
    VoiceprintQuery, VoiceprintRecord,
};
pub use sqlite::SqliteStore;
pub use store::{AgentChange, Store};
