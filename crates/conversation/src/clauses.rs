//! Cuts a streamed response into the pieces that are handed to speech synthesis.
//!
//! A piece ends at a sentence end, at a clause sign once it is long enough, or at its longest length. The *first* piece of a
//! response ends early, because the user waits for it: at the first clause sign after three words, else after about seven
//! words (measured: a long first clause is what makes the slow answers). Numbers (`3.14`, `3,000`), times
//! (`9:30`), abbreviations (`Dr.`, `U.S.`) and list numbers (`1.`) are not cut.
//!
//! A sign counts only when the character behind it is known, so chunk borders do not matter. Pieces without a letter or
//! digit are dropped. At [`MAX_RESPONSE_CHARS`] the response is taken as finished.

use crate::{
    Emotion,
    markup::Markup,
    text::{is_cjk, is_speakable},
};

/// What is read of one response, in characters of the model's text; the rest is not spoken.
pub(crate) const MAX_RESPONSE_CHARS: usize = 4000;

/// Longest piece, in characters; longer ones are cut at a space.
const MAX_CLAUSE_CHARS: usize = 200;

/// Words that let a clause sign end a piece: ordinary and first. One word weighs as much as two CJK characters.
const ENOUGH_WORDS: usize = 6;
const ENOUGH_WORDS_FIRST: usize = 3;

/// Words after which the first piece ends without any sign; from [`ENOUGH_WORDS`] on it ends before a joint word.
const MOST_WORDS_FIRST: usize = 8;

/// Words that usually open a new phrase: a good place to breathe.
const JOINTS: &[&str] = &[
    "and", "as", "at", "because", "but", "by", "for", "from", "if", "in", "into", "is", "of", "on", "or", "so", "than",
    "that", "to", "when", "where", "which", "while", "who", "with",
];

