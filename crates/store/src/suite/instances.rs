use super::{
    agent_id, agent_record, assert_not_found, assert_nul, assert_too_large, instance_id, instance_record, user_id,
    with_instances,
};
use crate::{InstanceQuery, InstanceRecord, InstanceStatus, JournalRow, Store, StoreError, limits};
use serde_json::json;
use std::sync::Arc;

fn ids(instances: &[InstanceRecord]) -> Vec<&str> {
    instances.iter().map(|instance| instance.id.as_str()).collect()
}

pub async fn an_instance_comes_back_as_it_was_created(store: Arc<dyn Store>) {
    store.put_agent(&agent_record("a")).await.expect("stored");
    let bare = InstanceRecord { user_data: None, ..instance_record("bare", 1) };
    let full = InstanceRecord {
        status: InstanceStatus::Finished,
        started_ms: Some(3),
        ended_ms: Some(4),
        end_reason: Some("stopped".into()),
        user: None,
        recordings: Some(json!({"user": "u.opus"})),
        ..instance_record("full", 2)
    };
    for instance in [&bare, &full] {
        store.create_instance(instance, &[]).await.expect("created");
        assert_eq!(store.instance(&instance.id).await.expect("read").as_ref(), Some(instance));
    }
    assert_eq!(store.instance(&instance_id("other")).await.expect("read"), None);
}

pub async fn an_instance_of_an_unknown_agent_is_refused(store: Arc<dyn Store>) {
    assert_not_found(store.create_instance(&instance_record("i", 1), &[]).await, "agent");
    assert_eq!(store.instance(&instance_id("i")).await.expect("read"), None);
}

pub async fn an_instance_is_created_once(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let again = store.create_instance(&instance_record("i", 50), &[]).await;
    assert!(matches!(&again, Err(StoreError::Exists { what: "instance", id }) if id == "i"), "{again:?}");
    assert_eq!(store.instance(&instance_id("i")).await.expect("read"), Some(instance_record("i", 1)));
}

pub async fn an_instance_goes_from_created_over_executing_to_finished(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "other"]).await;
    let id = instance_id("i");
    assert!(store.set_executing(&id, &user_id("bob"), 10, &[]).await.expect("changed"));
    let executing = InstanceRecord {
        user: Some(user_id("bob")),
        status: InstanceStatus::Executing,
        started_ms: Some(10),
        modified_ms: 10,
        ..instance_record("i", 1)
    };
    assert_eq!(store.instance(&id).await.expect("read").as_ref(), Some(&executing));
    assert!(!store.set_executing(&id, &user_id("alice"), 11, &[]).await.expect("answered"), "it is executing already");
    assert!(store.finish_instance(&id, "user left", 20, &[]).await.expect("changed"));
    let finished = InstanceRecord {
        status: InstanceStatus::Finished,
        ended_ms: Some(20),
        modified_ms: 20,
        end_reason: Some("user left".into()),
        ..executing
    };
    assert_eq!(store.instance(&id).await.expect("read"), Some(finished));
    let other = instance_record("other", 2);
    assert_eq!(store.instance(&other.id).await.expect("read"), Some(other), "the other one is left alone");
}

pub async fn a_finished_instance_stays_as_it_ended(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    assert!(store.finish_instance(&id, "nobody came", 20, &[]).await.expect("changed"), "straight from Created");
    let ended = store.instance(&id).await.expect("read");
    assert!(!store.finish_instance(&id, "stopped", 30, &[]).await.expect("answered"));
    assert!(!store.set_executing(&id, &user_id("alice"), 31, &[]).await.expect("answered"));
    assert_eq!(store.instance(&id).await.expect("read"), ended);
}

pub async fn of_many_ends_at_once_one_counts(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let reason = format!("reason {n}");
            store.finish_instance(&instance_id("i"), &reason, n, &[]).await.expect("answered").then_some(reason)
        });
    }
    let winners: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    let stored = store.instance(&instance_id("i")).await.expect("read").expect("there");
    assert_eq!(winners, [stored.end_reason.expect("a reason")]);
}

pub async fn what_is_done_to_an_unknown_instance_fails(store: Arc<dyn Store>) {
    let id = instance_id("nobody");
    assert_not_found(store.set_executing(&id, &user_id("alice"), 1, &[]).await, "instance");
    assert_not_found(store.finish_instance(&id, "r", 1, &[]).await, "instance");
    assert_not_found(store.set_recordings(&id, &json!({}), 1).await, "instance");
    assert_not_found(store.update_instance(&id, &json!({}), &json!({}), None, 1).await, "instance");
}

