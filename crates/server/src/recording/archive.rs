//! Where recordings are kept: a directory, or an S3-compatible store.
//!
//! A recording is made in `<data>/recordings/INSTANCE` (the work directory). If it is kept in another place it is copied there once
//! it is over, and the directory then holds the marker [`STORED`] or is removed. Reading looks into the work directory first.
//! Credentials of S3 come from the environment (`AWS_ACCESS_KEY_ID`…), never from the configuration.

use super::{bucket, index, log, private_dir, seal};
use crate::config::{RecordingStorage, StorageKind};
use crate::recording::Track;
use anyhow::Context;
use futures_util::TryStreamExt as _;
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use ringline_model::InstanceId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use tokio::io::AsyncWriteExt as _;

/// In a work directory: what is in it is in the store, too.
pub const STORED: &str = "stored";
/// Files of a recording, those that say what it is last: where they are, the others are.
pub const FILES: [&str; 6] = {
    let [user, agent, human] = Track::ALL;
    [user.file_name(), agent.file_name(), human.file_name(), log::NAME, index::NAME, seal::NAME]
};
/// Read from the store at a time, in bytes.
const PIECE: u64 = 256 << 10;
/// A place to keep recordings, and the work directory before it.
#[derive(Clone, Debug)]
pub struct Archive {
    work: PathBuf,
    place: Place,
    keep_local: bool,
}

#[derive(Clone, Debug)]
enum Place {
    /// The work directory.
    Here,
    Directory(PathBuf),
    Bucket {
        store: Arc<dyn ObjectStore>,
        prefix: Key,
    },
}

/// A recording as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub bytes: u64,
    /// Unix ms of the newest file.
    pub modified_ms: i64,
    /// In a bucket.
    keys: Vec<Key>,
}

impl Archive {
    /// The place of the configuration; `data` is the server's data directory.
    pub fn open(config: &RecordingStorage, data: &Path) -> anyhow::Result<Self> {
        let work = data.join("recordings");
        private_dir(&work).with_context(|| format!("cannot create {}", work.display()))?;
        let place = match config.kind {
            StorageKind::Local if config.path.as_os_str().is_empty() => Place::Here,
            StorageKind::Local => {
                let directory = config.path.join(&config.prefix);
                private_dir(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
                Place::Directory(directory)
            }
            StorageKind::S3 => {
                let prefix = Key::parse(&config.prefix).context("recording.storage.prefix is no path of a store")?;
                Place::Bucket { store: Arc::new(bucket::open(config)?), prefix }
            }
        };
        Ok(Self { work, place, keep_local: config.keep_local })
    }

    /// Where the instance's recording is made.
    pub fn directory(&self, instance: &InstanceId) -> PathBuf {
        self.work.join(instance.as_str())
    }

    /// What an index says of where it is kept.
    pub const fn name(&self) -> &'static str {
        match self.place {
            Place::Here | Place::Directory(_) => "local",
            Place::Bucket { .. } => "s3",
        }
    }

    /// A file of a recording, to be read on a blocking thread; none if there is none. Of a recording that has not left for the store
    /// what is not here is nowhere, whether the store answers or not.
    pub async fn reader(&self, instance: &InstanceId, file: &str) -> anyhow::Result<Option<Reader>> {
        let here = self.directory(instance);
        if let Some(found) = open(&here.join(file))? {
            return Ok(Some(found));
        }
        match &self.place {
            Place::Here => Ok(None),
            Place::Directory(directory) => open(&directory.join(instance.as_str()).join(file)),
            Place::Bucket { store, prefix } => {
                let key = key(prefix, instance, file);
                match store.head(&key).await {
                    Ok(meta) => Ok(Some(Reader::Object(Object {
                        store: store.clone(),
                        key,
                        size: meta.size,
                        at: 0,
                        piece: bytes::Bytes::new(),
                        runtime: tokio::runtime::Handle::current(),
                    }))),
                    Err(object_store::Error::NotFound { .. }) => Ok(None),
                    Err(error) if here.exists() => {
                        tracing::debug!(call.id = %instance, %error, "the store of recordings does not answer");
                        Ok(None)
                    }
                    Err(error) => Err(error).context("the store of recordings does not answer"),
                }
            }
        }
    }

    /// The tracks of both sides, as far as they are there.
    pub async fn tracks(&self, instance: &InstanceId) -> anyhow::Result<[Option<Reader>; 2]> {
        let [user, agent] = Track::SIDES.map(|track| self.reader(instance, track.file_name()));
        Ok([user.await?, agent.await?])
    }

