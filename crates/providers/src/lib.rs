//! Speech and language providers: traits, and the families that implement them.

pub mod scripted;
pub mod suite;
pub mod text;
mod traits;

pub use traits::*;
