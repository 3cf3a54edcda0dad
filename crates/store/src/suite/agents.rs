use super::{agent_id, agent_record, assert_nul, assert_too_large, instance_record};
use crate::{AccessKeyRecord, AgentRecord, Store, limits};
use ringline_model::AgentKind;
use serde_json::json;
use std::sync::Arc;

pub async fn an_agent_comes_back_as_it_was_put(store: Arc<dyn Store>) {
    let agent = agent_record("a");
    store.put_agent(&agent).await.expect("stored");
    assert_eq!(store.agent(&agent.id).await.expect("read"), Some(agent));
    assert_eq!(store.agent(&agent_id("b")).await.expect("read"), None);
}

pub async fn putting_an_agent_again_replaces_all_but_its_creation(store: Arc<dyn Store>) {
    let first = agent_record("a");
    let second = AgentRecord {
        name: "Night shift".into(),
        kind: AgentKind::VideoChat,
        config: json!({}),
        created_ms: 77,
        modified_ms: first.modified_ms + 5,
        ..first.clone()
    };
    store.put_agent(&first).await.expect("stored");
    store.put_agent(&second).await.expect("stored");
    let expected = AgentRecord { created_ms: first.created_ms, ..second };
    assert_eq!(store.agents(None, 10).await.expect("read"), [expected]);
}

pub async fn agents_are_listed_by_id_up_to_the_limit(store: Arc<dyn Store>) {
    for id in ["c", "a", "b"] {
        store.put_agent(&agent_record(id)).await.expect("stored");
    }
    let ids = |agents: Vec<AgentRecord>| agents.iter().map(|a| a.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(store.agents(None, limits::LIST_ROWS).await.expect("read")), ["a", "b", "c"]);
    assert_eq!(ids(store.agents(None, 2).await.expect("read")), ["a", "b"]);
    assert_eq!(ids(store.agents(Some(&agent_id("b")), 2).await.expect("read")), ["c"], "the next page");
    assert_eq!(ids(store.agents(Some(&agent_id("aa")), 1).await.expect("read")), ["b"], "an id nobody has is a place");
    assert_eq!(ids(store.agents(None, 0).await.expect("read")), [""; 0]);
    assert_too_large(store.agents(None, limits::LIST_ROWS + 1).await);
}

pub async fn agents_are_ordered_by_the_bytes_of_their_ids(store: Arc<dyn Store>) {
    // A database in a language of people would have a, A, a-b, aa, B.
    for id in ["aa", "B", "a", "a-b", "A"] {
        store.put_agent(&agent_record(id)).await.expect("stored");
    }
    let found = store.agents(None, 10).await.expect("read");
    assert_eq!(found.iter().map(|agent| agent.id.as_str()).collect::<Vec<_>>(), ["A", "B", "a", "a-b", "aa"]);
}

pub async fn a_deleted_agent_is_hidden_until_it_is_put_again(store: Arc<dyn Store>) {
    let agent = agent_record("a");
    store.put_agent(&agent).await.expect("stored");
    store.create_instance(&instance_record("i", 1), &[]).await.expect("created");
    assert!(store.delete_agent(&agent.id, 5).await.expect("deleted"));
    assert!(!store.delete_agent(&agent.id, 6).await.expect("answered"), "it is gone already");
    assert_eq!(store.agent(&agent.id).await.expect("read"), None);
    assert_eq!(store.agents(None, 10).await.expect("read"), []);
    let instance = store.instance(&instance_record("i", 1).id).await.expect("read");
    assert_eq!(instance, Some(instance_record("i", 1)), "its instances stay");
    store.put_agent(&agent).await.expect("stored");
    assert_eq!(store.agent(&agent.id).await.expect("read"), Some(agent));
}