    /// Recordings in the work directory that are over and not in the store yet.
    pub fn waiting(&self) -> io::Result<Vec<InstanceId>> {
        let mut waiting = Vec::new();
        if matches!(self.place, Place::Here) {
            return Ok(waiting);
        }
        for entry in std::fs::read_dir(&self.work)? {
            let entry = entry?;
            let Some(instance) = entry.file_name().to_str().and_then(|name| InstanceId::parse(name.to_owned()).ok())
            else {
                continue;
            };
            // The seal is written last.
            if entry.path().join(seal::NAME).exists() && !entry.path().join(STORED).exists() {
                waiting.push(instance);
            }
        }
        Ok(waiting)
    }

    /// Copies a recording to where it is kept, then removes it here or marks it as stored.
    pub async fn upload(&self, instance: &InstanceId) -> anyhow::Result<()> {
        let directory = self.directory(instance);
        for name in FILES {
            let from = directory.join(name);
            if !from.exists() {
                continue;
            }
            let copied = match &self.place {
                Place::Here => return Ok(()),
                Place::Directory(to) => copy(&from, &to.join(instance.as_str()), name).await,
                Place::Bucket { store, prefix } => put(&from, store, key(prefix, instance, name)).await,
            };
            copied.with_context(|| format!("{name} could not be stored"))?;
        }
        if self.keep_local {
            tokio::fs::write(directory.join(STORED), []).await.context("cannot mark it as stored")
        } else {
            tokio::fs::remove_dir_all(&directory).await.context("cannot remove the copy here")
        }
    }

    /// All recordings as they are kept.
    pub async fn list(&self) -> anyhow::Result<BTreeMap<InstanceId, Kept>> {
        let (store, prefix) = match &self.place {
            Place::Here => return list(self.work.clone()).await,
            Place::Directory(directory) => return list(directory.clone()).await,
            Place::Bucket { store, prefix } => (store, prefix),
        };
        let mut kept: BTreeMap<InstanceId, Kept> = BTreeMap::new();
        let mut found = store.list(Some(prefix).filter(|prefix| !prefix.is_root()));
        while let Some(meta) = found.try_next().await.context("the store of recordings does not answer")? {
            let name = meta.location.prefix_match(prefix).and_then(|mut parts| {
                let first = parts.next()?;
                Some(first.as_ref().to_owned())
            });
            let Some(instance) = name.and_then(|name| InstanceId::parse(name).ok()) else { continue };
            let entry = kept.entry(instance).or_default();
            entry.bytes += meta.size;
            entry.modified_ms = entry.modified_ms.max(meta.last_modified.timestamp_millis());
            entry.keys.push(meta.location);
        }
        Ok(kept)
    }

    /// Removes a recording from where it is kept, and what of it is here.
    pub async fn remove(&self, instance: &InstanceId, kept: &Kept) -> anyhow::Result<()> {
        match &self.place {
            Place::Here => {}
            Place::Directory(directory) => remove(&directory.join(instance.as_str())).await?,
            Place::Bucket { store, .. } => {
                for key in &kept.keys {
                    match store.delete(key).await {
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                        Err(error) => return Err(error).context("cannot remove a recording"),
                    }
                }
            }
        }
        remove(&self.directory(instance)).await
    }
}

fn key(prefix: &Key, instance: &InstanceId, file: &str) -> Key {
    prefix.clone().join(instance.as_str()).join(file)
}

