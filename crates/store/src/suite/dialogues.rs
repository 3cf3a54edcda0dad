use super::{assert_not_found, assert_nul, assert_too_large, instance_id, session_id, with_instances};
use crate::{DialogueKind, DialogueQuery, DialogueRecord, Order, Producer, Store, StoreError, limits};
use std::sync::Arc;

fn dialogue(id: &str, time_ms: i64) -> DialogueRecord {
    DialogueRecord {
        id: id.into(),
        session: session_id("s"),
        instance: instance_id("i"),
        round: "r-1".into(),
        producer: Producer::Agent,
        kind: DialogueKind::Normal,
        text: "It is 7 o'clock. 七点了。".into(),
        time_ms,
        interrupted: false,
    }
}

fn all(order: Order) -> DialogueQuery {
    DialogueQuery {
        session: session_id("s"),
        from_ms: i64::MIN,
        to_ms: i64::MAX,
        order,
        offset: 0,
        limit: 100,
        rounds: None,
    }
}

async fn ids(store: &dyn Store, query: &DialogueQuery) -> Vec<String> {
    store.dialogues(query).await.expect("read").into_iter().map(|dialogue| dialogue.id).collect()
}

async fn with_dialogues(store: &dyn Store, dialogues: &[(&str, i64)]) {
    with_instances(store, &["i"]).await;
    for &(id, time_ms) in dialogues {
        store.append_dialogue(&dialogue(id, time_ms), &[]).await.expect("appended");
    }
}

pub async fn a_dialogue_comes_back_as_it_was_appended(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let said = [
        DialogueRecord { kind: DialogueKind::Greeting, ..dialogue("1", 1) },
        DialogueRecord { producer: Producer::User, text: String::new(), ..dialogue("2", 2) },
        DialogueRecord { kind: DialogueKind::Speech, interrupted: true, round: "r-2".into(), ..dialogue("3", 3) },
    ];
    for dialogue in &said {
        store.append_dialogue(dialogue, &[]).await.expect("appended");
    }
    assert_eq!(store.dialogues(&all(Order::OldestFirst)).await.expect("read"), said);
}

pub async fn dialogues_are_listed_by_time_in_both_orders(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[("b", 20), ("c", 30), ("a", 10)]).await;
    assert_eq!(ids(&*store, &all(Order::OldestFirst)).await, ["a", "b", "c"]);
    assert_eq!(ids(&*store, &all(Order::NewestFirst)).await, ["c", "b", "a"]);
}

pub async fn dialogues_of_one_millisecond_keep_their_order(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[("z", 10), ("y", 10), ("x", 10)]).await;
    assert_eq!(ids(&*store, &all(Order::OldestFirst)).await, ["z", "y", "x"]);
    assert_eq!(ids(&*store, &all(Order::NewestFirst)).await, ["x", "y", "z"]);
}

pub async fn dialogues_are_listed_within_a_time_and_in_pages(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[("a", 10), ("b", 20), ("c", 30), ("d", 40)]).await;
    let within = DialogueQuery { from_ms: 20, to_ms: 30, ..all(Order::OldestFirst) };
    assert_eq!(ids(&*store, &within).await, ["b", "c"], "both ends belong to it");
    let page = DialogueQuery { offset: 1, limit: 2, ..all(Order::NewestFirst) };
    assert_eq!(ids(&*store, &page).await, ["c", "b"]);
    let backwards = DialogueQuery { from_ms: 30, to_ms: 20, ..all(Order::OldestFirst) };
    assert_eq!(ids(&*store, &backwards).await, [""; 0]);
    let elsewhere = DialogueQuery { session: session_id("other"), ..all(Order::OldestFirst) };
    assert_eq!(ids(&*store, &elsewhere).await, [""; 0]);
    assert_too_large(store.dialogues(&DialogueQuery { limit: limits::LIST_ROWS + 1, ..page }).await);
}

