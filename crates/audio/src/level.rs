//! How loud a stretch of audio is.

/// The level of digital silence: what sixteen bits can resolve. Nothing is reported below it.
pub const FLOOR_DBFS: f32 = -96.0;

/// Root mean square of `pcm`; 0 when it is empty.
pub fn rms(pcm: &[f32]) -> f32 {
    if pcm.is_empty() {
        return 0.0;
    }
    let power: f32 = pcm.iter().map(|s| s * s).sum::<f32>() / pcm.len() as f32;
    power.sqrt()
}

/// RMS level against full scale: 0 dB is a full-scale square wave, a full-scale sine has -3 dB.
/// Never below [`FLOOR_DBFS`], also for an empty slice.
pub fn level_dbfs(pcm: &[f32]) -> f32 {
    (20.0 * rms(pcm).log10()).max(FLOOR_DBFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_square_wave_has_zero_and_a_sine_minus_three_decibels() {
        assert!(level_dbfs(&[1.0, -1.0, 1.0, -1.0]).abs() < 1e-4);
        let sine: Vec<f32> = (0..1600).map(|n| (n as f32 * std::f32::consts::TAU / 160.0).sin()).collect();
        assert!((level_dbfs(&sine) + 3.01).abs() < 0.01, "{}", level_dbfs(&sine));
    }

    #[test]
    fn silence_and_nothing_lie_at_the_floor() {
        assert_eq!(level_dbfs(&[0.0; 480]), FLOOR_DBFS);
        assert_eq!(level_dbfs(&[]), FLOOR_DBFS);
        assert_eq!(level_dbfs(&[1e-9; 480]), FLOOR_DBFS);
    }
}
