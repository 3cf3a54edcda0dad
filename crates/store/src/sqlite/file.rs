//! The database file itself: there before SQLite opens it, and its owner's alone.

use crate::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const OWNER_ONLY: u32 = 0o600;

/// Creates an empty file if there is none. SQLite gives the files beside it the same permissions.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY);
    options.open(path).map(drop).map_err(|source| StoreError::File { path: path.into(), action: "opened", source })
}

/// Takes away what rights others have to the database and the files beside it.
pub(super) fn protect(path: &Path) -> Result<(), StoreError> {
    for path in [path.to_owned(), log_of(path), beside(path, "-shm")] {
        match restrict(&path) {
            Err(source) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::File { path, action: "protected", source }),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn restrict(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { fs::set_permissions(path, PermissionsExt::from_mode(OWNER_ONLY)) }
}

/// Makes the names of new files durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|d| d.sync_all()).map_err(|source| StoreError::File {
        path: path.into(),
        action: "made durable",
        source,
    })
}

/// Makes the content of the write-ahead log durable. SQLite removes the log only after its content has become durable
/// in the database, so a log that isn't there is as good. (SQLite takes no locks on this file that closing it would
/// release.)
pub(super) fn sync_log(log: &Path) -> io::Result<()> {
    match File::open(log) {
        Ok(file) => file.sync_data(),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// The write-ahead log of the database at `path`.
pub(super) fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
