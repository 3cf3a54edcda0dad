//! STUN and TURN servers as clients are told of them, with credentials for one user and a limited time: the scheme of "A REST
//! API for access to TURN services", which coturn knows as `use-auth-secret`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use ringline_model::UserId;
use serde::{Deserialize, Serialize};
use sha1::Sha1;

/// As a browser's `RTCIceServer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl IceServer {
    /// With the credentials that the server itself makes of the secret and the user's name; good up to `expires` (Unix seconds).
    pub fn with_credentials(urls: Vec<String>, secret: &str, user: &UserId, expires: i64) -> Self {
        let username = format!("{expires}:{user}");
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("any length is a key");
        mac.update(username.as_bytes());
        let credential = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        Self { urls, username: Some(username), credential: Some(credential) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_the_secrets_hmac_of_expiry_and_user() {
        let user = UserId::parse("alice").expect("an id");
        let server = IceServer::with_credentials(vec!["turn:t.example".into()], "north", &user, 1_767_225_600);
        assert_eq!(server.username.as_deref(), Some("1767225600:alice"));
        // printf 1767225600:alice | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(server.credential.as_deref(), Some("qnVCfmDqv+5N7tpxKH0liO/huIU="));
    }
}
