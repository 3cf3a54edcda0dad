//! Unix time in the text forms that travel (server-api §1.4).

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+00:00");
const UTC_MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
/// The texts have four digits for the year; times outside 0000..9999 are written as the nearest that fits.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_300_799_999;

/// `2026-01-02T03:04:05Z`: request times.
pub fn utc_seconds(unix: i64) -> String {
    format(unix.saturating_mul(1000), SECONDS)
}

/// `2026-01-02T03:04:05.000+00:00`: `GmtCreate` and `GmtModified`.
pub fn gmt_millis(unix_ms: i64) -> String {
    format(unix_ms, MILLIS)
}

/// `2026-01-02T03:04:05.000Z`: times of stages in callbacks.
pub fn utc_millis(unix_ms: i64) -> String {
    format(unix_ms, UTC_MILLIS)
}

/// Reads exactly `YYYY-MM-DDThh:mm:ssZ` as Unix seconds.
pub fn parse_utc_seconds(text: &str) -> Option<i64> {
    if text.len() != "2026-01-02T03:04:05Z".len() {
        return None;
    }
    Some(PrimitiveDateTime::parse(text, SECONDS).ok()?.assume_utc().unix_timestamp())
}

fn format(unix_ms: i64, form: &[BorrowedFormatItem<'_>]) -> String {
    let nanos = i128::from(unix_ms.clamp(FIRST_MS, LAST_MS)) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .expect("clamped to four-digit years")
        .format(form)
        .expect("every component of the form is known")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_are_written_as_the_vendor_writes_them() {
        assert_eq!(gmt_millis(1_752_820_748_000), "2025-07-18T06:39:08.000+00:00");
        assert_eq!(gmt_millis(1_752_820_748_007), "2025-07-18T06:39:08.007+00:00");
        assert_eq!(utc_millis(1_752_820_748_007), "2025-07-18T06:39:08.007Z");
        assert_eq!(utc_seconds(1_767_323_045), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn only_the_exact_form_is_read() {
        assert_eq!(parse_utc_seconds("2026-01-02T03:04:05Z"), Some(1_767_323_045));
        for wrong in ["", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-13-02T03:04:05Z", "2026-1-2T03:04:005Z"]
        {
            assert_eq!(parse_utc_seconds(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_time_can_be_written(unix_ms: i64) {
            prop_assert_eq!(gmt_millis(unix_ms).len(), 29);
            prop_assert_eq!(utc_seconds(unix_ms).len(), 20);
        }

        #[test]
        fn seconds_survive_the_round_trip(unix in 0_i64..253_402_300_799) {
            prop_assert_eq!(parse_utc_seconds(&utc_seconds(unix)), Some(unix));
        }

        #[test]
        fn reading_never_panics(text in ".*") {
            let _outcome = parse_utc_seconds(&text);
        }
    }
}
