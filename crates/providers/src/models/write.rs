//! Writing a file so that it is either there whole and checked, or not there.

use super::progress::{Progress, Step};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes per read; progress is told after each.
const BLOCK: usize = 1 << 20;

/// What a file should have been, and what it was.
#[derive(Debug, thiserror::Error)]
#[error("expected {expected_size} bytes with SHA-256 {expected}, got {got_size} bytes with {got}")]
pub struct Mismatch {
    pub expected: String,
    pub expected_size: u64,
    pub got: String,
    pub got_size: u64,
}

/// A file under a temporary name, hashed as it is written. Dropped before [`Partial::keep`] it is removed.
#[derive(Debug)]
pub(super) struct Partial {
    file: File,
    path: PathBuf,
    hash: Sha256,
    written: u64,
    kept: bool,
}

/// Why [`Partial::keep`] did not.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Partial {
    /// Starts `dir/.NAME.partial`; whatever an interrupted run left there is overwritten.
    pub(super) fn create(dir: &Path, name: &str) -> io::Result<Partial> {
        let path = dir.join(format!(".{name}.partial"));
        Ok(Partial { file: File::create(&path)?, path, hash: Sha256::new(), written: 0, kept: false })
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Gives the file its name, if it is the right one and safely on disk.
    pub(super) fn keep(mut self, target: &Path, sha256: &str, size: u64) -> Result<(), KeepError> {
        let got = hex::encode(self.hash.finalize_reset());
        if got != sha256 || self.written != size {
            return Err(
                Mismatch { expected: sha256.to_owned(), expected_size: size, got, got_size: self.written }.into()
            );
        }
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        self.kept = true;
        sync_directory_of(target)?;
        Ok(())
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "an unfinished file stays; the next run overwrites it");
        }
    }
}

/// Writes a small text the same way.
pub(super) fn replace_text(target: &Path, text: &str) -> io::Result<()> {
    let temporary = target.with_extension("partial");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, target)?;
    sync_directory_of(target)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// SHA-256 of a file, in lower-case hex.
pub(super) fn hash_file(path: &Path, what: &str, progress: &mut dyn Progress) -> io::Result<String> {
    let mut file = File::open(path)?;
    progress.start(Step::Check, what, file.metadata()?.len());
    let (mut hash, mut block, mut done) = (Sha256::new(), vec![0; BLOCK], 0);
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            break;
        }
        hash.update(&block[..count]);
        done += count as u64;
        progress.advance(done);
    }
    progress.finish();
    Ok(hex::encode(hash.finalize()))
}

/// Copies at most `limit` bytes; more is an error.
pub(super) fn copy_limited(
    from: &mut dyn Read,
    to: &mut Partial,
    limit: u64,
    progress: &mut dyn Progress,
) -> io::Result<()> {
    let (mut block, mut left) = (vec![0; BLOCK], limit);
    loop {
        let count = from.read(&mut block)?;
        if count == 0 {
            return Ok(());
        }
        if count as u64 > left {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it holds more than the manifest says"));
        }
        left -= count as u64;
        to.write_all(&block[..count])?;
        progress.advance(to.written());
    }
}
