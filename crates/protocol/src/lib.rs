//! ringline-protocol
