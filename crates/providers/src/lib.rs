//! Speech and language providers: traits, and the families that implement them.

mod traits;

pub use traits::*;
