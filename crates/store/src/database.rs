//! What SQLite and Postgres have in common, so that the tables are written once over it.
//!
//! Every statement has `$1`-style parameters and means the same to both back ends. What differs between them is here as
//! a constant or a method of [`Database`]. Every step has a limit of [`PATIENCE`].

use crate::StoreError;
use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sqlx::query::Query;
use sqlx::{ColumnIndex, Decode, Encode, Executor, IntoArguments, Type};
use std::{fmt, future::Future, io, time::Duration};

/// How long a statement waits for someone else's lock, and a method for a free connection. Then it fails with
/// [`StoreError::Busy`].
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// How long any single step of a method may take, e.g. when the network swallows what is sent. Then it fails with
/// [`StoreError::Busy`], or with [`StoreError::Backend`] if what was written may be stored nevertheless.
const PATIENCE: Duration = Duration::from_secs(15);

/// A back end, as the tables see it.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    type Row: Row;
    type Tx: Tx<Row = Self::Row>;

    /// Finds the instance $1 and keeps others from changing its rows until the transaction ends.
    const HOLD_INSTANCE: &'static str;

    /// The same for the agent $1.
    const HOLD_AGENT: &'static str;

    /// The database's clock as `now_ms`, in Unix ms.
    const CLOCK_MS: &'static str;

    /// Begins a transaction that writes.
    async fn begin(&self) -> Result<Self::Tx, sqlx::Error>;

    /// Commits, for good as far as the back end promises that.
    async fn commit(&self, tx: Self::Tx) -> Result<(), sqlx::Error>;

    /// A statement that is a transaction of its own; how many rows it changed. Twice as quick as begin, statement, commit.
    async fn execute(&self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error>;

    /// Reads outside of a transaction.
    fn rows<'a>(
        &'a self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> BoxStream<'a, Result<Self::Row, sqlx::Error>>;

    /// Whether an error says that somebody else was in the way, or the database away for a moment: what was tried has
    /// not happened and may be tried again.
    fn is_busy(error: &sqlx::Error) -> bool;

    async fn close(&self);
}

/// A writing transaction. Dropped without a commit, it leaves nothing behind.
#[async_trait]
pub trait Tx: Send {
    type Row: Row;

    /// Answers how many rows were changed.
    async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error>;

