use super::row::Reading;
use super::{instances, outbox};
use crate::database::{self, Database, Row, Write};
use crate::{DialogueKind, DialogueQuery, DialogueRecord, EventRecord, Order, Producer, StoreError, limits};
use ringline_model::{InstanceId, SessionId};

const READ: &str = "read dialogues";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, session_id, instance_id, round, producer, kind, text, time_ms, interrupted FROM dialogues ",
            $rest
        )
    };
}

const OLDEST_FIRST: &str =
    select!("WHERE session_id = $1 AND time_ms >= $2 AND time_ms <= $3 ORDER BY time_ms, position LIMIT $4 OFFSET $5");
const NEWEST_FIRST: &str = select!(
    "WHERE session_id = $1 AND time_ms >= $2 AND time_ms <= $3 ORDER BY time_ms DESC, position DESC LIMIT $4 OFFSET $5"
);
/// $4: rounds, $5: rows.
const RECENT_ROUNDS: &str = select!(
    "WHERE session_id = $1 AND time_ms >= $2 AND time_ms <= $3 AND (instance_id, round) IN (\
     SELECT instance_id, round FROM dialogues WHERE session_id = $1 AND time_ms >= $2 AND time_ms <= $3 \
     GROUP BY instance_id, round ORDER BY MAX(time_ms) DESC, MAX(position) DESC LIMIT $4) \
     ORDER BY time_ms DESC, position DESC LIMIT $5"
);
const OF_INSTANCE: &str = select!("WHERE instance_id = $1 ORDER BY time_ms, position LIMIT $2");
const NEWEST_OF_SESSION: &str = select!("WHERE session_id = $1 ORDER BY time_ms DESC, position DESC LIMIT $2");

pub(super) async fn append<D: Database>(
    database: &D,
    dialogue: &DialogueRecord,
    events: &[EventRecord],
) -> Result<(), StoreError> {
    limits::text("a dialogue's id", &dialogue.id, limits::NAME_BYTES)?;
    limits::text("a dialogue's round", &dialogue.round, limits::NAME_BYTES)?;
    limits::text("a dialogue's text", &dialogue.text, limits::DIALOGUE_TEXT_BYTES)?;
    outbox::check(events)?;
    let mut write = Write::begin(database, "store a dialogue").await?;
    if !events.is_empty() {
        instances::hold(&mut write, &dialogue.instance).await?;
    }
    let values = [
        dialogue.id.as_str().into(),
        dialogue.session.as_str().into(),
        dialogue.instance.as_str().into(),
        dialogue.round.as_str().into(),
        dialogue.producer.as_str().into(),
        dialogue.kind.as_str().into(),
        dialogue.text.as_str().into(),
        dialogue.time_ms.into(),
        dialogue.interrupted.into(),
    ];
    write
        .insert(
            "INSERT INTO dialogues (id, session_id, instance_id, round, producer, kind, text, time_ms, interrupted) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &values,
            ("dialogue", &dialogue.id),
            ("instance", dialogue.instance.as_str()),
        )
        .await?;
    outbox::put(&mut write, &dialogue.instance, events).await?;
    write.commit().await
}

pub(super) async fn delete<D: Database>(database: &D, session: &SessionId, id: &str) -> Result<bool, StoreError> {
    if limits::has_nul(id) {
        return Ok(false);
    }
    let mut write = Write::begin(database, "delete a dialogue").await?;
    let statement = "DELETE FROM dialogues WHERE session_id = $1 AND id = $2";
    let deleted = write.execute(statement, &[session.as_str().into(), id.into()]).await?;
    write.commit().await?;
    Ok(deleted > 0)
}

pub(super) async fn list<D: Database>(database: &D, query: &DialogueQuery) -> Result<Vec<DialogueRecord>, StoreError> {
    if let Some(rounds) = query.rounds {
        return recent_rounds(database, query, rounds).await;
    }
    let statement = match query.order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let values = [
        query.session.as_str().into(),
        query.from_ms.into(),
        query.to_ms.into(),
        limits::rows(query.limit, limits::LIST_ROWS)?.into(),
        i64::from(query.offset).into(),
    ];
    let rows = database::rows(database, READ, statement, &values).await?;
    rows.iter().map(record).collect()
}

async fn recent_rounds<D: Database>(
    database: &D,
    query: &DialogueQuery,
    rounds: u32,
) -> Result<Vec<DialogueRecord>, StoreError> {
    let values = [
        query.session.as_str().into(),
        query.from_ms.into(),
        query.to_ms.into(),
        i64::from(rounds).into(),
        i64::from(limits::LIST_ROWS).into(),
    ];
    let mut rows = database::rows(database, READ, RECENT_ROUNDS, &values).await?;
    if query.order == Order::OldestFirst {
        rows.reverse();
    }
    rows.iter().map(record).collect()
}

pub(super) async fn of_instance<D: Database>(
    database: &D,
    id: &InstanceId,
    limit: u32,
) -> Result<Vec<DialogueRecord>, StoreError> {
    let limit = limits::rows(limit, limits::LIST_ROWS)?;
    let rows = database::rows(database, READ, OF_INSTANCE, &[id.as_str().into(), limit.into()]).await?;
    rows.iter().map(record).collect()
}

pub(super) async fn newest_of_session<D: Database>(
    database: &D,
    session: &SessionId,
    limit: u32,
) -> Result<Vec<DialogueRecord>, StoreError> {
    let limit = limits::rows(limit, limits::LIST_ROWS)?;
    let rows = database::rows(database, READ, NEWEST_OF_SESSION, &[session.as_str().into(), limit.into()]).await?;
    rows.iter().rev().map(record).collect()
}

fn record<R: Row>(row: &R) -> Result<DialogueRecord, StoreError> {
    let row = Reading { row, operation: READ };
    Ok(DialogueRecord {
        id: row.owned("id")?,
        session: row.id("session_id", SessionId::parse)?,
        instance: row.id("instance_id", InstanceId::parse)?,
        round: row.owned("round")?,
        producer: row.word("producer", Producer::ALL, Producer::as_str)?,
        kind: row.word("kind", DialogueKind::ALL, DialogueKind::as_str)?,
        text: row.owned("text")?,
        time_ms: row.integer("time_ms")?,
        interrupted: row.flag("interrupted")?,
    })
}
