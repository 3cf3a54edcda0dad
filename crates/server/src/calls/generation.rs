//! What a call asks its language model, and the tools the model calls.

use super::{CallEvent, CallEvents};
use crate::metrics::ProviderMeter;
use ringline_conversation::{Input, Message, Role, Stage};
use ringline_model::{BuiltIn, LlmConfig, ResponseId, ToolDefinition};
use ringline_providers::{ChatContext, ChatEvent, ChatMessage, ChatRequest, ChatRole, LanguageModel};
use serde_json::json;
use std::sync::Arc;
use tokio::task::AbortHandle;

pub struct Generation {
    language_model: Arc<dyn LanguageModel>,
    meter: ProviderMeter,
    events: CallEvents,
    /// The generation that runs, and the tools that run for its response.
    running: Option<(ResponseId, AbortHandle)>,
}

impl Generation {
    pub fn new(language_model: Arc<dyn LanguageModel>, meter: ProviderMeter, events: CallEvents) -> Self {
        Self { language_model, meter, events, running: None }
    }

    pub fn start(&mut self, response: ResponseId, messages: Vec<Message>, config: &LlmConfig, context: ChatContext) {
        let messages = messages.into_iter().map(chat_message).collect();
        let mut stream = self.language_model.generate(ChatRequest { messages, tools: offered(config), context });
        let (events, mut request) = (self.events.clone(), self.meter.request());
        // Aborting the task drops the stream, which cancels the request.
        let task = tokio::spawn(async move {
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
        });
        self.running = Some((response, task.abort_handle()));
    }

    /// Runs a tool that the model called.
    pub fn run_tool(&mut self, response: ResponseId, call: String, name: &str, _arguments: &str) {
        let error = format!("there is no tool `{name}`");
        let events = self.events.clone();
        // Not from here: the task that carries this out is the one that reads the events.
        tokio::spawn(async move {
            // A call that is over needs no result.
            events.send(CallEvent::Input(Input::ToolFailed { response, call, error })).await.ok();
        });
    }

    /// Ends what runs for this response and those before it.
    pub fn cancel(&mut self, response: ResponseId) {
        if let Some((_, task)) = self.running.take_if(|(current, _)| *current <= response) {
            task.abort();
        }
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
