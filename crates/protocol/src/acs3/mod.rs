//! The current signature scheme, `ACS3-HMAC-SHA256` (server-api §2.2).

mod signer;

pub use signer::{Unsigned, sign_request};

use crate::auth::{Accepted, AuthError, SignedRequest, check_time};
use crate::query;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";
/// Headers a signature must cover, in the order in which they are missed.
pub const REQUIRED_HEADERS: [&str; 6] =
    ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];
/// Most headers one signature may cover.
const MAX_SIGNED_HEADERS: usize = 64;

/// The parsed header `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    pub access_key_id: String,
    /// Lower case, in the order in which they were signed.
    pub signed_headers: Vec<String>,
    /// 64 lower-case hex digits.
    pub signature: String,
}

impl Authorization {
    /// Reads `ACS3-HMAC-SHA256 Credential=…,SignedHeaders=a;b;c,Signature=…`.
    pub fn parse(text: &str) -> Result<Self, AuthError> {
        let incomplete = |reason: &str| AuthError::Incomplete(reason.to_owned());
        let (algorithm, rest) = text.trim().split_once(' ').ok_or_else(|| incomplete("Authorization has no fields"))?;
        if algorithm != ALGORITHM {
            return Err(AuthError::UnsupportedMethod(algorithm.chars().take(64).collect()));
        }
        let field = |name: &str| {
            let fields = rest.split(',').filter_map(|field| field.trim().split_once('='));
            let mut values = fields.filter(|(key, _)| *key == name).map(|(_, value)| value);
            match (values.next(), values.next()) {
                (Some(value), None) if !value.is_empty() => Ok(value),
                _ => Err(incomplete(&format!("Authorization needs one {name}"))),
            }
        };
        let signature = field("Signature")?;
        if signature.len() != 64 || !signature.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(incomplete("Signature must be 64 lower-case hex digits"));
        }
        let signed_headers: Vec<_> = field("SignedHeaders")?.split(';').map(str::to_ascii_lowercase).collect();
        if signed_headers.len() > MAX_SIGNED_HEADERS {
            return Err(incomplete("too many signed headers"));
        }
        if let Some(name) = REQUIRED_HEADERS.iter().find(|name| !signed_headers.iter().any(|h| h == *name)) {
            return Err(incomplete(&format!("the header {name} must be signed")));
        }
        Ok(Self { access_key_id: field("Credential")?.to_owned(), signed_headers, signature: signature.to_owned() })
    }
}

/// The text whose hash is signed. The query is decoded and encoded anew, because it travels in another encoding than
/// it is signed in; a signed header that is absent is an error that names it.
pub fn canonical_request(
    request: &SignedRequest<'_>,
    signed_headers: &[String],
    body_hash: &str,
) -> Result<String, AuthError> {
    let pairs = query::decode(request.query.as_bytes()).map_err(|e| AuthError::Incomplete(format!("query: {e}")))?;
    let canonical_query = query::canonical(query::borrowed(&pairs));
    let mut text = format!("{}\n{}\n{canonical_query}\n", request.method, request.path);
    for name in signed_headers {
        let mut values: Vec<_> =
            request.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.trim()).collect();
        if values.is_empty() {
            return Err(AuthError::Incomplete(format!("the signed header {name} is absent")));
        }
        values.sort_unstable();
        text.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    text.push_str(&format!("\n{}\n{body_hash}", signed_headers.join(";")));
    Ok(text)
}

/// Algorithm and hash of the canonical request.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", body_hash(canonical_request.as_bytes()))
}

/// Lower-case hex HMAC-SHA256 of a string to sign.
pub fn sign(secret: &str, string_to_sign: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Lower-case hex SHA-256.
pub fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// Checks time, body and signature, in this order, the last in constant time. `now` in Unix seconds. The nonce in the
/// answer is for the caller to remember.
pub fn check(
    request: &SignedRequest<'_>,
    authorization: &Authorization,
    secret: &str,
    now: i64,
) -> Result<Accepted, AuthError> {
    let required = |name: &str| {
        let value = request.header(name)?.filter(|value| !value.is_empty());
        value.ok_or_else(|| AuthError::Incomplete(format!("the header {name} is absent")))
    };
    if request.header("x-acs-security-token")?.is_some_and(|token| !token.is_empty()) {
        return Err(AuthError::SecurityToken);
    }
    let requested_at = check_time(required("x-acs-date")?, now)?;
    let hash = body_hash(request.body);
    if required("x-acs-content-sha256")? != hash {
        return Err(AuthError::BodyMismatch);
    }
    let string_to_sign = string_to_sign(&canonical_request(request, &authorization.signed_headers, &hash)?);
    let expected = sign(secret, &string_to_sign);
    if !bool::from(expected.as_bytes().ct_eq(authorization.signature.as_bytes())) {
        return Err(AuthError::SignatureMismatch { string_to_sign });
    }
    Ok(Accepted {
        access_key_id: authorization.access_key_id.clone(),
        nonce: required("x-acs-signature-nonce")?.to_owned(),
        requested_at,
        action: required("x-acs-action")?.to_owned(),
        version: required("x-acs-version")?.to_owned(),
    })
}
