//! Which part of a growing transcript can be believed: the beginning on which two runs in a row agree.
//!
//! A recogniser that decodes the growing utterance again and again changes its mind about the last word or two only.
//! Words are compared without case and punctuation, because a word at the end of the audio often gets a full stop that
//! is gone when more follows. Scripts without spaces are compared character by character.

/// The runs over one utterance.
#[derive(Debug, Default)]
pub struct Agreement {
    previous: Vec<String>,
}

impl Agreement {
    pub fn new() -> Agreement {
        Agreement::default()
    }

    /// Takes the text of the latest run and gives the beginning of it that the run before had too, without the
    /// punctuation at its end.
    pub fn update<'a>(&mut self, text: &'a str) -> &'a str {
        let units = units(text);
        let agreed = units.iter().zip(&self.previous).take_while(|(now, before)| now.folded == **before).count();
        let end = agreed.checked_sub(1).map_or(0, |last| units[last].end);
        self.previous = units.into_iter().map(|unit| unit.folded).collect();
        text[..end].trim_end_matches(|c: char| !c.is_alphanumeric())
    }
}

/// A word, or a character of a script that puts no spaces between words.
struct Unit {
    /// Lower case, without punctuation; not empty.
    folded: String,
    /// Byte offset behind it in the text.
    end: usize,
}

fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut word = String::new();
    for (at, c) in text.char_indices() {
        if (c.is_whitespace() || is_spaceless(c)) && !word.is_empty() {
            units.push(Unit { folded: std::mem::take(&mut word), end: at });
        }
        if is_spaceless(c) {
            units.push(Unit { folded: c.to_string(), end: at + c.len_utf8() });
        } else if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        units.push(Unit { folded: word, end: text.len() });
    }
    units
}

/// Appends a further stretch of speech to the text so far.
pub fn join(text: &mut String, more: &str) {
    let both = (text.chars().next_back(), more.chars().next());
    let spaced = |c: char| !is_spaceless(c) && !matches!(c, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}');
    if let (Some(before), Some(after)) = both
        && spaced(before)
        && spaced(after)
    {
        text.push(' ');
    }
    text.push_str(more);
}

/// Han, kana, and the South-East Asian scripts without word spaces.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}'
        | '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_of(runs: &[&str]) -> String {
        let mut agreement = Agreement::new();
        runs.iter().map(|run| agreement.update(run).to_owned()).last().unwrap_or_default()
    }

    #[test]
    fn a_single_run_is_not_believed() {
        assert_eq!(last_of(&["I would like"]), "");
    }

    #[test]
    fn the_beginning_common_to_two_runs_is_believed() {
        assert_eq!(last_of(&["I would like tea", "I would like to go"]), "I would like");
        assert_eq!(last_of(&["Five", "Four queens"]), "");
    }

    #[test]
    fn case_and_punctuation_do_not_matter_and_the_newer_spelling_is_taken() {
        assert_eq!(last_of(&["and mister. John.", "And Mister John Dashwood had"]), "And Mister John");
        assert_eq!(last_of(&["so, well.", "So - well, then."]), "So - well");
    }

    #[test]
    fn only_the_last_two_runs_count() {
        assert_eq!(last_of(&["one two three", "one", "one two three"]), "one");
    }

    #[test]
    fn stretches_are_joined_with_a_space_where_the_script_has_spaces() {
        for (first, second, whole) in [
            ("", "Hello.", "Hello."),
            ("Hello.", "You?", "Hello. You?"),
            ("你好。", "再见", "你好。再见"),
            ("Hi", "", "Hi"),
        ] {
            let mut text = first.to_owned();
            join(&mut text, second);
            assert_eq!(text, whole);
        }
    }

    #[test]
    fn chinese_is_compared_by_character() {
        assert_eq!(last_of(&["今天天气好。", "今天天气怎么样"]), "今天天气");
        assert_eq!(last_of(&["我用iPhone打", "我用iPhone打电话"]), "我用iPhone打");
    }
}
