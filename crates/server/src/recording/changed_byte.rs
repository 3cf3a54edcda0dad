//! Which byte of some Ogg pages was changed, if it is the only one: from the pages' own checksums and the hash of what they were.
//!
//! A page's CRC-32 is linear: flipping bits of one byte changes it by what only depends on the bits and the place. So the place is found by
//! looking for the difference between the checksum in the page and that of its bytes, and the hash says whether it is the one.
//! In a page's header, where the checksum and the length themselves may have been changed, every value is tried.

use ringline_model::chain::Hash;
use sha2::{Digest, Sha256};

/// Of a page's header without its lacing; where its checksum is; and with the longest lacing.
const HEADER: usize = 27;
const CHECKSUM: std::ops::Range<usize> = 22..26;
const LONGEST_HEADER: usize = HEADER + 255;
/// Of Ogg (RFC 3533 §6): most significant bit first, from 0.
const POLYNOMIAL: u32 = 0x04c1_1db7;

/// Where, and what it was.
pub fn changed_byte(pages: &[u8], sha256: &str) -> Option<(usize, u8)> {
    let expected = Hash::parse(sha256)?;
    let is_right = |at: usize, value: u8| {
        let mut hash = Sha256::new();
        hash.update(&pages[..at]);
        hash.update([value]);
        hash.update(&pages[at + 1..]);
        <[u8; 32]>::from(hash.finalize()) == *expected.as_bytes()
    };
    let mut at = 0;
    while at < pages.len() {
        let length = page_length(&pages[at..]);
        if let Some(page) = length.map(|length| &pages[at..at + length]) {
            let difference = checksum(page) ^ u32::from_le_bytes([page[22], page[23], page[24], page[25]]);
            if difference == 0 {
                at += page.len();
                continue;
            }
            if let Some((place, flipped)) = places(page.len(), difference)
                .find(|(place, flipped)| !CHECKSUM.contains(place) && is_right(at + place, page[*place] ^ flipped))
            {
                return Some((at + place, page[place] ^ flipped));
            }
        }
        // A page with a broken header has no end: what is behind it isn't looked at.
        let header = at..(at + LONGEST_HEADER).min(pages.len());
        return header
            .flat_map(|at| (0..=u8::MAX).map(move |value| (at, value)))
            .find(|(at, value)| is_right(*at, *value));
    }
    None
}

/// None if there is no whole page.
fn page_length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..HEADER).filter(|header| header.starts_with(b"OggS"))?;
    let lacing = bytes.get(HEADER..HEADER + usize::from(header[26]))?;
    let length = HEADER + lacing.len() + lacing.iter().map(|part| usize::from(*part)).sum::<usize>();
    (length <= bytes.len()).then_some(length)
}

/// Of a page, its own checksum taken as 0.
fn checksum(page: &[u8]) -> u32 {
    page.iter().enumerate().fold(0, |crc, (at, byte)| step(crc, if CHECKSUM.contains(&at) { 0 } else { *byte }))
}

fn step(crc: u32, byte: u8) -> u32 {
    let mut crc = crc ^ u32::from(byte) << 24;
    for _ in 0..8 {
        crc = if crc >> 31 == 1 { crc << 1 ^ POLYNOMIAL } else { crc << 1 };
    }
    crc
}

/// Where in a page of this length which bits make that difference to the checksum, from the last byte to the first.
fn places(length: usize, difference: u32) -> impl Iterator<Item = (usize, u8)> {
    // What each bit of a byte does to the checksum; one byte further from the end that goes through one more step.
    let mut bits: [u32; 8] = std::array::from_fn(|bit| step(0, 1 << bit));
    (0..length).rev().flat_map(move |place| {
        let effects = bits;
        bits = bits.map(|effect| step(effect, 0));
        (1..=u8::MAX)
            .filter(move |flipped| {
                let of_set = effects.iter().enumerate().filter(|(bit, _)| flipped >> bit & 1 == 1);
                of_set.fold(0, |sum, (_, effect)| sum ^ effect) == difference
            })
            .map(move |flipped| (place, flipped))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::index::hash;
    use super::*;
    use ringline_audio::{OggTrack, OggTrackConfig};
    use ringline_model::SplitMix64;

    /// Two flushes of a track.
    fn pages() -> Vec<u8> {
        let config = OggTrackConfig {
            serial: 1,
            channels: 1,
            pre_skip: 312,
            input_rate: 48_000,
            vendor: "v".into(),
            comments: Vec::new(),
        };
        let mut track = OggTrack::new(Vec::new(), &config).unwrap();
        let mut chance = SplitMix64::new(3);
        for n in 0..50 {
            let packet: Vec<u8> = std::iter::once(0xf8).chain((0..60).map(|_| chance.draw() as u8)).collect();
            track.packet(n * 960, &packet).unwrap();
            if n == 24 {
                track.flush().unwrap();
            }
        }
        track.finish().unwrap()
    }

    #[test]
    fn whichever_byte_was_changed_is_found_and_what_it_was() {
        let pages = pages();
        let sha256 = hash(&*pages).unwrap().1;
        assert!(pages.len() > 3000);
        for at in (0..pages.len()).step_by(37).chain(0..30).chain([pages.len() - 1]) {
            let mut changed = pages.clone();
            changed[at] ^= 0x11;
            assert_eq!(changed_byte(&changed, &sha256), Some((at, pages[at])), "byte {at}");
        }
    }

    #[test]
    fn of_two_changed_bytes_none_is_named() {
        let pages = pages();
        let sha256 = hash(&*pages).unwrap().1;
        let mut changed = pages.clone();
        changed[500] ^= 1;
        changed[700] ^= 1;
        assert_eq!(changed_byte(&changed, &sha256), None);
        assert_eq!(changed_byte(b"no page", &sha256), None);
        assert_eq!(changed_byte(&pages, &hash(&b"others"[..]).unwrap().1), None);
    }
}
