//! ACS3 signatures against the vectors of server-api Appendix B, and everything that must be refused.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ringline_protocol::acs3::{
    Authorization, REQUIRED_HEADERS, Unsigned, body_hash, canonical_request, sign, sign_request, string_to_sign,
};
use ringline_protocol::auth::{Accepted, AuthError, Presented, SignedRequest, WINDOW};
use ringline_protocol::query;

const SECRET: &str = "testSecret";
const NONCE: &str = "0123456789abcdef0123456789abcdef";
/// 2026-01-02T03:04:05Z
const DATE: i64 = 1_767_323_045;
const QUERY: &str = "AIAgentId=agent1&Expire=3600&UserData=%7B%22k%22%3A%22%E4%B8%AD%22%7D&UserId=u+1%2A~";
const CANONICAL_QUERY: &str = "AIAgentId=agent1&Expire=3600&UserData=%7B%22k%22%3A%22%E4%B8%AD%22%7D&UserId=u%201%2A~";
const SIGNED_HEADERS: &str = "accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;\
                              x-acs-date;x-acs-signature-nonce;x-acs-version";
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const REQUEST_HASH: &str = "4959e5d8f452bec9a049c3ca85e59a4a6a19e43a12b777741cfe79d6cd4a85e4";
const SIGNATURE: &str = "14b34d3a26df0e4080c56e21925d95eca837197a105fc8a33683084a93ebbf1e";

