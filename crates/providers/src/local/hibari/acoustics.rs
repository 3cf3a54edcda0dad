//! The network: phoneme ids to the spectra of a voice.

use crate::local::{LoadError, ort_env};
use crate::models::ModelStore;
use ort::session::{Session, SessionOutputs};
use ort::value::Tensor;

/// Frequency bins of a frame.
pub(super) const BINS: usize = 601;

/// Longest output taken, in frames of 12.5 ms: a minute and a half, twice what 400 phonemes at half speed need.
const MAX_FRAMES: usize = 7_200;

/// Five planes of [`BINS`] × frames, each stored bin by bin, and a pitch per frame.
#[derive(Debug)]
pub(super) struct Spectra {
    pub(super) frames: usize,
    /// Log magnitude of the harmonic part.
    pub(super) harmonic: Vec<f32>,
    /// Its phase; tanh of it, times π.
    pub(super) harmonic_phase: Vec<f32>,
    /// Log magnitude of the noise.
    pub(super) noise: Vec<f32>,
    /// Log magnitude and phase of what is neither.
    pub(super) residual: Vec<f32>,
    pub(super) residual_phase: Vec<f32>,
    /// In Hz; below 40 = no voice.
    pub(super) pitch: Vec<f32>,
}

#[derive(Debug)]
pub(super) struct Acoustics {
    session: Session,
}

impl Acoustics {
    pub(super) fn load(store: &ModelStore) -> Result<Self, LoadError> {
        Ok(Self { session: ort_env::session_with_plain_products(store, "hibari")? })
    }

    /// `rate`: 1 = the voice's own pace.
    pub(super) fn spectra(&mut self, ids: &[i64], rate: f32) -> Result<Spectra, String> {
        let ids = Tensor::from_array(([1, ids.len()], ids.to_vec())).map_err(|error| error.to_string())?;
        let speed = Tensor::from_array(([1usize], vec![rate])).map_err(|error| error.to_string())?;
        let outputs =
            self.session.run(ort::inputs!["ids" => ids, "speed" => speed]).map_err(|error| error.to_string())?;
        let pitch = plane(&outputs, "f0")?;
        let frames = pitch.len();
        if frames > MAX_FRAMES {
            return Err(format!("{frames} frames of speech for one sentence"));
        }
        let spectra = Spectra {
            frames,
            harmonic: plane(&outputs, "lh")?,
            harmonic_phase: plane(&outputs, "theta")?,
            noise: plane(&outputs, "ln")?,
            residual: plane(&outputs, "lr")?,
            residual_phase: plane(&outputs, "phi")?,
            pitch,
        };
        let planes =
            [&spectra.harmonic, &spectra.harmonic_phase, &spectra.noise, &spectra.residual, &spectra.residual_phase];
        if planes.iter().any(|plane| plane.len() != BINS * frames) {
            return Err("the network's planes have different sizes".into());
        }
        Ok(spectra)
    }
}

fn plane(outputs: &SessionOutputs<'_>, name: &str) -> Result<Vec<f32>, String> {
    let output = outputs.get(name).ok_or_else(|| format!("the network has no output `{name}`"))?;
    let (_, values) = output.try_extract_tensor::<f32>().map_err(|error| error.to_string())?;
    Ok(values.to_vec())
}