    async fn row(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<Option<Self::Row>, sqlx::Error>;

    async fn rows(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<Vec<Self::Row>, sqlx::Error>;
}

/// A row's columns by name.
pub trait Row: Send + Sync {
    fn text(&self, column: &'static str) -> Result<&str, sqlx::Error>;
    fn optional_text(&self, column: &'static str) -> Result<Option<&str>, sqlx::Error>;
    fn integer(&self, column: &'static str) -> Result<i64, sqlx::Error>;
    fn optional_integer(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error>;
    fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error>;
    fn bytes(&self, column: &'static str) -> Result<&[u8], sqlx::Error>;
}

/// A statement's parameter.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Text(Option<&'a str>),
    Integer(Option<i64>),
    Flag(bool),
    Bytes(&'a [u8]),
}

/// Without what is in it: prompts, speech, secrets.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Integer(_) => "Integer",
            Self::Flag(_) => "Flag",
            Self::Bytes(_) => "Bytes",
        })
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A method's transaction: its steps, with the method's name for errors.
pub(crate) struct Write<'d, D: Database> {
    database: &'d D,
    tx: D::Tx,
    pub operation: &'static str,
}

impl<'d, D: Database> Write<'d, D> {
    pub async fn begin(database: &'d D, operation: &'static str) -> Result<Self, StoreError> {
        let tx = in_time(database.begin()).await.map_err(failed::<D>(operation))?;
        Ok(Self { database, tx, operation })
    }

    /// Answers how many rows were changed.
    pub async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        in_time(self.tx.execute(statement, values)).await.map_err(failed::<D>(self.operation))
    }

    /// Inserts a row: `itself` (what, id), which belongs to `parent` (what, id). Fails with [`StoreError::Exists`] if
    /// there is such a row, with [`StoreError::NotFound`] if there is no parent.
    pub async fn insert(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
        itself: (&'static str, &str),
        parent: (&'static str, &str),
    ) -> Result<(), StoreError> {
        let inserted = in_time(self.tx.execute(statement, values)).await;
        inserted
            .map(drop)
            .map_err(|error| misplaced(&error, itself, parent).unwrap_or_else(|| failed::<D>(self.operation)(error)))
    }

    pub async fn row(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<Option<D::Row>, StoreError> {
        in_time(self.tx.row(statement, values)).await.map_err(failed::<D>(self.operation))
    }

    pub async fn rows(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<Vec<D::Row>, StoreError> {
        in_time(self.tx.rows(statement, values)).await.map_err(failed::<D>(self.operation))
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { database, tx, operation } = self;
        in_time(database.commit(tx)).await.map_err(not_committed::<D>(operation))
    }
}

/// One statement as a transaction of its own; how many rows it changed.
pub(crate) async fn execute<D: Database>(
    database: &D,
    operation: &'static str,
    statement: &'static str,
    values: &[Value<'_>],
) -> Result<u64, StoreError> {
    in_time(database.execute(statement, values)).await.map_err(not_committed::<D>(operation))
}

/// As [`Write::insert`], as a transaction of its own.
pub(crate) async fn insert<D: Database>(
    database: &D,
    operation: &'static str,
    statement: &'static str,
    values: &[Value<'_>],
    itself: (&'static str, &str),
    parent: (&'static str, &str),
) -> Result<(), StoreError> {
    let inserted = in_time(database.execute(statement, values)).await;
    inserted
        .map(drop)
        .map_err(|error| misplaced(&error, itself, parent).unwrap_or_else(|| not_committed::<D>(operation)(error)))
}

/// What the row itself made impossible.
fn misplaced(error: &sqlx::Error, itself: (&'static str, &str), parent: (&'static str, &str)) -> Option<StoreError> {
    match error.as_database_error()? {
        e if e.is_unique_violation() => Some(StoreError::Exists { what: itself.0, id: itself.1.to_owned() }),
        e if e.is_foreign_key_violation() => Some(StoreError::NotFound { what: parent.0, id: parent.1.to_owned() }),
        _ => None,
    }
}

/// For `map_err`: as [`failed`], but whether a lost commit arrived isn't known, so it is not for trying again.
fn not_committed<D: Database>(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match error {
        sqlx::Error::Io(_) => StoreError::Backend { operation, source: Box::new(error) },
        _ => failed::<D>(operation)(error),
    }
}

pub(crate) async fn rows<D: Database>(
    database: &D,
    operation: &'static str,
    statement: &'static str,
    values: &[Value<'_>],
) -> Result<Vec<D::Row>, StoreError> {
    in_time(database.rows(statement, values).try_collect()).await.map_err(failed::<D>(operation))
}

pub(crate) async fn row<D: Database>(
    database: &D,
    operation: &'static str,
    statement: &'static str,
    values: &[Value<'_>],
) -> Result<Option<D::Row>, StoreError> {
    in_time(async { database.rows(statement, values).next().await.transpose() }).await.map_err(failed::<D>(operation))
}

/// For `map_err`: what failed while trying to `operation`.
pub(crate) fn failed<D: Database>(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        if matches!(error, sqlx::Error::PoolTimedOut) || D::is_busy(&error) {
            StoreError::Busy { operation }
        } else {
            StoreError::Backend { operation, source: Box::new(error) }
        }
    }
}

pub(crate) async fn in_time<T>(step: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(PATIENCE, step).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time"))),
    }
}

/// The statement with its parameters, for a back end's driver.
pub(crate) fn bound<D>(statement: &'static str, values: &[Value<'_>]) -> Query<'static, D, D::Arguments>
where
    D: sqlx::Database,
    for<'t> Option<&'t str>: Encode<'t, D> + Type<D>,
    for<'t> Option<i64>: Encode<'t, D> + Type<D>,
    for<'t> bool: Encode<'t, D> + Type<D>,
    for<'t> &'t [u8]: Encode<'t, D> + Type<D>,
{
    values.iter().fold(sqlx::query(statement), |query, value| match *value {
        Value::Text(text) => query.bind(text),
        Value::Integer(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

#[async_trait]
impl<D> Tx for sqlx::Transaction<'static, D>
where
    D: sqlx::Database,
    D::Row: Row,
    D::Arguments: IntoArguments<D>,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    for<'t> Option<&'t str>: Encode<'t, D> + Type<D>,
    for<'t> Option<i64>: Encode<'t, D> + Type<D>,
    for<'t> bool: Encode<'t, D> + Type<D>,
    for<'t> &'t [u8]: Encode<'t, D> + Type<D>,
    D::QueryResult: Changed,
{
    type Row = D::Row;

    async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let query = bound::<D>(statement, values);
        Ok(query.execute(&mut **self).await?.rows())
    }

    async fn row(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<Option<D::Row>, sqlx::Error> {
        let query = bound::<D>(statement, values);
        query.fetch_optional(&mut **self).await
    }

    async fn rows(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<Vec<D::Row>, sqlx::Error> {
        let query = bound::<D>(statement, values);
        query.fetch_all(&mut **self).await
    }
}

/// How many rows a statement changed; each driver has a type of its own for the answer.
pub trait Changed {
    fn rows(&self) -> u64;
}

impl<R> Row for R
where
    R: sqlx::Row,
    for<'c> &'c str: ColumnIndex<R>,
    for<'r> &'r str: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
{
    fn text(&self, column: &'static str) -> Result<&str, sqlx::Error> {
        self.try_get(column)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<&str>, sqlx::Error> {
        self.try_get(column)
    }

    fn integer(&self, column: &'static str) -> Result<i64, sqlx::Error> {
        self.try_get(column)
    }

    fn optional_integer(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(column)
    }

    fn bytes(&self, column: &'static str) -> Result<&[u8], sqlx::Error> {
        self.try_get(column)
    }

    fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error> {
        self.try_get(column)
    }
}
