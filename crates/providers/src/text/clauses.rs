//! Where a text may be cut, so that its parts can be spoken one after another.

/// Longest piece in characters. Longer sentences are cut at a comma or the like, or between words, or anywhere.
pub const MAX_CLAUSE_CHARS: usize = 240;

/// Shortest piece that a cut at a comma leaves behind, in characters: a voice needs some words for its melody.
const LEAST_CUT: usize = 60;

/// The sentences of a text, with those that are too long cut. Together they are the text, apart from white space.
pub fn clauses(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    for sentence in sentences(text) {
        let mut rest = sentence.trim();
        while rest.chars().count() > MAX_CLAUSE_CHARS {
            let (piece, after) = rest.split_at(cut(rest));
            pieces.push(piece.trim());
            rest = after.trim();
        }
        pieces.push(rest);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Cuts after line ends, and after `.`, `!` or `?` where white space and something other than a small letter follow.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut ended = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        ended = match c {
            '.' | '!' | '?' | '…' => true,
            '"' | '\'' | ')' | ']' => ended,
            _ => false,
        };
        let breaks = c == '\n' || {
            let mut following = text[end..].chars();
            let space = following.next().is_some_and(char::is_whitespace);
            let goes_on = following.find(|c| !c.is_whitespace()).is_some_and(char::is_lowercase);
            ended && space && !goes_on && !ends_in_abbreviation(&text[start..end])
        };
        if breaks {
            found.push(&text[start..end]);
            start = end;
        }
    }
    found.push(&text[start..]);
    found
}

/// A title or an initial before the full stop: "Dr.", "J."
fn ends_in_abbreviation(sentence: &str) -> bool {
    let Some(sentence) = sentence.strip_suffix('.') else { return false };
    let word = sentence.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    initial || ["Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mt", "Lt", "Col", "Gen", "Capt", "Rev", "Sgt"].contains(&word)
}

/// The byte at which to cut a text longer than [`MAX_CLAUSE_CHARS`].
fn cut(text: &str) -> usize {
    let limit = text.char_indices().nth(MAX_CLAUSE_CHARS).map_or(text.len(), |(at, _)| at);
    let least = text.char_indices().nth(LEAST_CUT).map_or(0, |(at, _)| at);
    let head = &text[..limit];
    let mut after_mark = head.match_indices([',', ';', ':', '—', '–']).map(|(at, mark)| at + mark.len());
    let at_pause = after_mark.rfind(|at| *at > least && text[*at..].starts_with(char::is_whitespace));
    at_pause.or_else(|| head.rfind(char::is_whitespace).filter(|at| *at > 0)).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_cut_at_their_ends_only() {
        assert_eq!(
            clauses("Dr. J. Smith paid 3.50 at 9 a.m. today. \"Really?\" Yes!\nNext line"),
            ["Dr. J. Smith paid 3.50 at 9 a.m. today.", "\"Really?\"", "Yes!", "Next line"]
        );
        assert_eq!(clauses("Wait... what"), ["Wait... what"]);
        assert!(clauses(" \n ").is_empty());
    }

    #[test]
    fn long_sentences_are_cut_at_pauses_then_between_words_then_anywhere() {
        let with_commas = "one two three four, ".repeat(30);
        let pieces = clauses(&with_commas);
        assert!(pieces.len() > 2 && pieces[..pieces.len() - 1].iter().all(|piece| piece.ends_with(',')), "{pieces:?}");
        let words = "word ".repeat(200);
        assert!(clauses(&words).iter().all(|piece| piece.starts_with("word") && piece.ends_with("word")));
        let unbroken = "é".repeat(1_000);
        assert_eq!(clauses(&unbroken).len(), 5);
    }

    #[test]
    fn pieces_are_short_and_lose_nothing() {
        let mut seed = 7u32;
        for _ in 0..200 {
            let text: String = (0..900)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    char::from(b" aB.,;?! \n3\xe9"[(seed >> 16) as usize % 11])
                })
                .collect();
            let pieces = clauses(&text);
            assert!(pieces.iter().all(|piece| piece.chars().count() <= MAX_CLAUSE_CHARS));
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(bare(&pieces.concat()), bare(&text));
        }
    }
}
