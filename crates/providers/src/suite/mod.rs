//! What every implementation of a trait must do, as functions that panic at the first broken promise.
//!
//! For tests only: each family's tests run these against its own providers.

pub mod embedder;
pub mod end_of_turn;
pub mod language_model;
pub mod recognizer;
pub mod synthesizer;
pub mod voice_activity;

use crate::models::ModelStore;
use std::time::Duration;

/// Runs `work`, or panics when it takes longer than `patience`.
async fn within<T>(patience: Duration, what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(_) => panic!("{what} took longer than {patience:?}"),
    }
}

/// The default store, if it holds all these files. Otherwise says so and returns none, or panics when
/// `RINGLINE_MODELS_REQUIRED` is set: then a test that cannot run has failed.
pub fn models_for_tests(names: &[&str]) -> Option<ModelStore> {
    let store = ModelStore::open_default().map_err(|error| error.to_string());
    let store = store.and_then(|store| match names.iter().find_map(|name| store.path(name).err()) {
        Some(missing) => Err(missing.to_string()),
        None => Ok(store),
    });
    match store {
        Ok(store) => Some(store),
        Err(reason) if std::env::var_os("RINGLINE_MODELS_REQUIRED").is_some() => panic!("{reason}"),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}
