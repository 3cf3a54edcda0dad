//! Supervisor tokens: who may follow which call until when, and what else they may do in it. A scope of their own.
//!
//! The text is `rls1.CLAIMS.SIGNATURE`: base64url of JSON, and hex HMAC-SHA256 over a line that no other use of the key
//! produces. It is no channel token and cannot be read as one, so it is never valid in a user's place; and a channel token is
//! none of these. Whoever holds one is the supervisor, so it expires, and its call can refuse it before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use ringline_model::{InstanceId, UserId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What the text begins with.
pub const PREFIX: &str = "rls1.";
/// Longest token text, in bytes.
pub const MAX_TOKEN: usize = 2048;
/// Longest name, in characters.
pub const MAX_NAME: usize = 64;
/// Longest life, in s: a shift.
pub const MAX_LIFE: u32 = 24 * 3600;

/// What a supervisor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Hear both sides, and follow the events of the call.
    Listen,
    /// Tell the agent something for its next answer.
    Whisper,
    /// Speak to both while the agent waits.
    Speak,
    /// Take the call over and give it back.
    Takeover,
    /// See with what arguments the agent calls its tools, and what they answer.
    ToolArguments,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisorToken {
    pub instance: InstanceId,
    /// The supervisor's id in the call.
    pub user: UserId,
    /// For people.
    pub name: String,
    /// In order, each once.
    pub permissions: Vec<Permission>,
    /// Unix seconds; the token is good up to and including this one.
    pub expires: i64,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SupervisorTokenError {
    #[error("the supervisor token cannot be read")]
    Malformed,
    #[error("the supervisor token's signature is wrong")]
    BadSignature,
    #[error("the supervisor token has expired")]
    Expired,
}

impl SupervisorToken {
    /// Whether a text claims to be one.
    pub fn is_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    pub fn allows(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    pub fn mint(&self, key: &str) -> String {
        let claims = serde_json::to_vec(self).expect("ids, texts and numbers serialise");
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let signature = hex::encode(mac(key, &claims).finalize().into_bytes());
        format!("{PREFIX}{claims}.{signature}")
    }

    /// Reads and checks a token: form, signature (in constant time), expiry. `now` in Unix seconds.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn open(text: &str, key: &str, now: i64) -> Result<Self, SupervisorTokenError> {
        let parts = text.strip_prefix(PREFIX).filter(|_| text.len() <= MAX_TOKEN).and_then(|rest| rest.split_once('.'));
        let (claims, signature) = parts.ok_or(SupervisorTokenError::Malformed)?;
        let signature = hex::decode(signature).map_err(|_| SupervisorTokenError::Malformed)?;
        mac(key, claims).verify_slice(&signature).map_err(|_| SupervisorTokenError::BadSignature)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| SupervisorTokenError::Malformed)?;
        let token: Self = serde_json::from_slice(&claims).map_err(|_| SupervisorTokenError::Malformed)?;
        if token.expires < now { Err(SupervisorTokenError::Expired) } else { Ok(token) }
    }
}

fn mac(key: &str, claims: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"ringline supervisor token 1\n");
    mac.update(claims.as_bytes());
    mac
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::token::ChannelToken;
    use proptest::prelude::*;

    const KEY: &str = "a key";

    fn token() -> SupervisorToken {
        SupervisorToken {
            instance: InstanceId::parse("i-1").unwrap(),
            user: UserId::parse("supervisor-1").unwrap(),
            name: "Ann".into(),
            permissions: vec![Permission::Listen, Permission::ToolArguments],
            expires: 1000,
        }
    }

    #[test]
    fn a_token_says_what_it_was_minted_with_until_it_expires() {
        let text = token().mint(KEY);
        assert!(SupervisorToken::is_one(&text) && text.len() < MAX_TOKEN);
        assert_eq!(SupervisorToken::open(&text, KEY, 1000), Ok(token()));
        assert_eq!(SupervisorToken::open(&text, KEY, 1001), Err(SupervisorTokenError::Expired));
        assert!(token().allows(Permission::Listen) && !token().allows(Permission::Whisper));
    }

    #[test]
    fn a_token_of_another_key_or_with_other_claims_is_refused() {
        let text = token().mint(KEY);
        assert_eq!(SupervisorToken::open(&text, "other", 0), Err(SupervisorTokenError::BadSignature));
        let more = SupervisorToken { permissions: vec![Permission::Takeover], ..token() }.mint("other");
        let (claims, _) = more.rsplit_once('.').unwrap();
        let (_, signature) = text.rsplit_once('.').unwrap();
        let forged = format!("{claims}.{signature}");
        assert_eq!(SupervisorToken::open(&forged, KEY, 0), Err(SupervisorTokenError::BadSignature));
    }

    #[test]
    fn neither_kind_of_token_is_the_other() {
        let text = token().mint(KEY);
        assert!(ChannelToken::open(&text, "app", KEY, 0).is_err() && ChannelToken::peek(&text).is_err());
        let channel = ChannelToken {
            app_id: "app".into(),
            channel: ringline_model::ChannelId::parse("c").unwrap(),
            user: UserId::parse("u").unwrap(),
            nonce: String::new(),
            expires: 1000,
            rtc_url: None,
            ice_servers: Vec::new(),
        };
        assert_eq!(SupervisorToken::open(&channel.mint(KEY), KEY, 0), Err(SupervisorTokenError::Malformed));
    }

    proptest! {
        #[test]
        fn whatever_is_presented_is_refused_without_a_panic(text in "(rls1\\.)?[ -~]{0,80}") {
            prop_assert!(SupervisorToken::open(&text, KEY, 0).is_err());
        }
    }
}
