//! What the tests of requests share.

#![allow(clippy::unwrap_used)]

use crate::error::ApiError;
use crate::params::Params;
use serde_json::Value;

/// The members of an object as parameters.
pub fn params(json: Value) -> Params {
    Params::from_values(json.as_object().unwrap().clone())
}

/// Refused as a value that cannot be, by a message that names it.
#[track_caller]
pub fn named<T: std::fmt::Debug>(outcome: Result<T, ApiError>, name: &str) {
    let error = outcome.unwrap_err();
    assert_eq!((error.status, &*error.code), (400, "InvalidParameter"), "{name}");
    assert!(error.message.contains(name), "{name}: {}", error.message);
}
