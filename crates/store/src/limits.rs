//! How large anything in the store may be. Sizes are bytes of UTF-8; JSON is measured as written.
//!
//! At every limit but [`EVENT_BACKLOG`] the call fails with [`StoreError::TooLarge`] before anything is written.

use crate::StoreError;
use serde_json::Value;

/// An agent's configuration, an instance's merged configuration, its template.
pub const CONFIG_BYTES: usize = 1 << 20;
/// The head of a journal: the configuration and the history a conversation started from.
pub const SETUP_BYTES: usize = 4 << 20;
/// An instance's runtime object.
pub const RUNTIME_BYTES: usize = 64 << 10;
/// What the caller asked to have passed through.
pub const USER_DATA_BYTES: usize = 64 << 10;
/// The description of an instance's recordings.
pub const RECORDINGS_BYTES: usize = 64 << 10;
/// An agent's name, a reason for an end, ids that are plain text here (access keys, dialogues, rounds), a secret.
pub const NAME_BYTES: usize = 256;
/// A setting's value.
pub const SETTING_BYTES: usize = 4 << 10;
/// An access key's list of operations, as JSON.
pub const OPERATIONS_BYTES: usize = 16 << 10;
/// What was said in one dialogue entry.
pub const DIALOGUE_TEXT_BYTES: usize = 256 << 10;
/// A voiceprint's id: 127 characters.
pub const VOICEPRINT_ID_BYTES: usize = 4 * 127;
/// A voiceprint's audio: 60 s of 16-bit samples at 16 kHz, and as much again.
pub const VOICEPRINT_BYTES: usize = 4 << 20;
/// Each of the two texts of a journal row. A row's outputs can hold a whole request to the language model.
pub const JOURNAL_TEXT_BYTES: usize = 4 << 20;
/// Rows in one append to a journal.
pub const JOURNAL_BATCH_ROWS: usize = 1000;
/// Texts of all rows in one append together.
pub const JOURNAL_BATCH_BYTES: usize = 32 << 20;
/// A page of a journal ends once its texts reach this many bytes; it always holds at least one row.
pub const JOURNAL_PAGE_BYTES: usize = 16 << 20;
/// The body of an event.
pub const EVENT_BODY_BYTES: usize = 1 << 20;
/// Events in one call that stores some.
pub const EVENT_BATCH: usize = 1000;
/// Events of one instance that wait to be delivered: about four hours of brisk talk. Further ones are not stored, and the
/// log says so; what an instance's end brings is always stored.
pub const EVENT_BACKLOG: u32 = 10_000;
/// Events claimed at once: each may carry a megabyte.
pub const CLAIM_EVENTS: u32 = 100;
/// Rows in any answer.
pub const LIST_ROWS: u32 = 1000;
/// How far back a search through calls looks: the newest calls, and the newest dialogue entries. There is no index for parts
/// of texts that both back ends have.
pub const SEARCH_CALLS: u32 = 20_000;
pub const SEARCH_DIALOGUES: u32 = 50_000;
/// What is searched for.
pub const SEARCH_BYTES: usize = 256;
/// Instances in one answer: each may carry several megabytes.
pub const LIST_INSTANCES: u32 = 100;

/// Besides its size: a text with a NUL character is refused, because Postgres cannot keep it. (JSON writes it `\u0000`,
/// which can be kept.)
pub(crate) fn text(what: &'static str, text: &str, limit: usize) -> Result<(), StoreError> {
    at_most(what, text.len(), limit)?;
    if has_nul(text) { Err(StoreError::Nul { what }) } else { Ok(()) }
}

/// Such a text can be in no row, and Postgres refuses even to look for it.
pub(crate) fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

/// The text to store for a JSON value.
pub(crate) fn json(what: &'static str, value: &Value, limit: usize) -> Result<String, StoreError> {
    let text = value.to_string();
    at_most(what, text.len(), limit)?;
    Ok(text)
}

pub(crate) fn rows(limit: u32, most: u32) -> Result<i64, StoreError> {
    at_most("the number of rows asked for", limit as usize, most as usize)?;
    Ok(i64::from(limit))
}

pub(crate) fn at_most(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit { Err(StoreError::TooLarge { what, size, limit }) } else { Ok(()) }
}

/// A number as a signed 64-bit column holds it.
pub(crate) fn signed(what: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::OutOfRange { what })
}
