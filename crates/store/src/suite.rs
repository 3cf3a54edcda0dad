//! What every back end must do, as facts. Each fact gets an empty store of its own.

mod agents;
mod calls;
mod dialogues;
mod instances;
mod journal;
mod outbox;
mod voiceprints;

use crate::{AgentRecord, InstanceRecord, InstanceStatus, Store, StoreError};
use ringline_model::{AgentId, AgentKind, AgentSettings, ChannelId, InstanceId, SessionId, UserId};
use serde_json::json;
use std::future::Future;
use std::sync::Arc;

/// Checks every fact on a store from `make`; panics with what is wrong at the first that doesn't hold.
pub async fn run<S: Store, F: Future<Output = S>>(make: impl Fn() -> F) {
    macro_rules! facts {
        ($($module:ident: $($fact:ident),+;)+) => {$($(
            eprintln!(concat!(stringify!($module), ": ", stringify!($fact)));
            let store: Arc<dyn Store> = Arc::new(make().await);
            $module::$fact(Arc::clone(&store)).await;
            store.close().await;
            assert!(store.count_active().await.is_err(), "a closed store answers nothing");
        )+)+};
    }
    facts! {
        agents:
            an_agent_comes_back_as_it_was_put,
            putting_an_agent_again_replaces_all_but_its_creation,
            agents_are_listed_by_id_up_to_the_limit,
            agents_are_ordered_by_the_bytes_of_their_ids,
            every_kind_of_agent_comes_back,
            a_deleted_agent_is_hidden_until_it_is_put_again,
            an_agent_is_changed_as_it_is_stored_and_keeps_id_and_creation,
            a_change_that_is_called_off_or_cannot_be_stored_changes_nothing,
            of_many_changes_at_once_none_is_lost,
            an_access_key_comes_back_with_or_without_its_operations,
            a_key_put_again_can_be_switched_off,
            the_first_value_of_a_setting_stays,
            of_many_first_values_at_once_one_wins_for_all,
            a_nul_character_is_refused_and_no_key_or_setting_is_found_by_it,
            what_is_too_large_for_an_agent_a_key_or_a_setting_is_refused;
        instances:
            an_instance_comes_back_as_it_was_created,
            an_instance_of_an_unknown_agent_is_refused,
            an_instance_is_created_once,
            an_instance_goes_from_created_over_executing_to_finished,
            a_finished_instance_stays_as_it_ended,
            of_many_ends_at_once_one_counts,
            what_is_done_to_an_unknown_instance_fails,
            unfinished_instances_are_counted_and_listed_oldest_first,
            instances_are_listed_newest_first_within_a_time_and_in_pages,
            the_unfinished_instances_of_one_agent_are_counted,
            a_changed_instance_keeps_all_but_what_was_changed,
            recordings_are_noted_on_a_finished_instance,
            a_nul_character_in_an_instances_text_is_refused_and_in_its_json_kept,
            what_is_too_large_for_an_instance_is_refused;
        calls:
            calls_are_listed_newest_first_and_page_by_page,
            calls_are_listed_by_status_and_agent,
            calls_are_found_by_the_beginning_of_their_ids_and_by_what_was_said,
            signs_that_mean_something_to_the_database_are_searched_for_as_they_are,
            a_call_shows_its_agent_even_if_that_is_deleted,
            a_reachable_database_tells_the_time;
        journal:
            a_journal_comes_back_in_order_and_in_pages,
            a_journal_without_rows_is_empty,
            a_journal_of_an_unknown_instance_is_refused_and_reads_as_empty,
            of_two_appends_at_once_that_claim_one_place_one_is_refused,
            a_hole_a_repetition_or_a_late_start_is_refused_whole,
            journals_of_two_instances_are_apart,
            concurrent_appends_keep_the_order_of_each_instance,
            a_page_is_bounded_in_bytes_and_reading_on_loses_nothing,
            what_is_too_large_for_a_journal_is_refused;
        dialogues:
            a_dialogue_comes_back_as_it_was_appended,
            dialogues_are_listed_by_time_in_both_orders,
            dialogues_of_one_millisecond_keep_their_order,
            dialogues_are_listed_within_a_time_and_in_pages,
            dialogues_of_several_instances_share_a_session,
            the_most_recent_rounds_are_those_with_the_latest_entries,
            rounds_of_one_name_in_two_instances_are_two,
            more_rows_than_an_answer_holds_lose_the_oldest_rounds,
            the_dialogues_of_one_instance_are_listed_oldest_first,
            the_newest_turns_of_a_session_come_oldest_first,
            a_deleted_dialogue_is_gone_and_only_from_its_own_session,
            a_dialogue_of_an_unknown_instance_or_with_a_known_id_is_refused,
            a_nul_character_in_a_dialogue_is_refused_and_none_is_deleted_by_it,
            what_is_too_large_for_a_dialogue_is_refused;
        voiceprints:
            a_voiceprint_comes_back_byte_for_byte,
            putting_a_voiceprint_again_replaces_its_audio_and_keeps_its_creation,
            voiceprints_are_listed_oldest_first_by_mode_in_pages_and_counted,
            a_deleted_voiceprint_is_gone_in_its_mode_alone,
            what_is_too_large_for_a_voiceprint_is_refused;
        outbox:
            events_are_stored_with_what_they_report,
            events_of_what_did_not_happen_are_not_stored,
            of_each_instance_only_the_oldest_event_is_claimed,
            a_claimed_event_is_claimed_again_once_its_lease_has_run_out,
            a_lost_claim_neither_settles_nor_postpones,
            a_postponed_event_is_claimed_when_it_is_due_and_nothing_overtakes_it,
            a_new_event_is_due_at_once_whatever_its_time,
            claims_at_once_get_different_events,
            a_settled_events_place_is_not_used_again,
            concurrent_writers_keep_the_order_of_an_instances_events,
            a_full_backlog_takes_the_end_and_nothing_else,
            what_is_too_large_for_an_event_is_refused;
    }
}

