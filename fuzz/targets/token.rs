//! Channel tokens (server-api §11.1): any text is read or refused, what was minted opens, and no change to a token lets
//! it say anything that was not hashed.

#![no_main]

use arbitrary::Arbitrary;
use base64::prelude::{BASE64_STANDARD, Engine};
use libfuzzer_sys::fuzz_target;
use ringline_model::{ChannelId, UserId};
use ringline_protocol::token::{ChannelToken, MAX_LIFE, MAX_TOKEN, TokenError};
use serde_json::{Value, json};

const APP: &str = "demoapp";
const KEY: &str = "a key that no input knows";
const NOW: i64 = 1_767_225_600;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a str),
    Json(&'a [u8]),
    Minted { claims: Claims<'a>, change: Change<'a> },
}

#[derive(Arbitrary, Debug)]
struct Claims<'a> {
    channel: &'a str,
    user: &'a str,
    nonce: &'a str,
    life: u32,
    url: Option<&'a str>,
}

#[derive(Arbitrary, Debug)]
enum Change<'a> {
    Text { at: u16, with: u8 },
    Json { at: u16, with: u8 },
    Claim { which: u8, value: &'a str },
    Number { which: u8, value: i64 },
    Key(&'a str),
    App(&'a str),
    Later(u32),
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Text(text) => unsigned(text),
    Input::Json(json) => unsigned(&BASE64_STANDARD.encode(json)),
    Input::Minted { claims, change } => minted(&claims, &change),
});

/// Nobody with the key has made it.
fn unsigned(text: &str) {
    assert!(ChannelToken::open(text, APP, KEY, NOW).is_err());
    match ChannelToken::peek(text) {
        Err(error) => assert_eq!(error, TokenError::Malformed),
        Ok(token) => {
            assert!(text.len() <= MAX_TOKEN);
            // What was read can be written and read again.
            let again = token.mint(KEY);
            if again.len() <= MAX_TOKEN {
                assert_eq!(ChannelToken::peek(&again), Ok(token));
            }
        }
    }
}

fn minted(claims: &Claims<'_>, change: &Change<'_>) {
    let (Ok(channel), Ok(user)) = (ChannelId::parse(claims.channel), UserId::parse(claims.user)) else { return };
    let nonce: String = claims.nonce.chars().take(12).collect();
    let url = claims.url.map(|url| url.chars().take(200).collect());
    let expires = NOW + i64::from(claims.life) % (MAX_LIFE + 1);
    let token = ChannelToken { app_id: APP.into(), channel, user, nonce, expires, rtc_url: url, ice_servers: Vec::new() };
    let text = token.mint(KEY);
    assert_eq!(ChannelToken::open(&text, APP, KEY, NOW).as_ref(), Ok(&token));
    assert_eq!(token.for_channel_and_user(&token.channel, &token.user), Ok(()));
    match change {
        Change::Text { at, with } => {
            let mut bytes = text.into_bytes();
            let at = usize::from(*at) % bytes.len();
            bytes[at] ^= with;
            if let Ok(text) = String::from_utf8(bytes) {
                nothing_new(&token, &text);
            }
        }
        Change::Json { at, with } => {
            let mut json = BASE64_STANDARD.decode(text).expect("our own base64");
            let at = usize::from(*at) % json.len();
            json[at] ^= with;
            nothing_new(&token, &BASE64_STANDARD.encode(json));
        }
        Change::Claim { which, value } => nothing_new(&token, &with_claim(&text, *which, json!(value))),
        Change::Number { which, value } => nothing_new(&token, &with_claim(&text, *which, json!(value))),
        Change::Key(key) => assert!(ChannelToken::open(&text, APP, key, NOW).is_err()),
        Change::App(app) if *app != APP => {
            assert_eq!(ChannelToken::open(&text, app, KEY, NOW), Err(TokenError::WrongApp));
        }
        Change::App(_) => {}
        Change::Later(seconds) => {
            let at = NOW + i64::from(*seconds);
            let expected = if at > expires { Err(TokenError::Expired) } else { Ok(token) };
            assert_eq!(ChannelToken::open(&text, APP, KEY, at), expected);
        }
    }
}

fn with_claim(text: &str, which: u8, value: Value) -> String {
    const NAMES: [&str; 7] = ["appid", "channelid", "userid", "nonce", "timestamp", "token", "rtcurl"];
    let json = BASE64_STANDARD.decode(text).expect("our own base64");
    let mut envelope: Value = serde_json::from_slice(&json).expect("our own JSON");
    envelope[NAMES[usize::from(which) % NAMES.len()]] = value;
    BASE64_STANDARD.encode(envelope.to_string())
}

/// The format hashes its parts without a separator. So a changed token may open only if all parts together are the same
/// text; and whoever compares channel and user, as the joining side does, is never shown a later expiry.
fn nothing_new(original: &ChannelToken, text: &str) {
    let Ok(opened) = ChannelToken::open(text, APP, KEY, NOW) else { return };
    let hashed = |t: &ChannelToken| format!("{}|{}{}{}{}", t.app_id, t.channel, t.user, t.nonce, t.expires);
    assert_eq!(hashed(&opened), hashed(original));
    if opened.for_channel_and_user(&original.channel, &original.user).is_ok() && opened.nonce == original.nonce {
        assert_eq!(opened.expires, original.expires);
    }
    assert!(opened.expires - NOW <= MAX_LIFE);
}
