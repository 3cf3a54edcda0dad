//! What of a server's tools is offered to language models, and what of a result they are given.

use ringline_model::ToolDefinition;
use rmcp::model::{CallToolResult, ContentBlock, Tool};
use serde_json::Value;

pub const MAX_TOOLS: usize = 64;
const MAX_DESCRIPTION: usize = 1024;
const MAX_SCHEMA: usize = 16 * 1024;
/// What OpenAI's protocol takes as a name.
const MAX_NAME: usize = 64;
/// In bytes. The conversation cuts it once more, to what a model should read.
const MAX_RESULT: usize = 16 * 1024;

/// A tool: how its server calls it, and as what it is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    pub name: String,
    pub definition: ToolDefinition,
}

/// The tools of a server that can be offered.
pub fn offer(server: &str, tools: Vec<Tool>) -> Vec<Offered> {
    let mut offered: Vec<Offered> = Vec::new();
    for tool in tools {
        let full = format!("{server}__{}", plain(&tool.name));
        let schema = Value::Object(tool.input_schema.as_ref().clone());
        let fault = if offered.len() >= MAX_TOOLS {
            "the server has too many tools"
        } else if full.len() > MAX_NAME {
            "its name is too long"
        } else if schema.to_string().len() > MAX_SCHEMA {
            "its schema is too large"
        } else if offered.iter().any(|known| known.definition.name == full) {
            "another one has its name"
        } else {
            let description = tool.description.as_deref().unwrap_or_default();
            let description = description.chars().take(MAX_DESCRIPTION).collect();
            let definition = ToolDefinition { name: full, description, parameters: schema };
            offered.push(Offered { name: tool.name.to_string(), definition });
            continue;
        };
        tracing::warn!(server, tool = plain(&tool.name), "a tool is not offered: {fault}");
    }
    offered
}

/// A name with the characters that OpenAI's protocol takes.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).collect()
}

/// A result in words. The error is a tool's own report that it has failed.
pub fn read(result: CallToolResult) -> Result<String, String> {
    let failed = result.is_error == Some(true);
    let blocks = result.content.into_iter().map(|block| match block {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Image(_) => "[an image]".to_owned(),
        ContentBlock::Audio(_) => "[audio]".to_owned(),
        ContentBlock::Resource(_) => "[a resource]".to_owned(),
        ContentBlock::ResourceLink(link) => format!("[a link: {}]", link.uri),
        _ => String::new(),
    });
    let mut text = blocks.filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n");
    if text.is_empty()
        && let Some(structured) = result.structured_content
    {
        text = structured.to_string();
    }
    if text.is_empty() {
        text = if failed { "the tool failed and says nothing" } else { "(nothing)" }.to_owned();
    }
    text.truncate(text.floor_char_boundary(MAX_RESULT));
    if failed { Err(text) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(json: Value) -> Tool {
        serde_json::from_value(json).expect("a tool")
    }

    fn plain_tool(name: &str) -> Tool {
        tool(json!({"name": name, "inputSchema": {"type": "object"}}))
    }

    #[test]
    fn tools_are_offered_under_the_name_of_their_server_and_within_limits() {
        let described = tool(json!({"name": "read file", "description": "d".repeat(5000),
            "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}));
        let large = tool(json!({"name": "large", "inputSchema": {"type": "object", "x": "y".repeat(MAX_SCHEMA)}}));
        let names = [plain_tool(&"n".repeat(80)), large, described, plain_tool("read_file"), plain_tool("list")];
        let offered = offer("files", names.to_vec());
        let named: Vec<_> = offered.iter().map(|tool| (&*tool.name, &*tool.definition.name)).collect();
        assert_eq!(named, [("read file", "files__read_file"), ("list", "files__list")]);
        assert_eq!(offered[0].definition.description.len(), MAX_DESCRIPTION);
        assert_eq!(offered[0].definition.parameters["properties"]["path"]["type"], "string");
        let many = (0..2 * MAX_TOOLS).map(|n| plain_tool(&format!("t{n}"))).collect();
        assert_eq!(offer("files", many).len(), MAX_TOOLS);
    }

    #[test]
    fn a_result_is_words_and_a_tools_own_failure_is_one() {
        let result = |json| read(serde_json::from_value(json).expect("a result"));
        let text =
            json!([{"type": "text", "text": "It rains."}, {"type": "image", "data": "", "mimeType": "image/png"}]);
        assert_eq!(result(json!({"content": text})), Ok("It rains.\n[an image]".into()));
        assert_eq!(result(json!({"content": [], "structuredContent": {"a": 1}})), Ok("{\"a\":1}".into()));
        assert_eq!(result(json!({"content": []})), Ok("(nothing)".into()));
        let failed = json!({"content": [{"type": "text", "text": "no such city"}], "isError": true});
        assert_eq!(result(failed), Err("no such city".into()));
        let long = result(json!({"content": [{"type": "text", "text": "é".repeat(MAX_RESULT)}]}));
        assert!(long.expect("words").len() <= MAX_RESULT);
    }
}