pub async fn dialogues_of_several_instances_share_a_session(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j"]).await;
    let later = DialogueRecord { instance: instance_id("j"), ..dialogue("2", 20) };
    let apart = DialogueRecord { session: session_id("t"), ..dialogue("3", 30) };
    for dialogue in [&dialogue("1", 10), &later, &apart] {
        store.append_dialogue(dialogue, &[]).await.expect("appended");
    }
    assert_eq!(ids(&*store, &all(Order::OldestFirst)).await, ["1", "2"]);
}

pub async fn the_most_recent_rounds_are_those_with_the_latest_entries(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    // Round 1 began first and has the latest entry of all; the entries of rounds 2 and 3 lie between.
    for (id, round, time_ms) in [("a", "1", 10), ("b", "2", 20), ("c", "3", 30), ("d", "3", 40), ("e", "1", 40)] {
        store
            .append_dialogue(&DialogueRecord { round: round.into(), ..dialogue(id, time_ms) }, &[])
            .await
            .expect("appended");
    }
    let rounds = |rounds, order| DialogueQuery { rounds: Some(rounds), offset: 1, limit: 1, ..all(order) };
    assert_eq!(ids(&*store, &rounds(1, Order::OldestFirst)).await, ["a", "e"], "paging is passed over");
    assert_eq!(ids(&*store, &rounds(2, Order::NewestFirst)).await, ["e", "d", "c", "a"]);
    assert_eq!(ids(&*store, &rounds(u32::MAX, Order::OldestFirst)).await, ["a", "b", "c", "d", "e"]);
    assert_eq!(ids(&*store, &rounds(0, Order::OldestFirst)).await, [""; 0]);
    let earlier = DialogueQuery { to_ms: 30, ..rounds(2, Order::OldestFirst) };
    assert_eq!(ids(&*store, &earlier).await, ["b", "c"], "entries outside the time don't make a round recent");
    let elsewhere = DialogueQuery { session: session_id("other"), ..rounds(2, Order::OldestFirst) };
    assert_eq!(ids(&*store, &elsewhere).await, [""; 0]);
}

pub async fn rounds_of_one_name_in_two_instances_are_two(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j"]).await;
    store.append_dialogue(&dialogue("1", 10), &[]).await.expect("appended");
    let later = DialogueRecord { instance: instance_id("j"), ..dialogue("2", 20) };
    store.append_dialogue(&later, &[]).await.expect("appended");
    let last = DialogueQuery { rounds: Some(1), ..all(Order::OldestFirst) };
    assert_eq!(ids(&*store, &last).await, ["2"]);
}

pub async fn more_rows_than_an_answer_holds_lose_the_oldest_rounds(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    for n in 0..=i64::from(limits::LIST_ROWS) {
        store.append_dialogue(&dialogue(&n.to_string(), n), &[]).await.expect("appended");
    }
    let one_round = DialogueQuery { rounds: Some(1), ..all(Order::OldestFirst) };
    let found = ids(&*store, &one_round).await;
    assert_eq!((found.len(), found[0].as_str()), (limits::LIST_ROWS as usize, "1"));
    assert_eq!(found.last().map(String::as_str), Some("1000"));
}

pub async fn the_dialogues_of_one_instance_are_listed_oldest_first(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j"]).await;
    let foreign = DialogueRecord { instance: instance_id("j"), ..dialogue("x", 15) };
    let apart = DialogueRecord { session: session_id("t"), interrupted: true, ..dialogue("c", 10) };
    for dialogue in [&dialogue("b", 20), &dialogue("a", 10), &foreign, &apart] {
        store.append_dialogue(dialogue, &[]).await.expect("appended");
    }
    let of = async |id: &str, limit| store.instance_dialogues(&instance_id(id), limit).await;
    assert_eq!(of("i", 10).await.expect("read"), [dialogue("a", 10), apart, dialogue("b", 20)]);
    assert_eq!(of("i", 1).await.expect("read"), [dialogue("a", 10)]);
    assert_eq!(of("nobody", 10).await.expect("read"), []);
    assert_too_large(of("i", limits::LIST_ROWS + 1).await);
}

