//! Whisper's vocabulary: ids to text, and the ids with a meaning of their own.
//!
//! Read from the model's `tokenizer.json`: `model.vocab` (byte-pair pieces, each byte written as a printable character
//! by GPT-2's table) and `added_tokens` (everything like `<|en|>`).

use serde::Deserialize;
use std::collections::HashMap;

#[derive(Debug, thiserror::Error)]
pub(super) enum TokensError {
    #[error("the vocabulary cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the vocabulary has no {0}")]
    Missing(&'static str),
}

#[derive(Debug)]
pub(super) struct Tokens {
    /// Bytes of each ordinary token, by id.
    pieces: Vec<Vec<u8>>,
    /// Code → token, in the order of ids.
    languages: Vec<(String, u32)>,
    pub(super) end_of_text: u32,
    pub(super) start: u32,
    pub(super) transcribe: u32,
    pub(super) no_timestamps: u32,
    /// Its probability right after `start` says that nobody speaks.
    pub(super) no_speech: u32,
    /// A lone space.
    pub(super) blank: u32,
}

#[derive(Deserialize)]
struct File {
    model: Model,
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

/// Ids above this belong to no Whisper model.
const MAX_ID: u32 = 60_000;

impl Tokens {
    pub(super) fn parse(json: &[u8]) -> Result<Tokens, TokensError> {
        let file: File = serde_json::from_slice(json)?;
        let special = |text: &'static str| {
            let found = file.added_tokens.iter().find(|added| added.content == text && added.id < MAX_ID);
            found.map(|added| added.id).ok_or(TokensError::Missing(text))
        };
        let start = special("<|startoftranscript|>")?;
        let translate = special("<|translate|>")?;
        let end_of_text = special("<|endoftext|>")?;
        let mut languages: Vec<_> = file
            .added_tokens
            .iter()
            .filter(|added| (start + 1..translate).contains(&added.id))
            .filter_map(|added| Some((added.content.strip_prefix("<|")?.strip_suffix("|>")?.to_owned(), added.id)))
            .collect();
        languages.sort_by_key(|(_, id)| *id);
        let mut pieces = vec![Vec::new(); end_of_text as usize];
        let bytes = byte_table();
        for (piece, id) in &file.model.vocab {
            if let Some(place) = pieces.get_mut(*id as usize) {
                *place = piece.chars().filter_map(|c| bytes.get(&c).copied()).collect();
            }
        }
        Ok(Tokens {
            blank: *file.model.vocab.get("Ġ").ok_or(TokensError::Missing("blank"))?,
            pieces,
            languages,
            end_of_text,
            start,
            transcribe: special("<|transcribe|>")?,
            no_timestamps: special("<|notimestamps|>")?,
            no_speech: special("<|nocaptions|>").or_else(|_| special("<|nospeech|>"))?,
        })
    }

    pub(super) fn language(&self, code: &str) -> Option<u32> {
        self.languages.iter().find(|(known, _)| known == code).map(|(_, id)| *id)
    }

    pub(super) fn languages(&self) -> impl Iterator<Item = u32> {
        self.languages.iter().map(|(_, id)| *id)
    }

    /// The text of ordinary tokens. Half characters at the end are left out.
    pub(super) fn text(&self, ids: &[u32]) -> String {
        let pieces = ids.iter().filter_map(|id| self.pieces.get(*id as usize));
        let bytes: Vec<u8> = pieces.flatten().copied().collect();
        String::from_utf8_lossy(&bytes).trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()
    }
}

/// GPT-2's table: printable Latin-1 characters stand for themselves, the other bytes for characters from U+0100 on.
fn byte_table() -> HashMap<char, u8> {
    let mut others = 0x100u32..;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
            let c = if printable { Some(char::from(byte)) } else { others.next().and_then(char::from_u32) };
            c.map(|c| (c, byte))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let json = r#"{"model": {"vocab": {"Ġ": 0, "ĠHel": 1, "lo": 2, "å": 3, "¥½": 4, "<|endoftext|>": 5}}, "added_tokens": [
            {"id": 5, "content": "<|endoftext|>"}, {"id": 6, "content": "<|startoftranscript|>"}, {"id": 7, "content": "<|en|>"},
            {"id": 8, "content": "<|zh|>"}, {"id": 9, "content": "<|translate|>"}, {"id": 10, "content": "<|transcribe|>"},
            {"id": 11, "content": "<|nocaptions|>"}, {"id": 12, "content": "<|notimestamps|>"}]}"#;
        Tokens::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn pieces_become_text_and_a_half_character_is_left_out() {
        let tokens = tokens();
        assert_eq!(tokens.text(&[1, 2]), " Hello");
        assert_eq!(tokens.text(&[2, 3, 4]), "lo好");
        assert_eq!(tokens.text(&[2, 3]), "lo");
        assert_eq!(tokens.text(&[5, 8, 999]), "");
    }

    #[test]
    fn the_vendors_language_ids_are_known() {
        use super::super::language::Language;
        let tokens = tokens();
        let of = |id| Language::of(Some(id), &tokens);
        assert_eq!(of("en"), Language::Only(7));
        assert_eq!(of("zh_mandarin"), Language::Only(8));
        assert_eq!(of("zh_en"), Language::Among(vec![8, 7]));
        assert_eq!(of("en-GB"), Language::Only(7));
        assert_eq!(of("klingon"), Language::Among(vec![7, 8]));
        assert_eq!(Language::of(None, &tokens), Language::Among(vec![7, 8]));
    }
}