pub async fn an_agent_is_changed_as_it_is_stored_and_keeps_id_and_creation(store: Arc<dyn Store>) {
    let agent = agent_record("a");
    assert_eq!(store.change_agent(&agent.id, Box::new(|_| panic!("there is none"))).await.expect("answered"), None);
    store.put_agent(&agent).await.expect("stored");
    let change = |stored: &mut AgentRecord| {
        assert_eq!(*stored, agent, "as it was put");
        *stored = AgentRecord { name: "Night shift".into(), modified_ms: 7, created_ms: 5, ..agent_record("b") };
        true
    };
    let expected = AgentRecord { name: "Night shift".into(), modified_ms: 7, ..agent.clone() };
    let changed = store.change_agent(&agent.id, Box::new(change)).await.expect("changed");
    assert_eq!(changed.as_ref(), Some(&expected));
    assert_eq!(store.agents(None, 10).await.expect("read"), [expected]);
    assert!(store.delete_agent(&agent.id, 9).await.expect("deleted"));
    assert_eq!(store.change_agent(&agent.id, Box::new(|_| panic!("it is gone"))).await.expect("answered"), None);
}

pub async fn a_change_that_is_called_off_or_cannot_be_stored_changes_nothing(store: Arc<dyn Store>) {
    let agent = agent_record("a");
    store.put_agent(&agent).await.expect("stored");
    let rename = |name: String, keep: bool| {
        move |stored: &mut AgentRecord| {
            stored.name = name;
            keep
        }
    };
    let answer = store.change_agent(&agent.id, Box::new(rename("b".into(), false))).await.expect("answered");
    assert_eq!(answer.as_ref(), Some(&agent));
    let long = "n".repeat(limits::NAME_BYTES + 1);
    assert_too_large(store.change_agent(&agent.id, Box::new(rename(long, true))).await);
    assert_nul(store.change_agent(&agent.id, Box::new(rename("\0".into(), true))).await);
    assert_eq!(store.agent(&agent.id).await.expect("read"), Some(agent));
}

pub async fn of_many_changes_at_once_none_is_lost(store: Arc<dyn Store>) {
    store.put_agent(&agent_record("a")).await.expect("stored");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let change = |agent: &mut AgentRecord| {
                agent.settings.voices.push(format!("voice-{n}"));
                true
            };
            store.change_agent(&agent_id("a"), Box::new(change)).await
        });
    }
    for changed in tasks.join_all().await {
        assert!(changed.expect("changed").is_some());
    }
    let agent = store.agent(&agent_id("a")).await.expect("read").expect("it is there");
    assert_eq!(agent.settings.voices.len(), 1 + 16, "{:?}", agent.settings.voices);
}

pub async fn every_kind_of_agent_comes_back(store: Arc<dyn Store>) {
    for kind in [AgentKind::VoiceChat, AgentKind::AvatarChat3D, AgentKind::VisionChat, AgentKind::VideoChat] {
        let agent = AgentRecord { kind, ..agent_record(kind.as_str()) };
        store.put_agent(&agent).await.expect("stored");
        assert_eq!(store.agent(&agent.id).await.expect("read"), Some(agent));
    }
}

fn key(id: &str, created_ms: i64) -> AccessKeyRecord {
    AccessKeyRecord { id: id.into(), secret: "s3cret".into(), active: true, operations: None, created_ms }
}

pub async fn an_access_key_comes_back_with_or_without_its_operations(store: Arc<dyn Store>) {
    let all = key("all", 2);
    let some = AccessKeyRecord { operations: Some(vec!["GenerateAIAgentCall".into()]), ..key("some", 3) };
    let none = AccessKeyRecord { operations: Some(Vec::new()), ..key("none", 1) };
    for key in [&all, &some, &none] {
        store.put_access_key(key).await.expect("stored");
        assert_eq!(store.access_key(&key.id).await.expect("read").as_ref(), Some(key));
    }
    assert_eq!(store.access_key("other").await.expect("read"), None);
    assert_eq!(store.access_keys(None, 10).await.expect("read"), [none.clone(), all.clone(), some.clone()]);
    assert_eq!(store.access_keys(Some("none"), 1).await.expect("read"), [all]);
    assert_eq!(store.access_keys(Some("all"), 10).await.expect("read"), [some]);
    assert_eq!(store.access_keys(Some("other"), 10).await.expect("read"), []);
    assert_eq!(store.access_keys(Some("\0"), 10).await.expect("read"), []);
    assert_too_large(store.access_keys(None, limits::LIST_ROWS + 1).await);
}

