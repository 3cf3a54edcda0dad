//! Turning published weights into the graphs that run here.
//!
//! Whisper comes as a CTranslate2 file of f16 tensors and becomes two int8 ONNX graphs. The arithmetic is plain IEEE
//! and the order fixed, so the result is the same byte for byte everywhere; its hash is in the manifest.

mod ct2;
mod graph;
mod layers;
mod whisper;

use super::manifest::Target;
use ct2::Weights;
use std::io::{self, Write};
use std::path::Path;

pub use ct2::WeightsError;

#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(super) fn convert(target: Target, weights: &Path, to: &mut dyn Write) -> Result<(), ConvertError> {
    let weights = Weights::parse(std::fs::read(weights)?)?;
    let bytes = match target {
        Target::WhisperEncoder => whisper::encoder(&weights)?,
        Target::WhisperDecoder => whisper::decoder(&weights)?,
    };
    to.write_all(&bytes)?;
    Ok(())
}
