//! How words are said (`TtsConfig.PronunciationRules`, server-api §5.1): replaced where the text is handed to synthesis.
//! Subtitles, records and the history keep the written form.
//!
//! Rules are applied in order, each to what the one before left, and none to what it has put in itself. Case counts. A word of
//! letters inside a longer one is left alone.

use crate::text::is_cjk;
use ringline_model::PronunciationRule;

/// The text as it is to be said.
pub(crate) fn pronounced(text: &str, rules: &[PronunciationRule]) -> String {
    rules.iter().filter(|rule| !rule.word.is_empty()).fold(text.to_owned(), |text, rule| replaced(&text, rule))
}

fn replaced(text: &str, rule: &PronunciationRule) -> String {
    let joins = |a: Option<char>, b: Option<char>| [a, b].into_iter().all(|c| c.is_some_and(is_word_part));
    let (first, last) = (rule.word.chars().next(), rule.word.chars().next_back());
    let mut said = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(&rule.word) {
        let end = at + rule.word.len();
        let inside_word = joins(text[..at].chars().next_back(), first) || joins(last, text[end..].chars().next());
        if !inside_word {
            said.push_str(&text[done..at]);
            said.push_str(&rule.pronunciation);
            done = end;
        }
    }
    said + &text[done..]
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() && !is_cjk(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, rules: &[(&str, &str)]) -> String {
        let rules: Vec<_> = rules
            .iter()
            .map(|(word, pronunciation)| PronunciationRule {
                word: (*word).to_owned(),
                pronunciation: (*pronunciation).to_owned(),
            })
            .collect();
        pronounced(text, &rules)
    }

    #[test]
    fn words_are_replaced_in_the_order_of_the_rules() {
        assert_eq!(said("重庆的重量", &[("重庆", "崇庆"), ("崇", "虫")]), "虫庆的重量");
        assert_eq!(said("aa", &[("aa", "a-a-a")]), "a-a-a");
    }

    #[test]
    fn a_word_inside_another_is_left_alone() {
        assert_eq!(said("SQL, MySQL and SQL.", &[("SQL", "sequel")]), "sequel, MySQL and sequel.");
        assert_eq!(said("用SQL吗", &[("SQL", "sequel")]), "用sequel吗");
    }
}
