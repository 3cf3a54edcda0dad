//! Channel tokens: who may join which channel until when (server-api §11.1).
//!
//! The hash covers the concatenation of app id, app key, channel, user, nonce and expiry. Two consequences:
//!
//! - Nothing separates the parts, so a token of channel `ab` and user `c` is one of channel `a` and user `bc` too, and
//!   digits at the end of a user id could be moved into the expiry. The format is the vendor's; therefore a token is
//!   accepted only if it expires within [`MAX_LIFE`], and the joining side must compare channel *and* user with what it
//!   has on record ([`ChannelToken::for_channel_and_user`]), never trust their names alone.
//! - `rtcurl` and `iceservers`, our keys for where to connect, are outside the hash as the vendor's `gslb` is. A server ignores it. A
//!   client sends its token there and nowhere else, so it must take tokens only from its own app server over a channel
//!   it trusts; whoever can change the URL can read the token anyway.

mod envelope;

use crate::auth::WINDOW;
use crate::ice::IceServer;
use ringline_model::{ChannelId, UserId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Longest token text, in bytes.
pub const MAX_TOKEN: usize = 4096;
/// Furthest expiry a token may have, in s from now: the longest `Expire` and the clocks' tolerance.
pub const MAX_LIFE: i64 = 604_800 + WINDOW;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelToken {
    pub app_id: String,
    pub channel: ChannelId,
    pub user: UserId,
    /// Usually empty.
    pub nonce: String,
    /// Unix seconds; the token is good up to and including this one.
    pub expires: i64,
    /// Where our clients connect; not covered by the hash.
    pub rtc_url: Option<String>,
    /// What our clients reach it through where nothing else lets them; not covered by the hash.
    pub ice_servers: Vec<IceServer>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token cannot be read")]
    Malformed,
    #[error("the token belongs to another application")]
    WrongApp,
    #[error("the token's signature is wrong")]
    BadSignature,
    #[error("the token has expired")]
    Expired,
    #[error("the token's expiry is too far ahead")]
    TooLong,
    #[error("the token is for another channel")]
    WrongChannel,
    #[error("the token is for another user")]
    WrongUser,
}

impl TokenError {
    /// HTTP status and code for a join request.
    pub const fn status_and_code(self) -> (u16, &'static str) {
        match self {
            Self::Malformed | Self::WrongApp | Self::BadSignature | Self::TooLong => (401, "InvalidToken"),
            Self::Expired => (401, "TokenExpired"),
            Self::WrongChannel | Self::WrongUser => (403, "Forbidden"),
        }
    }
}

impl ChannelToken {
    /// The token text: base64 of the JSON envelope.
    pub fn mint(&self, app_key: &str) -> String {
        envelope::write(self, &self.signature(app_key))
    }

    /// Reads and checks a token: form, application, signature (in constant time), expiry. `now` in Unix seconds.
    pub fn open(text: &str, app_id: &str, app_key: &str, now: i64) -> Result<Self, TokenError> {
        let (token, signature) = envelope::read(text)?;
        if token.app_id != app_id {
            return Err(TokenError::WrongApp);
        }
        if !bool::from(token.signature(app_key).as_bytes().ct_eq(signature.as_bytes())) {
            return Err(TokenError::BadSignature);
        }
        match token.expires.saturating_sub(now) {
            ..0 => Err(TokenError::Expired),
            left if left > MAX_LIFE => Err(TokenError::TooLong),
            _ => Ok(token),
        }
    }

    /// Reads a token without checking it: for clients, which have no key and want to know where to connect.
    pub fn peek(text: &str) -> Result<Self, TokenError> {
        envelope::read(text).map(|(token, _)| token)
    }

    /// Whether the token is for this channel and this user.
    pub fn for_channel_and_user(&self, channel: &ChannelId, user: &UserId) -> Result<(), TokenError> {
        if self.channel != *channel {
            return Err(TokenError::WrongChannel);
        }
        if self.user != *user {
            return Err(TokenError::WrongUser);
        }
        Ok(())
    }

    /// Lower-case hex.
    fn signature(&self, app_key: &str) -> String {
        let expires = self.expires.to_string();
        let parts: [&str; 6] =
            [&self.app_id, app_key, self.channel.as_str(), self.user.as_str(), &self.nonce, &expires];
        hex::encode(Sha256::digest(parts.concat()))
    }
}
