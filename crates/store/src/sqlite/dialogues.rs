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
}

pub(super) async fn list(reader: &SqlitePool, query: &DialogueQuery) -> Result<Vec<DialogueRecord>, StoreError> {
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
