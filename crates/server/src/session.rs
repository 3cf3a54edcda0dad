//! What a call of a session knows of the calls before it (server-api §4.1 `SessionId`).

use ringline_conversation::{Message, Role};
use ringline_store::{DialogueRecord, Producer};

/// Entries read back at most: more than the 30 turns a configuration may ask for, as a conversation keeps.
pub const MAX_ENTRIES: u32 = 128;

/// The last `turns` questions of earlier calls with what followed them, from entries that are oldest first. If there are
/// fewer, what came before the first question (a greeting) is there too. For the agent's entries, what was heard.
pub fn earlier(entries: Vec<DialogueRecord>, turns: u32) -> Vec<Message> {
    let Some(back) = (turns as usize).checked_sub(1) else { return Vec::new() };
    let questions = entries.iter().enumerate().rev().filter(|(_, entry)| entry.producer == Producer::User);
    let first = questions.map(|(index, _)| index).nth(back).unwrap_or(0);
    let message = |entry: DialogueRecord| {
        let role = match entry.producer {
            Producer::User => Role::User,
            Producer::Agent => Role::Assistant,
        };
        Message::new(role, entry.text)
    };
    entries.into_iter().skip(first).map(message).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ringline_model::{InstanceId, SessionId};
    use ringline_store::DialogueKind;

    fn entries(texts: &[&str]) -> Vec<DialogueRecord> {
        let entry = |text: &&str| DialogueRecord {
            id: (*text).to_owned(),
            session: SessionId::parse("s").unwrap(),
            instance: InstanceId::parse("i").unwrap(),
            round: "r".into(),
            producer: if text.starts_with('q') { Producer::User } else { Producer::Agent },
            kind: DialogueKind::Normal,
            text: (*text).to_owned(),
            time_ms: 0,
            interrupted: false,
        };
        texts.iter().map(entry).collect()
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.text.as_str()).collect()
    }

    #[test]
    fn the_last_turns_are_known_in_order() {
        let all = ["hello", "q1", "a1", "q2", "a2", "news"];
        assert_eq!(texts(&earlier(entries(&all), 1)), ["q2", "a2", "news"]);
        assert_eq!(texts(&earlier(entries(&all), 2)), ["q1", "a1", "q2", "a2", "news"]);
        assert_eq!(texts(&earlier(entries(&all), 3)), all);
        let roles: Vec<_> = earlier(entries(&all), 1).iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant, Role::Assistant]);
    }

    #[test]
    fn no_turns_are_asked_for_and_none_are_known() {
        assert!(earlier(entries(&["hello", "q1"]), 0).is_empty());
        assert!(earlier(Vec::new(), 10).is_empty());
    }
}
