//! Addresses that are good for whoever holds them, until they expire.
//!
//! The signature is hex HMAC-SHA256 over a line that says what for (no two uses of the key share one), the thing, and the expiry.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Why what is behind an address is not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the signature is wrong")]
    BadSignature,
    #[error("the address has expired; ask for another")]
    Expired,
}

/// Signs that `what` may be had until `expires` (Unix seconds).
pub fn sign(key: &str, purpose: &str, what: &str, expires: i64) -> String {
    hex::encode(mac(key, purpose, what, expires).finalize().into_bytes())
}

/// Checks a signature, in constant time, and the expiry, which is never further than `life` s from `now` and the clocks' tolerance.
pub fn check(
    key: &str,
    purpose: &str,
    what: &str,
    (expires, signature): (i64, &str),
    life: i64,
    now: i64,
) -> Result<(), AddressError> {
    let signature = hex::decode(signature).map_err(|_| AddressError::BadSignature)?;
    mac(key, purpose, what, expires).verify_slice(&signature).map_err(|_| AddressError::BadSignature)?;
    match expires.saturating_sub(now) {
        left if (0..=life + crate::auth::WINDOW).contains(&left) => Ok(()),
        _ => Err(AddressError::Expired),
    }
}

fn mac(key: &str, purpose: &str, what: &str, expires: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{purpose}\n{what}\n{expires}").as_bytes());
    mac
}
