//! The turns so far as the language model sees them: the user's questions and what was heard of the answers.

use crate::{Message, Role, text};
use ringline_model::{AgentConfig, SeedMessage};

/// What an agent without a system prompt is told.
pub(crate) const DEFAULT_SYSTEM_PROMPT: &str = "You are a friendly voice assistant on a call. Answer in one to three \
short, plain sentences, as people speak. Do not use lists, headings, code, emoji or other formatting. If you do not \
understand, ask.";

/// Marks the place where the user cut an answer (server-api §8.4).
pub(crate) const INTERRUPTED_MARK: &str = "<ims_agent_interrupted>";

/// Messages that are kept; beyond it the oldest go. More than the 30 turns a configuration may ask for.
const MAX_MESSAGES: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct History {
    messages: Vec<Message>,
}

impl History {
    pub fn new(earlier: Vec<Message>) -> Self {
        let mut history = Self { messages: earlier };
        history.limit();
        history
    }

    pub fn push(&mut self, role: Role, text: String) {
        self.messages.push(Message::new(role, text));
        self.limit();
    }

    /// Tools that were called, with what came of them. The words before the calls are not here: what was heard of them comes with the answer.
    pub fn push_round(&mut self, round: Option<Message>) {
        self.messages.extend(round.map(|round| Message { text: String::new(), ..round }));
        self.limit();
    }

    /// What the agent said goes on, after a stop that was for nothing.
    pub fn go_on(&mut self, text: String) {
        match self.messages.last_mut().filter(|last| last.role == Role::Assistant) {
            Some(last) => {
                let before = last.text.strip_suffix(INTERRUPTED_MARK).unwrap_or(&last.text);
                last.text = text::join(before, &text);
            }
            None => self.push(Role::Assistant, text),
        }
    }

    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The complete request for a question: system prompt, seed, the most recent turns, the question.
    pub fn prompt(&self, config: &AgentConfig, question: &str) -> Vec<Message> {
        let system = config.llm.system_prompt.as_deref().filter(|prompt| !prompt.trim().is_empty());
        let mut prompt = vec![Message::new(Role::System, system.unwrap_or(DEFAULT_SYSTEM_PROMPT))];
        prompt.extend(config.llm.history.iter().filter_map(seed));
        prompt.extend_from_slice(self.recent(config.llm.history_limit));
        prompt.push(Message::new(Role::User, question));
        prompt
    }

    /// The last `turns` questions with what followed them; what came before the first question goes with it.
    fn recent(&self, turns: u32) -> &[Message] {
        if turns == 0 {
            return &[];
        }
        let questions = self.messages.iter().enumerate().rev().filter(|(_, message)| message.role == Role::User);
        let nth = questions.map(|(index, _)| index).nth(turns as usize - 1);
        &self.messages[nth.unwrap_or(0)..]
    }

    fn limit(&mut self) {
        let surplus = self.messages.len().saturating_sub(MAX_MESSAGES);
        self.messages.drain(..surplus);
    }
}

/// Seed entries of roles that a voice conversation has none of (function, plugin, tool) are left out.
fn seed(message: &SeedMessage) -> Option<Message> {
    let role = match message.role.to_ascii_lowercase().as_str() {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    };
    Some(Message::new(role, message.content.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(turns: usize) -> History {
        let mut history = History::default();
        history.push(Role::Assistant, "Hello.".into());
        for n in 1..=turns {
            history.push(Role::User, format!("q{n}"));
            history.push(Role::Assistant, format!("a{n}"));
        }
        history
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.text.as_str()).collect()
    }

    #[test]
    fn only_the_most_recent_turns_are_given() {
        assert_eq!(texts(history(3).recent(2)), ["q2", "a2", "q3", "a3"]);
        assert_eq!(texts(history(1).recent(2)), ["Hello.", "q1", "a1"]);
        assert!(history(3).recent(0).is_empty());
    }

    #[test]
    fn the_request_is_prompt_seed_turns_question() {
        let mut config = AgentConfig::default();
        config.llm.system_prompt = Some("Be kind.".into());
        config.llm.history = [("user", "s1"), ("tool", "no"), ("Assistant", "s2")]
            .map(|(role, content)| SeedMessage { role: role.into(), content: content.into() })
            .into();
        config.llm.history_limit = 1;
        assert_eq!(texts(&history(2).prompt(&config, "now")), ["Be kind.", "s1", "s2", "q2", "a2", "now"]);
        config.llm.system_prompt = None;
        assert_eq!(history(0).prompt(&config, "now")[0].text, DEFAULT_SYSTEM_PROMPT);
    }

    #[test]
    fn the_oldest_messages_go_at_the_limit() {
        let history = history(200);
        assert_eq!(history.messages().len(), MAX_MESSAGES);
        assert_eq!(history.messages().last().map(|message| message.text.as_str()), Some("a200"));
    }
}
