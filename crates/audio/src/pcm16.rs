//! Samples as 16-bit little-endian bytes: how recordings of voices are kept and read.

/// As bytes; what lies outside of ±1 is cut.
pub fn to_bytes(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|sample| ((sample * f32::from(i16::MAX)) as i16).to_le_bytes()).collect()
}

/// As samples, -1 to 1; half a sample at the end is left out.
pub fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<2>().0.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_and_what_is_too_loud_is_cut() {
        assert_eq!(to_bytes(&[0.0, 1.0, -1.0, 9.0, -9.0]), [0, 0, 255, 127, 1, 128, 255, 127, 0, 128]);
        assert_eq!(from_bytes(&[0, 64, 0, 128, 7]), [0.5, -1.0]);
    }
}
