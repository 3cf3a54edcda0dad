//! Taking models from a folder instead of the network: archives of carriers, or finished files.
//!
//! A file is known by its size and hash, whatever its name; so a user's own copy of the same GGUF is as good.

use super::manifest::{ModelFile, Recipe};
use super::progress::Progress;
use super::pull::{PullError, Shop, carrier_of, is_wanted, platform};
use super::store::{ModelStore, StoreError};
use super::write::{KeepError, Partial, copy_limited, hash_file};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// At most so many entries of the folder are looked at.
const MAX_ENTRIES: usize = 10_000;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Names of files that were not in the store before.
    pub installed: Vec<String>,
    /// Names of files that the store lacks and the folder could not give.
    pub missing: Vec<String>,
}

/// Installs whatever `folder` (not its subfolders) has of any tier. The folder is only read.
pub fn import(store: &ModelStore, folder: &Path, progress: &mut dyn Progress) -> Result<Imported, PullError> {
    let lock = store.lock()?;
    let workshop = store.downloads();
    fs::create_dir_all(&workshop).map_err(store.io(workshop.clone()))?;
    let mut shelf = Shelf::look(store, folder)?;
    let mut shop = Shop { store, lock, workshop, checked: HashMap::new() };
    let mut imported = Imported::default();
    for file in &store.manifest().files {
        if !is_wanted(store, file)? {
            continue;
        }
        let done = if let Some(ready) = shelf.find(store, file.size, &file.sha256, progress)? {
            shop.check_space(file.size)?;
            take(&shop, file, &ready, progress)?;
            true
        } else if can_be_made(&mut shop, &mut shelf, file, progress)? {
            shop.check_space(file.size)?;
            shop.install(file, progress)?;
            true
        } else {
            false
        };
        match (done, file.scratch) {
            (true, false) => imported.installed.push(file.name.clone()),
            (false, false) => imported.missing.push(file.name.clone()),
            (_, true) => {}
        }
    }
    sweep(store)?;
    Ok(imported)
}

/// Removes what only conversions needed; archives of an interrupted pull stay for it.
fn sweep(store: &ModelStore) -> Result<(), StoreError> {
    for file in store.manifest().files.iter().filter(|file| file.scratch) {
        let path = store.place(file);
        if path.exists() && !is_wanted(store, file)? {
            fs::remove_file(&path).map_err(store.io(path))?;
        }
    }
    match fs::remove_dir(store.downloads()) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(store.io(store.downloads())(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn can_be_made(
    shop: &mut Shop<'_>,
    shelf: &mut Shelf,
    file: &ModelFile,
    progress: &mut dyn Progress,
) -> Result<bool, PullError> {
    let store = shop.store;
    let parts = match file.recipe() {
        Recipe::Join(parts) => parts,
        Recipe::Convert(conversion) => {
            let from = store.manifest().file(&conversion.from).expect("a checked manifest lists it");
            return Ok(store.is_present(from)?);
        }
    };
    for part in parts {
        let carrier = carrier_of(store, part);
        if carrier.platform.as_ref().is_some_and(|built_for| *built_for != platform()) {
            return Ok(false);
        }
        if !shop.checked.contains_key(&carrier.name) {
            let Some(path) = shelf.find(store, carrier.size, &carrier.sha256, progress)? else { return Ok(false) };
            shop.checked.insert(carrier.name.clone(), path);
        }
    }
    Ok(true)
}

fn take(shop: &Shop<'_>, file: &ModelFile, ready: &Path, progress: &mut dyn Progress) -> Result<(), PullError> {
    let (store, target) = (shop.store, shop.store.place(file));
    let folder = target.parent().expect("the place of a file has a folder");
    let io = |path: &Path| store.io(path.to_owned());
    let mut partial = Partial::create(folder, &file.file).map_err(io(&target))?;
    let mut from = File::open(ready).map_err(io(ready))?;
    progress.start(super::Step::Unpack, &file.file, file.size);
    copy_limited(&mut from, &mut partial, file.size, progress).map_err(io(&target))?;
    partial.keep(&target, &file.sha256, file.size).map_err(|error| match error {
        KeepError::Mismatch(mismatch) => PullError::Mismatch { what: file.file.clone(), mismatch },
        KeepError::Io(source) => io(&target)(source).into(),
    })?;
    progress.finish();
    Ok(store.note(&shop.lock, file)?)
}

/// The folder's files by size, each hashed at most once and only when its size is asked for.
struct Shelf {
    by_size: BTreeMap<u64, Vec<(PathBuf, Option<String>)>>,
}

impl Shelf {
    fn look(store: &ModelStore, folder: &Path) -> Result<Shelf, StoreError> {
        let mut by_size = BTreeMap::<u64, Vec<_>>::new();
        for entry in fs::read_dir(folder).map_err(store.io(folder.to_owned()))?.take(MAX_ENTRIES) {
            let path = entry.map_err(store.io(folder.to_owned()))?.path();
            if let Ok(metadata) = fs::metadata(&path)
                && metadata.is_file()
            {
                by_size.entry(metadata.len()).or_default().push((path, None));
            }
        }
        Ok(Shelf { by_size })
    }

    fn find(
        &mut self,
        store: &ModelStore,
        size: u64,
        sha256: &str,
        progress: &mut dyn Progress,
    ) -> Result<Option<PathBuf>, StoreError> {
        for (path, hash) in self.by_size.get_mut(&size).into_iter().flatten() {
            let hash = match hash {
                Some(hash) => hash,
                None => {
                    let what = path.file_name().unwrap_or_default().to_string_lossy();
                    hash.insert(hash_file(path, &what, progress).map_err(store.io(path.clone()))?)
                }
            };
            if hash == sha256 {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }
}
