//! The parameters of one request, wherever they stood, read leniently (server-api §1.2, §1.3).
//!
//! Query, form body and JSON body are merged; on a duplicate the query wins over the form, the form over JSON, and the
//! first of one source over the later. An empty value counts as absent, unknown parameters are ignored. An object may be
//! flattened, as generic clients do with nested maps: `AgentConfig.AsrConfig.AsrHotWords.1=a` ([`Params::object`]).

use crate::auth::SignedRequest;
use crate::error::ApiError;
use crate::query;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Longest query a server must take, in bytes: configurations travel in it (server-api §1.2).
pub const MAX_QUERY: usize = 256 * 1024;
/// Longest body a server must take, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// Most levels of a flattened object; one that is deeper is refused. No object here has more than five.
const MAX_LEVELS: usize = 16;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    /// Texts, except what a JSON body gave another type.
    values: BTreeMap<String, Value>,
}

impl Params {
    /// Merges what the request carries. Fails if a part cannot be decoded; its size is the caller's to limit
    /// ([`MAX_QUERY`], [`MAX_BODY`]).
    pub fn read(request: &SignedRequest<'_>) -> Result<Self, ApiError> {
        let mut params = Self::default();
        params.add_pairs("query", request.query.as_bytes())?;
        if request.has_form_body() {
            params.add_pairs("body", request.body)?;
        } else if request.body.trim_ascii_start().starts_with(b"{") {
            let body: BTreeMap<String, Value> = serde_json::from_slice(request.body)
                .map_err(|e| ApiError::invalid_parameter("body", &format!("is not JSON: {e}")))?;
            params.add(body);
        }
        Ok(params)
    }

    /// From decoded values.
    pub fn from_values(values: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut params = Self::default();
        params.add(values);
        params
    }

    fn add_pairs(&mut self, source: &str, raw: &[u8]) -> Result<(), ApiError> {
        let pairs = query::decode(raw).map_err(|e| ApiError::invalid_parameter(source, &e.to_string()))?;
        self.add(pairs.into_iter().map(|(key, value)| (key, Value::String(value))));
        Ok(())
    }

    fn add(&mut self, values: impl IntoIterator<Item = (String, Value)>) {
        for (key, value) in values {
            self.values.entry(key).or_insert(value);
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A text of at most `most` characters. Numbers and booleans of a JSON body count as their text.
    pub fn text(&self, name: &str, most: usize) -> Result<Option<String>, ApiError> {
        let text = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Some(_) => return Err(ApiError::invalid_parameter(name, "it must be a text")),
        };
        match text.chars().count() {
            n if n > most => {
                let reason = format!("it has {n} characters, at most {most} are allowed");
                Err(ApiError::invalid_parameter(name, &reason))
            }
            _ => Ok(Some(text)),
        }
    }

    /// As [`Self::text`], but it must be there.
    pub fn required_text(&self, name: &str, most: usize) -> Result<String, ApiError> {
        self.text(name, most)?.ok_or_else(|| ApiError::missing(name))
    }

    /// A whole number within a range: a JSON number or a decimal text.
    pub fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            Some(number) => {
                let reason = format!("{number} is outside {}..{}", range.start(), range.end());
                Err(ApiError::invalid_parameter(name, &reason))
            }
            None => Err(ApiError::invalid_parameter(name, "it must be a whole number")),
        }
    }

    /// `true` or `false` in any capitalisation, or a JSON boolean.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid_parameter(name, "it must be true or false")),
        }
    }

    /// A JSON object, a text that holds one (or holds a text that holds one), or what is flattened below the name.
    pub fn object(&self, name: &str) -> Result<Option<Value>, ApiError> {
        let Some(mut value) = self.get(name).cloned() else { return self.flattened(name) };
        for _ in 0..2 {
            if let Value::String(text) = &value {
                value = serde_json::from_str(text)
                    .map_err(|e| ApiError::invalid_parameter(name, &format!("it is not JSON: {e}")))?;
            }
        }
        match value {
            Value::Object(_) => Ok(Some(value)),
            Value::Null => Ok(None),
            _ => Err(ApiError::invalid_parameter(name, "it must be a JSON object")),
        }
    }

    /// The object whose members stand as `name.member`; texts all of them, which is what configurations may hold.
    fn flattened(&self, name: &str) -> Result<Option<Value>, ApiError> {
        let prefix = format!("{name}.");
        let mut object = Map::new();
        for (key, value) in self.values.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let path: Vec<_> = key[prefix.len()..].split('.').collect();
            if path.len() > MAX_LEVELS {
                return Err(ApiError::invalid_parameter(name, &format!("it has more than {MAX_LEVELS} levels")));
            }
            if !value.is_null() && value.as_str() != Some("") {
                insert(&mut object, &path, value);
            }
        }
        Ok((!object.is_empty()).then(|| listed(object)).filter(Value::is_object))
    }
}

/// Puts a value at a path. Where a member on the way is none that could hold others, it stays and the value is left out.
fn insert(object: &mut Map<String, Value>, path: &[&str], value: &Value) {
    match path {
        [] => {}
        [member] => {
            object.entry(*member).or_insert_with(|| value.clone());
        }
        [member, rest @ ..] => {
            if let Value::Object(inner) = object.entry(*member).or_insert_with(|| Map::new().into()) {
                insert(inner, rest, value);
            }
        }
    }
}

