//! What every implementation of a trait must do, as functions that panic at the first broken promise.
//!
//! For tests only: each family's tests run these against its own providers.

pub mod language_model;
pub mod synthesizer;

use std::time::Duration;

/// Runs `work`, or panics when it takes longer than `patience`.
async fn within<T>(patience: Duration, what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(_) => panic!("{what} took longer than {patience:?}"),
    }
}
