use super::{
    agent_id, assert_not_found, assert_nul, assert_too_large, instance_id, instance_record, session_id, user_id,
};
use super::{agent_record, with_instances};
use crate::{ClaimedEvent, DialogueKind, DialogueRecord, EventRecord, JournalRow, Producer, Store, StoreError, limits};
use std::sync::Arc;

fn event(name: &str) -> EventRecord {
    EventRecord { name: name.into(), body: format!("{{\"event\":\"{name}\",\"text\":\"你好\"}}"), at_ms: 5 }
}

fn events(names: &[&str]) -> Vec<EventRecord> {
    names.iter().map(|name| event(name)).collect()
}

fn dialogue(id: &str, instance: &str) -> DialogueRecord {
    DialogueRecord {
        id: id.into(),
        session: session_id("s"),
        instance: instance_id(instance),
        round: "r".into(),
        producer: Producer::User,
        kind: DialogueKind::Normal,
        text: "Hello.".into(),
        time_ms: 1,
        interrupted: false,
    }
}

fn row(seq: u64) -> JournalRow {
    JournalRow { seq, at_us: seq, step: "{}".into(), outputs: "[]".into() }
}

/// Agent "a" with the named instances, each with the events.
async fn with_events(store: &dyn Store, instances: &[&str], names: &[&str]) {
    with_instances(store, instances).await;
    for instance in instances {
        store.append_journal(&instance_id(instance), &[], &events(names)).await.expect("appended");
    }
}

/// (instance, event) of what is claimed at `now_ms` for ten ms.
async fn claim(store: &dyn Store, now_ms: i64) -> Vec<(String, String)> {
    let claimed = store.claim_events(now_ms, now_ms + 10, 100).await.expect("claimed");
    claimed.into_iter().map(|c| (c.instance.as_str().to_owned(), c.event.name)).collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(instance, name)| (instance.to_owned(), name.to_owned())).collect()
}

async fn one(store: &dyn Store, now_ms: i64) -> ClaimedEvent {
    let mut claimed = store.claim_events(now_ms, now_ms + 10, 1).await.expect("claimed");
    assert_eq!(claimed.len(), 1, "an event is due");
    claimed.remove(0)
}

/// Delivers everything; the names in the order in which they came.
async fn deliver_all(store: &dyn Store, now_ms: i64) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let claimed = store.claim_events(now_ms, now_ms + 10, 100).await.expect("claimed");
        if claimed.is_empty() {
            return names;
        }
        for ClaimedEvent { claim, event, .. } in claimed {
            assert!(store.settle_event(&claim).await.expect("settled"));
            names.push(event.name);
        }
    }
}

pub async fn events_are_stored_with_what_they_report(store: Arc<dyn Store>) {
    store.put_agent(&agent_record("a")).await.expect("stored");
    let id = instance_id("i");
    store.create_instance(&instance_record("i", 1), &events(&["agent_start"])).await.expect("created");
    assert!(store.set_executing(&id, &user_id("bob"), 2, &events(&["session_start"])).await.expect("changed"));
    store.append_journal(&id, &[row(0), row(1)], &events(&["intent", "llm"])).await.expect("appended");
    store.append_dialogue(&dialogue("d", "i"), &events(&["chat_record"])).await.expect("appended");
    store.append_journal(&id, &[], &events(&["client_data"])).await.expect("events alone");
    assert!(store.finish_instance(&id, "stopped", 3, &events(&["agent_stop"])).await.expect("changed"));
    assert_eq!(store.count_events().await.expect("counted"), 7);

    let first = one(&*store, 10).await;
    assert_eq!((first.instance.clone(), first.agent.clone(), first.claim.attempt), (id, agent_id("a"), 1));
    assert_eq!(first.event, event("agent_start"));
    assert!(store.settle_event(&first.claim).await.expect("settled"));
    let rest = deliver_all(&*store, 10).await;
    assert_eq!(rest, ["session_start", "intent", "llm", "chat_record", "client_data", "agent_stop"]);
    assert_eq!(store.count_events().await.expect("counted"), 0);
}

