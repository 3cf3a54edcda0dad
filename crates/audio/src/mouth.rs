//! Opus encoding of what the agent says.

use crate::{AudioError, MOUTH_FRAME, MOUTH_RATE, silence_packet};

/// Bits per second asked of the encoder. At 48 kb/s the CELT path keeps the intelligibility that the speech
/// path has at 32 kb/s, for a quarter of its CPU.
pub const MOUTH_BITRATE: i32 = 48_000;
/// libopus complexity, 0 to 10. On the CELT path at this bitrate more is not heard: real speech has an ESTOI of 0.990 and a
/// log-spectral distance of 2.0 dB at 0 as at 5, for 42 % of the CPU.
pub const MOUTH_COMPLEXITY: i32 = 0;

/// Largest packet one frame may become, in bytes (RFC 6716 §3.2.1, one frame and its first byte).
const MAX_PACKET_BYTES: usize = 1276;

/// Encodes 20 ms frames at [`MOUTH_RATE`] for the wire.
///
/// `Application::Audio` without in-band FEC stays on the CELT path: a quarter of the CPU of the speech path,
/// and encoding decides how many calls a core carries. Loss towards the client is answered with redundancy
/// (RED) by the transport, not by FEC, which would force the speech path again.
#[derive(Debug)]
pub struct MouthEncoder {
    encoder: opus::Encoder,
    packet: Box<[u8; MAX_PACKET_BYTES]>,
}

impl MouthEncoder {
    /// # Errors
    /// [`AudioError::Codec`] if libopus cannot allocate or refuses a setting.
    pub fn new() -> Result<Self, AudioError> {
        let set_up = || {
            let mut encoder = opus::Encoder::new(MOUTH_RATE, opus::Channels::Mono, opus::Application::Audio)?;
            encoder.set_bitrate(opus::Bitrate::Bits(MOUTH_BITRATE))?;
            encoder.set_complexity(MOUTH_COMPLEXITY)?;
            encoder.set_inband_fec(false)?;
            Ok(encoder)
        };
        let encoder = set_up().map_err(|source| AudioError::Codec { doing: "set up the encoder", source })?;
        Ok(Self { encoder, packet: Box::new([0; MAX_PACKET_BYTES]) })
    }

    /// Encodes one frame of [`MOUTH_FRAME`] samples.
    ///
    /// # Errors
    /// [`AudioError::FrameLength`] for any other number of samples, [`AudioError::Codec`] if libopus fails.
    pub fn encode(&mut self, frame: &[f32]) -> Result<&[u8], AudioError> {
        if frame.len() != MOUTH_FRAME {
            return Err(AudioError::FrameLength { got: frame.len(), expected: MOUTH_FRAME });
        }
        let length = self
            .encoder
            .encode_float(frame, self.packet.as_mut_slice())
            .map_err(|source| AudioError::Codec { doing: "encode a frame", source })?;
        Ok(&self.packet[..length])
    }

    /// One 20 ms packet of silence, for ticks that say so. The encoder's state isn't touched by it.
    pub fn silence(&self) -> &'static [u8] {
        silence_packet(960).expect("960 samples are a length of Opus").1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MIN_PAYLOAD, has_fec, packet_duration};

    fn voice(n: usize) -> Vec<f32> {
        (0..n).map(|t| (1..12).map(|h| (t as f32 * 0.04 * h as f32).sin() * 0.3 / h as f32).sum()).collect()
    }

    #[test]
    fn speech_stays_on_the_celt_path_near_its_bitrate() {
        let mut encoder = MouthEncoder::new().expect("encoder");
        let speech = voice(MOUTH_FRAME * 100);
        let mut bytes = 0;
        for frame in speech.chunks(MOUTH_FRAME) {
            let packet = encoder.encode(frame).expect("encodes");
            assert!(packet[0] & 0x80 != 0, "not a CELT packet: {:#x}", packet[0]);
            assert!(!has_fec(packet));
            assert_eq!(packet_duration(packet), Some(960));
            bytes += packet.len();
        }
        let rate = bytes as i32 * 8 / 2;
        assert!((MOUTH_BITRATE * 6 / 10..=MOUTH_BITRATE * 12 / 10).contains(&rate), "{rate} bit/s");
    }

    #[test]
    fn a_frame_of_another_length_is_refused() {
        let mut encoder = MouthEncoder::new().expect("encoder");
        assert!(matches!(encoder.encode(&[0.0; 479]), Err(AudioError::FrameLength { got: 479, expected: 480 })));
        assert!(encoder.encode(&[0.0; 480]).is_ok());
    }

    #[test]
    fn the_silence_packet_is_long_enough_not_to_be_taken_for_padding() {
        let encoder = MouthEncoder::new().expect("encoder");
        assert!(encoder.silence().len() >= MIN_PAYLOAD);
        assert_eq!(packet_duration(encoder.silence()), Some(960));
    }
}