pub async fn unfinished_instances_are_counted_and_listed_oldest_first(store: Arc<dyn Store>) {
    assert_eq!(store.count_active().await.expect("counted"), 0);
    with_instances(&*store, &["z", "y", "x"]).await;
    store.set_executing(&instance_id("z"), &user_id("alice"), 10, &[]).await.expect("changed");
    store.finish_instance(&instance_id("y"), "r", 11, &[]).await.expect("changed");
    assert_eq!(store.count_active().await.expect("counted"), 2);
    assert_eq!(ids(&store.unfinished(10).await.expect("read")), ["z", "x"]);
    assert_eq!(ids(&store.unfinished(1).await.expect("read")), ["z"]);
    assert_too_large(store.unfinished(limits::LIST_INSTANCES + 1).await);

    // Recovery at start: each round finishes what it was given, until nothing is left.
    while let [left, ..] = &store.unfinished(1).await.expect("read")[..] {
        assert!(store.finish_instance(&left.id, "crashed", 20, &[]).await.expect("changed"));
    }
    assert_eq!(store.count_active().await.expect("counted"), 0);
}

pub async fn instances_are_listed_newest_first_within_a_time_and_in_pages(store: Arc<dyn Store>) {
    with_instances(&*store, &["one", "two", "three", "four"]).await;
    store.put_agent(&agent_record("b")).await.expect("stored");
    let of_b = InstanceRecord { agent: agent_id("b"), ..instance_record("b-1", 2) };
    store.create_instance(&of_b, &[]).await.expect("created");
    let all = InstanceQuery { agent: agent_id("a"), from_ms: i64::MIN, to_ms: i64::MAX, offset: 0, limit: 10 };

    assert_eq!(ids(&store.instances(&all).await.expect("read")), ["four", "three", "two", "one"]);
    let page = InstanceQuery { offset: 1, limit: 2, ..all.clone() };
    assert_eq!(ids(&store.instances(&page).await.expect("read")), ["three", "two"]);
    let within = InstanceQuery { from_ms: 2, to_ms: 3, ..all.clone() };
    assert_eq!(ids(&store.instances(&within).await.expect("read")), ["three", "two"], "both ends belong to it");
    let of_nobody = InstanceQuery { agent: agent_id("c"), ..all.clone() };
    assert_eq!(store.instances(&of_nobody).await.expect("read"), []);
    assert_too_large(store.instances(&InstanceQuery { limit: limits::LIST_INSTANCES + 1, ..all }).await);
}

pub async fn the_unfinished_instances_of_one_agent_are_counted(store: Arc<dyn Store>) {
    with_instances(&*store, &["created", "executing", "finished"]).await;
    store.put_agent(&agent_record("b")).await.expect("stored");
    let of_b = InstanceRecord { agent: agent_id("b"), ..instance_record("b-1", 2) };
    store.create_instance(&of_b, &[]).await.expect("created");
    store.set_executing(&instance_id("executing"), &user_id("alice"), 10, &[]).await.expect("changed");
    store.finish_instance(&instance_id("finished"), "r", 11, &[]).await.expect("changed");
    let counts = [("a", 2), ("b", 1), ("c", 0)];
    for (agent, active) in counts {
        assert_eq!(store.count_active_of(&agent_id(agent)).await.expect("counted"), active, "of {agent}");
    }
}

pub async fn a_changed_instance_keeps_all_but_what_was_changed(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "other"]).await;
    let id = instance_id("i");
    let (config, template) = (json!({"Volume": 0.7}), json!({"VoiceChat": {"Greeting": "Hi"}}));
    store.update_instance(&id, &config, &template, Some("new"), 10).await.expect("changed");
    let changed = InstanceRecord {
        config,
        template: template.clone(),
        user_data: Some("new".into()),
        modified_ms: 10,
        ..instance_record("i", 1)
    };
    assert_eq!(store.instance(&id).await.expect("read").as_ref(), Some(&changed));

    store.update_instance(&id, &json!({}), &template, None, 20).await.expect("changed");
    let again = InstanceRecord { config: json!({}), modified_ms: 20, ..changed };
    assert_eq!(store.instance(&id).await.expect("read"), Some(again), "the user data stayed");
    let other = instance_record("other", 2);
    assert_eq!(store.instance(&other.id).await.expect("read"), Some(other), "the other one is left alone");
}

pub async fn recordings_are_noted_on_a_finished_instance(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    store.finish_instance(&id, "r", 5, &[]).await.expect("changed");
    let tracks = json!({"user": "i/user.opus", "agent": "i/agent.opus"});
    store.set_recordings(&id, &tracks, 6).await.expect("noted");
    let stored = store.instance(&id).await.expect("read").expect("there");
    assert_eq!((stored.recordings, stored.modified_ms, stored.ended_ms), (Some(tracks), 6, Some(5)));
}

