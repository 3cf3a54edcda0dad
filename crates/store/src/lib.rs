//! ringline-store
