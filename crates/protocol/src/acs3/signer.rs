//! Signing our own requests (`ringline call` is a client of the OpenAPI too).

use super::{ALGORITHM, body_hash, canonical_request, sign, string_to_sign};
use crate::auth::SignedRequest;
use crate::{query, time_format};

/// A request to be signed.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// As it will be dialled: host, and port unless it is the scheme's default.
    pub host: &'a str,
    pub action: &'a str,
    pub version: &'a str,
    /// Decoded parameters.
    pub params: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    pub access_key_id: &'a str,
    pub secret: &'a str,
    /// Unix seconds.
    pub now: i64,
    /// Fresh for every request.
    pub nonce: &'a str,
}

impl std::fmt::Debug for Unsigned<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsigned").field("action", &self.action).field("host", &self.host).finish_non_exhaustive()
    }
}

/// What to put on the wire: the query, and every header that was signed plus `authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
}

/// Signs a request; the answer must be sent unchanged.
pub fn sign_request(request: &Unsigned<'_>) -> Signed {
    let query = query::canonical(request.params.iter().copied());
    let hash = body_hash(request.body);
    let mut headers = vec![
        ("host", request.host.to_owned()),
        ("x-acs-action", request.action.to_owned()),
        ("x-acs-content-sha256", hash.clone()),
        ("x-acs-date", time_format::utc_seconds(request.now)),
        ("x-acs-signature-nonce", request.nonce.to_owned()),
        ("x-acs-version", request.version.to_owned()),
    ];
    let borrowed: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let names: Vec<_> = headers.iter().map(|(name, _)| (*name).to_owned()).collect();
    let wire = SignedRequest {
        method: request.method,
        path: request.path,
        query: &query,
        headers: &borrowed,
        body: request.body,
    };
    let canonical = canonical_request(&wire, &names, &hash).expect("our own query decodes and every header is there");
    let signature = sign(request.secret, &string_to_sign(&canonical));
    let authorization = format!(
        "{ALGORITHM} Credential={},SignedHeaders={},Signature={signature}",
        request.access_key_id,
        names.join(";")
    );
    headers.push(("authorization", authorization));
    Signed { query, headers }
}