pub async fn a_key_put_again_can_be_switched_off(store: Arc<dyn Store>) {
    store.put_access_key(&key("k", 1)).await.expect("stored");
    let off = AccessKeyRecord { active: false, secret: "new".into(), created_ms: 9, ..key("k", 9) };
    store.put_access_key(&off).await.expect("stored");
    let expected = AccessKeyRecord { created_ms: 1, ..off };
    assert_eq!(store.access_keys(None, 10).await.expect("read"), [expected]);
}

pub async fn the_first_value_of_a_setting_stays(store: Arc<dyn Store>) {
    assert_eq!(store.setting("app_id").await.expect("read"), None);
    assert_eq!(store.put_setting_if_absent("app_id", "one").await.expect("stored"), "one");
    assert_eq!(store.put_setting_if_absent("app_id", "two").await.expect("stored"), "one");
    assert_eq!(store.setting("app_id").await.expect("read").as_deref(), Some("one"));
    assert_eq!(store.put_setting_if_absent("app_key", "two").await.expect("stored"), "two");
}

pub async fn of_many_first_values_at_once_one_wins_for_all(store: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.put_setting_if_absent("app_key", &format!("value-{n}")).await });
    }
    let answers: Vec<String> = tasks.join_all().await.into_iter().map(|answer| answer.expect("stored")).collect();
    let stored = store.setting("app_key").await.expect("read").expect("one of them");
    assert!(answers.iter().all(|answer| *answer == stored), "{answers:?}");
}

pub async fn a_nul_character_is_refused_and_no_key_or_setting_is_found_by_it(store: Arc<dyn Store>) {
    assert_nul(store.put_agent(&AgentRecord { name: "a\0".into(), ..agent_record("a") }).await);
    assert_nul(store.put_access_key(&key("\0", 1)).await);
    assert_nul(store.put_setting_if_absent("\0", "v").await);
    assert_nul(store.put_setting_if_absent("k", "\0").await);
    assert_eq!(store.agents(None, 10).await.expect("read"), []);
    assert_eq!(store.access_key("\0").await.expect("answered"), None);
    assert_eq!(store.setting("\0").await.expect("answered"), None);
}

pub async fn what_is_too_large_for_an_agent_a_key_or_a_setting_is_refused(store: Arc<dyn Store>) {
    let named = |bytes| AgentRecord { name: "n".repeat(bytes), ..agent_record("a") };
    assert_too_large(store.put_agent(&named(limits::NAME_BYTES + 1)).await);
    assert_eq!(store.agents(None, 1).await.expect("read"), []);
    store.put_agent(&named(limits::NAME_BYTES)).await.expect("just fits");

    // Two bytes are the quotes.
    let configured = |bytes: usize| AgentRecord { config: json!("c".repeat(bytes - 2)), ..agent_record("a") };
    assert_too_large(store.put_agent(&configured(limits::CONFIG_BYTES + 1)).await);
    store.put_agent(&configured(limits::CONFIG_BYTES)).await.expect("just fits");

    let long = || "x".repeat(limits::NAME_BYTES + 1);
    assert_too_large(store.put_access_key(&key(&long(), 1)).await);
    assert_too_large(store.put_access_key(&AccessKeyRecord { secret: long(), ..key("k", 1) }).await);
    let operations = Some(vec!["x".repeat(limits::OPERATIONS_BYTES)]);
    assert_too_large(store.put_access_key(&AccessKeyRecord { operations, ..key("k", 1) }).await);
    assert_eq!(store.access_keys(None, 1).await.expect("read"), []);

    assert_too_large(store.put_setting_if_absent(&long(), "v").await);
    assert_too_large(store.put_setting_if_absent("k", &"v".repeat(limits::SETTING_BYTES + 1)).await);
    assert_eq!(store.setting("k").await.expect("read"), None);
}
