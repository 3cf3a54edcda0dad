//! What comes back: the pieces of a streamed answer, an answer in one piece, or an error in the service's own words.

use ringline_model::ToolCall;
use serde::Deserialize;
use serde_json::Value;

/// Calls of one answer, and bytes of the arguments of each; with more the answer has failed.
const MAX_CALLS: usize = 32;
const MAX_ARGUMENTS: usize = 64 * 1024;

/// One piece of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) calls: Vec<CallDelta>,
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
    /// What services call the model's thoughts.
    #[serde(alias = "reasoning")]
    reasoning_content: Option<Value>,
    tool_calls: Option<Vec<CallDelta>>,
}

/// A part of a tool call. Parts with the same index belong together.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) struct CallDelta {
    index: Option<usize>,
    id: Option<String>,
    #[serde(default)]
    function: FunctionDelta,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
struct FunctionDelta {
    name: Option<String>,
    /// A JSON text; some services send the object itself.
    arguments: Option<Value>,
}

/// The calls of one answer, put together from their parts.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<(usize, ToolCall)>);

impl Calls {
    /// False: more than an answer may have.
    pub(super) fn add(&mut self, delta: CallDelta) -> bool {
        // Without an index a part with an id is a call of its own, and one without belongs to the last.
        let last = self.0.last().map(|(index, _)| *index);
        let index = delta.index.unwrap_or_else(|| match (last, &delta.id) {
            (None, _) => 0,
            (Some(last), None) => last,
            (Some(last), Some(_)) => last + 1,
        });
        let at = self.0.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            self.0.push((index, ToolCall::default()));
            self.0.len() - 1
        });
        let call = &mut self.0[at].1;
        if let Some(id) = delta.id.filter(|id| !id.is_empty()) {
            call.id = id;
        }
        // The name comes whole, in some services again and again.
        if let Some(name) = delta.function.name.filter(|name| !name.is_empty()) {
            call.name = name;
        }
        match delta.function.arguments {
            Some(Value::String(text)) => call.arguments.push_str(&text),
            Some(Value::Null) | None => {}
            Some(value) => call.arguments.push_str(&value.to_string()),
        }
        let fits = call.arguments.len() <= MAX_ARGUMENTS;
        fits && self.0.len() <= MAX_CALLS
    }

    /// Those with a name, each with an id of its own.
    pub(super) fn finish(self) -> Vec<ToolCall> {
        let named = self.0.into_iter().map(|(_, call)| call).filter(|call| !call.name.is_empty());
        let mut calls: Vec<ToolCall> = Vec::new();
        for mut call in named {
            if call.id.is_empty() || calls.iter().any(|known| known.id == call.id) {
                call.id = format!("call_{}", calls.len());
            }
            calls.push(call);
        }
        calls
    }
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
    let last = choice.finish_reason.is_some();
    let Some(content) = choice.delta.or(choice.message) else { return Ok(Piece { last, ..Piece::default() }) };
    let reasoning = content.reasoning_content.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let (text, calls) = (content.content.unwrap_or_default(), content.tool_calls.unwrap_or_default());
    Ok(Piece { text, reasoning, calls, last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_carry_text_and_the_end() {
        let text = |text: &str, last| Ok(Piece { text: text.into(), last, ..Piece::default() });
        assert_eq!(piece(r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}"#), text("Hi", false));
        assert_eq!(piece(r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#), text("", false));
        assert_eq!(piece(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#), text("", true));
        assert_eq!(piece(r#"{"choices":[],"usage":{"total_tokens":3}}"#), text("", false));
        let whole = r#"{"choices":[{"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"x":1}"#;
        assert_eq!(piece(whole), text("Hello.", true));
    }

    #[test]
    fn thoughts_are_no_text() {
        for name in ["reasoning_content", "reasoning"] {
            let piece = piece(&format!(r#"{{"choices":[{{"delta":{{"{name}":"Hm"}}}}]}}"#)).expect("fits");
            assert_eq!((piece.text.as_str(), piece.reasoning.as_str()), ("", "Hm"));
        }
    }

    #[test]
    fn parts_of_calls_are_joined_by_their_index() {
        let mut calls = Calls::default();
        for part in [
            r#"{"index":0,"id":"a","type":"function","function":{"name":"weather","arguments":""}}"#,
            r#"{"index":1,"id":"b","function":{"name":"time","arguments":"{}"}}"#,
            r#"{"index":0,"function":{"arguments":"{\"city\":"}}"#,
            r#"{"index":0,"function":{"name":"weather","arguments":"\"Bern\"}"}}"#,
        ] {
            let json = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{part}]}}}}]}}"#);
            piece(&json).expect("fits").calls.into_iter().for_each(|delta| assert!(calls.add(delta)));
        }
        let call = |id: &str, name: &str, arguments: &str| ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            result: String::new(),
        };
        assert_eq!(calls.finish(), [call("a", "weather", "{\"city\":\"Bern\"}"), call("b", "time", "{}")]);
    }

    #[test]
    fn calls_without_index_or_id_are_told_apart() {
        let mut calls = Calls::default();
        for part in [
            json!({"function": {"name": "one", "arguments": {"a": 1}}}),
            json!({"id": "x", "function": {"name": "two"}}),
            json!({"id": "x", "function": {"name": "three"}}),
            json!({"index": 9, "id": "y", "function": {}}),
        ] {
            assert!(calls.add(serde_json::from_value(part).expect("fits")));
        }
        let calls = calls.finish();
        let named: Vec<_> = calls.iter().map(|call| (call.id.as_str(), call.name.as_str())).collect();
        assert_eq!(named, [("call_0", "one"), ("x", "two"), ("call_2", "three")]);
        assert_eq!(calls[0].arguments, "{\"a\":1}");
    }

    #[test]
    fn errors_speak_for_themselves() {
        assert_eq!(piece(r#"{"error":{"message":"overloaded","code":3}}"#), Err("overloaded".into()));
        assert_eq!(piece(r#"{"error":"no such model"}"#), Err("\"no such model\"".into()));
        assert!(piece("<html>").is_err_and(|message| message.contains("no JSON")));
    }
}
