use std::path::PathBuf;

/// Why the store could not do what it was asked. `Display` names the operation and never the statement behind it;
/// the back end's own words are the error's source, for the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something the call handed in is beyond its limit (see [`crate::limits`]). Nothing was stored.
    #[error("{what} is too large: {size}, at most {limit} is allowed")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    /// A number that a signed 64-bit column cannot hold.
    #[error("{what} is out of range")]
    OutOfRange { what: &'static str },
    /// The row that was named, or that a new row belongs to, doesn't exist.
    #[error("there is no {what} {id:?}")]
    NotFound { what: &'static str, id: String },
    /// A row with this id exists already.
    #[error("{what} {id:?} exists already")]
    Exists { what: &'static str, id: String },
    /// Journal rows must follow one another without a hole; these don't follow what is stored. Nothing was stored.
    #[error("the journal of instance {instance:?} goes on at {expected}, not at {found}")]
    JournalGap { instance: String, expected: u64, found: u64 },
    /// A stored value that this version cannot have written.
    #[error("a stored {what} is not readable")]
    Corrupt { what: &'static str },
    /// The database was written by a later version of Ringline.
    #[error(
        "the database {database} has schema version {found}, and this program knows versions up to {known}: it was written \
         by a newer Ringline; start that one, or restore a backup"
    )]
    NewerSchema { database: String, found: i64, known: i64 },
    /// It is a database of something else, or no database.
    #[error("{database} is not a Ringline database")]
    NotOurs { database: String },
    /// The text has a character that not every back end can keep. Nothing was stored.
    #[error("{what} has a NUL character in it")]
    Nul { what: &'static str },
    /// What was given as a database's address isn't one. Its text may hold a password and isn't shown.
    #[error("the database's address is not understood; it should look like postgres://user@host/database")]
    Address { source: Box<dyn std::error::Error + Send + Sync> },
    /// The database server can't be reached, or doesn't let us in.
    #[error("could not connect to the database {database}")]
    Connect { database: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// The file itself could not be created or protected.
    #[error("the database file {path} cannot be {action}")]
    File { path: PathBuf, action: &'static str, source: std::io::Error },
    /// The database stayed locked or away, or all its connections taken, for longer than the store waits. What was
    /// tried has not happened, and may be tried again.
    #[error("could not {operation}: the database is busy or away")]
    Busy { operation: &'static str },
    /// The back end failed.
    #[error("could not {operation}")]
    Backend { operation: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}
