//! The suite on both forms of the SQLite back end, and what only a file can show.

use ringline_store::suite::{self, agent_record};
use ringline_store::{AccessKeyRecord, SqliteStore, Store, StoreError};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_memory_passes_the_suite() {
    suite::run(async || SqliteStore::in_memory().await.expect("opens")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_a_file_passes_the_suite() {
    let directory = directory();
    let count = AtomicU32::new(0);
    let fresh = || directory.path().join(format!("{}.db", count.fetch_add(1, Ordering::Relaxed)));
    suite::run(async || SqliteStore::open(fresh()).await.expect("opens")).await;
}

#[tokio::test]
async fn what_was_stored_is_there_after_closing_and_opening() {
    let directory = directory();
    let path = directory.path().join("r.db");
    let store = SqliteStore::open(&path).await.expect("opens");
    store.put_agent(&agent_record("a")).await.expect("stored");
    store.sync().await.expect("synced");
    store.close().await;
    assert_eq!(files(directory.path()), ["r.db"], "closing leaves one file");

    let store = SqliteStore::open(&path).await.expect("opens again");
    assert_eq!(store.agents(None, 10).await.expect("read"), [agent_record("a")]);
}

#[tokio::test]
async fn two_processes_may_share_a_file() {
    let directory = directory();
    let path = directory.path().join("r.db");
    // Two stores are to SQLite what two processes are: separate connections.
    let one = SqliteStore::open(&path).await.expect("opens");
    let two = SqliteStore::open(&path).await.expect("opens");
    one.put_agent(&agent_record("a")).await.expect("stored");
    assert_eq!(two.agents(None, 10).await.expect("read"), [agent_record("a")]);
    assert_eq!(two.put_setting_if_absent("k", "2").await.expect("stored"), "2");
    assert_eq!(one.put_setting_if_absent("k", "1").await.expect("stored"), "2");
}

#[tokio::test]
async fn the_file_and_those_beside_it_are_the_owners_alone() {
    let directory = directory();
    let path = directory.path().join("r.db");
    let store = SqliteStore::open(&path).await.expect("opens");
    store.put_agent(&agent_record("a")).await.expect("stored");
    assert_eq!(files(directory.path()), ["r.db", "r.db-shm", "r.db-wal"]);
    for name in files(directory.path()) {
        assert_eq!(mode(&directory.path().join(&name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_others_could_read_is_closed_to_them() {
    let directory = directory();
    let path = directory.path().join("r.db");
    SqliteStore::open(&path).await.expect("opens").close().await;
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("changed");
    let _store = SqliteStore::open(&path).await.expect("opens");
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_words_and_left_alone() {
    let directory = directory();
    let path = directory.path().join("r.db");
    SqliteStore::open(&path).await.expect("opens").close().await;
    let mut raw = raw(&path).await;
    sqlx::query("PRAGMA user_version = 99").execute(&mut raw).await.expect("set");
    raw.close().await.expect("closed");
    let before = fs::read(&path).expect("read");

    let error = SqliteStore::open(&path).await.expect_err("a newer schema");
    assert!(matches!(&error, StoreError::NewerSchema { found: 99, known: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("written by a newer Ringline"), "{error}");
    assert_eq!(fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_alone() {
    let directory = directory();
    let no_database = directory.path().join("notes.txt");
    fs::write(&no_database, "Dear diary, ".repeat(1000)).expect("written");
    let foreign = directory.path().join("foreign.db");
    fs::write(&foreign, "").expect("written");
    let mut connection = raw(&foreign).await;
    sqlx::query("CREATE TABLE recipes (name TEXT)").execute(&mut connection).await.expect("made");
    connection.close().await.expect("closed");

    for path in [no_database, foreign] {
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("changed");
        let before = fs::read(&path).expect("read");
        let error = SqliteStore::open(&path).await.expect_err("not ours");
        assert!(matches!(&error, StoreError::NotOurs { .. }), "{error:?}");
        assert_eq!((fs::read(&path).expect("read"), mode(&path)), (before, 0o644));
    }
}

#[tokio::test]
async fn a_missing_directory_is_named_in_the_error() {
    let error = SqliteStore::open("no/such/directory/r.db").await.expect_err("no directory");
    assert!(matches!(&error, StoreError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("no/such/directory/r.db"), "{error}");
}

#[tokio::test]
async fn a_failing_statement_is_not_shown() {
    let directory = directory();
    let path = directory.path().join("r.db");
    let store = SqliteStore::open(&path).await.expect("opens");
    sqlx::query("DROP TABLE settings").execute(&mut raw(&path).await).await.expect("dropped");
    let error = store.setting("k").await.expect_err("no table");
    assert_eq!(error.to_string(), "could not read a setting");
    assert!(std::error::Error::source(&error).is_some(), "the log gets the cause");
}

#[tokio::test]
async fn a_stored_value_that_cannot_be_is_an_error_and_not_a_default() {
    let directory = directory();
    let path = directory.path().join("r.db");
    let store = SqliteStore::open(&path).await.expect("opens");
    store.put_agent(&agent_record("a")).await.expect("stored");
    let mut raw = raw(&path).await;
    for (change, column) in [
        ("UPDATE agents SET kind = 'Robot'", "kind"),
        ("UPDATE agents SET kind = 'VoiceChat', config = '{'", "config"),
        ("UPDATE agents SET config = '{}', id = 'a b'", "id"),
    ] {
        sqlx::query(change).execute(&mut raw).await.expect("changed");
        let error = store.agents(None, 1).await.expect_err("unreadable");
        assert!(matches!(error, StoreError::Corrupt { what } if what == column), "{error:?}");
    }
}

#[test]
fn secrets_and_speech_do_not_print() {
    let key =
        AccessKeyRecord { id: "k".into(), secret: "hunter2".into(), active: true, operations: None, created_ms: 1 };
    assert!(!format!("{key:?}").contains("hunter2"));
    assert!(!format!("{:?}", agent_record("a")).contains("Hello"));
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.expect("opens")
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("listed");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}
