//! ONNX Runtime, loaded once per process from the model store's library.
//!
//! Every session computes on its caller's thread (one intra-op thread, no spinning): at these model sizes a second
//! thread gains nothing, and spinning threads starve whatever else the machine does.

use crate::models::{ModelStore, NotPulled};
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A local model cannot be brought up.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    NotPulled(#[from] NotPulled),
    #[error("the inference library {} cannot be loaded: {message}", path.display())]
    Library { path: PathBuf, message: String },
    #[error("the model file {} cannot be loaded: {message}; check it with `ringline models verify`", path.display())]
    Model { path: PathBuf, message: String },
    #[error("an inference thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The process's environment. The first store asked decides which library it is; all of them hold the same one.
fn environment(store: &ModelStore) -> Result<&'static Environment, LoadError> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let path = store.path("onnxruntime")?;
    let failed = |message: String| LoadError::Library { path: path.clone(), message };
    let builder = ort::environment::init_from(&path).map_err(|error| failed(error.to_string()))?;
    let environment =
        builder.with_name("ringline").with_telemetry(false).build().map_err(|error| failed(error.to_string()))?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

/// Opens the model called `name` in the store.
pub(crate) fn session(store: &ModelStore, name: &str) -> Result<Session, LoadError> {
    open(store, name, int8_products_overflow())
}

/// Opens a model in which ONNX Runtime's careful int8 products cannot be had: it fails to rewrite hibari for them.
pub(crate) fn session_with_plain_products(store: &ModelStore, name: &str) -> Result<Session, LoadError> {
    open(store, name, false)
}

fn open(store: &ModelStore, name: &str, careful: bool) -> Result<Session, LoadError> {
    let environment = environment(store)?;
    let path = store.path(name)?;
    build(environment, &path, careful).map_err(|message| LoadError::Model { path, message })
}

/// CPUs with AVX2 and without VNNI saturate when they multiply unsigned by signed bytes. There ONNX Runtime is asked to
/// be careful; elsewhere that would only make Whisper half as fast.
fn int8_products_overflow() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !is_x86_feature_detected!("avx512vnni") && !is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// The builder's errors hold the builder and cannot cross threads, so they become text here.
fn build(environment: &Environment, path: &std::path::Path, careful: bool) -> Result<Session, String> {
    fn text(error: ort::Error<SessionBuilder>) -> String {
        error.to_string()
    }
    let builder = Session::builder(environment).map_err(|error| error.to_string())?;
    let builder = builder.with_intra_threads(1).map_err(text)?;
    let builder = builder.with_inter_threads(1).map_err(text)?;
    let mut builder = builder.with_intra_op_spinning(false).map_err(text)?;
    if careful {
        builder = builder.with_precise_qmm().map_err(text)?;
    }
    builder.commit_from_file(path).map_err(|error| error.to_string())
}
