//! Request signatures (server-api §2): what nobody signed is never accepted, what was signed is accepted in every
//! spelling of the same parameters, and refused as soon as anything that is signed says something else.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringline_protocol::acs3::{self, Unsigned, sign_request};
use ringline_protocol::auth::{Accepted, AuthError, Presented, SignedRequest};
use ringline_protocol::nonce::NonceMemory;
use ringline_protocol::{query, rpc_v1, time_format};

const SECRET: &str = "a secret that no input knows";
const NOW: i64 = 1_767_323_045;
const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// `METHOD /path?query`, a line a header, an empty line, the body.
    Unsigned(&'a str),
    Acs3 {
        pairs: Vec<(&'a str, &'a str)>,
        body: &'a [u8],
        nonce: &'a str,
        change: Change<'a>,
    },
    V1 {
        pairs: Vec<(&'a str, &'a str)>,
        in_body: bool,
        nonce: &'a str,
        change: Change<'a>,
    },
}

/// What is done to a signed request.
#[derive(Arbitrary, Clone, Debug)]
enum Change<'a> {
    /// The same parameters, written in another way.
    Respelled(u64),
    Byte {
        part: Part,
        at: u16,
        with: u8,
    },
    Header {
        which: u8,
        value: &'a str,
    },
    Method(&'a str),
    Secret(&'a str),
    /// Seconds the request is too old or too new, on top of the window.
    Late {
        seconds: u16,
        early: bool,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Part {
    Query,
    Body,
    Path,
    Signature,
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Unsigned(text) => {
            let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
            let mut lines = head.split('\n');
            let (method, target) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
            unsigned(&SignedRequest { method, path, query, headers: &headers, body: body.as_bytes() });
        }
        Input::Acs3 { pairs, body, nonce, change } => acs3(&pairs, body, &printable(nonce), &change),
        Input::V1 { pairs, in_body, nonce, change } => v1(&pairs, in_body, &printable(nonce), &change),
    }
});

/// Nobody has signed it, so it is refused; and reading it twice says the same.
fn unsigned(request: &SignedRequest<'_>) {
    match Presented::read(request) {
        Err(error) => {
            assert!((400..500).contains(&error.status_and_code().0));
            assert_eq!(Presented::read(request).err(), Some(error));
        }
        Ok(presented) => {
            let error = presented.check(request, SECRET, NOW).expect_err("nobody signed it");
            assert_eq!(presented.check(request, SECRET, NOW), Err(error));
        }
    }
}

fn verify(request: &SignedRequest<'_>, secret: &str, now: i64) -> Result<Accepted, AuthError> {
    Presented::read(request)?.check(request, secret, now)
}

fn acs3(pairs: &[(&str, &str)], body: &[u8], nonce: &str, change: &Change<'_>) {
    let pairs = &pairs[..pairs.len().min(query::MAX_PAIRS)];
    let signed = sign_request(&Unsigned {
        method: "POST",
        path: "/",
        host: "127.0.0.1:18099",
        action: "GenerateAIAgentCall",
        version: "2020-11-09",
        params: pairs,
        body,
        access_key_id: "testAK",
        secret: SECRET,
        now: NOW,
        nonce,
    });
    let headers: Vec<_> = signed.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let original = SignedRequest { method: "POST", path: "/", query: &signed.query, headers: &headers, body };
    let accepted = verify(&original, SECRET, NOW).expect("it was signed");
    assert_eq!((&*accepted.access_key_id, &*accepted.nonce), ("testAK", nonce));
    once(&accepted);

    match change {
        Change::Respelled(seed) => {
            let query = respelled(pairs, *seed);
            assert_eq!(verify(&SignedRequest { query: &query, ..original }, SECRET, NOW), Ok(accepted));
        }
        Change::Byte { part: Part::Query, at, with } => {
            let Some(query) = changed_text(&signed.query, *at, *with) else { return };
            let same = decoded(&query) == decoded(&signed.query);
            assert_eq!(verify(&SignedRequest { query: &query, ..original }, SECRET, NOW).is_ok(), same);
        }
        Change::Byte { part: Part::Body, at, with } => {
            let changed = changed(body, *at, *with);
            assert!(verify(&SignedRequest { body: &changed, ..original }, SECRET, NOW).is_err());
        }
        Change::Byte { part: Part::Path, with, .. } => {
            let path = format!("/{}", char::from(*with));
            assert!(verify(&SignedRequest { path: &path, ..original }, SECRET, NOW).is_err());
        }
        Change::Byte { part: Part::Signature, at, with } => {
            let text = &signed.headers.last().expect("authorization").1;
            let at = text.len() - 1 - usize::from(*at) % 64;
            let Some(text) = changed_text(text, at as u16, *with) else { return };
            let mut headers = headers.clone();
            *headers.last_mut().expect("authorization") = ("authorization", &text);
            assert!(verify(&SignedRequest { headers: &headers, ..original }, SECRET, NOW).is_err());
        }
        Change::Header { which, value } => {
            let which = usize::from(*which) % (headers.len() - 1);
            let value = printable(value);
            if value.trim() == headers[which].1 {
                return;
            }
            let mut headers = headers.clone();
            headers[which].1 = &value;
            assert!(verify(&SignedRequest { headers: &headers, ..original }, SECRET, NOW).is_err());
        }
        Change::Method(method) if *method != "POST" => {
            assert!(verify(&SignedRequest { method, ..original }, SECRET, NOW).is_err());
        }
        Change::Secret(secret) => assert!(verify(&original, secret, NOW).is_err()),
        Change::Late { seconds, early } => assert_eq!(late(&original, *seconds, *early), AuthError::TimestampExpired),
        Change::Method(_) => {}
    }
    // The algorithm's own functions agree with the door's.
    let names: Vec<_> = acs3::REQUIRED_HEADERS.iter().map(|name| (*name).to_owned()).collect();
    assert!(acs3::canonical_request(&original, &names, &acs3::body_hash(body)).is_ok());
}

fn v1(pairs: &[(&str, &str)], in_body: bool, nonce: &str, change: &Change<'_>) {
    let timestamp = time_format::utc_seconds(NOW);
    let system = [
        ("Action", "StopAIAgentInstance"),
        ("Version", "2020-11-09"),
        ("Format", "json"),
        ("AccessKeyId", "testAK"),
        ("SignatureMethod", rpc_v1::METHOD),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", nonce),
        ("Timestamp", &*timestamp),
    ];
    // These have a meaning of their own: given twice, they are refused before anything is compared.
    let own = |key: &str| key == "Signature" || key == "SecurityToken" || system.iter().any(|(name, _)| *name == key);
    let business = pairs.iter().filter(|(key, _)| !own(key) && !key.is_empty()).take(200);
    // Equal keys are signed in the order in which they stand, so query and body must not share one.
    let mut all: Vec<(&str, &str)> = system.to_vec();
    all.extend(business.copied());
    let signature = rpc_v1::sign(SECRET, &rpc_v1::string_to_sign("POST", all.iter().copied()));
    let (body_pairs, mut query_pairs) =
        if in_body { (all[8..].to_vec(), all[..8].to_vec()) } else { (vec![], all.clone()) };
    query_pairs.push(("Signature", &signature));
    let (query, body) = (query::canonical(query_pairs.iter().copied()), query::canonical(body_pairs.iter().copied()));
    let headers: &[_] = if in_body { &[("content-type", FORM)] } else { &[] };
    let original = SignedRequest { method: "POST", path: "/", query: &query, headers, body: body.as_bytes() };
    let verdict = verify(&original, SECRET, NOW);
    if nonce.is_empty() {
        assert!(verdict.is_err());
        return;
    }
    let accepted = verdict.expect("it was signed");
    assert_eq!(accepted.nonce, nonce);
    once(&accepted);

    let both = |query: &str, body: &[u8]| {
        let mut pairs = query::decode(query.as_bytes()).ok()?;
        pairs.extend(query::decode(body).ok()?);
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        Some(pairs)
    };
    match change {
        Change::Respelled(seed) => {
            let (query, body) = (respelled(&query_pairs, *seed), respelled(&body_pairs, *seed));
            let request = SignedRequest { query: &query, body: body.as_bytes(), ..original };
            assert_eq!(verify(&request, SECRET, NOW), Ok(accepted));
        }
        Change::Byte { part: Part::Body, at, with } if in_body => {
            let changed = changed(original.body, *at, *with);
            let same = both(&query, &changed) == both(&query, original.body);
            assert_eq!(verify(&SignedRequest { body: &changed, ..original }, SECRET, NOW).is_ok(), same);
        }
        Change::Byte { part: Part::Body, .. } => {
            assert!(verify(&SignedRequest { body: b"{}", ..original }, SECRET, NOW).is_err());
        }
        Change::Byte { at, with, .. } => {
            let Some(query) = changed_text(&query, *at, *with) else { return };
            let same = both(&query, original.body) == both(original.query, original.body);
            assert_eq!(verify(&SignedRequest { query: &query, ..original }, SECRET, NOW).is_ok(), same);
        }
        Change::Header { .. } => {}
        Change::Method(method) if *method != "POST" => {
            assert!(verify(&SignedRequest { method, ..original }, SECRET, NOW).is_err());
        }
        Change::Method(_) => {}
        Change::Secret(secret) => assert!(verify(&original, secret, NOW).is_err()),
        Change::Late { seconds, early } => assert_eq!(late(&original, *seconds, *early), AuthError::TimestampExpired),
    }
}

fn late(request: &SignedRequest<'_>, seconds: u16, early: bool) -> AuthError {
    let off = ringline_protocol::auth::WINDOW + 1 + i64::from(seconds);
    verify(request, SECRET, if early { NOW - off } else { NOW + off }).expect_err("outside the window")
}

fn once(accepted: &Accepted) {
    let mut memory = NonceMemory::new(4);
    assert_eq!(memory.remember(accepted, NOW), Ok(()));
    assert_eq!(memory.remember(accepted, NOW + 1), Err(AuthError::NonceUsed));
}

/// A header's value as HTTP lets one through, never empty.
fn printable(text: &str) -> String {
    let text: String = text.chars().filter(char::is_ascii_graphic).take(64).collect();
    if text.is_empty() { "n".to_owned() } else { text }
}

fn changed(bytes: &[u8], at: u16, with: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match bytes.len() {
        0 => bytes.push(with),
        length => bytes[usize::from(at) % length] ^= with.max(1),
    }
    bytes
}

fn changed_text(text: &str, at: u16, with: u8) -> Option<String> {
    String::from_utf8(changed(text.as_bytes(), at, with)).ok()
}

/// What a query says: pairs by key. None if it cannot be decoded.
fn decoded(query: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = query::decode(query.as_bytes()).ok()?;
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    Some(pairs)
}

/// The same pairs, each byte plain, as `+` or as `%XX` in either case, as the seed has it.
fn respelled(pairs: &[(&str, &str)], seed: u64) -> String {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % 3
    };
    let mut part = |text: &str| -> String {
        text.bytes()
            .map(|byte| match (next(), byte) {
                (0, b' ') => "+".to_owned(),
                (0, _) if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                (1, _) => format!("%{byte:02x}"),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{}={}", part(key), part(value))).collect();
    pairs.join("&")
}
