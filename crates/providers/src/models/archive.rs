//! Reading single members of a carrier's archive. Member names are never used as paths of ours.

use super::manifest::is_relative;
use super::progress::Progress;
use super::write::{Partial, copy_limited};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// A member could not be taken out of an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("it is not a readable archive: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error("it has no acceptable member {0:?}")]
    Member(String),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Appends `member` of the archive to `to`, at most `limit` bytes.
pub(super) fn append_member(
    archive: &Path,
    member: &str,
    to: &mut Partial,
    limit: u64,
    progress: &mut dyn Progress,
) -> Result<(), ArchiveError> {
    let mut zip = zip::ZipArchive::new(BufReader::new(File::open(archive)?))?;
    if !is_relative(member) {
        return Err(ArchiveError::Member(member.to_owned()));
    }
    let mut entry = match zip.by_name(member) {
        Ok(entry) if entry.is_file() && entry.enclosed_name().is_some() => entry,
        Ok(_) | Err(zip::result::ZipError::FileNotFound) => return Err(ArchiveError::Member(member.to_owned())),
        Err(error) => return Err(error.into()),
    };
    copy_limited(&mut entry, to, limit, progress)?;
    Ok(())
}
