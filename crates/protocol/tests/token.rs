//! Channel tokens against the vectors of server-api Appendix B, and everything that must be refused.
#![allow(clippy::unwrap_used)]

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use proptest::prelude::*;
use ringline_model::{ChannelId, UserId};
use ringline_protocol::ice::IceServer;
use ringline_protocol::token::{ChannelToken, MAX_LIFE, MAX_TOKEN, TokenError};
use serde_json::{Value, json};

const APP: &str = "demoapp";
const KEY: &str = "demokey";
const EXPIRES: i64 = 1_767_225_600;
const NOW: i64 = EXPIRES - 3600;
const ENVELOPE: &str = "eyJhcHBpZCI6ImRlbW9hcHAiLCJjaGFubmVsaWQiOiJyb29tLTEiLCJ1c2VyaWQiOiJhbGljZSIsIm5vbmNlIjoiIiwidGltZXN0YW1wIjoxNzY3MjI1NjAwLCJ0b2tlbiI6IjRkZGUxZmQzZTU0NjdkYjc3ODJiMzUyODA0OWYxNGRlYzhkZmU2NzRjNjkxYjE0MmIzMzA4ZDFkODBkM2FlN2YifQ==";

fn channel(text: &str) -> ChannelId {
    ChannelId::parse(text).unwrap()
}

fn user(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn alice() -> ChannelToken {
    ChannelToken {
        app_id: APP.into(),
        channel: channel("room-1"),
        user: user("alice"),
        nonce: String::new(),
        expires: EXPIRES,
        rtc_url: None,
        ice_servers: Vec::new(),
    }
}

fn open(text: &str) -> Result<ChannelToken, TokenError> {
    ChannelToken::open(text, APP, KEY, NOW)
}

fn json_of(token: &str) -> Value {
    serde_json::from_slice(&BASE64_STANDARD.decode(token).unwrap()).unwrap()
}

fn wrapped(json: &Value) -> String {
    BASE64_STANDARD.encode(json.to_string())
}

/// The vector's envelope with one key changed.
fn changed(key: &str, value: Value) -> String {
    let mut json = json_of(ENVELOPE);
    json[key] = value;
    wrapped(&json)
}

#[test]
fn the_published_vectors_hold() {
    assert_eq!(alice().mint(KEY), ENVELOPE);
    assert_eq!(open(ENVELOPE), Ok(alice()));
    let with_nonce = ChannelToken { nonce: "AK-7f".into(), ..alice() }.mint(KEY);
    assert_eq!(json_of(&with_nonce)["token"], "1317dec896d05cbcc3ddb60854c3cdcf5a0c45a04841a4e766685265e9b80f08");
    assert_eq!(open(&with_nonce).unwrap().nonce, "AK-7f");
    let page = ChannelToken {
        app_id: "abc".into(),
        channel: channel("abcChannel"),
        user: user("abcUser"),
        expires: 1_699_423_634,
        ..alice()
    };
    let hash = json_of(&page.mint("abckey"))["token"].as_str().unwrap().to_owned();
    assert!(hash.starts_with("3c9ee8d9") && hash.ends_with("4f31"), "{hash}");
}

#[test]
fn our_url_and_ice_servers_travel_in_the_envelope_and_are_read_without_a_key() {
    let turn = IceServer::with_credentials(vec!["turn:t.example".into()], "north", &user("alice"), EXPIRES);
    let ice_servers = vec![turn.clone()];
    let token = ChannelToken { rtc_url: Some("http://localhost:8080/rtc".into()), ice_servers, ..alice() };
    let text = token.mint(KEY);
    assert_eq!(json_of(&text)["rtcurl"], "http://localhost:8080/rtc");
    assert_eq!((open(&text), ChannelToken::peek(&text)), (Ok(token.clone()), Ok(token)));
    assert_eq!(json_of(&text)["iceservers"], json!([turn]));
    assert_eq!((json_of(ENVELOPE).get("rtcurl"), json_of(ENVELOPE).get("iceservers")), (None, None));
}

#[test]
fn form_does_not_matter_where_meaning_is_the_same() {
    let spaced = r#" { "token":"4dde1fd3e5467db7782b3528049f14dec8dfe674c691b142b3308d1d80d3ae7f", "gslb":["x"],
        "timestamp":"1767225600", "userid":"alice", "channelid":"room-1", "appid":"demoapp" } "#;
    assert_eq!(open(&BASE64_STANDARD.encode(spaced)), Ok(alice()));
    assert_eq!(open(&BASE64_STANDARD_NO_PAD.encode(spaced)), Ok(alice()));
    let lines: Vec<_> = ENVELOPE.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
    assert_eq!(open(&lines.join("\n")), Ok(alice()));
}

#[test]
fn a_token_of_another_application_or_key_is_refused() {
    assert_eq!(ChannelToken::open(ENVELOPE, "other", KEY, NOW), Err(TokenError::WrongApp));
    assert_eq!(ChannelToken::open(ENVELOPE, APP, "other", NOW), Err(TokenError::BadSignature));
}

