//! Speech and language providers: traits, and the families that implement them.

pub mod agreement;
pub mod earshot;
pub mod fallback;
mod giving;
pub mod http;
#[cfg(feature = "local")]
pub mod local;
pub mod models;
pub mod openai;
mod pcm;
pub mod scripted;
pub mod self_hosted;
pub mod suite;
pub mod text;
mod traits;

pub use traits::*;
