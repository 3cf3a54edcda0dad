//! ringline-rtc