fn open(path: &Path) -> anyhow::Result<Option<Reader>> {
    match File::open(path) {
        Ok(file) => Ok(Some(Reader::File(io::BufReader::new(file)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot open a recording"),
    }
}

/// Whole at once: under its name a file is complete, and it is on the disk.
async fn copy(from: &Path, directory: &Path, name: &str) -> anyhow::Result<()> {
    let (from, directory, name) = (from.to_owned(), directory.to_owned(), name.to_owned());
    let copy = move || -> io::Result<()> {
        private_dir(&directory)?;
        let new = directory.join(format!("{name}.new"));
        std::fs::copy(from, &new)?;
        File::open(&new)?.sync_all()?;
        std::fs::rename(new, directory.join(name))
    };
    Ok(tokio::task::spawn_blocking(copy).await??)
}

async fn put(from: &Path, store: &Arc<dyn ObjectStore>, key: Key) -> anyhow::Result<()> {
    let mut file = tokio::fs::File::open(from).await?;
    let mut out = BufWriter::new(store.clone(), key);
    if let Err(error) = tokio::io::copy(&mut file, &mut out).await {
        if let Err(error) = out.abort().await {
            tracing::debug!(%error, "what was half stored could not be removed");
        }
        return Err(error.into());
    }
    Ok(out.shutdown().await?)
}

async fn list(directory: PathBuf) -> anyhow::Result<BTreeMap<InstanceId, Kept>> {
    let read = move || -> io::Result<_> {
        let mut kept: BTreeMap<InstanceId, Kept> = BTreeMap::new();
        for recording in std::fs::read_dir(directory)? {
            let recording = recording?;
            let name = recording.file_name();
            let Some(instance) = name.to_str().and_then(|name| InstanceId::parse(name.to_owned()).ok()) else {
                continue;
            };
            if !recording.file_type()?.is_dir() {
                continue;
            }
            let entry = kept.entry(instance).or_default();
            for file in std::fs::read_dir(recording.path())? {
                let meta = file?.metadata()?;
                let modified = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                entry.bytes += meta.len();
                entry.modified_ms = entry.modified_ms.max(i64::try_from(modified.as_millis()).unwrap_or(i64::MAX));
            }
        }
        Ok(kept)
    };
    tokio::task::spawn_blocking(read).await?.context("the directory of recordings cannot be read")
}

async fn remove(directory: &Path) -> anyhow::Result<()> {
    match tokio::fs::remove_dir_all(directory).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("cannot remove a recording"),
        _ => Ok(()),
    }
}

/// A file of a recording, here or in the store. To be read on a blocking thread.
pub enum Reader {
    File(io::BufReader<File>),
    Object(Object),
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Object(object) => object.read(buffer),
        }
    }
}

/// Reads an object piece by piece.
pub struct Object {
    store: Arc<dyn ObjectStore>,
    key: Key,
    size: u64,
    at: u64,
    piece: bytes::Bytes,
    runtime: tokio::runtime::Handle,
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && self.at < self.size {
            let range = self.at..(self.at + PIECE).min(self.size);
            self.piece = self.runtime.block_on(self.store.get_range(&self.key, range)).map_err(io::Error::other)?;
            self.at += self.piece.len() as u64;
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn elsewhere(keep_local: bool) -> (tempfile::TempDir, Archive) {
        let data = tempfile::tempdir().unwrap();
        let config = RecordingStorage {
            path: data.path().join("kept"),
            prefix: "a/b".into(),
            keep_local,
            ..RecordingStorage::default()
        };
        let archive = Archive::open(&config, data.path()).unwrap();
        (data, archive)
    }

    fn made(archive: &Archive, name: &str) -> InstanceId {
        let instance = InstanceId::parse(name).unwrap();
        private_dir(&archive.directory(&instance)).unwrap();
        std::fs::write(archive.directory(&instance).join("user.ogg"), "track").unwrap();
        instance
    }

    async fn text(archive: &Archive, instance: &InstanceId, file: &str) -> Option<String> {
        let mut reader = archive.reader(instance, file).await.unwrap()?;
        let read = move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        };
        Some(tokio::task::spawn_blocking(read).await.unwrap().unwrap())
    }

    #[tokio::test]
    async fn what_is_sealed_is_stored_once_and_read_from_there() {
        for keep_local in [false, true] {
            let (_data, archive) = elsewhere(keep_local);
            let instance = made(&archive, "i");
            assert_eq!(archive.waiting().unwrap(), [], "it still runs");
            std::fs::write(archive.directory(&instance).join(seal::NAME), "seal").unwrap();
            assert_eq!(archive.waiting().unwrap(), std::slice::from_ref(&instance));
            archive.upload(&instance).await.unwrap();
            assert_eq!(archive.waiting().unwrap(), []);
            assert_eq!(archive.directory(&instance).exists(), keep_local);
            assert_eq!(text(&archive, &instance, "user.ogg").await.as_deref(), Some("track"));
            assert_eq!(text(&archive, &instance, "agent.ogg").await, None);
            let kept = archive.list().await.unwrap();
            assert_eq!(kept[&instance].bytes, 9);
            archive.remove(&instance, &kept[&instance]).await.unwrap();
            assert!(archive.list().await.unwrap().is_empty());
            assert_eq!(text(&archive, &instance, "user.ogg").await, None);
        }
    }

    #[tokio::test]
    async fn by_default_recordings_stay_where_they_are_made() {
        let data = tempfile::tempdir().unwrap();
        let archive = Archive::open(&RecordingStorage::default(), data.path()).unwrap();
        let instance = made(&archive, "i");
        std::fs::write(archive.directory(&instance).join(seal::NAME), "seal").unwrap();
        assert_eq!(archive.waiting().unwrap(), []);
        assert_eq!(archive.list().await.unwrap()[&instance].bytes, 9);
        assert_eq!(text(&archive, &instance, "user.ogg").await.as_deref(), Some("track"));
    }
}