#[test]
fn every_signed_part_is_signed() {
    for (key, value) in [
        ("channelid", json!("room-2")),
        ("userid", json!("bob")),
        ("nonce", json!("x")),
        ("timestamp", json!(EXPIRES + 1)),
        ("token", json!("0".repeat(64))),
        ("token", json!("")),
        ("token", json!("4DDE1FD3E5467DB7782B3528049F14DEC8DFE674C691B142B3308D1D80D3AE7F")),
    ] {
        assert_eq!(open(&changed(key, value.clone())), Err(TokenError::BadSignature), "{key}: {value}");
    }
}

#[test]
fn a_token_is_good_up_to_its_last_second() {
    let at = |now| ChannelToken::open(ENVELOPE, APP, KEY, now);
    assert!(at(EXPIRES).is_ok());
    for now in [EXPIRES + 1, i64::MAX] {
        assert_eq!(at(now), Err(TokenError::Expired));
    }
}

/// Digits of a user id can be moved into the expiry without changing the hash; the life limit catches it.
#[test]
fn an_expiry_that_swallowed_a_digit_of_the_user_is_refused() {
    let token = ChannelToken { user: user("alice9"), ..alice() }.mint(KEY);
    let mut json = json_of(&token);
    json["userid"] = json!("alice");
    json["timestamp"] = json!(91_767_225_600_i64);
    assert_eq!(open(&wrapped(&json)), Err(TokenError::TooLong));
    let at = |now| ChannelToken::open(ENVELOPE, APP, KEY, now);
    assert_eq!(at(EXPIRES - MAX_LIFE), Ok(alice()));
    for now in [EXPIRES - MAX_LIFE - 1, i64::MIN] {
        assert_eq!(at(now), Err(TokenError::TooLong));
    }
}

#[test]
fn what_cannot_be_read_is_malformed() {
    let mut short = json_of(ENVELOPE);
    short.as_object_mut().unwrap().remove("userid");
    for text in [
        String::new(),
        "%%%".into(),
        BASE64_STANDARD.encode("not json"),
        BASE64_STANDARD.encode("[]"),
        BASE64_STANDARD.encode([0xff, 0xfe]),
        wrapped(&short),
        changed("userid", json!("a b")),
        changed("channelid", json!("c".repeat(65))),
        changed("timestamp", json!("soon")),
        changed("timestamp", json!(1.5)),
        changed("nonce", json!("n".repeat(65))),
        changed("appid", json!("a".repeat(129))),
        changed("rtcurl", json!("u".repeat(2049))),
        changed("rtcurl", json!(7)),
        "A".repeat(MAX_TOKEN + 1),
    ] {
        assert_eq!(open(&text), Err(TokenError::Malformed), "{text}");
        assert_eq!(ChannelToken::peek(&text), Err(TokenError::Malformed), "{text}");
    }
}

#[test]
fn a_token_past_the_size_limit_is_malformed_even_if_it_is_sound() {
    let padded = |spaces: usize| format!("{ENVELOPE}{}", " ".repeat(spaces));
    assert_eq!(open(&padded(MAX_TOKEN - ENVELOPE.len())), Ok(alice()));
    assert_eq!(open(&padded(MAX_TOKEN + 1 - ENVELOPE.len())), Err(TokenError::Malformed));
}

#[test]
fn a_token_is_for_one_channel_and_one_user() {
    let token = open(ENVELOPE).unwrap();
    assert_eq!(token.for_channel_and_user(&channel("room-1"), &user("alice")), Ok(()));
    assert_eq!(token.for_channel_and_user(&channel("room-2"), &user("alice")), Err(TokenError::WrongChannel));
    assert_eq!(token.for_channel_and_user(&channel("room-1"), &user("bob")), Err(TokenError::WrongUser));
}

proptest! {
    #[test]
    fn what_is_minted_opens_to_itself(
        app_id in "[a-z0-9-]{1,64}", channel_id in "[A-Za-z0-9_-]{1,64}", user_id in "[A-Za-z0-9_-]{1,64}",
        nonce in "[A-Za-z0-9-]{0,64}", life in 0..=MAX_LIFE, url in proptest::option::of("https://[a-z./]{1,80}"),
        key in ".{1,40}",
    ) {
        let token = ChannelToken {
            channel: channel(&channel_id), user: user(&user_id), app_id, nonce, expires: NOW + life, rtc_url: url, ice_servers: Vec::new(),
        };
        prop_assert_eq!(ChannelToken::open(&token.mint(&key), &token.app_id, &key, NOW), Ok(token.clone()));
        let other_key = format!("{key}x");
        let other = ChannelToken::open(&token.mint(&key), &token.app_id, &other_key, NOW);
        prop_assert_eq!(other, Err(TokenError::BadSignature));
    }

    /// Changing a byte of the JSON is refused, unless it changed nothing that the token says.
    #[test]
    fn a_tampered_byte_is_refused_or_without_effect(at in 0_usize..400, byte: u8) {
        let mut json = BASE64_STANDARD.decode(ENVELOPE).unwrap();
        let at = at % json.len();
        json[at] = byte;
        if let Ok(token) = open(&BASE64_STANDARD.encode(json)) {
            prop_assert_eq!(token, alice());
        }
    }

    #[test]
    fn opening_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".*") {
        prop_assert!(open(&BASE64_STANDARD.encode(bytes)).is_err());
        prop_assert!(open(&text).is_err());
    }
}
