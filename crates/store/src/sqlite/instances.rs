use super::row::{Reading, failed, rejected};
use super::{SqlitePool, SqliteStore};
use crate::{InstanceQuery, InstanceRecord, InstanceStatus, StoreError, limits};
use ringline_model::{AgentId, ChannelId, InstanceId, SessionId, UserId};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, Transaction};

const READ: &str = "read instances";

impl SqliteStore {
    pub(super) async fn insert_instance(&self, instance: &InstanceRecord) -> Result<(), StoreError> {
        const OPERATION: &str = "store an instance";
        let config = limits::json("an instance's configuration", &instance.config, limits::CONFIG_BYTES)?;
        let template = limits::json("an instance's template", &instance.template, limits::CONFIG_BYTES)?;
        let runtime = limits::json("an instance's runtime object", &instance.runtime, limits::RUNTIME_BYTES)?;
        let setup = limits::json("a conversation's setup", &instance.setup, limits::SETUP_BYTES)?;
        let recordings = instance.recordings.as_ref().map(recordings_text).transpose()?;
        limits::text("user data", instance.user_data.as_deref().unwrap_or_default(), limits::USER_DATA_BYTES)?;
        limits::text("an end reason", instance.end_reason.as_deref().unwrap_or_default(), limits::NAME_BYTES)?;
        let mut tx = self.write(OPERATION).await?;
        sqlx::query(
            "INSERT INTO instances (id, agent_id, channel_id, user_id, agent_user_id, session_id, status, config, \
             template, runtime, user_data, setup, created_ms, modified_ms, started_ms, ended_ms, end_reason, \
             recordings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        )
        .bind(instance.id.as_str())
        .bind(instance.agent.as_str())
        .bind(instance.channel.as_str())
        .bind(instance.user.as_str())
        .bind(instance.agent_user.as_str())
        .bind(instance.session.as_str())
        .bind(instance.status.as_str())
        .bind(config)
        .bind(template)
        .bind(runtime)
        .bind(&instance.user_data)
        .bind(setup)
        .bind(instance.created_ms)
        .bind(instance.modified_ms)
        .bind(instance.started_ms)
        .bind(instance.ended_ms)
        .bind(&instance.end_reason)
        .bind(recordings)
        .execute(&mut *tx)
        .await
        .map_err(rejected(
            OPERATION,
            ("instance", instance.id.as_str()),
            ("agent", instance.agent.as_str()),
        ))?;
        self.commit(tx, OPERATION).await
    }

    pub(super) async fn execute_instance(&self, id: &InstanceId, at_ms: i64) -> Result<bool, StoreError> {
        const OPERATION: &str = "note that an instance is executing";
        let mut tx = self.write(OPERATION).await?;
        let changed = sqlx::query(
            "UPDATE instances SET status = 'Executing', started_ms = $2, modified_ms = $2 \
             WHERE id = $1 AND status = 'Created'",
        )
        .bind(id.as_str())
        .bind(at_ms)
        .execute(&mut *tx)
        .await
        .map_err(failed(OPERATION))?;
        if changed.rows_affected() == 0 {
            require(&mut tx, id).await?;
            return Ok(false);
        }
        self.commit(tx, OPERATION).await?;
        Ok(true)
    }

    pub(super) async fn end_instance(&self, id: &InstanceId, reason: &str, at_ms: i64) -> Result<bool, StoreError> {
        const OPERATION: &str = "finish an instance";
        limits::text("an end reason", reason, limits::NAME_BYTES)?;
        let mut tx = self.write(OPERATION).await?;
        let changed = sqlx::query(
            "UPDATE instances SET status = 'Finished', end_reason = $2, ended_ms = $3, modified_ms = $3 \
             WHERE id = $1 AND status <> 'Finished'",
        )
        .bind(id.as_str())
        .bind(reason)
        .bind(at_ms)
        .execute(&mut *tx)
        .await
        .map_err(failed(OPERATION))?;
        if changed.rows_affected() == 0 {
            require(&mut tx, id).await?;
            return Ok(false);
        }
        self.commit(tx, OPERATION).await?;
        Ok(true)
    }

    pub(super) async fn replace_config(
        &self,
        id: &InstanceId,
        config: &Value,
        template: &Value,
        user_data: Option<&str>,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "change an instance";
        let config = limits::json("an instance's configuration", config, limits::CONFIG_BYTES)?;
        let template = limits::json("an instance's template", template, limits::CONFIG_BYTES)?;
        limits::text("user data", user_data.unwrap_or_default(), limits::USER_DATA_BYTES)?;
        let mut tx = self.write(OPERATION).await?;
        sqlx::query(
            "UPDATE instances SET config = $2, template = $3, user_data = COALESCE($4, user_data), modified_ms = $5 \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(config)
        .bind(template)
        .bind(user_data.map(str::to_owned))
        .bind(at_ms)
        .execute(&mut *tx)
        .await
        .map_err(failed(OPERATION))?;
        require(&mut tx, id).await?;
        self.commit(tx, OPERATION).await
    }

    pub(super) async fn note_recordings(
        &self,
        id: &InstanceId,
        recordings: &Value,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "note an instance's recordings";
        let recordings = recordings_text(recordings)?;
        let mut tx = self.write(OPERATION).await?;
        sqlx::query("UPDATE instances SET recordings = $2, modified_ms = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(recordings)
            .bind(at_ms)
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        require(&mut tx, id).await?;
        self.commit(tx, OPERATION).await
    }
}

fn recordings_text(recordings: &Value) -> Result<String, StoreError> {
    limits::json("the description of recordings", recordings, limits::RECORDINGS_BYTES)
}

/// Fails if there is no such instance.
async fn require(tx: &mut Transaction<'static, Sqlite>, id: &InstanceId) -> Result<(), StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM instances WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed(READ))?;
    found.map(drop).ok_or_else(|| StoreError::NotFound { what: "instance", id: id.as_str().to_owned() })
}

pub(super) async fn one(reader: &SqlitePool, id: &InstanceId) -> Result<Option<InstanceRecord>, StoreError> {
    let row = sqlx::query("SELECT * FROM instances WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(reader)
        .await
        .map_err(failed(READ))?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn list(reader: &SqlitePool, query: &InstanceQuery) -> Result<Vec<InstanceRecord>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM instances WHERE agent_id = $1 AND created_ms >= $2 AND created_ms <= $3 \
         ORDER BY created_ms DESC, id DESC LIMIT $4 OFFSET $5",
    )
    .bind(query.agent.as_str())
    .bind(query.from_ms)
    .bind(query.to_ms)
    .bind(limits::rows(query.limit, limits::LIST_INSTANCES)?)
    .bind(i64::from(query.offset))
    .fetch_all(reader)
    .await
    .map_err(failed(READ))?;
    rows.iter().map(record).collect()
}

pub(super) async fn count_active(reader: &SqlitePool) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM instances WHERE status <> 'Finished'")
        .fetch_one(reader)
        .await
        .map_err(failed("count instances"))?;
    Ok(count.unsigned_abs())
}

pub(super) async fn count_active_of(reader: &SqlitePool, agent: &AgentId) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM instances WHERE agent_id = $1 AND status <> 'Finished'")
        .bind(agent.as_str())
        .fetch_one(reader)
        .await
        .map_err(failed("count instances"))?;
    Ok(count.unsigned_abs())
}

pub(super) async fn unfinished(reader: &SqlitePool, limit: u32) -> Result<Vec<InstanceRecord>, StoreError> {
    let rows = sqlx::query("SELECT * FROM instances WHERE status <> 'Finished' ORDER BY created_ms, id LIMIT $1")
        .bind(limits::rows(limit, limits::LIST_INSTANCES)?)
        .fetch_all(reader)
        .await
        .map_err(failed(READ))?;
    rows.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<InstanceRecord, StoreError> {
    let row = Reading { row, operation: READ };
    Ok(InstanceRecord {
        id: row.id("id", InstanceId::parse)?,
        agent: row.id("agent_id", AgentId::parse)?,
        channel: row.id("channel_id", ChannelId::parse)?,
        user: row.id("user_id", UserId::parse)?,
        agent_user: row.id("agent_user_id", UserId::parse)?,
        session: row.id("session_id", SessionId::parse)?,
        status: row.word("status", InstanceStatus::ALL, InstanceStatus::as_str)?,
        config: row.json("config")?,
        template: row.json("template")?,
        runtime: row.json("runtime")?,
        user_data: row.get("user_data")?,
        setup: row.json("setup")?,
        created_ms: row.get("created_ms")?,
        modified_ms: row.get("modified_ms")?,
        started_ms: row.get("started_ms")?,
        ended_ms: row.get("ended_ms")?,
        end_reason: row.get("end_reason")?,
        recordings: row.optional_json("recordings")?,
    })
}
