//! The directory that holds the model files, and the record of what was checked.
//!
//! `DIR/<file>` are the models, `DIR/installed.toml` says which were hashed on arrival, `DIR/downloads/` is the
//! workshop of [`super::pull`]. A file counts as present when the record names the hash that this build's manifest
//! asks for and its size is right; [`ModelStore::verify`] hashes again.

use super::manifest::{Manifest, ModelFile, Tier};
use super::progress::Progress;
use super::write::{hash_file, replace_text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RECORD: &str = "installed.toml";
const LOCK: &str = ".lock";
const DOWNLOADS: &str = "downloads";

/// A model file is not in the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotPulled {
    #[error("the model file `{name}` is not in {}; fetch it with `ringline models pull {tier}`", dir.display())]
    Absent { name: String, dir: PathBuf, tier: Tier },
    #[error("no model file is called `{0}`")]
    Unlisted(String),
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the model store at {} cannot be used: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("another `ringline models` command is working on {}; wait for it, then run again", .0.display())]
    Busy(PathBuf),
    #[error("no place for models: set RINGLINE_MODELS to a directory (HOME and XDG_CACHE_HOME are not set)")]
    NoPlace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    Present,
    Absent,
    /// Recorded, but the file on disk is another.
    Damaged,
}

#[derive(Clone, Debug)]
pub struct FileStatus {
    pub name: String,
    pub path: PathBuf,
    pub tier: Tier,
    pub size: u64,
    pub licence: String,
    pub notice: String,
    pub state: FileState,
}

#[derive(Clone, Debug)]
pub struct ModelStore {
    dir: PathBuf,
    manifest: Arc<Manifest>,
}

#[derive(Default, Serialize, Deserialize)]
struct Record {
    #[serde(default)]
    files: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    file: String,
    sha256: String,
}

/// Held by whoever changes the store. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct StoreLock {
    file: File,
}

/// Closing the file alone would not do: a program that another thread is about to start holds a copy of it for a moment,
/// and with it the lock.
impl Drop for StoreLock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the model store stays locked until this process ends");
        }
    }
}

impl ModelStore {
    /// Opens the store in `dir`, making the directory if need be.
    pub fn open(dir: impl Into<PathBuf>) -> Result<ModelStore, StoreError> {
        ModelStore::with_manifest(dir, Manifest::embedded().clone())
    }

    /// Opens the store in [`ModelStore::default_dir`].
    pub fn open_default() -> Result<ModelStore, StoreError> {
        ModelStore::open(ModelStore::default_dir()?)
    }

