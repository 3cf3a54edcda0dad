//! The call log: what was said in a call as one JSON document, behind a signed address that expires (server-api §10.1).
//!
//! The address is good for whoever holds it ([`crate::signed`]): clients fetch it by a plain GET.

use crate::signed::{self, AddressError};
use ringline_model::InstanceId;
use serde::Serialize;

/// Life of an address in s.
pub const LIFE: i64 = 24 * 3600;
/// Where call logs are: an instance's is at `PATH/INSTANCE`.
pub const PATH: &str = "/calllog";
const PURPOSE: &str = "ringline call log";

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallLog {
    pub instance_id: InstanceId,
    /// Unix seconds with a fraction.
    pub start_time: f64,
    pub dialog: Vec<LogEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    /// 1, 2, 3… across both speakers.
    pub id: u32,
    /// Seconds since the start.
    pub begin: f64,
    /// `user` or `agent`
    pub role: &'static str,
    /// `greeting`, `normal` or `speech`
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub text: String,
}

/// Something said, as it is on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Unix ms.
    pub time_ms: i64,
    pub role: &'static str,
    pub kind: &'static str,
    pub text: String,
}

impl CallLog {
    /// `said` in the order in which it is to stand.
    pub fn new(instance_id: InstanceId, start_ms: i64, said: impl IntoIterator<Item = Said>) -> Self {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let dialog = (1..).zip(said).map(|(id, said)| LogEntry {
            id,
            begin: seconds(said.time_ms.saturating_sub(start_ms).max(0)),
            role: said.role,
            kind: said.kind,
            text: said.text,
        });
        Self { instance_id, start_time: seconds(start_ms), dialog: dialog.collect() }
    }
}

/// The address of an instance's call log for [`LIFE`] from `now` (Unix seconds).
pub fn address(base_url: &str, key: &str, instance: &InstanceId, now: i64) -> String {
    let expires = now + LIFE;
    let signature = signed::sign(key, PURPOSE, instance.as_str(), expires);
    format!("{base_url}{PATH}/{instance}?expires={expires}&signature={signature}")
}

/// Checks an address's signature, in constant time, and expiry.
pub fn check(key: &str, instance: &InstanceId, expires: i64, signature: &str, now: i64) -> Result<(), AddressError> {
    signed::check(key, PURPOSE, instance.as_str(), (expires, signature), LIFE, now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_767_323_045;

    fn instance(id: &str) -> InstanceId {
        InstanceId::parse(id).unwrap()
    }

    /// Expiry and signature of an address.
    fn parts(address: &str) -> (i64, String) {
        let (expires, signature) = address.split_once("?expires=").unwrap().1.split_once("&signature=").unwrap();
        (expires.parse().unwrap(), signature.to_owned())
    }

    #[test]
    fn an_address_is_good_for_a_day() {
        let address = address("http://h:1", "key", &instance("i1"), NOW);
        assert!(address.starts_with("http://h:1/calllog/i1?expires="), "{address}");
        let (expires, signature) = parts(&address);
        assert_eq!(expires, NOW + 86_400);
        assert_eq!(signature.len(), 64);
        for (now, outcome) in [(NOW, Ok(())), (expires, Ok(())), (expires + 1, Err(AddressError::Expired))] {
            assert_eq!(check("key", &instance("i1"), expires, &signature, now), outcome);
        }
    }

    #[test]
    fn the_signature_covers_key_instance_and_expiry() {
        let (expires, signature) = parts(&address("", "key", &instance("i1"), NOW));
        let wrong = Err(AddressError::BadSignature);
        assert_eq!(check("other", &instance("i1"), expires, &signature, NOW), wrong);
        assert_eq!(check("key", &instance("i2"), expires, &signature, NOW), wrong);
        assert_eq!(check("key", &instance("i1"), expires + 1, &signature, NOW), wrong);
        for garbage in ["", "zz", &signature[..62]] {
            assert_eq!(check("key", &instance("i1"), expires, garbage, NOW), wrong);
        }
    }

    #[test]
    fn an_address_from_far_in_the_future_is_not_one_of_ours() {
        let (expires, signature) = parts(&address("", "key", &instance("i1"), NOW + 100_000));
        assert_eq!(check("key", &instance("i1"), expires, &signature, NOW), Err(AddressError::Expired));
    }

    #[test]
    fn entries_are_numbered_and_timed_from_the_start() {
        let said = |time_ms, role, kind, text: &str| Said { time_ms, role, kind, text: text.into() };
        let log = CallLog::new(
            instance("i1"),
            1_767_323_045_120,
            [
                said(1_767_323_045_520, "agent", "greeting", "Hi"),
                said(1_767_323_048_220, "user", "normal", "What day is it?"),
                said(0, "agent", "speech", "before"),
            ],
        );
        assert_eq!(
            serde_json::to_value(&log).unwrap(),
            json!({"instanceId": "i1", "startTime": 1_767_323_045.12, "dialog": [
                {"id": 1, "begin": 0.4, "role": "agent", "type": "greeting", "text": "Hi"},
                {"id": 2, "begin": 3.1, "role": "user", "type": "normal", "text": "What day is it?"},
                {"id": 3, "begin": 0.0, "role": "agent", "type": "speech", "text": "before"}]})
        );
    }
}
