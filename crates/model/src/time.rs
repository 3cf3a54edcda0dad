use serde::{Deserialize, Serialize};
use std::{fmt, ops, time::Duration};

/// Time since the call began, in microseconds.
///
/// The conversation and its journal know no other time. Sample positions become `CallTime` at the edge,
/// in one place. Prints as `1.250s` and serialises as an integer of microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallTime(u64);

impl CallTime {
    pub const ZERO: Self = Self(0);

    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1000)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This moment less `by`, at the earliest the start of the call.
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl ops::Add<Duration> for CallTime {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for CallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_seconds_and_milliseconds() {
        assert_eq!(CallTime::from_millis(1250).to_string(), "1.250s");
        assert_eq!((CallTime::from_millis(999) + Duration::from_millis(2)).to_string(), "1.001s");
    }

    #[test]
    fn time_before_an_earlier_moment_is_zero() {
        assert_eq!(CallTime::from_millis(1).since(CallTime::from_millis(5)), Duration::ZERO);
    }
}