pub async fn events_of_what_did_not_happen_are_not_stored(store: Arc<dyn Store>) {
    let told = &events(&["told"]);
    assert_not_found(store.create_instance(&instance_record("i", 1), told).await, "agent");
    with_instances(&*store, &["i"]).await;
    let (id, nobody) = (instance_id("i"), instance_id("nobody"));
    assert!(store.create_instance(&instance_record("i", 1), told).await.is_err(), "it exists");
    assert_not_found(store.append_journal(&nobody, &[], told).await, "instance");
    let gap = store.append_journal(&id, &[row(1)], told).await;
    assert!(matches!(gap, Err(StoreError::JournalGap { .. })), "{gap:?}");
    assert_not_found(store.append_dialogue(&dialogue("d", "nobody"), told).await, "instance");
    store.append_dialogue(&dialogue("d", "i"), &[]).await.expect("appended");
    assert!(store.append_dialogue(&dialogue("d", "i"), told).await.is_err(), "it exists");
    assert!(store.finish_instance(&id, "stopped", 3, &[]).await.expect("changed"));
    assert!(!store.finish_instance(&id, "again", 4, told).await.expect("answered"));
    assert!(!store.set_executing(&id, &user_id("bob"), 5, told).await.expect("answered"));
    assert_eq!(store.count_events().await.expect("counted"), 0);
}

pub async fn of_each_instance_only_the_oldest_event_is_claimed(store: Arc<dyn Store>) {
    with_events(&*store, &["i", "j"], &["1", "2"]).await;
    assert_eq!(claim(&*store, 10).await, named(&[("i", "1"), ("j", "1")]));
    assert_eq!(claim(&*store, 10).await, [], "the others wait for them");
    let again = store.claim_events(30, 40, 1).await.expect("claimed");
    assert_eq!(again.len(), 1, "no more than asked for");
    assert!(store.settle_event(&again[0].claim).await.expect("settled"));
    assert_eq!(claim(&*store, 31).await, named(&[("i", "2"), ("j", "1")]));
    assert_too_large(store.claim_events(0, 1, limits::CLAIM_EVENTS + 1).await);
}

pub async fn a_claimed_event_is_claimed_again_once_its_lease_has_run_out(store: Arc<dyn Store>) {
    with_events(&*store, &["i"], &["1", "2"]).await;
    assert_eq!(one(&*store, 10).await.claim.attempt, 1);
    assert_eq!(claim(&*store, 19).await, []);
    let again = one(&*store, 20).await;
    assert_eq!((again.event, again.claim.attempt), (event("1"), 2));
}

pub async fn a_lost_claim_neither_settles_nor_postpones(store: Arc<dyn Store>) {
    with_events(&*store, &["i"], &["1", "2"]).await;
    let lost = one(&*store, 10).await.claim;
    let held = one(&*store, 20).await.claim;
    assert!(!store.settle_event(&lost).await.expect("answered"));
    assert!(!store.postpone_event(&lost, 0).await.expect("answered"));
    assert_eq!(claim(&*store, 29).await, [], "the lease of the second is as it was");
    assert!(store.settle_event(&held).await.expect("settled"));
    assert!(!store.settle_event(&held).await.expect("answered"), "it is gone");
    assert!(!store.postpone_event(&held, 0).await.expect("answered"), "it is gone");
    assert_eq!(deliver_all(&*store, 30).await, ["2"]);
}

pub async fn a_postponed_event_is_claimed_when_it_is_due_and_nothing_overtakes_it(store: Arc<dyn Store>) {
    with_events(&*store, &["i", "j"], &["1", "2"]).await;
    let first = one(&*store, 10).await;
    assert_eq!(first.instance, instance_id("i"));
    assert!(store.postpone_event(&first.claim, 1000).await.expect("postponed"));
    assert_eq!(claim(&*store, 999).await, named(&[("j", "1")]), "another instance goes on");
    assert_eq!(claim(&*store, 1020).await, named(&[("i", "1"), ("j", "1")]));
}

pub async fn a_new_event_is_due_at_once_whatever_its_time(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let ahead = EventRecord { at_ms: i64::MAX, ..event("1") };
    store.append_journal(&instance_id("i"), &[], std::slice::from_ref(&ahead)).await.expect("appended");
    assert_eq!(one(&*store, 10).await.event, ahead);
}

pub async fn claims_at_once_get_different_events(store: Arc<dyn Store>) {
    let names: Vec<String> = (0..40).map(|n| format!("i{n:02}")).collect();
    with_events(&*store, &names.iter().map(String::as_str).collect::<Vec<_>>(), &["1", "2"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.claim_events(10, 1000, 10).await.expect("claimed") });
    }
    let claimed: Vec<String> =
        tasks.join_all().await.into_iter().flatten().map(|c| c.instance.as_str().to_owned()).collect();
    let mut apart = claimed.clone();
    apart.sort();
    apart.dedup();
    assert_eq!(apart.len(), claimed.len(), "none was claimed twice");
    let rest = store.claim_events(10, 1000, 100).await.expect("claimed").len();
    assert_eq!(claimed.len() + rest, names.len(), "and none was passed over for good");
}

