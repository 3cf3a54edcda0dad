//! The signature scheme of old SDKs, RPC V1 with `HMAC-SHA1` (server-api §2.3).
//!
//! It covers the method and the parameters of query and form body, no headers and no other body; a request with a body
//! that is not a form is therefore refused.

use crate::auth::{Accepted, AuthError, SignedRequest, check_time};
use crate::query;
use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

pub const METHOD: &str = "HMAC-SHA1";

/// A V1 signature and the parameters it stands among.
#[derive(Clone)]
pub struct Signature {
    pub access_key_id: String,
    /// Every parameter of query and form body, decoded, except the signature itself.
    pairs: Vec<(String, String)>,
    signature: String,
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Signature {
    /// None if the request has no parameter `Signature`.
    pub fn read(request: &SignedRequest<'_>) -> Result<Option<Self>, AuthError> {
        let incomplete = |e: query::QueryError| AuthError::Incomplete(format!("parameters: {e}"));
        let mut pairs = query::decode(request.query.as_bytes()).map_err(incomplete)?;
        if request.has_form_body() {
            pairs.extend(query::decode(request.body).map_err(incomplete)?);
        }
        if !pairs.iter().any(|(key, _)| key == "Signature") {
            return Ok(None);
        }
        if !request.body.is_empty() && !request.has_form_body() {
            return Err(AuthError::Incomplete("this scheme signs only a form body".into()));
        }
        let (signatures, pairs): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| key == "Signature");
        let [(_, signature)] = signatures.as_slice() else {
            return Err(AuthError::Incomplete("Signature stands more than once".into()));
        };
        let access_key_id = single(&pairs, "AccessKeyId")?.to_owned();
        Ok(Some(Self { access_key_id, signature: signature.clone(), pairs }))
    }
}

/// A parameter that must stand exactly once and not be empty.
fn single<'a>(pairs: &'a [(String, String)], name: &str) -> Result<&'a str, AuthError> {
    let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        _ => Err(AuthError::Incomplete(format!("the parameter {name} must be given once"))),
    }
}

/// The text that is signed: method and all parameters but `Signature`.
pub fn string_to_sign<'a>(method: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    format!("{method}&%2F&{}", query::encode(&query::canonical(pairs)))
}

/// Base64 HMAC-SHA1 of a string to sign.
pub fn sign(secret: &str, string_to_sign: &str) -> String {
    let key = format!("{secret}&");
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Checks method, time and signature, in this order, the last in constant time. `now` in Unix seconds. The nonce in the
/// answer is for the caller to remember.
pub fn check(
    request: &SignedRequest<'_>,
    signature: &Signature,
    secret: &str,
    now: i64,
) -> Result<Accepted, AuthError> {
    let pairs = &signature.pairs;
    if pairs.iter().any(|(key, value)| key == "SecurityToken" && !value.is_empty()) {
        return Err(AuthError::SecurityToken);
    }
    let method = single(pairs, "SignatureMethod")?;
    if method != METHOD {
        return Err(AuthError::UnsupportedMethod(method.chars().take(64).collect()));
    }
    let requested_at = check_time(single(pairs, "Timestamp")?, now)?;
    let string_to_sign = string_to_sign(request.method, query::borrowed(pairs));
    let expected = sign(secret, &string_to_sign);
    if !bool::from(expected.as_bytes().ct_eq(signature.signature.as_bytes())) {
        return Err(AuthError::SignatureMismatch { string_to_sign });
    }
    Ok(Accepted {
        access_key_id: signature.access_key_id.clone(),
        nonce: single(pairs, "SignatureNonce")?.to_owned(),
        requested_at,
        action: single(pairs, "Action")?.to_owned(),
        version: single(pairs, "Version")?.to_owned(),
    })
}
