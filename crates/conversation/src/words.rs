//! Interrupt words: finding one in what was recognised, and taking it out of what the model is asked
//! (server-api §5.1 `KeepInterruptWordsForLLM`, default off).

use crate::text::is_cjk;

/// Whether the text says one of the words. Case does not matter; a word inside a longer word does not count.
pub(crate) fn says_one(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| find(&text, word).is_some())
}

/// Whether the text ends with one of the words; what is no word behind it does not count.
pub(crate) fn ends_with_one(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    words.iter().any(|word| {
        let word = word.trim().to_lowercase();
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let joins = |c: char| c.is_alphanumeric() && !is_cjk(c);
        !word.is_empty()
            && text.strip_suffix(word).is_some_and(|before| {
                !(before.chars().next_back().is_some_and(joins) && word.chars().next().is_some_and(joins))
            })
    })
}

/// The text without the words; empty if nothing that could be asked is left.
pub(crate) fn without(text: &str, words: &[String]) -> String {
    let mut text = text.to_owned();
    for word in words {
        loop {
            let lower = text.to_lowercase();
            // Positions carry over only where lower-casing keeps every length.
            if lower.len() != text.len() {
                break;
            }
            let Some((start, end)) =
                find(&lower, word).filter(|&(a, b)| text.is_char_boundary(a) && text.is_char_boundary(b))
            else {
                break;
            };
            text.replace_range(start..end, " ");
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_start_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// First place of the word in a lower-case text, as a byte range.
fn find(text: &str, word: &str) -> Option<(usize, usize)> {
    let word = word.trim().to_lowercase();
    if word.is_empty() {
        return None;
    }
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !is_cjk(c));
    let cut_off = |inside: Option<char>, outside: Option<char>| !(joins(inside) && joins(outside));
    text.match_indices(&word).map(|(start, found)| (start, start + found.len())).find(|&(start, end)| {
        cut_off(word.chars().next(), text[..start].chars().next_back())
            && cut_off(word.chars().next_back(), text[end..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_word_is_found_in_any_case_but_not_inside_another() {
        assert!(says_one("Please STOP now", &words(&["wait", "stop"])));
        assert!(!says_one("unstoppable", &words(&["stop"])));
        assert!(says_one("请停一下", &words(&["停"])));
        assert!(!says_one("anything", &words(&["", " "])));
    }

    #[test]
    fn a_word_at_the_end_is_found_behind_whatever_is_no_word() {
        assert!(ends_with_one("That is all, over.", &words(&["Over"])));
        assert!(ends_with_one("我说完了。", &words(&["说完了"])));
        for text in ["over and out", "moreover", "", "..."] {
            assert!(!ends_with_one(text, &words(&["over", "", "."])), "{text}");
        }
    }

    #[test]
    fn the_word_is_taken_out_and_the_rest_stays() {
        assert_eq!(without("Stop, what about Tuesday?", &words(&["stop"])), "what about Tuesday?");
        assert_eq!(without("Stop. STOP!", &words(&["stop"])), "");
    }
}
