use super::{assert_not_found, assert_too_large, instance_id, with_instances};
use crate::{JournalRow, Store, StoreError, limits};
use ringline_model::InstanceId;
use ringline_model::chain::{journal_link, journal_start};
use std::ops::Range;
use std::sync::Arc;

fn row(seq: u64) -> JournalRow {
    JournalRow {
        seq,
        at_us: seq * 20_000,
        step: format!("{{\"type\":\"interim_transcript\",\"text\":\"ça va {seq}\"}}"),
        outputs: "[]".into(),
    }
}

fn rows(seqs: Range<u64>) -> Vec<JournalRow> {
    seqs.map(row).collect()
}

async fn whole(store: &dyn Store, id: &InstanceId, page: u32) -> Vec<JournalRow> {
    let mut all: Vec<JournalRow> = Vec::new();
    loop {
        let from_seq = all.last().map_or(0, |last| last.seq + 1);
        let page = store.journal(id, from_seq, page).await.expect("read");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

pub async fn a_journal_comes_back_in_order_and_in_pages(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    store.append_journal(&id, &rows(0..1), &[]).await.expect("appended");
    store.append_journal(&id, &rows(1..1000), &[]).await.expect("appended");
    store.append_journal(&id, &rows(1000..2000), &[]).await.expect("a full batch");
    assert_eq!(store.journal(&id, 0, 3).await.expect("read"), rows(0..3));
    assert_eq!(store.journal(&id, 1998, 10).await.expect("read"), rows(1998..2000));
    assert_eq!(store.journal(&id, 2000, 10).await.expect("read"), []);
    assert_eq!(whole(&*store, &id, 300).await, rows(0..2000));
}

pub async fn a_journal_without_rows_is_empty(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    store.append_journal(&instance_id("i"), &[], &[]).await.expect("nothing to do");
    assert_eq!(store.journal(&instance_id("i"), 0, 10).await.expect("read"), []);
}

pub async fn a_journal_of_an_unknown_instance_is_refused_and_reads_as_empty(store: Arc<dyn Store>) {
    let id = instance_id("nobody");
    assert_not_found(store.append_journal(&id, &rows(0..2), &[]).await, "instance");
    assert_eq!(store.journal(&id, 0, 10).await.expect("read"), []);
}

pub async fn every_row_is_a_link_of_the_chain_however_it_was_appended(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j"]).await;
    let id = instance_id("i");
    let head = store.journal_head(&id).await.expect("read").expect("an instance");
    let mut link = journal_start(&id, &head);
    assert_eq!(store.journal_head(&instance_id("nobody")).await.expect("read"), None);
    for batch in [0..1, 1..1, 1..10, 10..14] {
        store.append_journal(&id, &rows(batch), &[]).await.expect("appended");
    }
    let chained = store.chained_journal(&id, 0, 100).await.expect("read");
    assert_eq!(chained.len(), 14);
    for chained in chained {
        let row = chained.row;
        link = journal_link(&link, row.seq, row.at_us, &row.step, &row.outputs);
        assert_eq!(chained.hash, Some(link.to_string()), "row {}", row.seq);
    }
    store.append_journal(&instance_id("j"), &rows(0..1), &[]).await.expect("appended");
    let other = store.chained_journal(&instance_id("j"), 0, 1).await.expect("read");
    let first = store.chained_journal(&id, 0, 1).await.expect("read");
    assert_eq!(other[0].row, first[0].row);
    assert_ne!(other[0].hash, first[0].hash, "the same row of another call");
}

pub async fn of_two_appends_at_once_that_claim_one_place_one_is_refused(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    for place in 0..50 {
        let append = async || store.append_journal(&instance_id("i"), &rows(place..place + 1), &[]).await;
        let (one, two) = tokio::join!(append(), append());
        let refused = match (one, two) {
            (Ok(()), Err(refused)) | (Err(refused), Ok(())) => refused,
            both => panic!("at {place}: {both:?}"),
        };
        assert!(matches!(refused, StoreError::JournalGap { .. }), "at {place}: {refused:?}");
    }
    assert_eq!(whole(&*store, &id, 100).await, rows(0..50));
}

pub async fn a_hole_a_repetition_or_a_late_start_is_refused_whole(store: Arc<dyn Store>) {
    #[track_caller]
    fn assert_gap(result: Result<(), StoreError>, at: u64, but: u64) {
        assert!(
            matches!(&result, Err(StoreError::JournalGap { expected, found, .. }) if (*expected, *found) == (at, but)),
            "{result:?}"
        );
    }
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    assert_gap(store.append_journal(&id, &rows(1..3), &[]).await, 0, 1);
    store.append_journal(&id, &rows(0..3), &[]).await.expect("appended");
    assert_gap(store.append_journal(&id, &rows(2..5), &[]).await, 3, 2);
    assert_gap(store.append_journal(&id, &rows(4..5), &[]).await, 3, 4);
    assert_gap(store.append_journal(&id, &[row(3), row(5)], &[]).await, 4, 5);
    assert_gap(store.append_journal(&id, &[row(3), row(3)], &[]).await, 4, 3);
    assert_eq!(whole(&*store, &id, 10).await, rows(0..3), "of a refused batch nothing is stored");
    store.append_journal(&id, &rows(3..4), &[]).await.expect("goes on where it was");
}

pub async fn journals_of_two_instances_are_apart(store: Arc<dyn Store>) {
    with_instances(&*store, &["i", "j"]).await;
    store.append_journal(&instance_id("i"), &rows(0..4), &[]).await.expect("appended");
    store.append_journal(&instance_id("j"), &rows(0..2), &[]).await.expect("appended");
    assert_eq!(whole(&*store, &instance_id("i"), 10).await, rows(0..4));
    assert_eq!(whole(&*store, &instance_id("j"), 10).await, rows(0..2));
}

pub async fn concurrent_appends_keep_the_order_of_each_instance(store: Arc<dyn Store>) {
    const ROWS: u64 = 240;
    let names = ["i", "j", "k", "l", "m", "n"];
    with_instances(&*store, &names).await;
    let mut tasks = tokio::task::JoinSet::new();
    for (name, batch) in names.into_iter().zip(1..) {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for start in (0..ROWS).step_by(batch) {
                let end = (start + batch as u64).min(ROWS);
                store.append_journal(&instance_id(name), &rows(start..end), &[]).await.expect("appended");
                let page = store.journal(&instance_id(name), start, 10).await.expect("read");
                assert_eq!(page, rows(start..end), "what was appended is there, and nothing else");
            }
        });
    }
    tasks.join_all().await;
    for name in names {
        assert_eq!(whole(&*store, &instance_id(name), 100).await, rows(0..ROWS));
    }
}