pub async fn a_finished_instance_is_sealed_once(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j", "k"]).await;
    let id = instance_id("i");
    let seal = |id: &str, seal: &str| [(instance_id(id), seal.to_owned())];
    assert_eq!(store.seal_instances(&seal("i", "early")).await.expect("asked"), 0, "it still runs");
    let rows: Vec<_> =
        (0..3).map(|seq| JournalRow { seq, at_us: 1, step: "{}".into(), outputs: "[]".into() }).collect();
    store.append_journal(&id, &rows, &[]).await.expect("appended");
    for (id, at_ms) in [("j", 4), ("i", 5)] {
        store.finish_instance(&instance_id(id), "r", at_ms, &[]).await.expect("changed");
    }
    let unsealed = store.unsealed(10).await.expect("read");
    let found: Vec<_> =
        unsealed.iter().map(|ended| (ended.id.as_str(), ended.rows, ended.end_reason.as_deref())).collect();
    assert_eq!(found, [("j", 0, Some("r")), ("i", 3, Some("r"))], "in the order of their ends");
    let last = store.chained_journal(&id, 2, 1).await.expect("read");
    assert_eq!((&unsealed[0].head, &unsealed[1].head), (&None, &last[0].hash));
    assert_eq!(store.unsealed(1).await.expect("read").len(), 1);
    assert_eq!(store.seal(&id).await.expect("read"), None);
    assert_eq!(store.seal_instances(&seal("i", "first")).await.expect("sealed"), 1);
    let again = [seal("i", "second"), seal("nobody", "s")].concat();
    assert_eq!(store.seal_instances(&again).await.expect("asked"), 0);
    assert_eq!(store.seal(&id).await.expect("read").as_deref(), Some("first"));
    assert_eq!(store.unsealed(10).await.expect("read").len(), 1);
    assert_too_large(store.seal_instances(&seal("j", &"x".repeat(limits::SEAL_BYTES + 1))).await);
}

pub async fn a_nul_character_in_an_instances_text_is_refused_and_in_its_json_kept(store: Arc<dyn Store>) {
    store.put_agent(&agent_record("a")).await.expect("stored");
    let bad = InstanceRecord { user_data: Some("a\0b".into()), ..instance_record("i", 1) };
    assert_nul(store.create_instance(&bad, &[]).await);
    let good = InstanceRecord { config: json!({"Greeting": "a\0b"}), ..instance_record("i", 1) };
    store.create_instance(&good, &[]).await.expect("created");
    assert_nul(store.update_instance(&good.id, &json!({}), &json!({}), Some("\0"), 2).await);
    assert_nul(store.finish_instance(&good.id, "\0", 2, &[]).await);
    assert_eq!(store.instance(&good.id).await.expect("read"), Some(good));
}

pub async fn what_is_too_large_for_an_instance_is_refused(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let base = || instance_record("big", 9);
    let json_of = |bytes: usize| json!("x".repeat(bytes - 2));
    let too_large = [
        InstanceRecord { config: json_of(limits::CONFIG_BYTES + 1), ..base() },
        InstanceRecord { template: json_of(limits::CONFIG_BYTES + 1), ..base() },
        InstanceRecord { runtime: json_of(limits::RUNTIME_BYTES + 1), ..base() },
        InstanceRecord { setup: json_of(limits::SETUP_BYTES + 1), ..base() },
        InstanceRecord { recordings: Some(json_of(limits::RECORDINGS_BYTES + 1)), ..base() },
        InstanceRecord { user_data: Some("x".repeat(limits::USER_DATA_BYTES + 1)), ..base() },
        InstanceRecord { end_reason: Some("x".repeat(limits::NAME_BYTES + 1)), ..base() },
    ];
    for instance in &too_large {
        assert_too_large(store.create_instance(instance, &[]).await);
    }
    let id = instance_id("i");
    assert_too_large(store.finish_instance(&id, &"x".repeat(limits::NAME_BYTES + 1), 9, &[]).await);
    assert_too_large(store.set_recordings(&id, &json_of(limits::RECORDINGS_BYTES + 1), 9).await);
    let (small, user_data) = (json!({}), "x".repeat(limits::USER_DATA_BYTES + 1));
    assert_too_large(store.update_instance(&id, &json_of(limits::CONFIG_BYTES + 1), &small, None, 9).await);
    assert_too_large(store.update_instance(&id, &small, &json_of(limits::CONFIG_BYTES + 1), None, 9).await);
    assert_too_large(store.update_instance(&id, &small, &small, Some(&user_data), 9).await);
    assert_eq!(store.unfinished(10).await.expect("read"), [instance_record("i", 1)], "nothing was stored");

    let fits = InstanceRecord {
        config: json_of(limits::CONFIG_BYTES),
        setup: json_of(limits::SETUP_BYTES),
        user_data: Some("x".repeat(limits::USER_DATA_BYTES)),
        ..base()
    };
    store.create_instance(&fits, &[]).await.expect("just fits");
    assert_eq!(store.instance(&fits.id).await.expect("read"), Some(fits));
}