fn agent_id(text: &str) -> AgentId {
    AgentId::parse(text).expect("an id")
}

fn instance_id(text: &str) -> InstanceId {
    InstanceId::parse(text).expect("an id")
}

fn user_id(text: &str) -> UserId {
    UserId::parse(text).expect("an id")
}

fn session_id(text: &str) -> SessionId {
    SessionId::parse(text).expect("an id")
}

/// An agent, for tests of whatever stands on a store, too.
pub fn agent_record(id: &str) -> AgentRecord {
    AgentRecord {
        id: agent_id(id),
        name: "Front desk".into(),
        kind: AgentKind::VoiceChat,
        config: json!({"Greeting": "Hello \"you\" — 你好", "MaxIdleTime": 600}),
        settings: AgentSettings { voices: vec!["x".into()], ..AgentSettings::default() },
        created_ms: 1_767_323_045_120,
        modified_ms: 1_767_323_045_120,
    }
}

/// A fresh instance of agent "a", created at `created_ms`; as [`agent_record`].
pub fn instance_record(id: &str, created_ms: i64) -> InstanceRecord {
    InstanceRecord {
        id: instance_id(id),
        agent: agent_id("a"),
        channel: ChannelId::parse("room-1").expect("an id"),
        user: Some(UserId::parse("alice").expect("an id")),
        agent_user: UserId::parse("agent-1").expect("an id"),
        session: session_id("s"),
        status: InstanceStatus::Created,
        config: json!({"TtsConfig": {"VoiceIdList": ["x", "y"]}, "Volume": 0.5}),
        template: json!({}),
        runtime: json!({"AuthToken": "t"}),
        user_data: Some("{\"a\": 1}".into()),
        setup: json!({"config": {}, "history": [{"role": "user", "text": "hi"}]}),
        created_ms,
        modified_ms: created_ms,
        started_ms: None,
        ended_ms: None,
        end_reason: None,
        recordings: None,
    }
}

/// Agent "a" with the named instances, created at 1, 2, 3…
async fn with_instances(store: &dyn Store, ids: &[&str]) {
    store.put_agent(&agent_record("a")).await.expect("stored");
    for (created_ms, id) in (1..).zip(ids) {
        store.create_instance(&instance_record(id, created_ms), &[]).await.expect("created");
    }
}

#[track_caller]
fn assert_too_large<T>(result: Result<T, StoreError>) {
    assert!(matches!(&result, Err(StoreError::TooLarge { .. })), "{:?}", result.map(drop));
}

#[track_caller]
fn assert_nul<T>(result: Result<T, StoreError>) {
    assert!(matches!(&result, Err(StoreError::Nul { .. })), "{:?}", result.map(drop));
}

#[track_caller]
fn assert_not_found<T>(result: Result<T, StoreError>, expected: &'static str) {
    let found = result.map(drop);
    assert!(matches!(&found, Err(StoreError::NotFound { what, .. }) if *what == expected), "{found:?}");
}
