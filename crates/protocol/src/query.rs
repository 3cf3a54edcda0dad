//! Query strings and form bodies: decoding what arrives, encoding what is signed (server-api §1.2, §2.2.6).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use std::borrow::Cow;

/// Most pairs of one query or form body. The longest known request has about twenty.
pub const MAX_PAIRS: usize = 256;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A query string or form body that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it has more than {MAX_PAIRS} parameters")]
    TooMany,
}

/// Decodes `k=v&k=v` in the order of arrival: `+` is a space, `%XX` a byte, the result UTF-8. A pair without `=` has an
/// empty value, a `%` without two hex digits stands for itself, empty pairs are skipped.
pub fn decode(raw: &[u8]) -> Result<Vec<(String, String)>, QueryError> {
    let mut pairs = Vec::new();
    for pair in raw.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PAIRS {
            return Err(QueryError::TooMany);
        }
        let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (key, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or_default());
        pairs.push((decode_part(key)?, decode_part(value)?));
    }
    Ok(pairs)
}

fn decode_part(raw: &[u8]) -> Result<String, QueryError> {
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| QueryError::NotUtf8)
}

/// RFC 3986: letters, digits, `-`, `_`, `.` and `~` stay; every other byte becomes `%XX` in capitals.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Pairs in the form that is signed: sorted by key (bytes; equal keys keep their order), encoded, joined `k=v&k=v`.
pub fn canonical<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    let encoded: Vec<_> = pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    encoded.join("&")
}

/// Borrows decoded pairs for [`canonical`].
pub fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(raw: &str) -> Vec<(String, String)> {
        decode(raw.as_bytes()).unwrap()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn plus_and_percent_twenty_are_both_a_space() {
        assert_eq!(pairs("a=u+1&b=u%201"), [pair("a", "u 1"), pair("b", "u 1")]);
    }

    #[test]
    fn empty_values_stay_and_empty_pairs_go() {
        assert_eq!(pairs("&a=&b&&c==="), [pair("a", ""), pair("b", ""), pair("c", "==")]);
    }

    #[test]
    fn a_lone_percent_stands_for_itself() {
        assert_eq!(pairs("a=5%&b=%zz"), [pair("a", "5%"), pair("b", "%zz")]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert_eq!(decode(b"a=%ff"), Err(QueryError::NotUtf8));
    }

    #[test]
    fn the_pair_past_the_limit_is_refused() {
        assert_eq!(pairs(&"a=1&".repeat(MAX_PAIRS)).len(), MAX_PAIRS);
        assert_eq!(decode("a=1&".repeat(MAX_PAIRS + 1).as_bytes()), Err(QueryError::TooMany));
    }

    #[test]
    fn only_unreserved_characters_stay_unencoded() {
        assert_eq!(encode("aZ09-_.~ *'()!/+中"), "aZ09-_.~%20%2A%27%28%29%21%2F%2B%E4%B8%AD");
    }

    #[test]
    fn canonical_pairs_are_sorted_by_key_and_equal_keys_keep_their_order() {
        assert_eq!(canonical([("b", "2"), ("a", "z"), ("a", "y"), ("B", "")]), "B=&a=z&a=y&b=2");
    }

    proptest! {
        #[test]
        fn decoding_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _outcome = decode(&raw);
        }

        #[test]
        fn what_is_encoded_decodes_to_itself(key in ".+", value in ".*") {
            let text = canonical([(key.as_str(), value.as_str())]);
            prop_assert_eq!(decode(text.as_bytes()).unwrap(), vec![(key, value)]);
        }
    }
}
