//! The Postgres back end: one database (or schema of one), shared by any number of nodes.
//!
//! Durability. A commit is the server's when the method returns: the death of this process loses nothing. What a power
//! failure of the database costs is the operator's choice. With Postgres' own default (`synchronous_commit = on`) it is
//! nothing, and each method waits for the server's disk; with `off` on the role or database it is at most three times
//! `wal_writer_delay`, 0.6 s by default, and no method waits. Either way what is left is a prefix of the commits, so a
//! journal never has a hole.
//!
//! Isolation. Every writing method is a READ COMMITTED transaction, whatever the server's default is; a change is one
//! statement with its condition, and an append to a journal holds its instance's row.
//!
//! Tables lie in the first schema of the connection's search path.

mod schema;

use crate::StoreError;
use crate::database::{BUSY, Changed, Database, Value, bound, failed as failed_on};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult, PgRow};
use sqlx::{ConnectOptions as _, Postgres, Transaction};
use std::error::Error;
use std::fmt;
use std::str::FromStr as _;

/// Connections of one node at most. Methods are short; of Postgres' usual 100 connections several nodes get theirs.
const CONNECTIONS: u32 = 12;
/// For each connection, on the server: waiting for a lock (as [`BUSY`]), running a statement, and holding locks while the
/// client says nothing.
const SESSION: &str = "SET lock_timeout = '5s'; SET statement_timeout = '15s'; \
                       SET idle_in_transaction_session_timeout = '30s'";
/// Error codes after which nothing has happened and trying again is right: a lock that didn't come (55P03, 57014 when
/// the statement's time was up first), a deadlock or conflict that Postgres ended, no connections left, and a server
/// that is stopping or starting.
const BUSY_CODES: &[&str] = &["55P03", "57014", "40001", "40P01", "53300", "57P01", "57P02", "57P03"];

/// A [`Store`](crate::Store) in Postgres.
pub struct PostgresStore {
    pool: PgPool,
    /// For messages: without the password.
    name: String,
}

impl PostgresStore {
    /// Connects to a database (`postgres://user:password@host:port/database?sslmode=require`) and brings its schema up
    /// to date; of several nodes that start at once one does so while the others wait. What the URL leaves out comes
    /// from libpq's usual environment variables and `~/.pgpass`. Must be called within a tokio runtime.
    ///
    /// Fails with [`StoreError::Address`], [`StoreError::Connect`], and for databases of others as
    /// [`SqliteStore::open`](crate::SqliteStore::open) does.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = address(url).map_err(|source| StoreError::Address { source })?;
        // At the driver's own level each statement would be in the log.
        let options = options.application_name("ringline").disable_statement_logging();
        let name = name(&options);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::raw_sql(SESSION).execute(connection).await.map(drop) })
            })
            .connect_lazy_with(options.clone());
        // Alone first: a pool would go on trying, and say no more than that time was up.
        let unreachable = |error| StoreError::Connect { database: name.clone(), source: cause(error) };
        let connecting = crate::database::in_time(options.connect());
        let mut connection = connecting.await.map_err(unreachable)?;
        schema::migrate(&mut connection, &name).await?;
        sqlx::Connection::close(connection).await.map_err(failed("open the database"))?;
        Ok(Self { pool, name })
    }
}

/// The driver itself would take any scheme.
fn address(url: &str) -> Result<PgConnectOptions, Box<dyn Error + Send + Sync>> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("it begins with neither postgres:// nor postgresql://".into());
    }
    Ok(PgConnectOptions::from_str(url)?)
}

/// The driver's own words repeat their cause.
fn cause(error: sqlx::Error) -> Box<dyn Error + Send + Sync> {
    match error {
        sqlx::Error::Io(error) => error.into(),
        sqlx::Error::Tls(error) => error,
        sqlx::Error::Database(error) => error.message().into(),
        error => error.into(),
    }
}

/// `user@host:port/database`.
fn name(options: &PgConnectOptions) -> String {
    let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
    format!("{user}@{host}:{port}/{}", options.get_database().unwrap_or(user))
}

fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    failed_on::<PostgresStore>(operation)
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Database for PostgresStore {
    type Row = PgRow;
    type Tx = Transaction<'static, Postgres>;

    /// Rows that only refer to the instance (a dialogue) needn't wait.
    const HOLD_INSTANCE: &'static str = "SELECT id FROM instances WHERE id = $1 FOR NO KEY UPDATE";
    const HOLD_AGENT: &'static str = "SELECT id FROM agents WHERE id = $1 FOR NO KEY UPDATE";
    const CLOCK_MS: &'static str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT AS now_ms";

    async fn begin(&self) -> Result<Self::Tx, sqlx::Error> {
        self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    async fn commit(&self, tx: Self::Tx) -> Result<(), sqlx::Error> {
        tx.commit().await
    }

    async fn execute(&self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        Ok(bound::<Postgres>(statement, values).execute(&self.pool).await?.rows())
    }

    fn rows<'a>(&'a self, statement: &'static str, values: &[Value<'_>]) -> BoxStream<'a, Result<PgRow, sqlx::Error>> {
        bound::<Postgres>(statement, values).fetch(&self.pool)
    }

    fn is_busy(error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(|e| e.code());
        matches!(error, sqlx::Error::Io(_)) || code.is_some_and(|code| BUSY_CODES.contains(&&*code))
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

impl Changed for PgQueryResult {
    fn rows(&self) -> u64 {
        self.rows_affected()
    }
}
