//! What must hold of a whole call, once it is over.

use crate::facts::Facts;
use crate::rules::{Verdict, same_history};
use ringline_conversation::{Conversation, JournalEntry, Setup, replay};

pub(crate) type EndRule = (&'static str, fn(&Facts, &Conversation, &Setup, &[JournalEntry]) -> Verdict);

pub(crate) const END_RULES: &[EndRule] = &[
    ("every call ends", every_call_ends),
    ("every response ends", every_response_ends),
    ("the history is what was said and heard", the_history_is_what_was_said_and_heard),
    ("what was heard is recorded", what_was_heard_is_recorded),
    ("the journal replays", the_journal_replays),
];

/// There was an end.
fn every_call_ends(facts: &Facts, _: &Conversation, _: &Setup, _: &[JournalEntry]) -> Verdict {
    facts.ended.map(|_| ()).ok_or_else(|| format!("at {} the call still goes on", facts.now))
}

/// Every response was finished, failed or cancelled.
fn every_response_ends(facts: &Facts, _: &Conversation, _: &Setup, _: &[JournalEntry]) -> Verdict {
    match facts.answers.iter().find(|(_, answer)| !facts.is_over(answer)) {
        Some((id, answer)) => Err(format!("response {id} is left: {answer:?}")),
        None => Ok(()),
    }
}

/// The conversation's own history is what its records say.
fn the_history_is_what_was_said_and_heard(
    facts: &Facts,
    conversation: &Conversation,
    _: &Setup,
    _: &[JournalEntry],
) -> Verdict {
    same_history(conversation.history(), facts)
}

/// Nothing that was heard is missing in the records. Of a segment that the end cut nothing counts.
fn what_was_heard_is_recorded(facts: &Facts, _: &Conversation, _: &Setup, _: &[JournalEntry]) -> Verdict {
    let stopped_at_end = |text: &str| text.ends_with(crate::facts::ANY_WORDS);
    match facts.unrecorded().find(|(_, answer, text)| !answer.is_short && !facts.is_pieced && !stopped_at_end(text)) {
        Some((id, _, text)) => Err(format!("{text:?} of {id} is in no record")),
        None => Ok(()),
    }
}

/// The journal, written and read as the store does it, gives the same outputs again.
fn the_journal_replays(_: &Facts, _: &Conversation, setup: &Setup, journal: &[JournalEntry]) -> Verdict {
    replay(setup.clone(), journal.iter().cloned())
        .map(|_| ())
        .map_err(|divergence| format!("{divergence}: {divergence:?}"))
}

/// Written as JSON and read again, head and journal are the same. It takes longer than the call, so only some are asked.
pub(crate) fn the_journal_can_be_stored(setup: &Setup, journal: &[JournalEntry]) -> Verdict {
    let again = |what: &str, same: bool| {
        if same { Ok(()) } else { Err(format!("{what} is read differently than it was written")) }
    };
    let text = serde_json::to_string(setup).map_err(|error| error.to_string())?;
    again("the head", serde_json::from_str::<Setup>(&text).is_ok_and(|read| read == *setup))?;
    for entry in journal {
        let text = serde_json::to_string(entry).map_err(|error| error.to_string())?;
        let read: JournalEntry = serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"))?;
        // Not a number is not equal to itself.
        let written_again = serde_json::to_string(&read).map_err(|error| error.to_string())?;
        again(&text, written_again == text)?;
    }
    Ok(())
}
