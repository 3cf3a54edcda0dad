//! Random texts for ids and secrets.

use rand::Rng as _;

/// Random lower-case letters and digits from the system's generator, about 5.17 bits each.
pub fn random_text(length: usize) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..length).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}