    /// `$RINGLINE_MODELS`, else `$XDG_CACHE_HOME/ringline/models`, else `~/.cache/ringline/models`.
    pub fn default_dir() -> Result<PathBuf, StoreError> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(dir) = variable("RINGLINE_MODELS") {
            return Ok(dir);
        }
        let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        Ok(cache.ok_or(StoreError::NoPlace)?.join("ringline/models"))
    }

    /// A store for another list of models.
    pub fn with_manifest(dir: impl Into<PathBuf>, manifest: Manifest) -> Result<ModelStore, StoreError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(|source| StoreError::Io { path: dir.clone(), source })?;
        Ok(ModelStore { dir, manifest: Arc::new(manifest) })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the file called `name` lies, if it is here and was checked.
    pub fn path(&self, name: &str) -> Result<PathBuf, NotPulled> {
        let file = self.manifest.file(name).ok_or_else(|| NotPulled::Unlisted(name.to_owned()))?;
        let absent = || NotPulled::Absent { name: name.to_owned(), dir: self.dir.clone(), tier: file.tier };
        let record = self.record().map_err(|error| {
            tracing::warn!(%error, "the record of the model store cannot be read");
            absent()
        })?;
        match self.state(file, &record) {
            FileState::Present => Ok(self.place(file)),
            FileState::Absent | FileState::Damaged => Err(absent()),
        }
    }

    /// Every file of the manifest that is meant to stay, by name and size; no hashing.
    pub fn status(&self) -> Result<Vec<FileStatus>, StoreError> {
        let record = self.record()?;
        Ok(self.lasting().map(|file| self.describe(file, self.state(file, &record))).collect())
    }

    /// Like [`ModelStore::status`], but hashes every file again. What is damaged is struck off the record, so that
    /// nothing loads it and the next pull replaces it.
    pub fn verify(&self, progress: &mut dyn Progress) -> Result<Vec<FileStatus>, StoreError> {
        let lock = self.lock()?;
        let mut record = self.record()?;
        let mut result = Vec::new();
        for file in self.lasting() {
            let mut state = self.state(file, &record);
            if state == FileState::Present {
                let hash = hash_file(&self.place(file), &file.file, progress).map_err(self.io(self.place(file)))?;
                if hash != file.sha256 {
                    state = FileState::Damaged;
                }
            }
            if state == FileState::Damaged {
                record.files.remove(&file.name);
            }
            result.push(self.describe(file, state));
        }
        self.save(&record)?;
        drop(lock);
        Ok(result)
    }

    pub(super) fn is_present(&self, file: &ModelFile) -> Result<bool, StoreError> {
        Ok(self.state(file, &self.record()?) == FileState::Present)
    }

    /// Records a file that was just checked and put in place.
    pub(super) fn note(&self, _lock: &StoreLock, file: &ModelFile) -> Result<(), StoreError> {
        let mut record = self.record()?;
        record.files.insert(file.name.clone(), Entry { file: file.file.clone(), sha256: file.sha256.clone() });
        self.save(&record)
    }

    pub(super) fn lock(&self) -> Result<StoreLock, StoreError> {
        let path = self.dir.join(LOCK);
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(self.io(path.clone()))?;
        match file.try_lock() {
            Ok(()) => Ok(StoreLock { file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy(self.dir.clone())),
            Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
        }
    }

    /// Where the file belongs. Scratch files live in the workshop.
    pub(super) fn place(&self, file: &ModelFile) -> PathBuf {
        if file.scratch { self.downloads().join(&file.file) } else { self.dir.join(&file.file) }
    }

    pub(super) fn downloads(&self) -> PathBuf {
        self.dir.join(DOWNLOADS)
    }

    pub(super) fn io(&self, path: PathBuf) -> impl FnOnce(io::Error) -> StoreError + use<> {
        move |source| StoreError::Io { path, source }
    }

    fn lasting(&self) -> impl Iterator<Item = &ModelFile> {
        self.manifest.files.iter().filter(|file| !file.scratch)
    }

    fn state(&self, file: &ModelFile, record: &Record) -> FileState {
        let recorded = record.files.get(&file.name).is_some_and(|entry| entry.sha256 == file.sha256);
        let size = fs::metadata(self.place(file)).map(|metadata| metadata.len()).ok();
        match (recorded, size) {
            (true, Some(size)) if size == file.size => FileState::Present,
            (true, Some(_)) => FileState::Damaged,
            (true, None) | (false, _) => FileState::Absent,
        }
    }

    fn describe(&self, file: &ModelFile, state: FileState) -> FileStatus {
        FileStatus {
            name: file.name.clone(),
            path: self.place(file),
            tier: file.tier,
            size: file.size,
            licence: file.licence.clone(),
            notice: file.notice.clone(),
            state,
        }
    }

    fn record(&self) -> Result<Record, StoreError> {
        let path = self.dir.join(RECORD);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| self.io(path)(io::Error::other(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    fn save(&self, record: &Record) -> Result<(), StoreError> {
        let path = self.dir.join(RECORD);
        let text = toml::to_string(record).expect("two maps of strings serialise");
        replace_text(&path, &text).map_err(self.io(path))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_released_lock_is_free_though_a_starting_program_still_holds_the_file() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = ModelStore::open(dir.path()).unwrap();
        let lock = store.lock().unwrap();
        let inherited = lock.file.try_clone().unwrap();
        assert!(matches!(store.lock().err(), Some(StoreError::Busy(_))));
        drop(lock);
        assert!(store.lock().is_ok());
        drop(inherited);
    }
}
