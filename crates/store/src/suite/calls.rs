use super::{
    agent_id, agent_record, assert_too_large, instance_id, instance_record, session_id, user_id, with_instances,
};
use crate::{CallQuery, DialogueKind, DialogueRecord, InstanceRecord, ListedCall, Producer, Store, limits};
use ringline_model::ChannelId;
use serde_json::json;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

fn all() -> CallQuery {
    CallQuery { limit: 10, ..CallQuery::default() }
}

fn search(text: &str) -> CallQuery {
    CallQuery { search: Some(text.into()), ..all() }
}

async fn read(store: &dyn Store, query: &CallQuery) -> Vec<ListedCall> {
    store.calls(query).await.expect("read")
}

async fn ids(store: &dyn Store, query: &CallQuery) -> Vec<String> {
    read(store, query).await.into_iter().map(|call| call.id.to_string()).collect()
}

async fn say(store: &dyn Store, instance: &str, n: i64, text: &str) {
    let dialogue = DialogueRecord {
        id: format!("{instance}-{n}"),
        session: session_id("s"),
        instance: instance_id(instance),
        round: "1".into(),
        producer: Producer::User,
        kind: DialogueKind::Normal,
        text: text.into(),
        time_ms: n,
        interrupted: false,
    };
    store.append_dialogue(&dialogue, &[]).await.expect("appended");
}

pub async fn calls_are_listed_newest_first_and_page_by_page(store: Arc<dyn Store>) {
    with_instances(&*store, &["one", "two", "three"]).await;
    // Of the same moment: by their ids.
    for id in ["b", "a", "c"] {
        store.create_instance(&instance_record(id, 2), &[]).await.expect("created");
    }
    let expected = ["three", "two", "c", "b", "a", "one"];
    assert_eq!(ids(&*store, &all()).await, expected);
    let (mut seen, mut query) = (Vec::new(), CallQuery { limit: 2, ..all() });
    while let Some(last) = read(&*store, &query).await.last() {
        seen.extend(ids(&*store, &query).await);
        query.after = Some((last.created_ms, last.id.clone()));
    }
    assert_eq!(seen, expected, "no call twice, none left out");
    assert_too_large(store.calls(&CallQuery { limit: limits::LIST_ROWS + 1, ..all() }).await);
}

pub async fn calls_are_listed_by_status_and_agent(store: Arc<dyn Store>) {
    with_instances(&*store, &["created", "executing", "finished"]).await;
    store.put_agent(&agent_record("b")).await.expect("stored");
    let of_b = InstanceRecord { agent: agent_id("b"), user: None, ..instance_record("b-1", 9) };
    store.create_instance(&of_b, &[]).await.expect("created");
    store.set_executing(&instance_id("executing"), &user_id("bob"), 10, &[]).await.expect("changed");
    store.finish_instance(&instance_id("finished"), "hung_up", 11, &[]).await.expect("changed");
    store.set_recordings(&instance_id("finished"), &json!({}), 12).await.expect("noted");

    assert_eq!(ids(&*store, &CallQuery { finished: Some(false), ..all() }).await, ["b-1", "executing", "created"]);
    let finished = read(&*store, &CallQuery { finished: Some(true), ..all() }).await;
    let [finished] = &finished[..] else { panic!("{finished:?}") };
    assert_eq!((finished.ended_ms, finished.end_reason.as_deref()), (Some(11), Some("hung_up")));
    assert!(finished.recorded);
    let of_b = CallQuery { agent: Some(agent_id("b")), ..all() };
    let found = read(&*store, &of_b).await;
    assert_eq!((found.len(), found[0].user.clone(), found[0].recorded), (1, None, false));
    assert_eq!(ids(&*store, &CallQuery { finished: Some(true), ..of_b }).await, [""; 0]);
    assert_eq!(ids(&*store, &CallQuery { agent: Some(agent_id("nobody")), ..all() }).await, [""; 0]);
}

pub async fn calls_are_found_by_the_beginning_of_their_ids_and_by_what_was_said(store: Arc<dyn Store>) {
    with_instances(&*store, &["i-1", "i-2", "j-1"]).await;
    let other = InstanceRecord {
        channel: ChannelId::parse("Kitchen-7").expect("an id"),
        user: Some(user_id("carol@example.com")),
        session: session_id("t-9"),
        ..instance_record("k-1", 4)
    };
    store.create_instance(&other, &[]).await.expect("created");
    say(&*store, "i-2", 1, "I want to CANCEL my order.").await;
    say(&*store, "i-2", 2, "Yes, cancel it.").await;
    say(&*store, "j-1", 3, "你好，我的订单").await;
    store.finish_instance(&instance_id("i-2"), "hung_up", 11, &[]).await.expect("changed");

    for (text, expected) in [
        ("i-", &["i-2", "i-1"][..]),
        ("carol", &["k-1"]),
        ("kitchen", &["k-1"]),
        ("t-9", &["k-1"]),
        ("example", &[]),
        ("Cancel", &["i-2"]),
        ("订单", &["j-1"]),
        ("", &["k-1", "j-1", "i-2", "i-1"]),
        ("a\0", &[]),
    ] {
        assert_eq!(ids(&*store, &search(text)).await, expected, "{text:?}");
    }
    let live = CallQuery { finished: Some(false), ..search("cancel") };
    assert_eq!(ids(&*store, &live).await, [""; 0]);
    let ended = CallQuery { finished: Some(true), agent: Some(agent_id("a")), ..search("cancel") };
    assert_eq!(ids(&*store, &ended).await, ["i-2"]);
    let behind = CallQuery { after: Some((2, instance_id("i-2"))), ..search("i-") };
    assert_eq!(ids(&*store, &behind).await, ["i-1"]);
    assert_too_large(store.calls(&search(&"x".repeat(limits::SEARCH_BYTES + 1))).await);
}

pub async fn signs_that_mean_something_to_the_database_are_searched_for_as_they_are(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j"]).await;
    say(&*store, "i", 1, "100% sure! It's a_b.").await;
    say(&*store, "j", 2, "1000 times, aXb").await;
    for (text, expected) in
        [("100%", &["i"][..]), ("a_b", &["i"]), ("sure!", &["i"]), ("It's", &["i"]), ("100", &["j", "i"])]
    {
        assert_eq!(ids(&*store, &search(text)).await, expected, "{text:?}");
    }
}

pub async fn a_call_shows_its_agent_even_if_that_is_deleted(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    store.delete_agent(&agent_id("a"), 5).await.expect("deleted");
    let listed = read(&*store, &all()).await.remove(0);
    assert_eq!(listed.agent_name, agent_record("a").name);
    assert_eq!(store.call(&instance_id("i")).await.expect("read"), Some(listed));
    assert_eq!(store.call(&instance_id("nobody")).await.expect("read"), None);
}

pub async fn a_reachable_database_tells_the_time(store: Arc<dyn Store>) {
    let here = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let there = store.clock_ms().await.expect("it is there");
    assert!((there - here).abs() < 60_000, "the database is of this machine: {there} and {here}");
}
