//! Speech and language models that run on this machine, on threads of their own.

mod ort_env;

pub use ort_env::LoadError;
