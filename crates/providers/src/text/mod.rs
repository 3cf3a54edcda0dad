//! Text on its way to a voice: written forms become words, and long texts become pieces that a voice can speak at once.
//!
//! For English. What a pronunciation lexicon reads well itself (plain numbers, years, dollars, titles) is left to it.

mod clauses;
mod normalise;
mod rules;

pub use clauses::{MAX_CLAUSE_CHARS, clauses};
pub use normalise::normalise;

/// Longest text of one speech request, in characters; longer requests fail. About four minutes of speech.
pub const MAX_SPEECH_CHARS: usize = 4_000;

/// Whether anything of a text can be heard when it is spoken.
pub fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}
