//! Hash chains: what is appended cannot be changed later without everything behind it changing, too.
//!
//! Each link is the SHA-256 of the link before it and of what it covers. Two kinds of chain begin with different lines, so
//! that no link of one can stand for one of the other. docs/recordings.md has the format for those who check it without us.

use crate::InstanceId;
use sha2::{Digest, Sha256};
use std::fmt;

/// A SHA-256, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Of the parts, one behind the other.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// None if it is no 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where an instance's journal begins: before row 0. `setup` is the journal's head as it is stored.
pub fn journal_start(instance: &InstanceId, setup: &str) -> Hash {
    Hash::of(&[b"ringline journal 1\n", instance.as_str().as_bytes(), b"\n", setup.as_bytes()])
}

/// Behind a row of the journal. Numbers are 64 bits, little-endian; texts have their length before them.
pub fn journal_link(before: &Hash, seq: u64, at_us: u64, step: &str, outputs: &str) -> Hash {
    let length = |text: &str| (text.len() as u64).to_le_bytes();
    Hash::of(&[
        &before.0,
        &seq.to_le_bytes(),
        &at_us.to_le_bytes(),
        &length(step),
        step.as_bytes(),
        &length(outputs),
        outputs.as_bytes(),
    ])
}

/// Where an instance's recording begins: before the first line of its log.
pub fn recording_start(instance: &InstanceId) -> Hash {
    Hash::of(&[b"ringline recording 1\n", instance.as_str().as_bytes()])
}

/// Behind a line of a recording's log, without its line end.
pub fn recording_link(before: &Hash, line: &str) -> Hash {
    Hash::of(&[&before.0, line.as_bytes()])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_and_read_as_hex() {
        let hash = Hash::of(&[b"ab", b"c"]);
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
        for wrong in ["", "zz", &"é".repeat(32), &hash.to_string()[1..]] {
            assert_eq!(Hash::parse(wrong), None);
        }
    }

    #[test]
    fn a_link_covers_what_is_before_it_and_everything_in_the_row() {
        let instance = InstanceId::parse("i").unwrap();
        let start = journal_start(&instance, "{}");
        assert_ne!(start, journal_start(&instance, "{} "));
        assert_ne!(start, journal_start(&InstanceId::parse("j").unwrap(), "{}"));
        let link = journal_link(&start, 0, 5, "ab", "c");
        for other in [
            journal_link(&link, 0, 5, "ab", "c"),
            journal_link(&start, 1, 5, "ab", "c"),
            journal_link(&start, 0, 6, "ab", "c"),
            journal_link(&start, 0, 5, "a", "bc"),
        ] {
            assert_ne!(link, other);
        }
    }
}
