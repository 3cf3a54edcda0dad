//! What both signature schemes share: the request as it stood on the wire, the ways it can fail, and which scheme it
//! uses (server-api §2.1).
//!
//! Checking a request takes three steps, because the secret and the memory of nonces live outside:
//!
//! 1. [`Presented::read`] finds the scheme and the access key id;
//! 2. the caller looks the secret up ([`AuthError::UnknownKey`], [`AuthError::InactiveKey`]) and calls
//!    [`Presented::check`], which checks time, body and signature;
//! 3. the caller gives the [`Accepted`] nonce to [`crate::nonce::NonceMemory::remember`]. A nonce is remembered only
//!    after the signature held, so that nobody without the key can use one up.
//!
//! Left out: STS, bearer tokens and id tokens. A security token is refused, the others count as no authorisation.

use crate::error::ApiError;
use crate::{acs3, rpc_v1};

/// Largest difference between a request's time and ours, in s, to either side (server-api §15).
pub const WINDOW: i64 = 15 * 60;
/// A longer string to sign is left out of the error message.
const MAX_ECHO: usize = 8 * 1024;

/// A request as it stood on the wire.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    pub method: &'a str,
    /// Raw, without the query.
    pub path: &'a str,
    /// Raw text after `?`, empty if there is none.
    pub query: &'a str,
    /// Names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

/// Method and path only: queries hold prompts and headers hold signatures.
impl std::fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedRequest").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> SignedRequest<'a> {
    /// The value of a header that may stand only once.
    pub fn header(&self, name: &str) -> Result<Option<&'a str>, AuthError> {
        let mut values = self.headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| value.trim());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(AuthError::Incomplete(format!("the header {name} stands more than once"))),
        }
    }

    /// Whether the body is form parameters.
    pub fn has_form_body(&self) -> bool {
        let content_type = self.headers.iter().find(|(name, _)| *name == "content-type").map(|(_, value)| *value);
        content_type.is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default();
            essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
    }
}

/// Why a request is not who it says it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("The request carries no signature.")]
    MissingAuthorization,
    #[error("The request signature does not conform to the standard: {0}.")]
    Incomplete(String),
    #[error("The signature method {0} is not supported.")]
    UnsupportedMethod(String),
    #[error("Specified access key is not found.")]
    UnknownKey,
    #[error("Specified access key is disabled.")]
    InactiveKey,
    #[error("Security tokens are not supported.")]
    SecurityToken,
    #[error("Specified time stamp or date value is not well formatted.")]
    TimestampFormat,
    #[error("Specified time stamp or date value is expired.")]
    TimestampExpired,
    #[error("Specified signature nonce was used already.")]
    NonceUsed,
    /// The memory of nonces is full; the request is sound, but it cannot be protected from being sent twice.
    #[error("Request was denied due to request throttling.")]
    Throttled,
    #[error("The body does not match the signed hash x-acs-content-sha256.")]
    BodyMismatch,
    /// Old clients compare the text after `server string to sign is:` with their own and then report a wrong secret
    /// instead (server-api §2.3).
    #[error("Specified signature is not matched with our calculation.{}", echo(string_to_sign))]
    SignatureMismatch { string_to_sign: String },
}

fn echo(string_to_sign: &str) -> String {
    match string_to_sign.len() {
        0..=MAX_ECHO => format!(" server string to sign is:{string_to_sign}"),
        _ => String::new(),
    }
}

impl AuthError {
    /// HTTP status and code of server-api §3.3.
    pub const fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::MissingAuthorization | Self::Incomplete(_) => (400, "IncompleteSignature"),
            Self::UnsupportedMethod(_) => (400, "InvalidSignatureMethod"),
            Self::UnknownKey => (404, "InvalidAccessKeyId.NotFound"),
            Self::InactiveKey => (400, "InvalidAccessKeyId.Inactive"),
            Self::SecurityToken => (400, "InvalidSecurityToken.Malformed"),
            Self::TimestampFormat => (400, "InvalidTimeStamp.Format"),
            Self::TimestampExpired => (400, "InvalidTimeStamp.Expired"),
            Self::NonceUsed => (400, "SignatureNonceUsed"),
            Self::Throttled => (400, "Throttling"),
            Self::BodyMismatch | Self::SignatureMismatch { .. } => (400, "SignatureDoesNotMatch"),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        if error == AuthError::Throttled {
            return Self::throttling(1000);
        }
        let (status, code) = error.status_and_code();
        Self::new(status, code, error.to_string())
    }
}

/// A signature that has been read but not yet checked.
#[derive(Clone, Debug)]
pub enum Presented {
    Acs3(acs3::Authorization),
    RpcV1(rpc_v1::Signature),
}

/// What a checked request says about itself; all of it was covered by the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub access_key_id: String,
    pub nonce: String,
    /// Unix seconds.
    pub requested_at: i64,
    pub action: String,
    pub version: String,
}

impl Presented {
    /// Finds the scheme: an `Authorization` header that begins with `ACS3-`, otherwise a parameter `Signature`.
    pub fn read(request: &SignedRequest<'_>) -> Result<Self, AuthError> {
        if let Some(text) = request.header("authorization")?.filter(|text| text.starts_with("ACS3-")) {
            return acs3::Authorization::parse(text).map(Self::Acs3);
        }
        rpc_v1::Signature::read(request)?.map(Self::RpcV1).ok_or(AuthError::MissingAuthorization)
    }

    pub fn access_key_id(&self) -> &str {
        match self {
            Self::Acs3(authorization) => &authorization.access_key_id,
            Self::RpcV1(signature) => &signature.access_key_id,
        }
    }

    /// Checks time, body and signature against the key's secret. `now` in Unix seconds.
    pub fn check(&self, request: &SignedRequest<'_>, secret: &str, now: i64) -> Result<Accepted, AuthError> {
        match self {
            Self::Acs3(authorization) => acs3::check(request, authorization, secret, now),
            Self::RpcV1(signature) => rpc_v1::check(request, signature, secret, now),
        }
    }
}

/// Reads the time of a request and compares it with ours.
pub(crate) fn check_time(text: &str, now: i64) -> Result<i64, AuthError> {
    let requested_at = crate::time_format::parse_utc_seconds(text).ok_or(AuthError::TimestampFormat)?;
    match now.abs_diff(requested_at) <= WINDOW.unsigned_abs() {
        true => Ok(requested_at),
        false => Err(AuthError::TimestampExpired),
    }
}
