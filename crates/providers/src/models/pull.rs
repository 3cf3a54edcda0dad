//! Fetching what a tier needs and the store lacks.
//!
//! File by file: the missing archives are downloaded one at a time, each is hashed, the file is joined (or converted),
//! hashed, put in place and recorded; then archives that no later file needs are removed. So an interrupted pull loses
//! at most the archive it was downloading, and a finished one leaves nothing behind but the models.

use super::archive::{ArchiveError, append_member};
use super::convert::{ConvertError, convert};
use super::manifest::{Carrier, Member, ModelFile, Recipe, Tier};
use super::pip::{Pip, PipError};
use super::progress::{Progress, Step};
use super::store::{ModelStore, StoreError, StoreLock};
use super::write::{KeepError, Mismatch, Partial, hash_file};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Free space that is left alone.
const SPARE_BYTES: u64 = 64 << 20;

/// Fetching or assembling failed. Nothing unchecked is in the store, and the texts say what to do next.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{carrier}: {source}")]
    Pip { carrier: String, source: PipError },
    #[error(transparent)]
    NoPip(PipError),
    #[error("{what}: {mismatch}; the package changed, nothing was installed")]
    Mismatch { what: String, mismatch: Mismatch },
    #[error("{archive}: {source}; nothing was installed")]
    Archive { archive: String, source: ArchiveError },
    #[error("{file} cannot be made: {source}")]
    Convert { file: String, source: ConvertError },
    #[error("{needed} bytes are needed in {} and {free} are free; make room or set RINGLINE_MODELS to another disk, then run again", dir.display())]
    NoSpace { dir: PathBuf, needed: u64, free: u64 },
    #[error("{name} is built for {built_for} and this machine is {here}; there is no such model file for it")]
    Platform { name: String, built_for: String, here: String },
}

/// What a pull did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Names of files that were not there before.
    pub installed: Vec<String>,
    /// Names of files that were.
    pub present: Vec<String>,
}

/// Makes everything of `tier` present, see [`Tier::brings`].
pub fn pull(store: &ModelStore, tier: Tier, progress: &mut dyn Progress) -> Result<Pulled, PullError> {
    pull_with(store, tier, &Pip::default(), progress)
}

/// [`pull`] with another Python.
pub fn pull_with(store: &ModelStore, tier: Tier, pip: &Pip, progress: &mut dyn Progress) -> Result<Pulled, PullError> {
    let lock = store.lock()?;
    let mut pulled = Pulled::default();
    let mut todo = Vec::new();
    for file in store.manifest().files.iter().filter(|file| tier.brings(file.tier)) {
        if is_wanted(store, file)? {
            todo.push(file);
        } else if !file.scratch {
            pulled.present.push(file.name.clone());
        }
    }
    if todo.is_empty() {
        remove_downloads(store)?;
        return Ok(pulled);
    }
    check_platform(store, &todo)?;
    let workshop = store.downloads();
    fs::create_dir_all(&workshop).map_err(store.io(workshop.clone()))?;
    let mut shop = Shop { store, lock, workshop, checked: HashMap::new() };
    shop.look_for_finished_archives(&todo, progress)?;
    shop.check_space(shop.needed_for(&todo))?;
    if todo.iter().any(|file| parts(file).iter().any(|part| !shop.checked.contains_key(&part.carrier))) {
        pip.check().map_err(PullError::NoPip)?;
    }
    for (index, file) in todo.iter().enumerate() {
        for part in parts(file) {
            shop.fetch(carrier_of(store, part), pip, progress)?;
        }
        shop.install(file, progress)?;
        if !file.scratch {
            pulled.installed.push(file.name.clone());
        }
        shop.remove_unneeded(&todo[index + 1..])?;
    }
    remove_downloads(store)?;
    Ok(pulled)
}

/// Whether there is still something to do for this file.
pub(super) fn is_wanted(store: &ModelStore, file: &ModelFile) -> Result<bool, StoreError> {
    if file.scratch {
        for made in store.manifest().made_from(file) {
            if !store.is_present(made)? {
                return Ok(!store.is_present(file)?);
            }
        }
        return Ok(false);
    }
    Ok(!store.is_present(file)?)
}

