//! Addresses of recordings (server-api §10.3): the whole call, or one side of it from here to there.

use crate::signed::{self, AddressError};
use ringline_model::InstanceId;

/// Where recordings are: an instance's at `PATH/INSTANCE/FILE`.
pub const PATH: &str = "/recordings";
/// Longest life of an address, in s: 30 days.
pub const MAX_LIFE: i64 = 30 * 24 * 3600;
const PURPOSE: &str = "ringline recording";

/// What an address is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Both sides, from beginning to end.
    Call,
    /// One side, in ms of call time.
    Sentence { is_user: bool, from_ms: u64, to_ms: u64 },
}

impl Recorded {
    /// The file's name in the address.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Call => "call.wav",
            Self::Sentence { is_user: true, .. } => "user.wav",
            Self::Sentence { is_user: false, .. } => "agent.wav",
        }
    }

    /// What an address with this file, `from` and `to` is of; none if there is no such thing.
    pub fn of(file: &str, from_ms: Option<u64>, to_ms: Option<u64>) -> Option<Self> {
        match (file, from_ms, to_ms) {
            ("call.wav", None, None) => Some(Self::Call),
            ("user.wav", Some(from_ms), Some(to_ms)) => Some(Self::Sentence { is_user: true, from_ms, to_ms }),
            ("agent.wav", Some(from_ms), Some(to_ms)) => Some(Self::Sentence { is_user: false, from_ms, to_ms }),
            _ => None,
        }
    }

    fn line(self, instance: &InstanceId) -> String {
        match self {
            Self::Call => format!("{instance}/{}", self.file()),
            Self::Sentence { from_ms, to_ms, .. } => format!("{instance}/{} {from_ms} {to_ms}", self.file()),
        }
    }
}

/// The address of a recording until `expires` (Unix seconds).
pub fn address(base_url: &str, key: &str, instance: &InstanceId, recorded: Recorded, expires: i64) -> String {
    let signature = signed::sign(key, PURPOSE, &recorded.line(instance), expires);
    let part = match recorded {
        Recorded::Call => String::new(),
        Recorded::Sentence { from_ms, to_ms, .. } => format!("from={from_ms}&to={to_ms}&"),
    };
    format!("{base_url}{PATH}/{instance}/{}?{part}expires={expires}&signature={signature}", recorded.file())
}

/// Checks an address's signature, in constant time, and expiry.
pub fn check(
    key: &str,
    instance: &InstanceId,
    recorded: Recorded,
    expires: i64,
    signature: &str,
    now: i64,
) -> Result<(), AddressError> {
    signed::check(key, PURPOSE, &recorded.line(instance), (expires, signature), MAX_LIFE, now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_323_045;

    fn instance(id: &str) -> InstanceId {
        InstanceId::parse(id).unwrap()
    }

    fn sentence(is_user: bool, from_ms: u64, to_ms: u64) -> Recorded {
        Recorded::Sentence { is_user, from_ms, to_ms }
    }

    #[test]
    fn an_address_says_what_it_is_of_and_until_when() {
        let url = address("https://h", "key", &instance("i1"), sentence(true, 40, 2000), NOW + 60);
        let (rest, signature) = url.split_once("&signature=").unwrap();
        assert_eq!(rest, format!("https://h/recordings/i1/user.wav?from=40&to=2000&expires={}", NOW + 60));
        let checked = |now| check("key", &instance("i1"), sentence(true, 40, 2000), NOW + 60, signature, now);
        assert_eq!((checked(NOW), checked(NOW + 60), checked(NOW + 61)), (Ok(()), Ok(()), Err(AddressError::Expired)));
        let url = address("", "key", &instance("i1"), Recorded::Call, NOW);
        assert!(url.starts_with("/recordings/i1/call.wav?expires="), "{url}");
    }

    #[test]
    fn the_signature_covers_key_instance_file_part_and_expiry() {
        let expires = NOW + 60;
        let url = address("", "key", &instance("i1"), sentence(true, 4, 20), expires);
        let signature = url.split_once("&signature=").unwrap().1;
        for (key, id, recorded, expires) in [
            ("other", "i1", sentence(true, 4, 20), expires),
            ("key", "i2", sentence(true, 4, 20), expires),
            ("key", "i1", sentence(false, 4, 20), expires),
            ("key", "i1", sentence(true, 42, 0), expires),
            ("key", "i1", Recorded::Call, expires),
            ("key", "i1", sentence(true, 4, 20), expires + 1),
        ] {
            let checked = check(key, &instance(id), recorded, expires, signature, NOW);
            assert_eq!(checked, Err(AddressError::BadSignature));
        }
    }

    #[test]
    fn only_files_that_there_are_have_addresses() {
        assert_eq!(Recorded::of("agent.wav", Some(1), Some(2)), Some(sentence(false, 1, 2)));
        for (file, from, to) in [("agent.wav", None, Some(2)), ("call.wav", Some(1), Some(2)), ("../x", None, None)] {
            assert_eq!(Recorded::of(file, from, to), None);
        }
    }
}
