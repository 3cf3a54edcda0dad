//! Speech and language models that run on this machine, on threads of their own.

mod dvector;
pub mod hibari;
pub mod llama;
mod mel;
mod ort_env;
mod questions;
mod queue;
mod silero;
mod smart_turn;
mod whisper;

pub use dvector::DVector;
pub use ort_env::LoadError;
pub use silero::SileroVad;
pub use smart_turn::SmartTurn;
pub use whisper::{Whisper, WhisperConfig, WhisperInline, WhisperUtterance};
