//! The token's text form: base64 of a JSON object with arbitrary key order (server-api §11.1).

use super::{ChannelToken, IceServer, MAX_TOKEN, TokenError};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use ringline_model::{ChannelId, UserId};
use serde::{Deserialize, Serialize};

/// Longest nonce, app id and URL, in bytes.
const MAX_NONCE: usize = 64;
const MAX_APP_ID: usize = 128;
const MAX_URL: usize = 2048;
/// Padding may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Serialize, Deserialize)]
struct Envelope {
    appid: String,
    channelid: String,
    userid: String,
    #[serde(default)]
    nonce: String,
    timestamp: Timestamp,
    token: String,
    /// Where our clients connect; unknown to the vendor's, which ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rtcurl: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    iceservers: Vec<IceServer>,
}

/// A number; read from a decimal text too.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Timestamp {
    Number(i64),
    Text(String),
}

pub(super) fn write(token: &ChannelToken, signature: &str) -> String {
    let envelope = Envelope {
        appid: token.app_id.clone(),
        channelid: token.channel.to_string(),
        userid: token.user.to_string(),
        nonce: token.nonce.clone(),
        timestamp: Timestamp::Number(token.expires),
        token: signature.to_owned(),
        rtcurl: token.rtc_url.clone(),
        iceservers: token.ice_servers.clone(),
    };
    BASE64_STANDARD.encode(serde_json::to_vec(&envelope).expect("texts and numbers serialise"))
}

/// The claims and the signature that goes with them, unchecked.
pub(super) fn read(text: &str) -> Result<(ChannelToken, String), TokenError> {
    if text.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let json = LENIENT.decode(text).map_err(|_| TokenError::Malformed)?;
    let envelope: Envelope = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
    let expires = match envelope.timestamp {
        Timestamp::Number(seconds) => seconds,
        Timestamp::Text(text) => text.parse().map_err(|_| TokenError::Malformed)?,
    };
    let url = envelope.rtcurl.as_deref().unwrap_or_default();
    if envelope.appid.len() > MAX_APP_ID || envelope.nonce.len() > MAX_NONCE || url.len() > MAX_URL {
        return Err(TokenError::Malformed);
    }
    let token = ChannelToken {
        app_id: envelope.appid,
        channel: ChannelId::parse(envelope.channelid).map_err(|_| TokenError::Malformed)?,
        user: UserId::parse(envelope.userid).map_err(|_| TokenError::Malformed)?,
        nonce: envelope.nonce,
        expires,
        rtc_url: envelope.rtcurl,
        ice_servers: envelope.iceservers,
    };
    Ok((token, envelope.token))
}
