//! A process that is killed while it appends to a journal loses nothing that it was told is stored.

use ringline_store::suite::{agent_record, instance_record};
use ringline_store::{JournalRow, SqliteStore, Store, limits};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Tells this program that it is the child, and which database to write to.
const DATABASE: &str = "RINGLINE_TEST_KILL_DATABASE";
const SIGKILL: i32 = 9;
const BATCH: u64 = 7;

#[tokio::test]
async fn what_was_appended_before_a_kill_is_there_after_it() {
    if let Some(path) = std::env::var_os(DATABASE) {
        append_until_killed(Path::new(&path)).await;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    // Several kills on one file: each opens what the one before left behind.
    let path = directory.path().join("r.db");
    let mut stored = 0;
    for acknowledgements in [1, 40, 400] {
        let acknowledged = kill_after(&path, acknowledgements);
        assert!(acknowledged > stored, "the child went on where the last one stopped");

        let store = SqliteStore::open(&path).await.expect("opens");
        stored = check_journal(&store).await;
        // A commit may have been on its way when the kill came.
        assert!((acknowledged..=acknowledged + BATCH).contains(&stored), "{acknowledged} acknowledged, {stored} there");
        assert_eq!(store.count_active().await.expect("counted"), 1);
        assert_eq!(store.unfinished(10).await.expect("read")[0].id, instance_record("i", 1).id);
        store.close().await;
        assert_intact(&path).await;
    }
}

/// Runs this test as a child, kills it after so many acknowledged batches, and answers how many rows it was told are
/// stored.
fn kill_after(path: &Path, acknowledgements: usize) -> u64 {
    let program = std::env::current_exe().expect("a path");
    let mut child = Command::new(program)
        .args(["--exact", "what_was_appended_before_a_kill_is_there_after_it", "--nocapture"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let mut acknowledged = output
        .lines()
        .map(|line| line.expect("UTF-8"))
        .filter_map(|line| line.strip_prefix("stored ").map(|rows| rows.parse::<u64>().expect("a number")));
    let mut last = acknowledged.by_ref().nth(acknowledgements - 1).expect("the child appends");
    child.kill().expect("killed");
    // What it had written before the kill came counts, too.
    if let Some(later) = acknowledged.last() {
        last = later;
    }
    let status = child.wait().expect("ended");
    assert_eq!(status.signal(), Some(SIGKILL), "it was killed, and didn't end by itself: {status}");
    last
}

async fn append_until_killed(path: &Path) -> ! {
    let store = SqliteStore::open(path).await.expect("opens");
    store.put_agent(&agent_record("a")).await.expect("stored");
    if store.instance(&instance_record("i", 1).id).await.expect("read").is_none() {
        store.create_instance(&instance_record("i", 1), &[]).await.expect("created");
    }
    let mut next = check_journal(&store).await;
    loop {
        let rows: Vec<JournalRow> = (next..next + BATCH).map(row).collect();
        store.append_journal(&instance_record("i", 1).id, &rows, &[]).await.expect("appended");
        next += BATCH;
        let mut out = std::io::stdout().lock();
        writeln!(out, "stored {next}").and_then(|()| out.flush()).expect("the parent listens");
    }
}

/// Every row is as it was written, without a hole; answers how many there are.
async fn check_journal(store: &SqliteStore) -> u64 {
    let mut next = 0;
    loop {
        let page = store.journal(&instance_record("i", 1).id, next, limits::LIST_ROWS).await.expect("read");
        if page.is_empty() {
            return next;
        }
        for found in page {
            assert_eq!(found, row(next));
            next += 1;
        }
    }
}

async fn assert_intact(path: &Path) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.expect("opens");
    let verdict: String =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.expect("checked");
    assert_eq!(verdict, "ok");
    let foreign = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await.expect("checked");
    assert!(foreign.is_empty(), "every row belongs to something");
}

fn row(seq: u64) -> JournalRow {
    JournalRow { seq, at_us: seq * 1000, step: format!("{{\"n\":{seq}}}"), outputs: "[".repeat(seq as usize % 3000) }
}
