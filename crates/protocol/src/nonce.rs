//! The memory of nonces: a signed request works once (server-api §2.2.4).
//!
//! Bounded: at the limit new requests are refused, because forgetting a live nonce would let a request be sent twice.

use crate::auth::{Accepted, AuthError, WINDOW};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The first 128 bits of a SHA-256: two nonces of millions meet with a probability below 1e-24, and then one request is refused.
type Fingerprint = u128;

/// Nonces by access key, each kept as long as a request that carries it could still be accepted, and at least
/// [`WINDOW`] after it was first seen. One takes about 40 bytes, whatever its length.
#[derive(Debug)]
pub struct NonceMemory {
    capacity: usize,
    live: BTreeSet<Fingerprint>,
    /// By the last Unix second in which they must be known.
    by_expiry: BTreeMap<i64, Vec<Fingerprint>>,
}

impl NonceMemory {
    /// `capacity` is the most nonces kept at once: it bounds the sustained rate at `capacity` requests in 15 minutes.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, live: BTreeSet::new(), by_expiry: BTreeMap::new() }
    }

    /// Remembers the nonce of a request whose signature held. [`AuthError::NonceUsed`] if it is known already,
    /// [`AuthError::Throttled`] if there is no room. `now` in Unix seconds.
    pub fn remember(&mut self, accepted: &Accepted, now: i64) -> Result<(), AuthError> {
        self.forget_expired(now);
        let fingerprint = fingerprint(&accepted.access_key_id, &accepted.nonce);
        if self.live.contains(&fingerprint) {
            return Err(AuthError::NonceUsed);
        }
        if self.live.len() >= self.capacity {
            return Err(AuthError::Throttled);
        }
        let expiry = accepted.requested_at.max(now).saturating_add(WINDOW);
        self.live.insert(fingerprint);
        self.by_expiry.entry(expiry).or_default().push(fingerprint);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.live.len()
    }

    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    fn forget_expired(&mut self, now: i64) {
        while let Some(oldest) = self.by_expiry.first_entry()
            && *oldest.key() < now
        {
            for fingerprint in oldest.remove() {
                self.live.remove(&fingerprint);
            }
        }
    }
}

/// The key's length goes first, so that no other pair of texts gives the same input.
fn fingerprint(access_key_id: &str, nonce: &str) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update((access_key_id.len() as u64).to_be_bytes());
    hash.update(access_key_id);
    hash.update(nonce);
    let digest: [u8; 32] = hash.finalize().into();
    u128::from_be_bytes(*digest.first_chunk().expect("32 bytes begin with 16"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str, nonce: &str, at: i64) -> Accepted {
        Accepted {
            access_key_id: key.into(),
            nonce: nonce.into(),
            requested_at: at,
            action: String::new(),
            version: String::new(),
        }
    }

    #[test]
    fn a_nonce_works_once_per_key() {
        let mut memory = NonceMemory::new(10);
        assert_eq!(memory.remember(&request("k", "n", 1000), 1000), Ok(()));
        assert_eq!(memory.remember(&request("k", "n", 1000), 1001), Err(AuthError::NonceUsed));
        assert_eq!(memory.remember(&request("k2", "n", 1000), 1001), Ok(()));
        assert_eq!(memory.remember(&request("kn", "", 1000), 1001), Ok(()));
    }

    #[test]
    fn a_nonce_is_known_until_its_request_is_too_old_to_be_accepted() {
        let mut memory = NonceMemory::new(10);
        let ahead = request("k", "n", 1000 + WINDOW);
        assert_eq!(memory.remember(&ahead, 1000), Ok(()));
        assert_eq!(memory.remember(&ahead, 1000 + 2 * WINDOW), Err(AuthError::NonceUsed));
        assert_eq!(memory.remember(&ahead, 1001 + 2 * WINDOW), Ok(()));
    }

    #[test]
    fn a_nonce_of_an_old_request_is_kept_for_the_whole_window() {
        let mut memory = NonceMemory::new(10);
        assert_eq!(memory.remember(&request("k", "n", 1000 - WINDOW), 1000), Ok(()));
        assert_eq!(memory.remember(&request("k", "n", 1500), 1500), Err(AuthError::NonceUsed));
    }

    #[test]
    fn a_full_memory_refuses_new_requests_and_forgets_nothing_that_lives() {
        let mut memory = NonceMemory::new(2);
        assert_eq!(memory.remember(&request("k", "a", 1000), 1000), Ok(()));
        assert_eq!(memory.remember(&request("k", "b", 1001), 1001), Ok(()));
        assert_eq!(memory.remember(&request("k", "c", 1002), 1002), Err(AuthError::Throttled));
        assert_eq!(memory.remember(&request("k", "a", 1000), 1002), Err(AuthError::NonceUsed));
        assert_eq!(memory.remember(&request("k", "c", 1901), 1901), Ok(()));
        assert_eq!(memory.len(), 2);
    }
}
