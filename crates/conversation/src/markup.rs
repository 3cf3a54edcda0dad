//! Takes out of a response's text what is meant for the eye: markdown signs, code blocks, emoji.
//!
//! Works character by character, so it does not matter how the text was cut into chunks. Contents of fenced code blocks
//! are dropped whole; everything else keeps its words.

/// Backticks in a row that open or close a code block.
const FENCE: u32 = 3;

#[derive(Debug)]
pub(crate) struct Markup {
    ticks: u32,
    fenced: bool,
    at_line_start: bool,
    /// A `-` at the start of a line: a list sign if white space follows, else a minus.
    dash: bool,
}

impl Markup {
    pub fn new() -> Self {
        Self { ticks: 0, fenced: false, at_line_start: true, dash: false }
    }

    /// Hands what is left of `c` to `emit`: nothing, the character, or white space instead of it.
    pub fn feed(&mut self, c: char, emit: &mut impl FnMut(char)) {
        if c == '`' {
            self.ticks += 1;
            if self.ticks == FENCE {
                self.fenced = !self.fenced;
                emit('\n');
            }
            return;
        }
        self.ticks = 0;
        if self.fenced {
            return;
        }
        if std::mem::take(&mut self.dash) {
            if c.is_whitespace() {
                self.at_line_start = c == '\n';
                return;
            }
            emit('-');
        }
        if c == '\n' {
            self.at_line_start = true;
            return emit('\n');
        }
        if self.at_line_start {
            if c.is_whitespace() || c == '>' {
                return;
            }
            if c == '-' || c == '+' {
                self.dash = c == '-';
                return;
            }
            self.at_line_start = false;
        }
        match c {
            '*' | '#' => {}
            '|' | '•' => emit(' '),
            '\r' => {}
            c if is_pictogram(c) => {}
            c if c.is_control() || c.is_whitespace() => emit(' '),
            c => emit(c),
        }
    }
}

/// Emoji, arrows, dingbats and the invisible characters that combine them (Unicode blocks of those names).
fn is_pictogram(c: char) -> bool {
    matches!(u32::from(c),
        0x200D | 0x20E3 | 0x2190..=0x21FF | 0x2300..=0x23FF | 0x2500..=0x27BF | 0x2B00..=0x2BFF
        | 0xFE00..=0xFE0F | 0x1F000..=0x1FAFF | 0xE0000..=0xE007F)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        let (mut markup, mut out) = (Markup::new(), String::new());
        for c in text.chars() {
            markup.feed(c, &mut |c| out.push(c));
        }
        out
    }

    #[test]
    fn signs_for_the_eye_are_not_spoken() {
        assert_eq!(cleaned("# Title\n**bold** and `code` 👍🏽 ok"), " Title\nbold and code  ok");
    }

    #[test]
    fn a_list_sign_goes_and_a_minus_stays() {
        assert_eq!(cleaned("- one\n-5 degrees\n  - two\na - b"), "one\n-5 degrees\ntwo\na - b");
    }

    #[test]
    fn a_code_block_is_dropped_with_its_contents() {
        assert_eq!(cleaned("See:\n```rust\nfn main() {}\n```\nDone"), "See:\n\n\n\nDone");
    }
}