/// The request of the vector, on the wire; tests change it before it is checked.
#[derive(Clone)]
struct Wire {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Wire {
    fn vector() -> Self {
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential=testAK,SignedHeaders={SIGNED_HEADERS},Signature={SIGNATURE}");
        let headers = [
            ("accept", "application/json"),
            ("host", "127.0.0.1:18099"),
            ("user-agent", "spec-test/1.0"),
            ("x-acs-action", "GenerateAIAgentCall"),
            ("x-acs-version", "2020-11-09"),
            ("x-acs-date", "2026-01-02T03:04:05Z"),
            ("x-acs-signature-nonce", NONCE),
            ("x-acs-content-sha256", EMPTY_HASH),
            ("x-acs-credentials-provider", "static_ak"),
            ("authorization", &authorization),
            ("content-length", "0"),
        ];
        Self {
            method: "POST".into(),
            path: "/".into(),
            query: QUERY.into(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body: Vec::new(),
        }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.iter_mut().filter(|(n, _)| n == name).for_each(|(_, v)| *v = value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn look<T>(&self, see: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        see(&SignedRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        })
    }

    fn check_with(&self, secret: &str, now: i64) -> Result<Accepted, AuthError> {
        self.look(|request| Presented::read(request)?.check(request, secret, now))
    }

    fn check(&self) -> Result<Accepted, AuthError> {
        self.check_with(SECRET, DATE)
    }

    fn code(&self) -> (u16, &'static str) {
        self.check().unwrap_err().status_and_code()
    }
}

const MISMATCH: (u16, &str) = (400, "SignatureDoesNotMatch");
const INCOMPLETE: (u16, &str) = (400, "IncompleteSignature");

#[test]
fn the_vector_gives_the_published_canonical_query_hash_and_signature() {
    assert_eq!(query::canonical(query::borrowed(&query::decode(QUERY.as_bytes()).unwrap())), CANONICAL_QUERY);
    let names: Vec<_> = SIGNED_HEADERS.split(';').map(str::to_owned).collect();
    let canonical = Wire::vector().look(|request| canonical_request(request, &names, EMPTY_HASH)).unwrap();
    assert_eq!(body_hash(canonical.as_bytes()), REQUEST_HASH);
    assert_eq!(string_to_sign(&canonical), format!("ACS3-HMAC-SHA256\n{REQUEST_HASH}"));
    assert_eq!(sign(SECRET, &string_to_sign(&canonical)), SIGNATURE);
}

#[test]
fn the_vector_is_accepted_with_what_it_says() {
    let accepted = Accepted {
        access_key_id: "testAK".into(),
        nonce: NONCE.into(),
        requested_at: DATE,
        action: "GenerateAIAgentCall".into(),
        version: "2020-11-09".into(),
    };
    assert_eq!(Wire::vector().check(), Ok(accepted));
}

#[test]
fn the_query_may_travel_in_any_encoding_and_order() {
    let mut wire = Wire::vector();
    wire.query = "UserId=u%201*%7e&AIAgentId=%61gent1&UserData={%22k%22:%22%e4%b8%ad%22}&Expire=3600".into();
    assert!(wire.check().is_ok());
}

#[test]
fn a_changed_request_does_not_match() {
    let changed = |change: fn(&mut Wire)| {
        let mut wire = Wire::vector();
        change(&mut wire);
        wire.code()
    };
    assert_eq!(changed(|w| w.method = "GET".into()), MISMATCH);
    assert_eq!(changed(|w| w.path = "/x".into()), MISMATCH);
    assert_eq!(changed(|w| w.query.push_str("&Extra=1")), MISMATCH);
    assert_eq!(changed(|w| w.query = w.query.replace("3600", "3601")), MISMATCH);
    assert_eq!(changed(|w| w.body = b"x".to_vec()), MISMATCH);
    for name in ["accept", "host", "user-agent", "x-acs-action", "x-acs-version", "x-acs-signature-nonce"] {
        assert_eq!(Wire::vector().header(name, "other").code(), MISMATCH, "{name}");
    }
    assert_eq!(Wire::vector().header("x-acs-date", "2026-01-02T03:04:06Z").code(), MISMATCH);
}

#[test]
fn another_secret_does_not_match_and_the_answer_tells_what_we_signed() {
    let error = Wire::vector().check_with("otherSecret", DATE).unwrap_err();
    assert_eq!(error.status_and_code(), MISMATCH);
    let told = format!("server string to sign is:ACS3-HMAC-SHA256\n{REQUEST_HASH}");
    assert!(error.to_string().ends_with(&told), "{error}");
    assert!(!error.to_string().contains(SIGNATURE));
}

#[test]
fn a_body_must_have_the_signed_hash() {
    let wire = Wire::vector().header("x-acs-content-sha256", &body_hash(b"body"));
    assert_eq!(wire.check(), Err(AuthError::BodyMismatch));
    assert_eq!(AuthError::BodyMismatch.status_and_code(), MISMATCH);
}

#[test]
fn a_request_is_good_for_fifteen_minutes_to_either_side() {
    let at = |now| Wire::vector().check_with(SECRET, now);
    assert!(at(DATE + WINDOW).is_ok() && at(DATE - WINDOW).is_ok());
    for now in [DATE + WINDOW + 1, DATE - WINDOW - 1, i64::MAX, i64::MIN] {
        assert_eq!(at(now), Err(AuthError::TimestampExpired));
    }
    assert_eq!(AuthError::TimestampExpired.status_and_code(), (400, "InvalidTimeStamp.Expired"));
}

#[test]
fn a_date_of_another_form_is_named_so() {
    for date in ["1767323045", "2026-01-02 03:04:05", "2026-01-02T03:04:05+00:00"] {
        assert_eq!(Wire::vector().header("x-acs-date", date).code(), (400, "InvalidTimeStamp.Format"));
    }
}

#[test]
fn no_signature_at_all_is_incomplete() {
    let wire = Wire::vector().without("authorization");
    assert_eq!(wire.check(), Err(AuthError::MissingAuthorization));
    assert_eq!(wire.code(), INCOMPLETE);
    assert_eq!(Wire::vector().header("authorization", "Bearer abc").check(), Err(AuthError::MissingAuthorization));
}

#[test]
fn every_required_header_must_be_there_and_signed() {
    for name in REQUIRED_HEADERS {
        assert_eq!(Wire::vector().without(name).code(), INCOMPLETE, "{name} absent");
        let listed: Vec<_> = SIGNED_HEADERS.split(';').filter(|header| *header != name).collect();
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential=testAK,SignedHeaders={},Signature={SIGNATURE}", listed.join(";"));
        let error = Wire::vector().header("authorization", &authorization).check().unwrap_err();
        assert_eq!(error.status_and_code(), INCOMPLETE, "{name} unsigned");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(Wire::vector().without("user-agent").code(), INCOMPLETE);
}

#[test]
fn a_header_that_decides_something_may_not_stand_twice() {
    for name in ["x-acs-action", "x-acs-date", "x-acs-signature-nonce", "authorization"] {
        assert_eq!(Wire::vector().with(name, "x").check().unwrap_err().status_and_code().0, 400, "{name}");
    }
}

#[test]
fn several_values_of_a_signed_header_are_sorted_and_joined() {
    let wire = Wire::vector().with("accept", " a ").with("accept", "z");
    let canonical = wire.look(|request| canonical_request(request, &["accept".into()], EMPTY_HASH)).unwrap();
    assert!(canonical.contains("\naccept:a,application/json,z\n\naccept\n"), "{canonical}");
}

#[test]
fn other_algorithms_and_security_tokens_are_refused() {
    let other = Wire::vector().header("authorization", "ACS3-HMAC-SM3 Credential=a,SignedHeaders=b,Signature=c");
    assert_eq!(other.code(), (400, "InvalidSignatureMethod"));
    assert_eq!(Wire::vector().with("x-acs-security-token", "sts").code(), (400, "InvalidSecurityToken.Malformed"));
}

#[test]
fn an_authorization_tolerates_spaces_and_nothing_else() {
    let parse = |fields: &str| Authorization::parse(&format!("ACS3-HMAC-SHA256 {fields}"));
    let spaced = parse(&format!("Credential=k, SignedHeaders={SIGNED_HEADERS}, Signature={SIGNATURE}")).unwrap();
    assert_eq!((spaced.access_key_id.as_str(), spaced.signed_headers.len()), ("k", 9));
    for wrong in [
        String::new(),
        format!("Credential=k,SignedHeaders={SIGNED_HEADERS}"),
        format!("Credential=,SignedHeaders={SIGNED_HEADERS},Signature={SIGNATURE}"),
        format!("Credential=k,Credential=k,SignedHeaders={SIGNED_HEADERS},Signature={SIGNATURE}"),
        format!("Credential=k,SignedHeaders={SIGNED_HEADERS},Signature={}", SIGNATURE.to_uppercase()),
        format!("Credential=k,SignedHeaders={SIGNED_HEADERS},Signature={}", &SIGNATURE[1..]),
        format!("Credential=k,SignedHeaders={SIGNED_HEADERS}{},Signature={SIGNATURE}", ";a".repeat(64)),
    ] {
        assert_eq!(parse(&wrong).unwrap_err().status_and_code(), INCOMPLETE, "{wrong}");
    }
    assert!(Authorization::parse("ACS3-HMAC-SHA256").is_err());
}

#[test]
fn a_query_that_cannot_be_decoded_is_incomplete() {
    let mut wire = Wire::vector();
    wire.query = "UserId=%ff".into();
    assert_eq!(wire.code(), INCOMPLETE);
}

fn signed(params: &[(&str, &str)], body: &[u8]) -> Wire {
    let signed = sign_request(&Unsigned {
        method: "POST",
        path: "/",
        host: "localhost:8080",
        action: "StopAIAgentInstance",
        version: "2020-11-09",
        params,
        body,
        access_key_id: "testAK",
        secret: SECRET,
        now: DATE,
        nonce: NONCE,
    });
    let headers = signed.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Wire { method: "POST".into(), path: "/".into(), query: signed.query, headers, body: body.to_vec() }
}

#[test]
fn what_we_sign_ourselves_is_accepted() {
    let accepted = signed(&[("InstanceId", "i 1+~*中"), ("Empty", "")], b"{}").check().unwrap();
    assert_eq!((accepted.action.as_str(), accepted.nonce.as_str()), ("StopAIAgentInstance", NONCE));
}

proptest! {
    #[test]
    fn parsing_an_authorization_never_panics(text in ".*") {
        let _outcome = (Authorization::parse(&text), Authorization::parse(&format!("ACS3-HMAC-SHA256 {text}")));
    }

    #[test]
    fn checking_never_panics_on_any_query_header_or_body(
        query in ".*", name in "[a-z-]{1,20}", value in ".*", body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut wire = Wire::vector().with(&name, &value);
        wire.query = query;
        wire.body = body;
        prop_assert!(wire.check().is_err() || wire.query == QUERY);
    }

    #[test]
    fn any_parameters_we_sign_are_accepted(key in ".{1,20}", value in ".*", body in ".*") {
        prop_assert!(signed(&[(&key, &value)], body.as_bytes()).check().is_ok());
    }

    #[test]
    fn a_signature_with_one_other_digit_is_refused(at in 0_usize..64) {
        let mut signature = SIGNATURE.to_owned();
        let other = if signature.as_bytes()[at] == b'0' { "1" } else { "0" };
        signature.replace_range(at..=at, other);
        let fields = format!("Credential=testAK,SignedHeaders={SIGNED_HEADERS},Signature={signature}");
        let wire = Wire::vector().header("authorization", &format!("ACS3-HMAC-SHA256 {fields}"));
        prop_assert_eq!(wire.code(), MISMATCH);
    }
}