/// Words whose full stop does not end a sentence, lower case, without it.
const ABBREVIATIONS: &[&str] = &[
    "approx", "capt", "co", "corp", "dr", "etc", "fig", "gen", "inc", "jr", "ltd", "mr", "mrs", "ms", "mt", "no",
    "prof", "rev", "sgt", "sr", "st", "vs",
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clause {
    pub text: String,
    /// White space stood between this piece and the one before it.
    pub spaced: bool,
    /// How it is said, if the model told.
    pub emotion: Option<Emotion>,
}

impl Clause {
    /// The piece as it is appended to the ones before it.
    pub fn appended(&self) -> String {
        if self.spaced { format!(" {}", self.text) } else { self.text.clone() }
    }
}

#[derive(Debug)]
pub(crate) struct Clauses {
    markup: Markup,
    pending: String,
    spaced: bool,
    /// The first piece is out.
    begun: bool,
    read: usize,
}

impl Clauses {
    pub fn new() -> Self {
        Self { markup: Markup::new(), pending: String::new(), spaced: false, begun: false, read: 0 }
    }

    /// Pieces of a text that is there as a whole.
    pub fn of(text: &str) -> Vec<Clause> {
        let mut clauses = Self::new();
        let mut all = clauses.push(text);
        all.extend(clauses.finish());
        all
    }

    /// The pieces that are complete with this chunk.
    pub fn push(&mut self, chunk: &str) -> Vec<Clause> {
        let mut out = Vec::new();
        for c in chunk.chars() {
            if self.is_full() {
                break;
            }
            self.read += 1;
            let mut cleaned = [None; 2];
            let mut count = 0;
            self.markup.feed(c, &mut |c| {
                cleaned[count] = Some(c);
                count += 1;
            });
            for c in cleaned.into_iter().flatten() {
                self.take(c, &mut out);
            }
        }
        out
    }

    /// The rest: no more text follows.
    pub fn finish(&mut self) -> Vec<Clause> {
        let mut out = Vec::new();
        self.emit(self.pending.len(), &mut out);
        out
    }

    /// The whole words so far: the rest comes too slowly to wait for a sign.
    pub fn flush(&mut self) -> Vec<Clause> {
        let mut out = Vec::new();
        self.emit(self.whole_words(), &mut out);
        out
    }

    /// Something that can be spoken is held back, be it half a word.
    pub fn has_begun(&self) -> bool {
        is_speakable(&self.pending)
    }

    /// Whether [`Self::flush`] would give something.
    pub fn has_words(&self) -> bool {
        is_speakable(&self.pending[..self.whole_words()])
    }

    fn whole_words(&self) -> usize {
        let ends_wide = self.pending.chars().next_back().is_some_and(is_cjk);
        if ends_wide { self.pending.len() } else { self.pending.rfind(' ').unwrap_or(0) }
    }

    /// The limit is reached; further text is ignored.
    pub fn is_full(&self) -> bool {
        self.read >= MAX_RESPONSE_CHARS
    }

    fn take(&mut self, c: char, out: &mut Vec<Clause>) {
        if c == '\n' || self.ends_before(c) {
            self.emit(self.pending.len(), out);
        }
        if c.is_whitespace() {
            if self.pending.is_empty() {
                self.spaced = true;
            } else if !self.pending.ends_with(' ') {
                if let Some(end) = self.early_end() {
                    self.emit(end, out);
                }
                match self.pending.is_empty() {
                    true => self.spaced = true,
                    false => self.pending.push(' '),
                }
            }
            return;
        }
        self.pending.push(c);
        if !self.begun && self.weight() >= 2 * MOST_WORDS_FIRST && is_cjk(c) {
            self.emit(self.pending.len(), out);
        }
        if self.pending.chars().count() >= MAX_CLAUSE_CHARS {
            self.emit(self.pending.rfind(' ').unwrap_or(self.pending.len()), out);
        }
    }

    /// Whether what stands is a piece, given the character behind it.
    fn ends_before(&self, next: char) -> bool {
        if is_closer(next) || is_stop(next) {
            return false;
        }
        let body = self.pending.trim_end_matches(is_closer);
        let apart = next.is_whitespace() || is_cjk(next);
        match body.chars().next_back() {
            Some('。' | '！' | '？' | '…' | '｡') => true,
            Some('!' | '?') => apart || next.is_uppercase(),
            Some('.') => apart && !self.stop_is_part_of_word(body),
            Some(',' | ';' | ':') => apart && self.is_long_enough(),
            Some('、' | '，' | '；' | '：' | '—') => self.is_long_enough(),
            _ => false,
        }
    }

    fn stop_is_part_of_word(&self, body: &str) -> bool {
        let body = body.strip_suffix('.').unwrap_or(body);
        let word = body.rsplit([' ', '(', '"', '“']).next().unwrap_or(body);
        let is_list_number = !word.is_empty() && word.len() == body.len() && word.chars().all(|c| c.is_ascii_digit());
        let is_initials = word != "I" && word.split('.').all(is_one_letter);
        is_list_number || is_initials || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
    }

    fn is_long_enough(&self) -> bool {
        self.weight() >= 2 * if self.begun { ENOUGH_WORDS } else { ENOUGH_WORDS_FIRST }
    }

    /// Two per word, one per CJK character.
    fn weight(&self) -> usize {
        let word_weight = |word: &str| match word.chars().filter(|&c| is_cjk(c)).count() {
            0 if is_speakable(word) => 2,
            wide => wide,
        };
        self.pending.split(' ').map(word_weight).sum()
    }

    /// Where the first piece ends without a sign, when a word is complete.
    fn early_end(&self) -> Option<usize> {
        let words = self.pending.split(' ').filter(|word| is_speakable(word)).count();
        if self.begun || words <= ENOUGH_WORDS {
            return None;
        }
        let last = self.pending.rfind(' ').unwrap_or(0);
        if JOINTS.contains(&self.pending[last..].trim()) {
            return Some(last);
        }
        (words >= MOST_WORDS_FIRST).then_some(self.pending.len())
    }

    /// Gives out the first `end` bytes of what is pending.
    fn emit(&mut self, end: usize, out: &mut Vec<Clause>) {
        let rest = self.pending.split_off(end);
        let text = std::mem::replace(&mut self.pending, rest.trim_start().to_owned());
        if is_speakable(&text) {
            out.push(Clause { text: text.trim().to_owned(), spaced: self.spaced && self.begun, emotion: None });
            self.begun = true;
            self.spaced = rest.starts_with(' ') || text.ends_with(' ');
        } else {
            self.spaced |= rest.starts_with(' ') || text.contains(' ');
        }
    }
}

fn is_one_letter(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// Signs that may stand behind the end of a sentence and belong to it.
fn is_closer(c: char) -> bool {
    matches!(c, '"' | '”' | '’' | '\'' | ')' | ']' | '）' | '」' | '』' | '》' | '】')
}

fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '。' | '！' | '？' | '…' | '｡' | ',' | ';' | '，' | '；')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(text: &str) -> Vec<String> {
        Clauses::of(text).into_iter().map(|clause| clause.text).collect()
    }

    #[test]
    fn sentences_are_pieces() {
        assert_eq!(pieces("Yes. It is! Really?\nGood"), ["Yes.", "It is!", "Really?", "Good"]);
        assert_eq!(pieces("你好。今天天气很好！"), ["你好。", "今天天气很好！"]);
    }

    #[test]
    fn the_first_piece_ends_at_the_first_clause_sign_after_three_words() {
        assert_eq!(
            pieces("Well, of course I can, and I would, if you like, also sing a little song, loudly."),
            ["Well, of course I can,", "and I would, if you like,", "also sing a little song, loudly."]
        );
    }

    #[test]
    fn the_first_piece_ends_after_about_seven_words_without_any_sign() {
        assert_eq!(
            pieces("The quick brown fox jumps over the lazy dog near the river bank today."),
            ["The quick brown fox jumps over the lazy", "dog near the river bank today."]
        );
        assert_eq!(
            pieces("The weather in Paris today looks like it stays dry"),
            ["The weather in Paris today looks like it", "stays dry"]
        );
        assert_eq!(
            pieces("The old town hall clock stopped because of the storm."),
            ["The old town hall clock stopped", "because of the storm."]
        );
        assert_eq!(pieces("今天天气非常好我们一起去公园散步然后吃饭吧")[0].chars().count(), 16);
    }

    #[test]
    fn numbers_times_and_abbreviations_stay_whole() {
        for whole in [
            "Pi is 3.14 or so.",
            "At 9:30 sharp, see Dr. Smith.",
            "Made in the U.S. of steel.",
            "About 3,000 of them.",
            "1. First things first.",
            "He said \"stop.\"",
        ] {
            assert_eq!(pieces(whole).join(" "), whole);
            assert!(pieces(whole).len() <= 2, "{:?}", pieces(whole));
        }
        assert_eq!(pieces("Pi is 3.14. Yes."), ["Pi is 3.14.", "Yes."]);
        assert_eq!(pieces("Ask Dr. Smith."), ["Ask Dr. Smith."]);
        assert_eq!(pieces("1. Go."), ["1. Go."]);
    }

    #[test]
    fn pieces_without_a_letter_or_digit_are_dropped() {
        assert_eq!(pieces("--- \n ... 👍 \n Hi. !!"), ["Hi."]);
        assert!(pieces("```\nfn main() {}\n```").is_empty());
    }

    #[test]
    fn a_long_piece_is_cut_at_a_space() {
        let text = "word ".repeat(100);
        let pieces = pieces(&text);
        assert!(pieces.iter().all(|piece| piece.chars().count() <= MAX_CLAUSE_CHARS), "{pieces:?}");
        assert_eq!(pieces.join(" "), text.trim());
        assert_eq!(Clauses::of(&"x".repeat(450)).len(), 3);
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let mut clauses = Clauses::new();
        let text: String = clauses.push(&"a b ".repeat(2000)).iter().map(Clause::appended).collect();
        assert!(clauses.is_full());
        let rest: String = clauses.finish().iter().map(Clause::appended).collect();
        assert_eq!(text.chars().count() + rest.chars().count(), MAX_RESPONSE_CHARS - 1);
        assert!(clauses.push("more. more.").is_empty());
    }

    #[test]
    fn appended_pieces_give_the_text_back() {
        for text in ["One, two three four. Five? Six!", "你好。今天天气很好！ Good day."] {
            let whole: String = Clauses::of(text).iter().map(Clause::appended).collect();
            assert_eq!(whole, text);
        }
    }

    proptest! {
        #[test]
        fn how_the_text_was_cut_into_chunks_does_not_matter(text in "[a-zA-Z0-9 .,!?:\n*`#。，你好\"-]{0,300}", at in 0usize..300) {
            let mut clauses = Clauses::new();
            let cut = text.char_indices().map(|(i, _)| i).nth(at).unwrap_or(text.len());
            let mut pieces = clauses.push(&text[..cut]);
            pieces.extend(clauses.push(&text[cut..]));
            pieces.extend(clauses.finish());
            prop_assert_eq!(pieces, Clauses::of(&text));
        }
    }
}
