//! Several providers of one kind in their order: when one fails before it has given anything, the next one is asked.
//!
//! One that gives nothing for [`Fallback::new`]'s patience counts as failed. The last one has all the time its caller gives
//! it. Once a provider has begun, its answer stands or falls with it: half of one and half of another make none. Every change
//! is told (`FellBack`), with its cause.
//!
//! One that has failed is asked last for [`REST`], so that not every turn of a call pays for the same outage.

mod language_model;
mod recognizer;
mod synthesizer;

use crate::ProviderError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// How long one that has failed is asked last.
pub const REST: Duration = Duration::from_secs(30);

/// A provider, and its name for the records.
pub struct Named<T: ?Sized> {
    pub name: String,
    pub provider: Arc<T>,
}

/// The providers of a list as one. Clones share what is known of them.
pub struct Fallback<T: ?Sized> {
    list: Arc<[Named<T>]>,
    /// When each has failed last.
    failed: Arc<Mutex<Vec<Option<Instant>>>>,
    patience: Duration,
    runtime: Handle,
}

impl<T: ?Sized> Fallback<T> {
    /// `patience`: from asking a provider to its first sign of life, unless it is the last. `runtime` runs the requests.
    pub fn new(list: Vec<Named<T>>, patience: Duration, runtime: Handle) -> Self {
        let failed = Arc::new(Mutex::new(vec![None; list.len()]));
        Self { list: list.into(), failed, patience, runtime }
    }

    /// Who is asked now, in order.
    fn order(&self) -> Vec<usize> {
        let failed = self.failed();
        let mut order: Vec<usize> = (0..self.list.len()).collect();
        order.sort_by_key(|index| failed[*index].is_some_and(|at: Instant| at.elapsed() < REST));
        order
    }

    /// Everybody in order, each with who comes next.
    fn in_order(&self) -> impl Iterator<Item = (usize, Option<usize>)> + use<T> {
        let order = self.order();
        (0..order.len()).map(move |nth| (order[nth], order.get(nth + 1).copied()))
    }

    fn note(&self, index: usize, works: bool) {
        self.failed()[index] = (!works).then(Instant::now);
    }

    fn name(&self, index: usize) -> String {
        self.list[index].name.clone()
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Vec<Option<Instant>>> {
        // Every change is one assignment, so a panic elsewhere cannot have left it half changed.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn retryable(message: &str) -> ProviderError {
    ProviderError { message: message.to_owned(), retryable: true }
}

fn nobody() -> ProviderError {
    ProviderError { message: "no provider is configured".to_owned(), retryable: false }
}

impl<T: ?Sized> Clone for Named<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), provider: self.provider.clone() }
    }
}

impl<T: ?Sized> Clone for Fallback<T> {
    fn clone(&self) -> Self {
        let Self { list, failed, patience, runtime } = self;
        Self { list: list.clone(), failed: failed.clone(), patience: *patience, runtime: runtime.clone() }
    }
}

impl<T: ?Sized> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<T: ?Sized> fmt::Debug for Fallback<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter()).finish()
    }
}