pub async fn the_newest_turns_of_a_session_come_oldest_first(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[("c", 30), ("a", 10), ("b", 20), ("d", 30)]).await;
    let turns = async |session: &str, limit| {
        let found = store.session_turns(&session_id(session), limit).await.expect("read");
        found.into_iter().map(|dialogue| dialogue.id).collect::<Vec<_>>()
    };
    assert_eq!(turns("s", 3).await, ["b", "c", "d"]);
    assert_eq!(turns("s", 10).await, ["a", "b", "c", "d"]);
    assert_eq!(turns("other", 10).await, [""; 0]);
    assert_too_large(store.session_turns(&session_id("s"), limits::LIST_ROWS + 1).await);
}

pub async fn a_deleted_dialogue_is_gone_and_only_from_its_own_session(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[("a", 10), ("b", 20)]).await;
    assert!(!store.delete_dialogue(&session_id("other"), "a").await.expect("answered"));
    assert!(!store.delete_dialogue(&session_id("s"), "c").await.expect("answered"));
    assert_eq!(ids(&*store, &all(Order::OldestFirst)).await, ["a", "b"]);
    assert!(store.delete_dialogue(&session_id("s"), "a").await.expect("deleted"));
    assert!(!store.delete_dialogue(&session_id("s"), "a").await.expect("answered"), "it was gone already");
    assert_eq!(ids(&*store, &all(Order::OldestFirst)).await, ["b"]);
}

pub async fn a_dialogue_of_an_unknown_instance_or_with_a_known_id_is_refused(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[("1", 10)]).await;
    let foreign = DialogueRecord { instance: instance_id("nobody"), ..dialogue("2", 20) };
    assert_not_found(store.append_dialogue(&foreign, &[]).await, "instance");
    let again = store.append_dialogue(&dialogue("1", 20), &[]).await;
    assert!(matches!(&again, Err(StoreError::Exists { what: "dialogue", id }) if id == "1"), "{again:?}");
    assert_eq!(store.dialogues(&all(Order::OldestFirst)).await.expect("read"), [dialogue("1", 10)]);
}

pub async fn a_nul_character_in_a_dialogue_is_refused_and_none_is_deleted_by_it(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[("1", 10)]).await;
    for bad in [
        dialogue("\0", 20),
        DialogueRecord { text: "a\0b".into(), ..dialogue("2", 20) },
        DialogueRecord { round: "\0".into(), ..dialogue("2", 20) },
    ] {
        assert_nul(store.append_dialogue(&bad, &[]).await);
    }
    assert!(!store.delete_dialogue(&session_id("s"), "1\0").await.expect("answered"));
    assert_eq!(ids(&*store, &all(Order::OldestFirst)).await, ["1"]);
}

pub async fn what_is_too_large_for_a_dialogue_is_refused(store: Arc<dyn Store>) {
    with_dialogues(&*store, &[]).await;
    let text = |bytes| DialogueRecord { text: "x".repeat(bytes), ..dialogue("1", 1) };
    assert_too_large(store.append_dialogue(&text(limits::DIALOGUE_TEXT_BYTES + 1), &[]).await);
    let long = "x".repeat(limits::NAME_BYTES + 1);
    assert_too_large(store.append_dialogue(&dialogue(&long, 1), &[]).await);
    assert_too_large(store.append_dialogue(&DialogueRecord { round: long, ..dialogue("1", 1) }, &[]).await);
    assert_eq!(ids(&*store, &all(Order::OldestFirst)).await, [""; 0]);
    store.append_dialogue(&text(limits::DIALOGUE_TEXT_BYTES), &[]).await.expect("just fits");
}
