//! Small questions about text that several machines ask.

/// Scripts written without spaces, where every character can be a boundary.
pub(crate) fn is_cjk(c: char) -> bool {
    matches!(u32::from(c),
        0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x2FA1F)
}

/// CJK characters and the full-width punctuation that goes with them.
fn is_wide(c: char) -> bool {
    is_cjk(c) || matches!(u32::from(c), 0x3000..=0x303F | 0xFF00..=0xFFEF)
}

/// Something a synthesiser can say.
pub(crate) fn is_speakable(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Two stretches of speech as one text: with a space between, unless the script has none.
pub(crate) fn join(first: &str, second: &str) -> String {
    match (first.chars().next_back(), second.chars().next()) {
        (None, _) => second.to_owned(),
        (_, None) => first.to_owned(),
        (Some(a), Some(b)) if is_wide(a) || is_wide(b) => format!("{first}{second}"),
        (Some(_), Some(_)) => format!("{first} {second}"),
    }
}

/// At most `most` characters of a text, without white space around it.
pub(crate) fn trimmed(text: &str, most: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(most) {
        Some((end, _)) => text[..end].trim_end().to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_joined_as_their_script_is_written() {
        assert_eq!(join("what is", "the time"), "what is the time");
        assert_eq!(join("今天", "星期几"), "今天星期几");
        assert_eq!(join("", "a"), "a");
        assert_eq!(join("a", ""), "a");
    }

    #[test]
    fn trimming_counts_characters_not_bytes() {
        assert_eq!(trimmed("  äöü ", 2), "äö");
    }
}
