//! Text on its way to a voice.

/// Longest text of one speech request, in characters; longer requests fail. About four minutes of speech.
pub const MAX_SPEECH_CHARS: usize = 4_000;