pub async fn a_settled_events_place_is_not_used_again(store: Arc<dyn Store>) {
    with_events(&*store, &["i"], &["1"]).await;
    let settled = one(&*store, 10).await.claim;
    assert!(store.settle_event(&settled).await.expect("settled"));
    store.append_journal(&instance_id("i"), &[], &events(&["2"])).await.expect("appended");
    let next = one(&*store, 20).await;
    assert_eq!(next.claim.attempt, settled.attempt);
    assert!(!store.settle_event(&settled).await.expect("answered"), "a late second answer to the first");
    assert!(store.settle_event(&next.claim).await.expect("settled"));
}

pub async fn concurrent_writers_keep_the_order_of_an_instances_events(store: Arc<dyn Store>) {
    const EACH: usize = 40;
    with_instances(&*store, &["i"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for n in 0..EACH {
                let told = [event(&format!("{writer}-{n:02}"))];
                if writer % 2 == 0 {
                    store.append_journal(&instance_id("i"), &[], &told).await.expect("appended");
                } else {
                    let dialogue = dialogue(&told[0].name, "i");
                    store.append_dialogue(&dialogue, &told).await.expect("appended");
                }
            }
        });
    }
    // A reader that delivers meanwhile, as the server does: what it has seen nothing earlier comes behind.
    let mut delivered = Vec::new();
    while delivered.len() < 4 * EACH {
        delivered.extend(deliver_all(&*store, 10).await);
        tokio::task::yield_now().await;
    }
    tasks.join_all().await;
    for writer in 0..4 {
        let prefix = format!("{writer}-");
        let own: Vec<_> = delivered.iter().filter(|name| name.starts_with(&prefix)).cloned().collect();
        assert_eq!(own, (0..EACH).map(|n| format!("{writer}-{n:02}")).collect::<Vec<_>>());
    }
}

pub async fn a_full_backlog_takes_the_end_and_nothing_else(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j"]).await;
    let id = instance_id("i");
    let backlog = limits::EVENT_BACKLOG as usize;
    let many = vec![event("early"); limits::EVENT_BATCH];
    for _ in 0..backlog / limits::EVENT_BATCH - 1 {
        store.append_journal(&id, &[], &many).await.expect("appended");
    }
    store.append_journal(&id, &[], &many[1..]).await.expect("appended");
    store.append_journal(&id, &[row(0)], &events(&["last", "beyond"])).await.expect("appended");
    assert_eq!(store.count_events().await.expect("counted"), backlog as u64);
    store.append_dialogue(&dialogue("d", "i"), &events(&["beyond"])).await.expect("appended");
    assert_eq!(store.journal(&id, 0, 10).await.expect("read").len(), 1, "what was reported is stored");
    assert!(store.finish_instance(&id, "stopped", 3, &events(&["agent_stop"])).await.expect("changed"));
    assert_eq!(store.count_events().await.expect("counted"), backlog as u64 + 1);
    store.append_journal(&instance_id("j"), &[], &events(&["1"])).await.expect("appended");
    assert_eq!(store.count_events().await.expect("counted"), backlog as u64 + 2, "another instance has room");
}

pub async fn what_is_too_large_for_an_event_is_refused(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    let told = |body: String| [EventRecord { body, ..event("1") }];
    store.append_journal(&id, &[], &told("x".repeat(limits::EVENT_BODY_BYTES))).await.expect("just fits");
    let large = told("x".repeat(limits::EVENT_BODY_BYTES + 1));
    assert_too_large(store.append_journal(&id, &[row(0)], &large).await);
    assert_too_large(store.append_dialogue(&dialogue("d", "i"), &large).await);
    assert_too_large(store.set_executing(&id, &user_id("bob"), 2, &large).await);
    assert_too_large(store.finish_instance(&id, "stopped", 3, &large).await);
    assert_too_large(store.create_instance(&instance_record("j", 1), &large).await);
    assert_nul(store.append_journal(&id, &[row(0)], &told("a\0b".into())).await);
    let name = [EventRecord { name: "x".repeat(limits::NAME_BYTES + 1), ..event("1") }];
    assert_too_large(store.append_journal(&id, &[row(0)], &name).await);
    assert_too_large(store.append_journal(&id, &[], &vec![event("1"); limits::EVENT_BATCH + 1]).await);
    assert_eq!(store.journal(&id, 0, 10).await.expect("read"), []);
    assert_eq!(store.count_events().await.expect("counted"), 1);
}