pub async fn a_page_is_bounded_in_bytes_and_reading_on_loses_nothing(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    let large = |seq| JournalRow { outputs: "x".repeat(limits::JOURNAL_TEXT_BYTES), ..row(seq) };
    for seq in 0..6 {
        store.append_journal(&id, &[large(seq)], &[]).await.expect("just fits");
    }
    let page = store.journal(&id, 0, 10).await.expect("read");
    assert_eq!(page.len(), limits::JOURNAL_PAGE_BYTES / limits::JOURNAL_TEXT_BYTES);
    assert!(whole(&*store, &id, 10).await.into_iter().eq((0..6).map(large)));
}

pub async fn what_is_too_large_for_a_journal_is_refused(store: Arc<dyn Store>) {
    with_instances(&*store, &["i"]).await;
    let id = instance_id("i");
    let long = |bytes| "x".repeat(bytes);
    let too_long = limits::JOURNAL_TEXT_BYTES + 1;
    assert_too_large(store.append_journal(&id, &[JournalRow { step: long(too_long), ..row(0) }], &[]).await);
    assert_too_large(store.append_journal(&id, &[row(0), JournalRow { outputs: long(too_long), ..row(1) }], &[]).await);
    assert_too_large(store.append_journal(&id, &rows(0..limits::JOURNAL_BATCH_ROWS as u64 + 1), &[]).await);
    let much = |seq| JournalRow { outputs: long(limits::JOURNAL_TEXT_BYTES), ..row(seq) };
    let batch: Vec<_> = (0..8).map(much).collect();
    assert_too_large(store.append_journal(&id, &batch, &[]).await);
    let late = store.append_journal(&id, &[JournalRow { at_us: u64::MAX, ..row(0) }], &[]).await;
    assert!(matches!(late, Err(StoreError::OutOfRange { .. })), "{late:?}");
    assert_eq!(store.journal(&id, 0, 10).await.expect("read"), []);
    assert_too_large(store.journal(&id, 0, limits::LIST_ROWS + 1).await);
}
