//! What can be read from an Opus packet without decoding it (RFC 6716 §3), and packets of silence.

use crate::WIRE_RATE;

/// Longest packet that is legal (RFC 6716 §3.2.5), in samples at [`WIRE_RATE`]: 120 ms.
pub const MAX_PACKET: u32 = 5760;

/// Duration of an Opus packet in samples at [`WIRE_RATE`] (120 to 5760), as its first bytes say.
/// None if they are not the beginning of an Opus packet.
pub fn packet_duration(payload: &[u8]) -> Option<u32> {
    let samples = opus::packet::get_nb_samples(payload, WIRE_RATE).ok()?;
    u32::try_from(samples).ok().filter(|n| (1..=MAX_PACKET).contains(n))
}

/// Duration of each frame within the packet, in samples at [`WIRE_RATE`]. A packet holds one or more.
/// It is also the length of what in-band FEC in this packet can restore: the frame before its first.
pub fn frame_duration(payload: &[u8]) -> Option<u32> {
    let samples = opus::packet::get_samples_per_frame(payload, WIRE_RATE).ok()?;
    u32::try_from(samples).ok()
}

/// Whether the packet carries a second, coarser copy of the frame before it (LBRR, RFC 6716 §4.2.4).
pub fn has_fec(payload: &[u8]) -> bool {
    let Some(&toc) = payload.first() else { return false };
    let celt_only = toc & 0x80 != 0;
    if celt_only {
        return false;
    }
    // The flags open the first frame: one voice-activity bit per 20 ms of each channel, and behind each
    // channel's the LBRR bit.
    let Some(frame) = frame_duration(payload) else { return false };
    let halves = (frame / 960).max(1);
    let Some(first) = first_frame_byte(payload) else { return false };
    let mono = first >> (7 - halves) & 1 != 0;
    let stereo = toc & 0x04 != 0;
    // A stereo packet of 60 ms has its second flag in the next byte; the first one decides there.
    mono || (stereo && halves < 3 && first >> (6 - 2 * halves) & 1 != 0)
}

fn first_frame_byte(payload: &[u8]) -> Option<u8> {
    match payload.first()? & 0x03 {
        0 | 1 => payload.get(1).copied(),
        _ => opus::packet::parse(payload).ok()?.frames.first()?.first().copied(),
    }
}

/// The longest packet of silence that fits into `samples` at [`WIRE_RATE`], with its duration: 20, 10, 5 or
/// 2.5 ms. None if not even that fits.
///
/// It is a CELT frame of the full band whose first coded bit says "silence" (RFC 6716 §4.3); it depends on no
/// frame before it.
pub fn silence_packet(samples: u64) -> Option<(u32, &'static [u8])> {
    const SILENCE: [(u32, [u8; 3]); 4] =
        [(960, [0xf8, 0xff, 0xfe]), (480, [0xf0, 0xff, 0xfe]), (240, [0xe8, 0xff, 0xfe]), (120, [0xe0, 0xff, 0xfe])];
    SILENCE.iter().find(|(length, _)| u64::from(*length) <= samples).map(|(length, bytes)| (*length, bytes.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_first_byte() {
        assert_eq!(packet_duration(&[0xf8, 0xff, 0xfe]), Some(960));
        assert_eq!(packet_duration(&[0xe0, 0xff]), Some(120));
        // SILK, 60 ms, one frame; CELT, 20 ms, two frames of equal size; three frames by count byte.
        assert_eq!(packet_duration(&[0x18, 0, 0]), Some(2880));
        assert_eq!(packet_duration(&[0xf9, 0xff, 0xff]), Some(1920));
        assert_eq!(packet_duration(&[0xfb, 3, 0, 0, 0]), Some(2880));
        assert_eq!(frame_duration(&[0xfb, 3, 0, 0, 0]), Some(960));
    }

    #[test]
    fn what_is_no_packet_has_no_duration() {
        assert_eq!(packet_duration(&[]), None);
        // A count byte is missing; no frames; more than 120 ms.
        assert_eq!(packet_duration(&[0xfb]), None);
        assert_eq!(packet_duration(&[0xfb, 0]), None);
        assert_eq!(packet_duration(&[0xfb, 7]), None);
    }

    #[test]
    fn a_packet_of_silence_decodes_to_silence_of_its_length() {
        for samples in [120u64, 240, 480, 960] {
            let (length, bytes) = silence_packet(samples).expect("a length of Opus");
            assert_eq!((u64::from(length), packet_duration(bytes)), (samples, Some(length)));
            let mut decoder = opus::Decoder::new(WIRE_RATE, opus::Channels::Mono).expect("decoder");
            let mut pcm = [1.0f32; 960];
            assert_eq!(decoder.decode_float(bytes, &mut pcm, false).expect("decodes"), length as usize);
            assert!(pcm[..length as usize].iter().all(|s| s.abs() < 1e-6));
        }
        assert_eq!(silence_packet(1000).map(|p| p.0), Some(960));
        assert_eq!(silence_packet(119), None);
    }
}
