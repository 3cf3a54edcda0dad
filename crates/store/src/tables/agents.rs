use super::row::Reading;
use crate::database::{self, Database, Row, Write};
use crate::{AgentChange, AgentRecord, StoreError, limits};
use ringline_model::AgentId;

const READ: &str = "read agents";

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, name, kind, config, settings, created_ms, modified_ms FROM agents ", $rest)
    };
}

pub(super) async fn put<D: Database>(database: &D, agent: &AgentRecord) -> Result<(), StoreError> {
    let columns = Columns::of(agent)?;
    let mut write = Write::begin(database, "store an agent").await?;
    columns.write(&mut write, agent).await?;
    write.commit().await
}

/// Holds the agent from reading to storing it.
pub(super) async fn change<D: Database>(
    database: &D,
    id: &AgentId,
    change: AgentChange<'_>,
) -> Result<Option<AgentRecord>, StoreError> {
    let mut write = Write::begin(database, "change an agent").await?;
    if write.row(D::HOLD_AGENT, &[id.as_str().into()]).await?.is_none() {
        return Ok(None);
    }
    let row = write.row(select!("WHERE id = $1 AND deleted_ms IS NULL"), &[id.as_str().into()]).await?;
    let Some(stored) = row.as_ref().map(record).transpose()? else { return Ok(None) };
    let mut changed = stored.clone();
    if !change(&mut changed) {
        return Ok(Some(stored));
    }
    let changed = AgentRecord { id: stored.id, created_ms: stored.created_ms, ..changed };
    Columns::of(&changed)?.write(&mut write, &changed).await?;
    write.commit().await.map(|()| Some(changed))
}

/// An agent's texts, checked and ready to be stored.
struct Columns {
    config: String,
    settings: String,
}

impl Columns {
    fn of(agent: &AgentRecord) -> Result<Self, StoreError> {
        limits::text("an agent's name", &agent.name, limits::NAME_BYTES)?;
        let config = limits::json("an agent's configuration", &agent.config, limits::CONFIG_BYTES)?;
        let settings = serde_json::to_value(&agent.settings).expect("strings, lists and maps are JSON");
        let settings = limits::json("an agent's settings", &settings, limits::CONFIG_BYTES)?;
        Ok(Self { config, settings })
    }

    async fn write<D: Database>(&self, write: &mut Write<'_, D>, agent: &AgentRecord) -> Result<(), StoreError> {
        let values = [
            agent.id.as_str().into(),
            agent.name.as_str().into(),
            agent.kind.as_str().into(),
            self.config.as_str().into(),
            self.settings.as_str().into(),
            agent.created_ms.into(),
            agent.modified_ms.into(),
        ];
        let statement = "INSERT INTO agents (id, name, kind, config, settings, created_ms, modified_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
             kind = excluded.kind, config = excluded.config, settings = excluded.settings, \
             modified_ms = excluded.modified_ms, deleted_ms = NULL";
        write.execute(statement, &values).await.map(drop)
    }
}

pub(super) async fn one<D: Database>(database: &D, id: &AgentId) -> Result<Option<AgentRecord>, StoreError> {
    let row =
        database::row(database, READ, select!("WHERE id = $1 AND deleted_ms IS NULL"), &[id.as_str().into()]).await?;
    row.as_ref().map(record).transpose()
}

/// Hides the agent. False if there is none.
pub(super) async fn delete<D: Database>(database: &D, id: &AgentId, at_ms: i64) -> Result<bool, StoreError> {
    let mut write = Write::begin(database, "delete an agent").await?;
    let statement = "UPDATE agents SET deleted_ms = $2 WHERE id = $1 AND deleted_ms IS NULL";
    let deleted = write.execute(statement, &[id.as_str().into(), at_ms.into()]).await?;
    write.commit().await.map(|()| deleted > 0)
}

pub(super) async fn list<D: Database>(
    database: &D,
    after: Option<&AgentId>,
    limit: u32,
) -> Result<Vec<AgentRecord>, StoreError> {
    let limit = limits::rows(limit, limits::LIST_ROWS)?;
    // No id is empty.
    let after = after.map_or("", AgentId::as_str);
    let statement = select!("WHERE deleted_ms IS NULL AND id > $1 ORDER BY id LIMIT $2");
    let rows = database::rows(database, READ, statement, &[after.into(), limit.into()]).await?;
    rows.iter().map(record).collect()
}

fn record<R: Row>(row: &R) -> Result<AgentRecord, StoreError> {
    let row = Reading { row, operation: READ };
    Ok(AgentRecord {
        id: row.id("id", AgentId::parse)?,
        name: row.owned("name")?,
        kind: row.agent_kind("kind")?,
        config: row.json("config")?,
        settings: serde_json::from_value(row.json("settings")?)
            .map_err(|_| StoreError::Corrupt { what: "settings" })?,
        created_ms: row.integer("created_ms")?,
        modified_ms: row.integer("modified_ms")?,
    })
}
