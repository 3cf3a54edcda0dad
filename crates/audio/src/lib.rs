//! ringline-audio
