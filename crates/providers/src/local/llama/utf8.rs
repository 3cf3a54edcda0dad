//! Text out of tokens whose bytes may end in the middle of a character.

/// Holds back the bytes of an unfinished character; bytes that can never become one turn into U+FFFD.
#[derive(Debug, Default)]
pub(super) struct Utf8Stream {
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// The text that is complete with these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    let Some(wrong) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[wrong..];
                }
            }
        }
        self.pending = rest.to_vec();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_split_over_tokens_come_out_whole() {
        let mut stream = Utf8Stream::default();
        let mut text = String::new();
        for byte in "Grüße, 世界 👋".as_bytes().chunks(1) {
            text.push_str(&stream.push(byte));
        }
        assert_eq!(text, "Grüße, 世界 👋");
        assert_eq!(stream.push(&[0xe4, 0xb8]), "");
        assert_eq!(stream.push(&[0x96]), "世");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_not_kept() {
        let mut stream = Utf8Stream::default();
        assert_eq!(stream.push(&[b'a', 0xff, b'b', 0xe4]), "a\u{fffd}b");
        assert_eq!(stream.push(b"c"), "\u{fffd}c");
    }
}
