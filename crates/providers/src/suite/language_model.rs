//! What every [`LanguageModel`] does.

use super::within;
use crate::{ChatContext, ChatEvent, ChatMessage, ChatRequest, ChatRole, LanguageModel, ProviderError};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Requests made at once; an implementation may refuse some of them, but it ends each.
const CROWD: usize = 48;

/// How to examine a language model.
#[derive(Clone, Copy, Debug)]
pub struct Examination {
    /// The longest that one answer may take.
    pub patience: Duration,
    /// Whether the same request always gets the same answer. Then answers given side by side are compared word by word.
    pub repeats_itself: bool,
}

/// Panics at the first promise that `model` breaks.
pub async fn examine(model: &dyn LanguageModel, examination: Examination) {
    answers_end_once(model, examination).await;
    an_abandoned_answer_does_not_hold_up_the_next(model, examination).await;
    answers_side_by_side_do_not_mix(model, examination).await;
    a_crowd_is_answered_or_refused(model, examination).await;
    any_history_ends(model, examination).await;
}

/// A request with a system prompt and one user message.
pub fn question(text: &str) -> ChatRequest {
    conversation([(ChatRole::System, "Answer in one short sentence."), (ChatRole::User, text)])
}

/// A request with these messages and no context.
pub fn conversation<'a>(messages: impl IntoIterator<Item = (ChatRole, &'a str)>) -> ChatRequest {
    let messages = messages.into_iter().map(|(role, text)| ChatMessage::new(role, text)).collect();
    ChatRequest { messages, tools: Vec::new(), context: ChatContext::default() }
}

/// Reads a stream to its end: the text, and how it ended. Panics if it ends without saying how, or goes on afterwards.
pub async fn read(mut events: Receiver<ChatEvent>) -> (String, Result<(), ProviderError>) {
    let mut text = String::new();
    let ending = loop {
        match events.recv().await {
            Some(ChatEvent::Text(piece)) => {
                assert!(!piece.is_empty(), "an empty piece of text");
                text.push_str(&piece);
            }
            Some(ChatEvent::Reasoning(_) | ChatEvent::FellBack { .. }) => {}
            Some(ChatEvent::ToolCalls(calls)) => panic!("nothing was offered, and it calls {calls:?}"),
            Some(ChatEvent::Finished) => break Ok(()),
            Some(ChatEvent::Failed(error)) => break Err(error),
            None => panic!("the answer stopped after {text:?} without an ending"),
        }
    };
    assert!(events.recv().await.is_none(), "something came after the ending");
    (text, ending)
}

async fn answers_end_once(model: &dyn LanguageModel, examination: Examination) {
    let (text, ending) = within(examination.patience, "an answer", read(model.generate(question("Hello!")))).await;
    assert!(ending.is_ok(), "a simple question failed: {ending:?}");
    assert!(!text.trim().is_empty(), "the answer has no text");
}

async fn an_abandoned_answer_does_not_hold_up_the_next(model: &dyn LanguageModel, examination: Examination) {
    drop(model.generate(question("Tell me a very long story.")));
    for _ in 0..3 {
        let mut events = model.generate(question("Tell me another very long story."));
        within(examination.patience, "the start of an answer", events.recv()).await;
        drop(events);
    }
    let answer = read(model.generate(question("Hello!")));
    let (text, ending) = within(examination.patience, "the answer after abandoned ones", answer).await;
    assert!(ending.is_ok() && !text.is_empty(), "after abandoned answers: {text:?}, {ending:?}");
}

async fn answers_side_by_side_do_not_mix(model: &dyn LanguageModel, examination: Examination) {
    let questions = ["Name one fruit.", "Name one big city.", "What do bees make?"];
    let mut alone = Vec::new();
    for text in questions {
        let answer = within(examination.patience, "an answer", read(model.generate(question(text)))).await;
        alone.push(answer.0);
    }
    let together = join_all(questions.map(|text| read(model.generate(question(text)))));
    let together = within(examination.patience * 3, "answers side by side", together).await;
    for (alone, (text, ending)) in alone.iter().zip(&together) {
        assert!(ending.is_ok(), "{ending:?}");
        if examination.repeats_itself {
            assert_eq!(text, alone, "beside others the answer changed");
        }
    }
}

async fn a_crowd_is_answered_or_refused(model: &dyn LanguageModel, examination: Examination) {
    let mut patient = Vec::new();
    for n in 0..CROWD {
        let events = model.generate(question("Hello!"));
        // Most callers leave at once, so that slow models are not asked for dozens of whole answers.
        if n % 16 == 0 {
            patient.push(events);
        }
    }
    let answers = within(examination.patience * 4, "a crowd", join_all(patient.into_iter().map(read))).await;
    for (text, ending) in answers {
        match ending {
            Ok(()) => assert!(!text.is_empty()),
            Err(error) => assert!(error.retryable, "a refusal for lack of room is not final: {error}"),
        }
    }
    // The room is free again once the crowd has left.
    let (_, ending) =
        within(examination.patience, "the answer after a crowd", read(model.generate(question("Hi!")))).await;
    assert!(ending.is_ok(), "after a crowd: {ending:?}");
}

async fn any_history_ends(model: &dyn LanguageModel, examination: Examination) {
    let nothing = conversation([]);
    let silence = conversation([(ChatRole::User, "")]);
    let only_system = conversation([(ChatRole::System, "You are a lighthouse.")]);
    let long_line = "All the ships are coming in tonight. ".repeat(20);
    let turns = (0..100).flat_map(|_| [(ChatRole::User, &*long_line), (ChatRole::Assistant, "I see.")]);
    let long = conversation(turns.chain([(ChatRole::User, "How are you?")]));
    let endless_line = "word ".repeat(20_000);
    let one_huge_message = conversation([(ChatRole::User, &*endless_line)]);
    for request in [nothing, silence, only_system, long, one_huge_message] {
        let messages = request.messages.len();
        let (text, ending) = within(examination.patience, "any history", read(model.generate(request))).await;
        assert!(text.len() < 64 * 1024, "{messages} messages gave {} bytes: {ending:?}", text.len());
    }
}
