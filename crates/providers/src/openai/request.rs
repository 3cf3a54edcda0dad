//! What goes to the service.

use super::OpenAiConfig;
use crate::{ChatMessage, ChatRequest, ChatRole};
use ringline_model::ToolDefinition;
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
pub(super) struct Body<'r> {
    model: &'r str,
    stream: bool,
    messages: Vec<Message<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(rename = "extendData", skip_serializing_if = "Option::is_none")]
    extend_data: Option<ExtendData<'r>>,
}

#[derive(Serialize)]
struct Message<'r> {
    role: &'static str,
    content: Option<&'r str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'r str>,
}

/// A message, behind it the results of its calls.
fn spread(message: &ChatMessage) -> impl Iterator<Item = Message<'_>> {
    let role = match message.role {
        ChatRole::System => "system",
        ChatRole::User => "user",
        ChatRole::Assistant => "assistant",
    };
    let calls = message.calls.iter().map(|call| {
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
    });
    // Beside calls there may be no text, and then it is null.
    let content = Some(message.text.as_str()).filter(|text| message.calls.is_empty() || !text.is_empty());
    let first = Message { role, content, tool_calls: calls.collect(), tool_call_id: None };
    let results = message.calls.iter().map(|call| {
        let (content, tool_call_id) = (Some(call.result.as_str()), Some(call.id.as_str()));
        Message { role: "tool", content, tool_calls: Vec::new(), tool_call_id }
    });
    std::iter::once(first).chain(results)
}

fn offer(tool: &ToolDefinition) -> Value {
    let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
    json!({"type": "function", "function": function})
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtendData<'r> {
    instance_id: &'r str,
    channel_id: &'r str,
    sentence_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<&'r str>,
}

pub(super) fn body<'r>(config: &'r OpenAiConfig, request: &'r ChatRequest) -> Body<'r> {
    let context = &request.context;
    let extend_data = config.extend_data.then(|| ExtendData {
        instance_id: &context.instance_id,
        channel_id: &context.channel_id,
        sentence_id: context.sentence_id,
        user_data: context.user_data.as_deref(),
    });
    Body {
        model: &config.model,
        stream: true,
        messages: request.messages.iter().flat_map(spread).collect(),
        tools: request.tools.iter().map(offer).collect(),
        temperature: config.temperature,
        max_tokens: config.max_tokens,
        extend_data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChatContext;
    use ringline_model::ToolCall;

    #[test]
    fn the_body_is_the_vendors() {
        let request = ChatRequest {
            messages: vec![
                ChatMessage::new(ChatRole::System, "Be brief."),
                ChatMessage::new(ChatRole::User, "Is it raining?"),
            ],
            tools: Vec::new(),
            context: ChatContext {
                instance_id: "9f1c".into(),
                channel_id: "4a7d".into(),
                sentence_id: 3,
                user_data: Some("{\"order\":\"A1\"}".into()),
                extra_query: None,
            },
        };
        let mut config = OpenAiConfig::new("http://localhost", "abc");
        let messages =
            json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it raining?"}]);
        assert_eq!(
            serde_json::to_value(body(&config, &request)).expect("serialises"),
            json!({
                "model": "abc", "stream": true, "messages": messages,
                "extendData": {"instanceId": "9f1c", "channelId": "4a7d", "sentenceId": 3, "userData": "{\"order\":\"A1\"}"}
            })
        );
        config.extend_data = false;
        config.max_tokens = Some(100);
        assert_eq!(
            serde_json::to_value(body(&config, &request)).expect("serialises"),
            json!({"model": "abc", "stream": true, "messages": messages, "max_tokens": 100})
        );
    }

    #[test]
    fn tools_and_their_results_have_openais_form() {
        let call = ToolCall { id: "c1".into(), name: "weather".into(), result: "rain".into(), ..ToolCall::default() };
        let asked = ChatMessage { calls: vec![call], ..ChatMessage::new(ChatRole::Assistant, "") };
        let parameters = json!({"type": "object"});
        let tool = ToolDefinition { name: "weather".into(), description: "Tells it".into(), parameters };
        let context = ChatContext::default();
        let request = ChatRequest { messages: vec![asked], tools: vec![tool], context };
        let mut config = OpenAiConfig::new("http://localhost", "abc");
        config.extend_data = false;
        let call = json!({"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}});
        let function = json!({"name": "weather", "description": "Tells it", "parameters": {"type": "object"}});
        assert_eq!(
            serde_json::to_value(body(&config, &request)).expect("serialises"),
            json!({
                "model": "abc", "stream": true,
                "messages": [
                    {"role": "assistant", "content": null, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
                ],
                "tools": [{"type": "function", "function": function}],
            })
        );
    }
}
