//! The suite on Postgres, and what only a server that several nodes share can show.

#[path = "postgres/server.rs"]
mod server;

use ringline_store::suite::{self, agent_record, instance_record};
use ringline_store::{JournalRow, PostgresStore, Store, StoreError};
use server::server;
use sqlx::{Connection, PgConnection};
use std::error::Error;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_postgres_passes_the_suite() {
    let Some(server) = server() else { return };
    suite::run(async || connect(&server.fresh().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_make_one_schema() {
    let Some(server) = server() else { return };
    let url = server.fresh().await;
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        nodes.spawn(async move { connect(&url).await });
    }
    let nodes = nodes.join_all().await;
    nodes[0].put_agent(&agent_record("a")).await.expect("stored");
    for node in &nodes {
        assert_eq!(node.agents(None, 10).await.expect("read"), [agent_record("a")]);
        node.close().await;
    }
    let versions: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM ringline_schema").fetch_all(&mut raw(&url).await).await.expect("read");
    assert_eq!(versions.len(), 1);
}

#[tokio::test]
async fn what_was_stored_is_there_for_the_next_node() {
    let Some(server) = server() else { return };
    let url = server.fresh().await;
    let store = connect(&url).await;
    store.put_agent(&agent_record("a")).await.expect("stored");
    store.close().await;
    assert_eq!(connect(&url).await.agents(None, 10).await.expect("read"), [agent_record("a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_that_append_to_one_journal_one_is_refused_at_each_place() {
    let Some(server) = server() else { return };
    let url = server.fresh().await;
    let (one, two) = (connect(&url).await, connect(&url).await);
    one.put_agent(&agent_record("a")).await.expect("stored");
    one.create_instance(&instance_record("i", 1), &[]).await.expect("created");
    for seq in 0..50 {
        let rows = [JournalRow { seq, at_us: seq, step: "{}".into(), outputs: "[]".into() }];
        let id = instance_record("i", 1).id;
        let (first, second) = tokio::join!(one.append_journal(&id, &rows, &[]), two.append_journal(&id, &rows, &[]));
        let refused = first.err().xor(second.err()).expect("one of them");
        assert!(matches!(refused, StoreError::JournalGap { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn a_row_that_someone_else_holds_is_busy_after_a_while_and_nothing_has_happened() {
    let Some(server) = server() else { return };
    let url = server.fresh().await;
    let store = connect(&url).await;
    store.put_agent(&agent_record("a")).await.expect("stored");
    store.create_instance(&instance_record("i", 1), &[]).await.expect("created");

    let mut other = raw(&url).await;
    let mut held = other.begin().await.expect("begun");
    sqlx::query("SELECT id FROM instances FOR UPDATE").execute(&mut *held).await.expect("held");
    let answer = store.finish_instance(&instance_record("i", 1).id, "stopped", 2, &[]).await;
    assert!(matches!(answer, Err(StoreError::Busy { .. })), "{answer:?}");
    held.rollback().await.expect("let go");
    assert!(store.finish_instance(&instance_record("i", 1).id, "stopped", 3, &[]).await.expect("changed"));
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let Some(server) = server() else { return };
    let url = server.fresh().await;
    sqlx::query("CREATE ROLE alone SUPERUSER LOGIN").execute(&mut raw(&url).await).await.expect("made");
    let store = connect(&url.replace("ringline@", "alone@")).await;
    store.put_agent(&agent_record("a")).await.expect("stored");
    // All of this user's are ended, so it has one of its own.
    let ended: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM pg_stat_activity \
         WHERE CASE WHEN usename = 'alone' THEN pg_terminate_backend(pid, 10000) ELSE FALSE END",
    )
    .fetch_one(&mut raw(&url).await)
    .await
    .expect("ended");
    assert!(ended > 0);
    assert_eq!(store.agents(None, 10).await.expect("read"), [agent_record("a")]);
    store.put_setting_if_absent("k", "v").await.expect("stored");
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_words_and_left_alone() {
    let Some(server) = server() else { return };
    let url = server.fresh().await;
    connect(&url).await.close().await;
    sqlx::query("UPDATE ringline_schema SET version = 99").execute(&mut raw(&url).await).await.expect("set");
    let error = PostgresStore::connect(&url).await.expect_err("a newer schema");
    assert!(matches!(&error, StoreError::NewerSchema { found: 99, .. }), "{error:?}");
    assert!(error.to_string().contains("written by a newer Ringline"), "{error}");
}

#[tokio::test]
async fn tables_of_something_else_are_refused_and_left_alone() {
    let Some(server) = server() else { return };
    let url = server.fresh().await;
    let mut raw = raw(&url).await;
    sqlx::query("CREATE TABLE agents (name TEXT)").execute(&mut raw).await.expect("made");
    let error = PostgresStore::connect(&url).await.expect_err("not ours");
    assert!(matches!(&error, StoreError::NotOurs { .. }), "{error:?}");
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()")
        .fetch_one(&mut raw)
        .await
        .expect("counted");
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    // Port 1 of this machine: nobody listens there.
    let url = "postgres://alice:hunter2@127.0.0.1:1/calls";
    let error = PostgresStore::connect(url).await.expect_err("nobody there");
    assert!(matches!(&error, StoreError::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("alice@127.0.0.1:1/calls"), "{error}");
    assert_no_password(&error);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_shown() {
    for url in ["postgres://alice:hunter2@127.0.0.1:port/calls", "alice:hunter2", "postgres://a:hunter2@h/d?sslmode=x"]
    {
        let error = PostgresStore::connect(url).await.expect_err("no address");
        assert!(matches!(&error, StoreError::Address { .. }), "{error:?}");
        assert_no_password(&error);
    }
}

#[tokio::test]
async fn a_connected_store_does_not_print_its_password() {
    let Some(server) = server() else { return };
    let url = server.fresh().await.replace("ringline@", "ringline:hunter2@");
    assert!(!format!("{:?}", connect(&url).await).contains("hunter2"));
}

fn assert_no_password(error: &StoreError) {
    let mut said = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        said += &format!(" {error:?} {error}");
        cause = error.source();
    }
    assert!(!said.contains("hunter2"), "{said}");
}

async fn connect(url: &str) -> PostgresStore {
    PostgresStore::connect(url).await.expect("connects")
}

async fn raw(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("connects")
}
