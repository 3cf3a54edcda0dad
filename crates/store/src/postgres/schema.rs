//! The schema's versions. The table `ringline_schema` has one row, which says how many of the migrations have been done.

use super::failed;
use crate::StoreError;
use sqlx::{Connection, PgConnection};

/// In order; entry n brings version n to n + 1. Never changed once released, only added to, and only so that the
/// version before it can go on running: nodes are replaced one by one.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/postgres/0001_first.sql"),
    include_str!("../../migrations/postgres/0002_calls_by_age.sql"),
];
/// The lock that one node holds while it migrates: "ring".
const LOCK: &str = "SELECT pg_advisory_xact_lock(1919512167)";
/// Another node's migration is waited for this long; our own takes what it takes.
const LIMITS: &str = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0; \
                      SET LOCAL idle_in_transaction_session_timeout = '60s'";
const OPERATION: &str = "bring the database up to date";

/// Brings the schema up to date, in one transaction that one node at a time can be in.
pub(super) async fn migrate(connection: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    let mut tx = connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failed(OPERATION))?;
    sqlx::raw_sql(LIMITS).execute(&mut *tx).await.map_err(failed(OPERATION))?;
    sqlx::query(LOCK).execute(&mut *tx).await.map_err(failed(OPERATION))?;
    let found = version(&mut tx, name).await?;
    if found == MIGRATIONS.len() {
        return tx.commit().await.map_err(failed(OPERATION));
    }
    for migration in &MIGRATIONS[found..] {
        sqlx::raw_sql(*migration).execute(&mut *tx).await.map_err(failed(OPERATION))?;
    }
    sqlx::query("UPDATE ringline_schema SET version = $1")
        .bind(known())
        .execute(&mut *tx)
        .await
        .map_err(failed(OPERATION))?;
    tx.commit().await.map_err(failed(OPERATION))
}

/// How many migrations the schema has had. A fresh schema gets its row.
async fn version(connection: &mut PgConnection, name: &str) -> Result<usize, StoreError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() AND tablename IN \
         ('ringline_schema', 'agents', 'access_keys', 'settings', 'instances', 'journal', 'dialogues', 'outbox')",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed(OPERATION))?;
    if tables.is_empty() {
        let create = "CREATE TABLE ringline_schema (version BIGINT NOT NULL); INSERT INTO ringline_schema VALUES (0)";
        sqlx::raw_sql(create).execute(&mut *connection).await.map_err(failed(OPERATION))?;
        return Ok(0);
    }
    if !tables.iter().any(|table| table == "ringline_schema") {
        return Err(StoreError::NotOurs { database: name.to_owned() });
    }
    let found: i64 = sqlx::query_scalar("SELECT version FROM ringline_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed(OPERATION))?;
    match usize::try_from(found) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        Ok(_) => Err(StoreError::NewerSchema { database: name.to_owned(), found, known: known() }),
        Err(_) => Err(StoreError::NotOurs { database: name.to_owned() }),
    }
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("a handful of migrations")
}
