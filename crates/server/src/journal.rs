//! A call's journal, out of the store.

use ringline_conversation::JournalEntry;
use ringline_model::{CallTime, InstanceId};
use ringline_store::{JournalRow, Store, StoreError};

/// Rows read at a time.
const PAGE: u32 = 500;

/// Why a journal was not read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("journal row {seq} is not readable")]
    Row { seq: u64, source: serde_json::Error },
}

/// The entries of a journal, or its beginning.
#[derive(Debug, Default)]
pub struct Read {
    pub entries: Vec<JournalEntry>,
    /// Nothing was left out.
    pub whole: bool,
}

/// Reads at most about `most` bytes; what comes behind is left out.
pub async fn read(store: &dyn Store, instance: &InstanceId, most: usize) -> Result<Read, JournalError> {
    let (mut read, mut bytes) = (Read::default(), 0);
    while bytes < most {
        let rows = page(store, instance, read.entries.len() as u64).await?;
        if rows.is_empty() {
            read.whole = true;
            break;
        }
        for row in &rows {
            bytes += row.step.len() + row.outputs.len();
            read.entries.push(entry(row)?);
        }
    }
    Ok(read)
}

/// The next rows; none: the journal has ended.
pub async fn page(store: &dyn Store, instance: &InstanceId, from: u64) -> Result<Vec<JournalRow>, StoreError> {
    store.journal(instance, from, PAGE).await
}

fn entry(row: &JournalRow) -> Result<JournalEntry, JournalError> {
    let unreadable = |source| JournalError::Row { seq: row.seq, source };
    Ok(JournalEntry {
        at: CallTime::from_micros(row.at_us),
        step: serde_json::from_str(&row.step).map_err(unreadable)?,
        outputs: serde_json::from_str(&row.outputs).map_err(unreadable)?,
    })
}
