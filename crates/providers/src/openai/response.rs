//! What comes back: the pieces of a streamed answer, an answer in one piece, or an error in the service's own words.

use serde::Deserialize;

/// Longest quotation from an error's body, in characters.
const MAX_QUOTE: usize = 300;

/// One piece of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// The service says that the answer is complete.
    pub(super) last: bool,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    /// Of a stream.
    delta: Option<Content>,
    /// Of an answer in one piece.
    message: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    content: Option<String>,
}

/// Reads one JSON text. An error is the service's message about its failure, or about what is wrong with the text.
pub(super) fn piece(json: &str) -> Result<Piece, String> {
    let answer: Answer = serde_json::from_str(json).map_err(|error| format!("it sent no JSON that fits: {error}"))?;
    if let Some(error) = answer.error.filter(|error| !error.is_null()) {
        let message = error.get("message").and_then(|message| message.as_str()).map(str::to_owned);
        return Err(message.unwrap_or_else(|| error.to_string()));
    }
    // Usage reports have no choice; of several choices the first was asked for.
    let Some(choice) = answer.choices.into_iter().next() else { return Ok(Piece::default()) };
    let content = choice.delta.or(choice.message).and_then(|content| content.content);
    Ok(Piece { text: content.unwrap_or_default(), last: choice.finish_reason.is_some() })
}

/// A body as it may be shown in an error: short, on one line, without the key.
pub(super) fn quote(body: &str, key: Option<&str>) -> String {
    let body = match key.filter(|key| !key.is_empty()) {
        Some(key) => body.replace(key, "…"),
        None => body.to_owned(),
    };
    let line = body.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    line.collect::<Vec<_>>().join(" ").chars().take(MAX_QUOTE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_carry_text_and_the_end() {
        let text = |text: &str, last| Ok(Piece { text: text.into(), last });
        assert_eq!(piece(r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}"#), text("Hi", false));
        assert_eq!(piece(r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#), text("", false));
        assert_eq!(piece(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#), text("", true));
        assert_eq!(piece(r#"{"choices":[],"usage":{"total_tokens":3}}"#), text("", false));
        let whole = r#"{"choices":[{"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"x":1}"#;
        assert_eq!(piece(whole), text("Hello.", true));
        assert_eq!(piece(r#"{"choices":[{"delta":{"reasoning_content":"Hm"}}]}"#), text("", false));
    }

    #[test]
    fn errors_speak_for_themselves() {
        assert_eq!(piece(r#"{"error":{"message":"overloaded","code":3}}"#), Err("overloaded".into()));
        assert_eq!(piece(r#"{"error":"no such model"}"#), Err("\"no such model\"".into()));
        assert!(piece("<html>").is_err_and(|message| message.contains("no JSON")));
    }

    #[test]
    fn quotations_are_short_and_without_the_key() {
        assert_eq!(quote("bad key\r\n sk-123!", Some("sk-123")), "bad key …!");
        assert_eq!(quote(&"é".repeat(1_000), None).chars().count(), MAX_QUOTE);
        assert_eq!(quote("plain", Some("")), "plain");
    }
}
