use super::{assert_nul, assert_too_large};
use crate::{RegistrationMode, Store, VoiceprintQuery, VoiceprintRecord, limits};
use std::sync::Arc;

fn voiceprint(id: &str, created_ms: i64) -> VoiceprintRecord {
    VoiceprintRecord {
        id: id.into(),
        mode: RegistrationMode::Explicit,
        audio: (0..=255).collect(),
        created_ms,
        modified_ms: created_ms,
    }
}

fn all() -> VoiceprintQuery {
    VoiceprintQuery { mode: RegistrationMode::Explicit, id: None, offset: 0, limit: 100 }
}

async fn ids(store: &dyn Store, query: &VoiceprintQuery) -> (Vec<String>, u64) {
    let (page, total) = store.voiceprints(query).await.expect("read");
    (page.into_iter().map(|voiceprint| voiceprint.id).collect(), total)
}

pub async fn a_voiceprint_comes_back_byte_for_byte(store: Arc<dyn Store>) {
    let explicit = voiceprint("alice", 1);
    let implicit = VoiceprintRecord { mode: RegistrationMode::Implicit, audio: Vec::new(), ..voiceprint("alice", 2) };
    for record in [&explicit, &implicit] {
        store.put_voiceprint(record).await.expect("put");
    }
    for record in [explicit, implicit] {
        assert_eq!(store.voiceprint("alice", record.mode).await.expect("read"), Some(record));
    }
    assert_eq!(store.voiceprint("bob", RegistrationMode::Explicit).await.expect("read"), None);
}

pub async fn putting_a_voiceprint_again_replaces_its_audio_and_keeps_its_creation(store: Arc<dyn Store>) {
    store.put_voiceprint(&voiceprint("alice", 1)).await.expect("put");
    let again = VoiceprintRecord { audio: vec![9; 1000], ..voiceprint("alice", 5) };
    store.put_voiceprint(&again).await.expect("put");
    let stored = store.voiceprint("alice", RegistrationMode::Explicit).await.expect("read").expect("there");
    assert_eq!(stored, VoiceprintRecord { created_ms: 1, ..again });
}

pub async fn voiceprints_are_listed_oldest_first_by_mode_in_pages_and_counted(store: Arc<dyn Store>) {
    for (id, created_ms) in [("c", 1), ("b", 2), ("a", 2)] {
        store.put_voiceprint(&voiceprint(id, created_ms)).await.expect("put");
    }
    let learned = VoiceprintRecord { mode: RegistrationMode::Implicit, ..voiceprint("d", 0) };
    store.put_voiceprint(&learned).await.expect("put");
    assert_eq!(ids(&*store, &all()).await, (vec!["c".into(), "a".into(), "b".into()], 3));
    let page = VoiceprintQuery { offset: 1, limit: 1, ..all() };
    assert_eq!(ids(&*store, &page).await, (vec!["a".into()], 3));
    let one = VoiceprintQuery { id: Some("b".into()), ..all() };
    assert_eq!(ids(&*store, &one).await, (vec!["b".into()], 1));
    for nobody in ["d", "B", "b\0"] {
        assert_eq!(ids(&*store, &VoiceprintQuery { id: Some(nobody.into()), ..all() }).await, (vec![], 0));
    }
    let implicit = VoiceprintQuery { mode: RegistrationMode::Implicit, ..all() };
    assert_eq!(ids(&*store, &implicit).await, (vec!["d".into()], 1));
    assert_too_large(store.voiceprints(&VoiceprintQuery { limit: limits::LIST_ROWS + 1, ..all() }).await);
}

pub async fn a_deleted_voiceprint_is_gone_in_its_mode_alone(store: Arc<dyn Store>) {
    for mode in [RegistrationMode::Explicit, RegistrationMode::Implicit] {
        store.put_voiceprint(&VoiceprintRecord { mode, ..voiceprint("alice", 1) }).await.expect("put");
    }
    assert!(store.delete_voiceprint("alice", RegistrationMode::Explicit).await.expect("deleted"));
    assert!(!store.delete_voiceprint("alice", RegistrationMode::Explicit).await.expect("gone already"));
    assert!(!store.delete_voiceprint("a\0", RegistrationMode::Explicit).await.expect("never there"));
    assert_eq!(store.voiceprint("alice", RegistrationMode::Explicit).await.expect("read"), None);
    assert!(store.voiceprint("alice", RegistrationMode::Implicit).await.expect("read").is_some());
}

pub async fn what_is_too_large_for_a_voiceprint_is_refused(store: Arc<dyn Store>) {
    let largest = VoiceprintRecord {
        id: "中".repeat(limits::VOICEPRINT_ID_BYTES / 4),
        audio: vec![1; limits::VOICEPRINT_BYTES],
        ..voiceprint("", 1)
    };
    store.put_voiceprint(&largest).await.expect("put");
    let audio = vec![1; limits::VOICEPRINT_BYTES + 1];
    assert_too_large(store.put_voiceprint(&VoiceprintRecord { audio, ..voiceprint("a", 1) }).await);
    let id = "x".repeat(limits::VOICEPRINT_ID_BYTES + 1);
    assert_too_large(store.put_voiceprint(&voiceprint(&id, 1)).await);
    assert_nul(store.put_voiceprint(&voiceprint("a\0", 1)).await);
}
