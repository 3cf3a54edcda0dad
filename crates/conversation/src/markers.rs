//! Commands inside a response's text (server-api §8.1, §8.2): `<imsagent_hangup endword="…"/>`,
//! `<imsagent_transfer_call … err_msg="…"/>` and `<No Interrupting>`; and our own `<ringline_emotion value="…"/>`, which says how
//! what follows is said. They are taken out of the text, however it was cut into chunks. Names in any case; attributes with or
//! without quotes, full-width ones too, commas or none between them.

use crate::Emotion;

/// Longest marker, in characters; what is longer is dropped up to its end.
const MAX_MARKER_CHARS: usize = 1024;

const HANG_UP: &str = "<imsagent_hangup";
const TRANSFER: &str = "<imsagent_transfer_call";
const NO_INTERRUPTING: &str = "<no interrupting";
const EMOTION: &str = "<ringline_emotion";
const KNOWN: [&str; 4] = [HANG_UP, TRANSFER, NO_INTERRUPTING, EMOTION];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// Say the word, then hang up.
    HangUp {
        end_word: String,
    },
    /// Transfer the telephone call, or say that it failed.
    Transfer {
        error_message: String,
    },
    NoInterrupting,
    /// What follows is said like this; none: as usual.
    Emotion(Option<Emotion>),
}

#[derive(Debug, Default)]
pub(crate) struct Markers {
    /// Text from a `<` on that may be a marker.
    held: String,
}

impl Markers {
    /// What is certain with this chunk.
    pub fn push(&mut self, chunk: &str) -> Vec<Piece> {
        let mut out = Vec::new();
        for c in chunk.chars() {
            if self.held.is_empty() && c != '<' {
                append(&mut out, c);
                continue;
            }
            if c == '<' && !self.held.is_empty() && !self.is_known() {
                self.release(&mut out);
            }
            if self.held.chars().count() < MAX_MARKER_CHARS {
                self.held.push(c);
            }
            if matches!(c, '>' | '＞') && self.is_known() {
                out.extend(parse(&std::mem::take(&mut self.held)));
            } else if !self.may_be_known() {
                self.release(&mut out);
            }
        }
        out
    }

    /// The rest: no more text follows. A marker without an end counts.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut out = Vec::new();
        if self.is_known() {
            out.extend(parse(&std::mem::take(&mut self.held)));
        } else {
            self.release(&mut out);
        }
        out
    }

    fn is_known(&self) -> bool {
        let held = self.held.to_lowercase();
        KNOWN.iter().any(|name| held.starts_with(name))
    }

    fn may_be_known(&self) -> bool {
        let held = self.held.to_lowercase();
        KNOWN.iter().any(|name| held.starts_with(name) || name.starts_with(&held))
    }

    fn release(&mut self, out: &mut Vec<Piece>) {
        self.held.drain(..).for_each(|c| append(out, c));
    }
}

fn append(out: &mut Vec<Piece>, c: char) {
    match out.last_mut() {
        Some(Piece::Text(text)) => text.push(c),
        _ => out.push(Piece::Text(c.to_string())),
    }
}

fn parse(marker: &str) -> Option<Piece> {
    let lower = marker.to_lowercase();
    if lower.starts_with(NO_INTERRUPTING) {
        Some(Piece::NoInterrupting)
    } else if lower.starts_with(HANG_UP) {
        Some(Piece::HangUp { end_word: attribute(marker, "endword") })
    } else if lower.starts_with(TRANSFER) {
        Some(Piece::Transfer { error_message: attribute(marker, "err_msg") })
    } else if lower.starts_with(EMOTION) {
        Some(Piece::Emotion(Emotion::named(&attribute(marker, "value"))))
    } else {
        None
    }
}