fn remove_downloads(store: &ModelStore) -> Result<(), StoreError> {
    match fs::remove_dir_all(store.downloads()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(store.io(store.downloads())(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn parts(file: &ModelFile) -> &[Member] {
    match file.recipe() {
        Recipe::Join(parts) => parts,
        Recipe::Convert(_) => &[],
    }
}

pub(super) fn carrier_of<'a>(store: &'a ModelStore, part: &Member) -> &'a Carrier {
    store.manifest().carrier(&part.carrier).expect("a checked manifest lists every carrier it names")
}

/// `arch-os`, as in the manifest.
pub(super) fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

fn check_platform(store: &ModelStore, todo: &[&ModelFile]) -> Result<(), PullError> {
    for file in todo {
        for part in parts(file) {
            if let Some(built_for) = carrier_of(store, part).platform.clone()
                && built_for != platform()
            {
                return Err(PullError::Platform { name: file.name.clone(), built_for, here: platform() });
            }
        }
    }
    Ok(())
}

/// The workshop of one pull or import: archives whose hash was seen to be right, and the making of files from them.
pub(super) struct Shop<'a> {
    pub(super) store: &'a ModelStore,
    pub(super) lock: StoreLock,
    pub(super) workshop: PathBuf,
    /// Carrier name → archive.
    pub(super) checked: HashMap<String, PathBuf>,
}

impl Shop<'_> {
    /// Archives that an interrupted pull left.
    fn look_for_finished_archives(
        &mut self,
        todo: &[&ModelFile],
        progress: &mut dyn Progress,
    ) -> Result<(), PullError> {
        for part in todo.iter().flat_map(|file| parts(file)) {
            let carrier = carrier_of(self.store, part);
            let path = self.workshop.join(&carrier.archive);
            if self.checked.contains_key(&carrier.name) || !path.exists() {
                continue;
            }
            if archive_mismatch(self.store, carrier, &path, progress)?.is_none() {
                self.checked.insert(carrier.name.clone(), path);
            } else {
                fs::remove_file(&path).map_err(self.store.io(path))?;
            }
        }
        Ok(())
    }

    /// Bytes of the files and of the archives still to come: they lie side by side for a while, so this is at most
    /// a little too much.
    fn needed_for(&self, todo: &[&ModelFile]) -> u64 {
        let carriers = self.store.manifest().carriers.iter().filter(|carrier| {
            let used = |file: &&ModelFile| parts(file).iter().any(|part| part.carrier == carrier.name);
            todo.iter().any(used) && !self.checked.contains_key(&carrier.name)
        });
        carriers.map(|carrier| carrier.size).sum::<u64>() + todo.iter().map(|file| file.size).sum::<u64>()
    }

    pub(super) fn check_space(&self, needed: u64) -> Result<(), PullError> {
        let needed = needed + SPARE_BYTES;
        let dir = self.store.dir();
        let disk = rustix::fs::statvfs(dir).map_err(|error| self.store.io(dir.to_owned())(error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < needed {
            return Err(PullError::NoSpace { dir: dir.to_owned(), needed, free });
        }
        Ok(())
    }

    fn fetch(&mut self, carrier: &Carrier, pip: &Pip, progress: &mut dyn Progress) -> Result<(), PullError> {
        if self.checked.contains_key(&carrier.name) {
            return Ok(());
        }
        let new = pip
            .download(carrier, &self.workshop, progress)
            .map_err(|source| PullError::Pip { carrier: carrier.name.clone(), source })?;
        if let Some(mismatch) = archive_mismatch(self.store, carrier, &new, progress)? {
            fs::remove_file(&new).map_err(self.store.io(new))?;
            return Err(PullError::Mismatch { what: carrier.archive.clone(), mismatch });
        }
        let path = self.workshop.join(&carrier.archive);
        fs::rename(&new, &path).map_err(self.store.io(path.clone()))?;
        self.checked.insert(carrier.name.clone(), path);
        Ok(())
    }

    /// Makes the file from what is checked, and records it.
    pub(super) fn install(&self, file: &ModelFile, progress: &mut dyn Progress) -> Result<(), PullError> {
        let target = self.store.place(file);
        let folder = target.parent().expect("the place of a file has a folder");
        let mut partial = Partial::create(folder, &file.file).map_err(self.store.io(target.clone()))?;
        match file.recipe() {
            Recipe::Join(parts) => {
                progress.start(Step::Unpack, &file.file, file.size);
                for part in parts {
                    let archive = &self.checked[&part.carrier];
                    let left = file.size - partial.written();
                    append_member(archive, &part.member, &mut partial, left, progress)
                        .map_err(|source| PullError::Archive { archive: name_of(archive), source })?;
                }
            }
            Recipe::Convert(conversion) => {
                progress.start(Step::Convert, &file.file, file.size);
                let from = self.store.manifest().file(&conversion.from).expect("a checked manifest lists it");
                convert(conversion.into, &self.store.place(from), &mut partial)
                    .map_err(|source| PullError::Convert { file: file.file.clone(), source })?;
            }
        }
        progress.advance(partial.written());
        partial.keep(&target, &file.sha256, file.size).map_err(|error| match error {
            KeepError::Mismatch(mismatch) => PullError::Mismatch { what: file.file.clone(), mismatch },
            KeepError::Io(source) => self.store.io(target.clone())(source).into(),
        })?;
        progress.finish();
        Ok(self.store.note(&self.lock, file)?)
    }

    /// Archives that none of the files still to be made needs.
    fn remove_unneeded(&mut self, todo: &[&ModelFile]) -> Result<(), StoreError> {
        let needed = |name: &str| todo.iter().any(|file| parts(file).iter().any(|part| part.carrier == name));
        for (_, path) in self.checked.extract_if(|name, _| !needed(name)) {
            fs::remove_file(&path).map_err(self.store.io(path))?;
        }
        Ok(())
    }
}

/// How the archive differs from what the manifest says, if it does.
pub(super) fn archive_mismatch(
    store: &ModelStore,
    carrier: &Carrier,
    path: &Path,
    progress: &mut dyn Progress,
) -> Result<Option<Mismatch>, StoreError> {
    let got_size = fs::metadata(path).map_err(store.io(path.to_owned()))?.len();
    let got = hash_file(path, &carrier.archive, progress).map_err(store.io(path.to_owned()))?;
    if got == carrier.sha256 && got_size == carrier.size {
        return Ok(None);
    }
    Ok(Some(Mismatch { expected: carrier.sha256.clone(), expected_size: carrier.size, got, got_size }))
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
