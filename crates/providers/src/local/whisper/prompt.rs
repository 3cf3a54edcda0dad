//! What the model is made to expect: words that stand before its text as if they had been said just now.
//!
//! Such words are likelier then than they would be, and of short or unclear speech the model makes one of them for that alone. So where
//! words are only expected ([`RecognitionParams::expected`](crate::RecognitionParams::expected)), what stands before the text without
//! them is known as well: a run that has failed is done again behind that (`decode`).

use super::tokens::Tokens;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// Hot words and expected ones.
    pub(super) told: Vec<u32>,
    /// The hot words alone; none if nothing else is told.
    pub(super) untold: Option<Vec<u32>>,
}

impl Prompt {
    pub(super) fn new(hot_words: &[String], expected: &[String], tokens: &Tokens) -> Prompt {
        let told = tokens.prompt(&[hot_words, expected].concat());
        let untold = (!expected.is_empty()).then(|| tokens.prompt(hot_words)).filter(|untold| *untold != told);
        Prompt { told, untold }
    }
}
