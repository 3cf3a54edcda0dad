//! Takes bracketed text out of what is spoken and shown (`TtsConfig.UnspokenBrackets`, server-api §8.3).
//!
//! Of nested brackets the whole outermost span goes. Brackets that do not match, or are not closed, are text like any other,
//! and so is what they stand around. Text from an opening bracket on is held until that is certain, so it does not matter how
//! it was cut into chunks; at [`MOST_HELD`] characters it counts as not closed. Other kinds of brackets than the chosen
//! ones mean nothing.

use ringline_model::Brackets;

/// Longest bracketed text, in characters; a longer one is spoken.
const MOST_HELD: usize = 400;

#[derive(Debug, Default)]
pub(crate) struct BracketFilter {
    kinds: Vec<Brackets>,
    /// From the outermost opening bracket on.
    held: String,
    held_chars: usize,
    /// The closing brackets that are waited for, the innermost last.
    open: Vec<char>,
}

impl BracketFilter {
    pub fn new(kinds: &[Brackets]) -> Self {
        Self { kinds: kinds.to_vec(), ..Self::default() }
    }

    /// What is left of a text that is there as a whole.
    pub fn of(kinds: &[Brackets], text: &str) -> String {
        let mut filter = Self::new(kinds);
        filter.push(text) + &filter.finish()
    }

    /// What is certain to be left with this chunk.
    pub fn push(&mut self, chunk: &str) -> String {
        if self.kinds.is_empty() {
            return chunk.to_owned();
        }
        let mut out = String::new();
        for c in chunk.chars() {
            self.take(c, &mut out);
        }
        out
    }

    /// The rest: no more text follows, so what is held was not closed.
    pub fn finish(&mut self) -> String {
        self.release()
    }

    fn take(&mut self, c: char, out: &mut String) {
        let opens = self.kinds.iter().find(|kind| kind.open() == c).map(Brackets::close);
        let closes = self.kinds.iter().any(|kind| kind.close() == c);
        if self.open.is_empty() && opens.is_none() {
            return out.push(c);
        }
        self.held.push(c);
        self.held_chars += 1;
        if let Some(close) = opens {
            self.open.push(close);
        } else if closes && self.open.pop() != Some(c) {
            return out.push_str(&self.release());
        } else if self.open.is_empty() {
            // A space stood on both sides: one is enough.
            (self.held, self.held_chars) = (String::new(), 0);
            return;
        }
        if self.held_chars >= MOST_HELD {
            out.push_str(&self.release());
        }
    }

    fn release(&mut self) -> String {
        self.open.clear();
        self.held_chars = 0;
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> Vec<Brackets> {
        Brackets::ALL.to_vec()
    }

    #[test]
    fn bracketed_text_goes_and_the_rest_stays() {
        assert_eq!(BracketFilter::of(&all(), "Hi (smiles) there【跳】[a]{b}（c）."), "Hi  there.");
        assert_eq!(BracketFilter::of(&[Brackets::Square], "a (b) [c] d"), "a (b)  d", "only the chosen kinds");
        assert_eq!(BracketFilter::of(&[], "a (b)"), "a (b)");
    }

    #[test]
    fn of_nested_brackets_the_outermost_span_goes() {
        assert_eq!(BracketFilter::of(&all(), "a (b (c) [d]) e"), "a  e");
        assert_eq!(BracketFilter::of(&[Brackets::Round], "a (b [c) d] e"), "a  d] e", "the other kind means nothing");
    }

    #[test]
    fn brackets_that_do_not_match_are_text() {
        for text in ["a (b c", "a b) c", "a (b [c) d] e", "a （b) c", "a ((b) c", "（"] {
            assert_eq!(BracketFilter::of(&all(), text), text);
        }
        assert_eq!(BracketFilter::of(&all(), "a (b] c (d) e"), "a (b] c  e", "what comes behind is filtered again");
    }

    #[test]
    fn a_bracket_that_is_not_closed_in_time_is_text() {
        let mut filter = BracketFilter::new(&all());
        let long = format!("({}", "x".repeat(MOST_HELD));
        assert_eq!(filter.push(&long), long);
        assert_eq!(filter.push("y (z) a"), "y  a");
    }

    proptest! {
        #[test]
        fn how_the_text_was_cut_into_chunks_does_not_matter(text in "[ab()（）\\[\\]]{0,40}", at in 0usize..40) {
            let cut = text.char_indices().map(|(i, _)| i).nth(at).unwrap_or(text.len());
            let mut filter = BracketFilter::new(&all());
            let chunks = filter.push(&text[..cut]) + &filter.push(&text[cut..]) + &filter.finish();
            prop_assert_eq!(chunks, BracketFilter::of(&all(), &text));
        }
    }
}
