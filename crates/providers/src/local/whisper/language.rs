//! The vendor's language ids (server-api, `AsrLanguageId`) as Whisper's.

use super::tokens::Tokens;

/// What an utterance may be spoken in, as language tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Only(u32),
    /// The likeliest of these is taken, anew in every run.
    Among(Vec<u32>),
}

impl Language {
    /// The meaning of `id`; nothing, and what Whisper doesn't know, leaves the choice to the model.
    pub(super) fn of(id: Option<&str>, tokens: &Tokens) -> Language {
        let Some(id) = id else { return Language::any(tokens) };
        let id = id.to_ascii_lowercase();
        let codes: &[&str] = match id.as_str() {
            "zh_mandarin" => &["zh"],
            "zh_en" => &["zh", "en"],
            "jp" => &["ja"],
            // `en`, `es`, and what the vendor doesn't list: Whisper's own codes, also with a region (`pt-BR`).
            other => &[other.split(['-', '_']).next().unwrap_or(other)],
        };
        match codes.iter().filter_map(|code| tokens.language(code)).collect::<Vec<_>>().as_slice() {
            [] => {
                tracing::warn!(language = id, "Whisper does not know this language; it will guess");
                Language::any(tokens)
            }
            [token] => Language::Only(*token),
            several => Language::Among(several.to_vec()),
        }
    }

    fn any(tokens: &Tokens) -> Language {
        Language::Among(tokens.languages().collect())
    }
}
