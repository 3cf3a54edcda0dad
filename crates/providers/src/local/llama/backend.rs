//! What llama.cpp has once per process: its initialisation, its log, and how OpenMP's threads wait.

use super::LlamaError;
use llama_cpp_2::llama_backend::LlamaBackend;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The environment variable and value that make OpenMP's idle threads sleep instead of spin.
pub const WAIT_POLICY: (&str, &str) = ("OMP_WAIT_POLICY", "passive");

/// Whether this process was started with [`WAIT_POLICY`] in its environment.
///
/// OpenMP reads it when the program is loaded, so setting it later has no effect; a program that finds it missing can
/// start itself again with it.
pub fn wait_policy_ok() -> bool {
    let (name, value) = WAIT_POLICY;
    match std::fs::read("/proc/self/environ") {
        Ok(initial) => {
            initial.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok()).any(|entry| {
                entry.split_once('=').is_some_and(|(key, found)| key == name && found.eq_ignore_ascii_case(value))
            })
        }
        // No such file outside Linux: the present environment is the best guess.
        Err(_) => std::env::var(name).is_ok_and(|found| found.eq_ignore_ascii_case(value)),
    }
}

/// The process's backend, started at first use and kept. llama.cpp's log goes to tracing when debugging, else nowhere.
pub(super) fn get() -> Result<&'static LlamaBackend, LlamaError> {
    static BACKEND: OnceLock<LlamaBackend> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(backend) = BACKEND.get() {
        return Ok(backend);
    }
    let mut backend = LlamaBackend::init().map_err(LlamaError::Backend)?;
    if tracing::enabled!(tracing::Level::DEBUG) {
        llama_cpp_2::send_logs_to_tracing(llama_cpp_2::LogOptions::default());
    } else {
        backend.void_logs();
    }
    Ok(BACKEND.get_or_init(|| backend))
}
