use super::row::{Reading, failed};
use super::{SqlitePool, SqliteStore};
use crate::{AgentRecord, StoreError, limits};
use ringline_model::AgentId;
use sqlx::sqlite::SqliteRow;

const READ: &str = "read agents";

impl SqliteStore {
    pub(super) async fn put_agent_row(&self, agent: &AgentRecord) -> Result<(), StoreError> {
        const OPERATION: &str = "store an agent";
        limits::text("an agent's name", &agent.name, limits::NAME_BYTES)?;
        let config = limits::json("an agent's configuration", &agent.config, limits::CONFIG_BYTES)?;
        let mut tx = self.write(OPERATION).await?;
        sqlx::query(
            "INSERT INTO agents (id, name, kind, config, created_ms, modified_ms) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, config = excluded.config, \
             modified_ms = excluded.modified_ms",
        )
        .bind(agent.id.as_str())
        .bind(&agent.name)
        .bind(agent.kind.as_str())
        .bind(config)
        .bind(agent.created_ms)
        .bind(agent.modified_ms)
        .execute(&mut *tx)
        .await
        .map_err(failed(OPERATION))?;
        self.commit(tx, OPERATION).await
    }
}

pub(super) async fn one(reader: &SqlitePool, id: &AgentId) -> Result<Option<AgentRecord>, StoreError> {
    let row = sqlx::query("SELECT * FROM agents WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(reader)
        .await
        .map_err(failed(READ))?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn list(reader: &SqlitePool, limit: u32) -> Result<Vec<AgentRecord>, StoreError> {
    let rows = sqlx::query("SELECT * FROM agents ORDER BY id LIMIT $1")
        .bind(limits::rows(limit, limits::LIST_ROWS)?)
        .fetch_all(reader)
        .await
        .map_err(failed(READ))?;
    rows.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<AgentRecord, StoreError> {
    let row = Reading { row, operation: READ };
    Ok(AgentRecord {
        id: row.id("id", AgentId::parse)?,
        name: row.get("name")?,
        kind: row.agent_kind("kind")?,
        config: row.json("config")?,
        created_ms: row.get("created_ms")?,
        modified_ms: row.get("modified_ms")?,
    })
}
