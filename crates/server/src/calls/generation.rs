//! What a call asks its language model, and the tools the model calls.

use super::{CallEvent, CallEvents};
use crate::mcp::CallTools;
use crate::metrics::ProviderMeter;
use ringline_conversation::{Input, Message, Role, Stage};
use ringline_model::{BuiltIn, InstanceId, LlmConfig, ResponseId, ToolDefinition};
use ringline_providers::{ChatContext, ChatEvent, ChatMessage, ChatRequest, ChatRole, LanguageModel};
use serde_json::json;
use std::sync::Arc;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

pub struct Generation {
    call: InstanceId,
    language_model: Arc<dyn LanguageModel>,
    /// The agent's tool servers.
    tools: Option<Arc<CallTools>>,
    meter: ProviderMeter,
    events: CallEvents,
    /// What runs: the generation, and the tools that it has called.
    running: Vec<(ResponseId, AbortHandle)>,
}

impl Generation {
    pub fn new(
        call: InstanceId,
        language_model: Arc<dyn LanguageModel>,
        tools: Option<Arc<CallTools>>,
        meter: ProviderMeter,
        events: CallEvents,
    ) -> Self {
        Self { call, language_model, tools, meter, events, running: Vec::new() }
    }

    pub fn start(&mut self, response: ResponseId, messages: Vec<Message>, config: &LlmConfig, context: ChatContext) {
        let messages = messages.into_iter().map(chat_message).collect();
        let (events, model, servers) = (self.events.clone(), self.language_model.clone(), self.tools.clone());
        let mut tools = offered(config);
        let meter = self.meter.clone();
        // Aborting the task drops the stream, which cancels the request.
        let task = async move {
            if let Some(servers) = servers {
                // A built-in function goes before a tool of its name.
                let own = servers.definitions().await;
                let own: Vec<_> = own.into_iter().filter(|tool| tools.iter().all(|t| t.name != tool.name)).collect();
                tools.extend(own);
            }
            let mut request = meter.request();
            let mut stream = model.generate(ChatRequest { messages, tools, context });
            while let Some(event) = stream.recv().await {
                match &event {
                    ChatEvent::Text(_) | ChatEvent::ToolCalls(_) => request.answered(),
                    ChatEvent::FellBack { .. } | ChatEvent::Failed(_) => request.failed(),
                    ChatEvent::Reasoning(_) | ChatEvent::Finished => {}
                }
                let input = match event {
                    ChatEvent::Text(text) => Input::ResponseText { response, text },
                    ChatEvent::Reasoning(_) => continue,
                    ChatEvent::ToolCalls(calls) => Input::ResponseToolCalls { response, calls },
                    ChatEvent::FellBack { failed, error, next } => {
                        Input::FellBack { stage: Stage::Generation, failed, error, next }
                    }
                    ChatEvent::Finished => Input::ResponseFinished { response },
                    ChatEvent::Failed(error) => Input::ResponseFailed { response, error: error.to_string() },
                };
                if events.send(CallEvent::Input(input)).await.is_err() {
                    return;
                }
            }
        };
        self.keep(response, tokio::spawn(task.instrument(self.span(response))).abort_handle());
    }

    /// Runs a tool that the model called.
    pub fn run_tool(&mut self, response: ResponseId, call: String, name: String, arguments: String) {
        let (events, servers) = (self.events.clone(), self.tools.clone());
        // Not from here: the task that carries this out is the one that reads the events.
        let task = async move {
            let result = match servers {
                Some(servers) => servers.call(&name, &arguments).await,
                None => Err(format!("there is no tool `{name}`")),
            };
            let input = match result {
                Ok(result) => Input::ToolFinished { response, call, result },
                Err(error) => Input::ToolFailed { response, call, error },
            };
            // A call that is over needs no result.
            events.send(CallEvent::Input(input)).await.ok();
        };
        self.keep(response, tokio::spawn(task.instrument(self.span(response))).abort_handle());
    }

    /// What is logged on the way to an answer says in which call and for which response.
    fn span(&self, response: ResponseId) -> tracing::Span {
        tracing::error_span!("generation", call.id = %self.call, response.id = %response)
    }

    fn keep(&mut self, response: ResponseId, task: AbortHandle) {
        self.running.retain(|(_, task)| !task.is_finished());
        self.running.push((response, task));
    }

    /// Ends what runs for this response and those before it.
    pub fn cancel(&mut self, response: ResponseId) {
        self.running.retain(|(current, task)| {
            let goes_on = *current > response;
            if !goes_on {
                task.abort();
            }
            goes_on
        });
    }

    /// Ends everything.
    pub fn close(&mut self) {
        self.cancel(ResponseId(u64::MAX));
    }
}

/// The tools of the configuration.
fn offered(config: &LlmConfig) -> Vec<ToolDefinition> {
    let mapped = config.function_map.iter().map(|entry| {
        let description = match entry.function {
            BuiltIn::HangUp => "Ends the call. Say goodbye first.",
        };
        let parameters = json!({"type": "object", "properties": {}});
        ToolDefinition { name: entry.name.clone(), description: description.to_owned(), parameters }
    });
    mapped.collect()
}

fn chat_message(message: Message) -> ChatMessage {
    let role = match message.role {
        Role::System => ChatRole::System,
        Role::User => ChatRole::User,
        Role::Assistant => ChatRole::Assistant,
    };
    ChatMessage { role, text: message.text, calls: message.calls }
}
