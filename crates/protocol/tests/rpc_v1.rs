//! RPC V1 signatures against the vector of server-api Appendix B, and everything that must be refused.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ringline_protocol::auth::{Accepted, AuthError, Presented, SignedRequest, WINDOW};
use ringline_protocol::query;
use ringline_protocol::rpc_v1::{sign, string_to_sign};

const SECRET: &str = "testSecret";
const SIGNATURE: &str = "KRYcsoQOzHCyvr5ECChYoJ2S/lQ=";
/// 2026-01-02T03:04:05Z
const DATE: i64 = 1_767_323_045;
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const PAIRS: [(&str, &str); 12] = [
    ("AIAgentId", "agent1"),
    ("Expire", "3600"),
    ("UserData", r#"{"k":"中"}"#),
    ("UserId", "u 1*~"),
    ("Action", "GenerateAIAgentCall"),
    ("Version", "2020-11-09"),
    ("Format", "json"),
    ("Timestamp", "2026-01-02T03:04:05Z"),
    ("SignatureNonce", "0123456789abcdef0123456789abcdef"),
    ("SignatureMethod", "HMAC-SHA1"),
    ("SignatureVersion", "1.0"),
    ("AccessKeyId", "testAK"),
];

fn wire(pairs: &[(&str, &str)], signature: &str) -> String {
    format!("{}&Signature={}", query::canonical(pairs.iter().copied()), query::encode(signature))
}

fn check_at(query: &str, headers: &[(&str, &str)], body: &str, now: i64) -> Result<Accepted, AuthError> {
    let request = SignedRequest { method: "POST", path: "/", query, headers, body: body.as_bytes() };
    Presented::read(&request)?.check(&request, SECRET, now)
}

fn check(query: &str) -> Result<Accepted, AuthError> {
    check_at(query, &[], "", DATE)
}

/// Signs changed parameters properly, so that only the change can be what is refused.
fn resigned(pairs: &[(&str, &str)]) -> Result<Accepted, AuthError> {
    check(&wire(pairs, &sign(SECRET, &string_to_sign("POST", pairs.iter().copied()))))
}

fn with<'a>(name: &str, value: &'a str) -> Vec<(&'static str, &'a str)> {
    PAIRS.iter().map(|(key, old)| (*key, if *key == name { value } else { *old })).collect()
}

#[test]
fn the_vector_gives_the_published_signature() {
    assert_eq!(sign(SECRET, &string_to_sign("POST", PAIRS)), SIGNATURE);
}

#[test]
fn the_vector_is_accepted_with_what_it_says() {
    let accepted = Accepted {
        access_key_id: "testAK".into(),
        nonce: "0123456789abcdef0123456789abcdef".into(),
        requested_at: DATE,
        action: "GenerateAIAgentCall".into(),
        version: "2020-11-09".into(),
    };
    assert_eq!(check(&wire(&PAIRS, SIGNATURE)), Ok(accepted));
}

#[test]
fn parameters_may_stand_in_a_form_body() {
    let body = query::canonical(PAIRS[..4].iter().copied());
    assert!(check_at(&wire(&PAIRS[4..], SIGNATURE), FORM, &body, DATE).is_ok());
    let error = check_at(&wire(&PAIRS[4..], SIGNATURE), FORM, &body.replace("3600", "3601"), DATE).unwrap_err();
    assert_eq!(error.status_and_code(), (400, "SignatureDoesNotMatch"));
}

#[test]
fn a_body_that_the_signature_does_not_cover_is_refused() {
    let error = check_at(&wire(&PAIRS, SIGNATURE), &[], r#"{"Expire":"604800"}"#, DATE).unwrap_err();
    assert_eq!(error.status_and_code(), (400, "IncompleteSignature"));
}

#[test]
fn empty_values_take_part() {
    let mut pairs = PAIRS.to_vec();
    pairs.push(("SignatureType", ""));
    assert!(resigned(&pairs).is_ok());
    assert!(check(&wire(&pairs, SIGNATURE)).is_err());
}

#[test]
fn another_method_or_secret_or_parameter_does_not_match_and_the_answer_tells_what_we_signed() {
    let query = wire(&PAIRS, SIGNATURE);
    let request = SignedRequest { method: "GET", path: "/", query: &query, headers: &[], body: b"" };
    let presented = Presented::read(&request).unwrap();
    assert!(matches!(presented.check(&request, SECRET, DATE), Err(AuthError::SignatureMismatch { .. })));
    let post = SignedRequest { method: "POST", ..request };
    let error = presented.check(&post, "otherSecret", DATE).unwrap_err();
    let told = format!("server string to sign is:{}", string_to_sign("POST", PAIRS));
    assert!(error.to_string().ends_with(&told), "{error}");
    let error = check(&query.replace("Expire=3600", "Expire=3601")).unwrap_err();
    assert_eq!(error.status_and_code(), (400, "SignatureDoesNotMatch"));
}

#[test]
fn a_very_long_string_to_sign_is_not_echoed() {
    let long = "x".repeat(10_000);
    let error = check(&wire(&with("UserData", &long), SIGNATURE)).unwrap_err();
    assert!(error.to_string().len() < 200, "{} bytes", error.to_string().len());
}

#[test]
fn time_follows_the_same_window() {
    let at = |now| check_at(&wire(&PAIRS, SIGNATURE), &[], "", now);
    assert!(at(DATE + WINDOW).is_ok() && at(DATE - WINDOW).is_ok());
    assert_eq!(at(DATE + WINDOW + 1), Err(AuthError::TimestampExpired));
    assert_eq!(resigned(&with("Timestamp", "yesterday")), Err(AuthError::TimestampFormat));
}

#[test]
fn what_is_missing_or_doubled_is_incomplete() {
    for name in ["AccessKeyId", "SignatureNonce", "Timestamp", "Action", "Version", "SignatureMethod"] {
        let rest: Vec<_> = PAIRS.into_iter().filter(|(key, _)| *key != name).collect();
        let error = resigned(&rest).unwrap_err();
        assert_eq!(error.status_and_code(), (400, "IncompleteSignature"), "{name} absent");
        assert!(error.to_string().contains(name), "{error}");
        let doubled: Vec<_> = PAIRS.into_iter().chain([(name, "again")]).collect();
        assert_eq!(resigned(&doubled).unwrap_err().status_and_code(), (400, "IncompleteSignature"), "{name} twice");
    }
    let query = format!("{}&Signature=again", wire(&PAIRS, SIGNATURE));
    assert_eq!(check(&query).unwrap_err().status_and_code(), (400, "IncompleteSignature"));
    assert_eq!(check("AccessKeyId=testAK"), Err(AuthError::MissingAuthorization));
}

#[test]
fn other_methods_and_security_tokens_are_refused() {
    let other = resigned(&with("SignatureMethod", "HMAC-SHA256"));
    assert_eq!(other.unwrap_err().status_and_code(), (400, "InvalidSignatureMethod"));
    let mut pairs = PAIRS.to_vec();
    pairs.push(("SecurityToken", "sts"));
    assert_eq!(resigned(&pairs), Err(AuthError::SecurityToken));
}

proptest! {
    #[test]
    fn checking_never_panics(query in ".*", body in ".*") {
        for headers in [FORM, &[]] {
            let _outcome = check_at(&format!("{query}&Signature=x&AccessKeyId=k"), headers, &body, DATE);
        }
    }
}
