//! The schema's versions. `user_version` says how many of the migrations a file has had, `application_id` that it is ours.

use super::{BUSY, failed, primary_code};
use crate::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool};
use sqlx::{ConnectOptions, Connection};
use std::path::Path;

/// In order; entry n brings version n to n + 1. Never changed once released, only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_first.sql"),
    include_str!("../../migrations/sqlite/0002_calls_by_age.sql"),
];
/// What the first migration sets: "ring".
const APPLICATION_ID: i64 = 0x7269_6e67;
/// SQLite's result code for a file that is no database.
const NOT_A_DATABASE: i64 = 26;

/// Whether the file at `path` is for us to open, without changing it.
pub(super) async fn check_unopened(path: &Path) -> Result<(), StoreError> {
    const OPERATION: &str = "open the database";
    let not_ours = |error| match primary_code(&error) {
        Some(NOT_A_DATABASE) => StoreError::NotOurs { database: path.display().to_string() },
        _ => failed(OPERATION)(error),
    };
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY);
    let mut connection = options.connect().await.map_err(not_ours)?;
    // The first look at the content: where a file that is no database shows itself.
    sqlx::query("PRAGMA schema_version").fetch_one(&mut connection).await.map_err(not_ours)?;
    version(&mut connection, path).await?;
    connection.close().await.map_err(failed(OPERATION))
}

/// Brings the schema up to date, in one transaction.
pub(super) async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    const OPERATION: &str = "bring the database up to date";
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(OPERATION))?;
    for migration in MIGRATIONS.iter().skip(version(&mut tx, path).await?) {
        sqlx::raw_sql(*migration).execute(&mut *tx).await.map_err(failed(OPERATION))?;
    }
    let reached = version(&mut tx, path).await?;
    assert_eq!(reached, MIGRATIONS.len(), "each migration sets the version to its number");
    tx.commit().await.map_err(failed(OPERATION))
}

/// How many migrations the file has had.
async fn version(connection: &mut SqliteConnection, path: &Path) -> Result<usize, StoreError> {
    const OPERATION: &str = "read the database's version";
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed(OPERATION))?;
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(failed(OPERATION))?;
    let things: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed(OPERATION))?;
    let fresh = application == 0 && found == 0 && things == 0;
    let known = i64::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    match usize::try_from(found) {
        Ok(version) if fresh || (application == APPLICATION_ID && found <= known) => Ok(version),
        Ok(_) if application == APPLICATION_ID => {
            Err(StoreError::NewerSchema { database: path.display().to_string(), found, known })
        }
        _ => Err(StoreError::NotOurs { database: path.display().to_string() }),
    }
}