/// With objects whose members are all numbered as lists, in the order of the numbers.
fn listed(object: Map<String, Value>) -> Value {
    let members = object.into_iter().map(|(key, value)| match value {
        Value::Object(inner) => (key, listed(inner)),
        value => (key, value),
    });
    let members: Vec<_> = members.collect();
    let numbers: Option<Vec<u32>> = members.iter().map(|(key, _)| key.parse().ok()).collect();
    match numbers {
        Some(numbers) => {
            let mut items: Vec<_> = numbers.into_iter().zip(members.into_iter().map(|(_, value)| value)).collect();
            items.sort_by_key(|(number, _)| *number);
            Value::Array(items.into_iter().map(|(_, value)| value).collect())
        }
        None => Value::Object(members.into_iter().collect()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn request<'a>(query: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> SignedRequest<'a> {
        SignedRequest { method: "POST", path: "/", query, headers, body }
    }

    fn params(query: &str) -> Params {
        Params::read(&request(query, &[], b"")).unwrap()
    }

    fn message<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> String {
        let error = outcome.unwrap_err();
        assert_eq!((error.status, &*error.code), (400, "InvalidParameter"));
        error.message
    }

    #[test]
    fn the_query_wins_over_the_form_body() {
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let params = Params::read(&request("A=query", &headers, b"A=form&B=i+1%2A")).unwrap();
        assert_eq!(params.text("A", 9).unwrap().unwrap(), "query");
        assert_eq!(params.text("B", 9).unwrap().unwrap(), "i 1*");
    }

    #[test]
    fn a_json_object_body_is_read_with_its_types() {
        let params = Params::read(&request("A=query", &[], br#" {"A":1,"B":2,"C":true,"D":{"x":1}}"#)).unwrap();
        assert_eq!(params.text("A", 9).unwrap().unwrap(), "query");
        assert_eq!((params.integer("B", 0..=9).unwrap(), params.text("B", 9).unwrap()), (Some(2), Some("2".into())));
        assert_eq!(params.boolean("C").unwrap(), Some(true));
        assert_eq!(params.object("D").unwrap(), Some(json!({"x": 1})));
        assert!(message(params.text("D", 9)).contains(" D "));
    }

    #[test]
    fn a_body_that_is_not_json_is_named() {
        assert!(message(Params::read(&request("", &[], b"{oops"))).contains(" body "));
    }

    #[test]
    fn empty_and_null_are_absent() {
        let params = Params::read(&request("A=", &[], br#"{"B":null}"#)).unwrap();
        assert_eq!((params.text("A", 9).unwrap(), params.text("B", 9).unwrap()), (None, None));
        assert_eq!(params.required_text("A", 9).unwrap_err().code, "MissingA");
        assert_eq!(params.object("A").unwrap(), None);
    }

    #[test]
    fn booleans_may_be_spelled_as_python_does() {
        let params = params("A=True&B=false&C=1");
        assert_eq!((params.boolean("A").unwrap(), params.boolean("B").unwrap()), (Some(true), Some(false)));
        assert!(message(params.boolean("C")).contains(" C "));
    }

    #[test]
    fn integers_are_checked_against_their_range() {
        let params = params("A=3600&B=-1&C=x&D=1.5&E=99999999999999999999");
        assert_eq!(params.integer("A", 0..=3600).unwrap(), Some(3600));
        assert!(message(params.integer("B", 0..=9)).contains("-1 is outside 0..9"));
        for name in ["C", "D", "E"] {
            assert!(message(params.integer(name, 0..=9)).contains("whole number"));
        }
    }

    #[test]
    fn the_character_past_a_limit_is_refused() {
        let params = params("A=%E4%B8%AD%E4%B8%AD%E4%B8%AD");
        assert!(params.text("A", 3).unwrap().is_some());
        assert!(message(params.text("A", 2)).contains("3 characters, at most 2"));
    }

    #[test]
    fn an_object_may_be_a_text_in_a_text() {
        let params = params(r#"A={"x":1}&B="{\"x\":1}"&C=[]&D={&E=null"#);
        assert_eq!(params.object("A").unwrap(), Some(json!({"x": 1})));
        assert_eq!(params.object("B").unwrap(), Some(json!({"x": 1})));
        assert!(message(params.object("C")).contains("must be a JSON object"));
        assert!(message(params.object("D")).contains("not JSON"));
        assert_eq!(params.object("E").unwrap(), None);
    }

    #[test]
    fn an_object_may_be_flattened_with_its_lists() {
        let params =
            params("A.Greeting=Hi&A.Asr.Words.1=a&A.Asr.Words.10=c&A.Asr.Words.2=b&A.Empty=&AB.x=1&A.L.1.Role=user");
        let a = json!({"Greeting": "Hi", "Asr": {"Words": ["a", "b", "c"]}, "L": [{"Role": "user"}]});
        assert_eq!(params.object("A").unwrap(), Some(a));
        assert_eq!(params.object("B").unwrap(), None);
    }

    #[test]
    fn a_whole_object_wins_over_a_flattened_one_and_a_member_over_what_is_below_it() {
        let params = params(r#"A={"x":1}&A.y=2&B.c=1&B.c.d=2"#);
        assert_eq!(params.object("A").unwrap(), Some(json!({"x": 1})));
        assert_eq!(params.object("B").unwrap(), Some(json!({"c": "1"})));
    }

    #[test]
    fn a_flattened_object_of_too_many_levels_is_refused() {
        let levels = |n: usize| params(&format!("A{}=1", ".a".repeat(n)));
        assert!(levels(MAX_LEVELS).object("A").unwrap().is_some());
        assert!(message(levels(MAX_LEVELS + 1).object("A")).contains(" A "));
        assert!(message(levels(100_000).object("A")).contains("levels"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(query in ".*", body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            for headers in [&headers[..], &[]] {
                if let Ok(params) = Params::read(&request(&query, headers, &body)) {
                    let _outcome = (params.text("A", 1), params.integer("A", 0..=1), params.object("A"));
                }
            }
        }
    }
}
