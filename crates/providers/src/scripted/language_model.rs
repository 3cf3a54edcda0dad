//! A language model that answers with the script's lines.

use super::{How, Performance, ScriptedToolCall, Stage};
use crate::giving::give;
use crate::{ChatEvent, ChatMessage, ChatRequest, ChatRole, LanguageModel, ProviderError};
use ringline_model::ToolCall;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Events waiting for the reader; the answer waits when it is full.
const CAPACITY: usize = 32;
/// The user's words in the fall-back answer are cut after this many characters.
const MAX_QUOTED_CHARS: usize = 1_000;

/// Finds the answer by the user's last words, so it needs no state of its own and follows whatever history it is given.
#[derive(Debug)]
pub struct ScriptedLanguageModel {
    performance: Arc<Performance>,
    runtime: Handle,
}

impl ScriptedLanguageModel {
    pub(super) fn new(performance: Arc<Performance>, runtime: Handle) -> Self {
        Self { performance, runtime }
    }

    fn plan(&self, messages: &[ChatMessage]) -> Plan {
        let script = &self.performance.script;
        let user = |message: &&ChatMessage| message.role == ChatRole::User;
        let words = messages.iter().rev().find(user).map_or("", |message| message.text.as_str());
        let same = |message: &&ChatMessage| super::script::bare(&message.text) == super::script::bare(words);
        let earlier = messages.iter().filter(user).filter(same).count().saturating_sub(1);
        let turn = script.turn_for(words, earlier);
        let trouble = turn.and_then(|turn| self.performance.trouble(turn, Stage::LanguageModel));
        // What came behind the user's words: the calls of this turn, if they have been made.
        let asked = messages.iter().rposition(|message| message.role == ChatRole::User).map_or(0, |at| at + 1);
        let results: Vec<_> =
            messages[asked..].iter().flat_map(|message| &message.calls).map(|call| call.result.as_str()).collect();
        let calls = turn.map_or(&[][..], |turn| &script.turns[turn].calls);
        if !calls.is_empty() && results.is_empty() && trouble.is_none() {
            return Plan { tokens: Vec::new(), ending: Ending::Call(numbered(calls)) };
        }
        let text = match turn {
            Some(turn) => script.turns[turn].answers.replace("{result}", &results.join(" ")),
            None => {
                script.fallback.replace("{text}", words.chars().take(MAX_QUOTED_CHARS).collect::<String>().as_str())
            }
        };
        let mut tokens: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            tokens.push(if tokens.is_empty() { word.to_owned() } else { format!(" {word}") });
        }
        let ending = match trouble {
            None => Ending::Finish,
            Some(trouble) => {
                tokens.truncate(if trouble.how == How::FailMidway { tokens.len() / 2 } else { 0 });
                if trouble.how == How::Stall { Ending::Stall } else { Ending::Fail { retryable: trouble.retryable } }
            }
        };
        Plan { tokens, ending }
    }
}

fn numbered(calls: &[ScriptedToolCall]) -> Vec<ToolCall> {
    let call = |(n, call): (usize, &ScriptedToolCall)| ToolCall {
        id: format!("call_{n}"),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
        result: String::new(),
    };
    calls.iter().enumerate().map(call).collect()
}

struct Plan {
    tokens: Vec<String>,
    ending: Ending,
}

enum Ending {
    Finish,
    Call(Vec<ToolCall>),
    Fail { retryable: bool },
    Stall,
}

impl LanguageModel for ScriptedLanguageModel {
    fn generate(&self, request: ChatRequest) -> mpsc::Receiver<ChatEvent> {
        let plan = self.plan(&request.messages);
        let timing = self.performance.script.timing;
        give(&self.runtime, CAPACITY, |events| perform(plan, timing, events))
    }
}

async fn perform(plan: Plan, timing: super::Timing, events: mpsc::Sender<ChatEvent>) {
    let mut due = Instant::now() + Duration::from_millis(timing.llm_first_token_ms);
    let between = Duration::from_secs_f64(1.0 / timing.tokens_per_s);
    for token in plan.tokens {
        sleep_until(due).await;
        due += between;
        if events.send(ChatEvent::Text(token)).await.is_err() {
            return;
        }
    }
    sleep_until(due).await;
    let last = match plan.ending {
        Ending::Finish => ChatEvent::Finished,
        Ending::Call(calls) => {
            // As below.
            events.send(ChatEvent::ToolCalls(calls)).await.ok();
            ChatEvent::Finished
        }
        Ending::Fail { retryable } => {
            ChatEvent::Failed(ProviderError { message: "the script lets the answer fail here".into(), retryable })
        }
        Ending::Stall => return std::future::pending().await,
    };
    // The reader may have left just now; then nobody misses the ending.
    events.send(last).await.ok();
}
