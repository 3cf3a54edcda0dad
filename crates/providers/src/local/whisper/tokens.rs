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
    /// The other way round.
    ids: HashMap<Vec<u8>, u32>,
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
    /// What follows is text from before the audio.
    previous: Option<u32>,
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

/// Tokens of a prompt: half of what the model was trained with. Each costs a little time in every run.
const MAX_PROMPT: usize = 112;

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
        let ids = pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty());
        Ok(Tokens {
            ids: ids.map(|(id, piece)| (piece.clone(), id as u32)).collect(),
            previous: special("<|startofprev|>").ok(),
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

    /// What makes the model expect these words: they stand before its text as if they had been said just now. Empty for none.
    /// At most [`MAX_PROMPT`] tokens; words that don't fit are left out.
    pub(super) fn prompt(&self, words: &[String]) -> Vec<u32> {
        let Some(previous) = self.previous.filter(|_| !words.is_empty()) else { return Vec::new() };
        let mut prompt = vec![previous];
        for (n, word) in words.iter().enumerate() {
            let mut tokens = if n > 0 { self.encode(",") } else { Vec::new() };
            tokens.extend(word.split_whitespace().flat_map(|part| self.encode(&format!(" {part}"))));
            if prompt.len() + tokens.len() > MAX_PROMPT {
                break;
            }
            prompt.extend(tokens);
        }
        prompt
    }

    /// Byte-pair encoding: the pair whose joint piece was learnt first is joined, until none is left.
    fn encode(&self, text: &str) -> Vec<u32> {
        let mut parts: Vec<Vec<u8>> = text.bytes().map(|byte| vec![byte]).collect();
        loop {
            let joint = |n: usize| self.ids.get(&[parts[n].as_slice(), parts[n + 1].as_slice()].concat()).copied();
            let pairs = (0..parts.len().saturating_sub(1)).filter_map(|n| Some((joint(n)?, n)));
            let Some((_, n)) = pairs.min() else { break };
            let second = parts.remove(n + 1);
            parts[n].extend(second);
        }
        parts.iter().filter_map(|part| self.ids.get(part).copied()).collect()
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
    fn words_become_a_prompt_of_the_pieces_learnt_first() {
        let json = r#"{"model": {"vocab": {"H": 0, "i": 1, "Ġ": 2, ",": 3, "ĠH": 4, "Hi": 5, "ĠHi": 6, "<|endoftext|>": 9}}, "added_tokens": [
            {"id": 9, "content": "<|endoftext|>"}, {"id": 10, "content": "<|startoftranscript|>"}, {"id": 11, "content": "<|translate|>"},
            {"id": 12, "content": "<|transcribe|>"}, {"id": 13, "content": "<|startofprev|>"}, {"id": 14, "content": "<|nocaptions|>"},
            {"id": 15, "content": "<|notimestamps|>"}]}"#;
        let tokens = Tokens::parse(json.as_bytes()).unwrap();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(tokens.prompt(&words(&["Hi", "iH Hi"])), [13, 6, 3, 2, 1, 0, 6]);
        assert_eq!(tokens.prompt(&[]), Vec::<u32>::new());
        assert!(tokens.prompt(&words(&["Hi"; 200])).len() <= MAX_PROMPT);
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