/// The value of an attribute; empty if it is absent.
fn attribute(marker: &str, name: &str) -> String {
    let body = marker.trim_end_matches(['>', '＞']).trim_end_matches('/');
    let values = body.match_indices(name).filter_map(|(at, _)| {
        let apart = body[..at].ends_with(|c: char| c.is_whitespace() || matches!(c, ',' | '，'));
        let rest = body[at + name.len()..].trim_start().strip_prefix(['=', '＝'])?;
        apart.then(|| value(rest.trim_start()))
    });
    values.map(str::trim).next().unwrap_or_default().to_owned()
}

fn value(text: &str) -> &str {
    const DOUBLE: &[char] = &['"', '“', '”', '＂'];
    const SINGLE: &[char] = &['\'', '‘', '’', '＇'];
    for quotes in [DOUBLE, SINGLE] {
        if let Some(quoted) = text.strip_prefix(quotes) {
            return quoted.split(quotes).next().unwrap_or_default();
        }
    }
    text.split([',', '，']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pieces of a text that comes in these chunks; neighbouring texts are one.
    fn pieces_of(chunks: &[&str]) -> Vec<Piece> {
        let mut markers = Markers::default();
        let mut pieces: Vec<Piece> = chunks.iter().flat_map(|chunk| markers.push(chunk)).collect();
        pieces.extend(markers.finish());
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(more)) => before.push_str(&more),
                (_, piece) => joined.push(piece),
            }
        }
        joined
    }

    fn pieces(text: &str) -> Vec<Piece> {
        pieces_of(&[text])
    }

    fn hang_up(end_word: &str) -> Piece {
        Piece::HangUp { end_word: end_word.to_owned() }
    }

    #[test]
    fn a_hang_up_is_found_in_every_spelling() {
        for text in [
            r#"<imsagent_hangup endword="Good bye, Ann."/>"#,
            r#"<IMSAGENT_HANGUP  endword = "Good bye, Ann." >"#,
            "<imsagent_hangup, endword='Good bye, Ann.'/>",
            "<imsagent_hangup endword＝“Good bye, Ann.”/＞",
            r#"<imsagent_hangup endword="Good bye, Ann.""#,
        ] {
            assert_eq!(pieces(text), [hang_up("Good bye, Ann.")], "{text}");
        }
        assert_eq!(pieces("<imsagent_hangup endword=再见/>"), [hang_up("再见")]);
        assert_eq!(pieces("<imsagent_hangup/>"), [hang_up("")]);
    }

    #[test]
    fn a_transfer_gives_what_to_say_when_it_fails() {
        let text = r#"<imsagent_transfer_call caller="1", callee=2, err_msg="No luck", msg=Wait/>"#;
        assert_eq!(pieces(text), [Piece::Transfer { error_message: "No luck".to_owned() }]);
    }

    #[test]
    fn an_emotion_is_known_by_its_name_and_another_one_is_none() {
        let emotion = |name: &str| pieces(&format!("<ringline_emotion value=\"{name}\"/>"));
        assert_eq!(emotion("happy"), [Piece::Emotion(Some(Emotion::Happy))]);
        assert_eq!(emotion("SAD"), [Piece::Emotion(Some(Emotion::Sad))]);
        assert_eq!(emotion("hungry"), [Piece::Emotion(None)]);
        assert_eq!(pieces("<ringline_emotion>"), [Piece::Emotion(None)]);
    }

    #[test]
    fn text_around_markers_stays_and_other_angles_are_text() {
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces("a <b <No Interrupting>c"), [text("a <b "), Piece::NoInterrupting, text("c")]);
        assert_eq!(pieces("1 < 2 <im"), [text("1 < 2 <im")]);
        assert_eq!(pieces("<<imsagent_hangup>"), [text("<"), hang_up("")]);
    }

    proptest! {
        #[test]
        fn how_the_text_was_cut_into_chunks_does_not_matter(
            text in "(<|>|/|a|\"|<imsagent_hangup endword=|<No Interrupting>|<imsagent_|<ringline_emotion value=){0,12}",
            at in 0usize..200,
        ) {
            let cut = at.min(text.len());
            prop_assert_eq!(pieces_of(&[&text[..cut], &text[cut..]]), pieces(&text));
        }
    }
}
