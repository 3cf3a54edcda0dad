use super::row::{Reading, failed, rejected};
use super::{SqlitePool, SqliteStore};
use crate::{DialogueKind, DialogueQuery, DialogueRecord, Order, Producer, StoreError, limits};
use ringline_model::{InstanceId, SessionId};
use sqlx::sqlite::SqliteRow;

const READ: &str = "read dialogues";
const OLDEST_FIRST: &str = "SELECT * FROM dialogues WHERE session_id = $1 AND time_ms >= $2 AND time_ms <= $3 \
                            ORDER BY time_ms, position LIMIT $4 OFFSET $5";
const NEWEST_FIRST: &str = "SELECT * FROM dialogues WHERE session_id = $1 AND time_ms >= $2 AND time_ms <= $3 \
                            ORDER BY time_ms DESC, position DESC LIMIT $4 OFFSET $5";
/// $4: rounds, $5: rows.
const RECENT_ROUNDS: &str = "WITH within AS (\
     SELECT * FROM dialogues WHERE session_id = $1 AND time_ms >= $2 AND time_ms <= $3), \
     recent AS (SELECT instance_id, round FROM within GROUP BY instance_id, round \
     ORDER BY MAX(time_ms) DESC, MAX(position) DESC LIMIT $4) \
     SELECT * FROM within WHERE (instance_id, round) IN (SELECT instance_id, round FROM recent) \
     ORDER BY time_ms DESC, position DESC LIMIT $5";
const OF_INSTANCE: &str = "SELECT * FROM dialogues WHERE instance_id = $1 ORDER BY time_ms, position LIMIT $2";
const NEWEST_OF_SESSION: &str =
    "SELECT * FROM dialogues WHERE session_id = $1 ORDER BY time_ms DESC, position DESC LIMIT $2";

impl SqliteStore {
    pub(super) async fn append_dialogue_row(&self, dialogue: &DialogueRecord) -> Result<(), StoreError> {
        const OPERATION: &str = "store a dialogue";
        limits::text("a dialogue's id", &dialogue.id, limits::NAME_BYTES)?;
        limits::text("a dialogue's round", &dialogue.round, limits::NAME_BYTES)?;
        limits::text("a dialogue's text", &dialogue.text, limits::DIALOGUE_TEXT_BYTES)?;
        let mut tx = self.write(OPERATION).await?;
        sqlx::query(
            "INSERT INTO dialogues (id, session_id, instance_id, round, producer, kind, text, time_ms, interrupted) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&dialogue.id)
        .bind(dialogue.session.as_str())
        .bind(dialogue.instance.as_str())
        .bind(&dialogue.round)
        .bind(dialogue.producer.as_str())
        .bind(dialogue.kind.as_str())
        .bind(&dialogue.text)
        .bind(dialogue.time_ms)
        .bind(dialogue.interrupted)
        .execute(&mut *tx)
        .await
        .map_err(rejected(OPERATION, ("dialogue", &dialogue.id), ("instance", dialogue.instance.as_str())))?;
        self.commit(tx, OPERATION).await
    }

    pub(super) async fn delete_dialogue_row(&self, session: &SessionId, id: &str) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete a dialogue";
        let mut tx = self.write(OPERATION).await?;
        let deleted = sqlx::query("DELETE FROM dialogues WHERE session_id = $1 AND id = $2")
            .bind(session.as_str())
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        self.commit(tx, OPERATION).await?;
        Ok(deleted.rows_affected() > 0)
    }
}

pub(super) async fn list(reader: &SqlitePool, query: &DialogueQuery) -> Result<Vec<DialogueRecord>, StoreError> {
    if let Some(rounds) = query.rounds {
        return recent_rounds(reader, query, rounds).await;
    }
    let statement = match query.order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let rows = sqlx::query(statement)
        .bind(query.session.as_str())
        .bind(query.from_ms)
        .bind(query.to_ms)
        .bind(limits::rows(query.limit, limits::LIST_ROWS)?)
        .bind(i64::from(query.offset))
        .fetch_all(reader)
        .await
        .map_err(failed(READ))?;
    rows.iter().map(record).collect()
}

async fn recent_rounds(
    reader: &SqlitePool,
    query: &DialogueQuery,
    rounds: u32,
) -> Result<Vec<DialogueRecord>, StoreError> {
    let mut rows = sqlx::query(RECENT_ROUNDS)
        .bind(query.session.as_str())
        .bind(query.from_ms)
        .bind(query.to_ms)
        .bind(i64::from(rounds))
        .bind(i64::from(limits::LIST_ROWS))
        .fetch_all(reader)
        .await
        .map_err(failed(READ))?;
    if query.order == Order::OldestFirst {
        rows.reverse();
    }
    rows.iter().map(record).collect()
}

pub(super) async fn of_instance(
    reader: &SqlitePool,
    id: &InstanceId,
    limit: u32,
) -> Result<Vec<DialogueRecord>, StoreError> {
    let rows = sqlx::query(OF_INSTANCE)
        .bind(id.as_str())
        .bind(limits::rows(limit, limits::LIST_ROWS)?)
        .fetch_all(reader)
        .await
        .map_err(failed(READ))?;
    rows.iter().map(record).collect()
}

pub(super) async fn newest_of_session(
    reader: &SqlitePool,
    session: &SessionId,
    limit: u32,
) -> Result<Vec<DialogueRecord>, StoreError> {
    let rows = sqlx::query(NEWEST_OF_SESSION)
        .bind(session.as_str())
        .bind(limits::rows(limit, limits::LIST_ROWS)?)
        .fetch_all(reader)
        .await
        .map_err(failed(READ))?;
    rows.iter().rev().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<DialogueRecord, StoreError> {
    let row = Reading { row, operation: READ };
    Ok(DialogueRecord {
        id: row.get("id")?,
        session: row.id("session_id", SessionId::parse)?,
        instance: row.id("instance_id", InstanceId::parse)?,
        round: row.get("round")?,
        producer: row.word("producer", Producer::ALL, Producer::as_str)?,
        kind: row.word("kind", DialogueKind::ALL, DialogueKind::as_str)?,
        text: row.get("text")?,
        time_ms: row.get("time_ms")?,
        interrupted: row.get("interrupted")?,
    })
}
