use super::outbox;
use super::row::Reading;
use crate::database::{self, Database, Row, Write};
use crate::{EndedInstance, EventRecord, InstanceQuery, InstanceRecord, InstanceStatus, StoreError, limits};
use ringline_model::{AgentId, ChannelId, InstanceId, SessionId, UserId};
use serde_json::Value;

const READ: &str = "read instances";
const COUNT: &str = "count instances";
const CREATE: &str = "store an instance";
const FINISH: &str = "finish an instance";
const INSERT: &str = "INSERT INTO instances (id, agent_id, channel_id, user_id, agent_user_id, session_id, status, config, \
                      template, runtime, user_data, setup, created_ms, modified_ms, started_ms, ended_ms, end_reason, \
                      recordings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, agent_id, channel_id, user_id, agent_user_id, session_id, status, config, template, runtime, \
             user_data, setup, created_ms, modified_ms, started_ms, ended_ms, end_reason, recordings FROM instances ",
            $rest
        )
    };
}

pub(super) async fn create<D: Database>(
    database: &D,
    instance: &InstanceRecord,
    events: &[EventRecord],
) -> Result<(), StoreError> {
    outbox::check(events)?;
    let config = limits::json("an instance's configuration", &instance.config, limits::CONFIG_BYTES)?;
    let template = limits::json("an instance's template", &instance.template, limits::CONFIG_BYTES)?;
    let runtime = limits::json("an instance's runtime object", &instance.runtime, limits::RUNTIME_BYTES)?;
    let setup = limits::json("a conversation's setup", &instance.setup, limits::SETUP_BYTES)?;
    let recordings = instance.recordings.as_ref().map(recordings_text).transpose()?;
    limits::text("user data", instance.user_data.as_deref().unwrap_or_default(), limits::USER_DATA_BYTES)?;
    limits::text("an end reason", instance.end_reason.as_deref().unwrap_or_default(), limits::NAME_BYTES)?;
    let values = [
        instance.id.as_str().into(),
        instance.agent.as_str().into(),
        instance.channel.as_str().into(),
        instance.user.as_ref().map(UserId::as_str).into(),
        instance.agent_user.as_str().into(),
        instance.session.as_str().into(),
        instance.status.as_str().into(),
        config.as_str().into(),
        template.as_str().into(),
        runtime.as_str().into(),
        instance.user_data.as_deref().into(),
        setup.as_str().into(),
        instance.created_ms.into(),
        instance.modified_ms.into(),
        instance.started_ms.into(),
        instance.ended_ms.into(),
        instance.end_reason.as_deref().into(),
        recordings.as_deref().into(),
    ];
    let (itself, parent) = (("instance", instance.id.as_str()), ("agent", instance.agent.as_str()));
    if events.is_empty() {
        return database::insert(database, CREATE, INSERT, &values, itself, parent).await;
    }
    let mut write = Write::begin(database, CREATE).await?;
    write.insert(INSERT, &values, itself, parent).await?;
    outbox::put(&mut write, &instance.id, events).await?;
    write.commit().await
}

pub(super) async fn execute<D: Database>(
    database: &D,
    id: &InstanceId,
    user: &UserId,
    at_ms: i64,
    events: &[EventRecord],
) -> Result<bool, StoreError> {
    outbox::check(events)?;
    let mut write = Write::begin(database, "note that an instance is executing").await?;
    let statement = "UPDATE instances SET status = 'Executing', user_id = $3, started_ms = $2, modified_ms = $2 \
                     WHERE id = $1 AND status = 'Created'";
    if write.execute(statement, &[id.as_str().into(), at_ms.into(), user.as_str().into()]).await? == 0 {
        return hold(&mut write, id).await.map(|()| false);
    }
    outbox::put(&mut write, id, events).await?;
    write.commit().await.map(|()| true)
}

pub(super) async fn finish<D: Database>(
    database: &D,
    id: &InstanceId,
    reason: &str,
    at_ms: i64,
    events: &[EventRecord],
) -> Result<bool, StoreError> {
    outbox::check(events)?;
    limits::text("an end reason", reason, limits::NAME_BYTES)?;
    let statement = "UPDATE instances SET status = 'Finished', end_reason = $2, ended_ms = $3, modified_ms = $3 \
                     WHERE id = $1 AND status <> 'Finished'";
    let values = [id.as_str().into(), reason.into(), at_ms.into()];
    if events.is_empty() {
        if database::execute(database, FINISH, statement, &values).await? > 0 {
            return Ok(true);
        }
        let found = database::row(database, FINISH, "SELECT id FROM instances WHERE id = $1", &values[..1]).await?;
        return found.map(|_| false).ok_or_else(|| unknown(id));
    }
    let mut write = Write::begin(database, FINISH).await?;
    if write.execute(statement, &values).await? == 0 {
        return hold(&mut write, id).await.map(|()| false);
    }
    outbox::put_last(&mut write, id, events).await?;
    write.commit().await.map(|()| true)
}

pub(super) async fn update<D: Database>(
    database: &D,
    id: &InstanceId,
    config: &Value,
    template: &Value,
    user_data: Option<&str>,
    at_ms: i64,
) -> Result<(), StoreError> {
    let config = limits::json("an instance's configuration", config, limits::CONFIG_BYTES)?;
    let template = limits::json("an instance's template", template, limits::CONFIG_BYTES)?;
    limits::text("user data", user_data.unwrap_or_default(), limits::USER_DATA_BYTES)?;
    let mut write = Write::begin(database, "change an instance").await?;
    let values = [id.as_str().into(), config.as_str().into(), template.as_str().into(), user_data.into(), at_ms.into()];
    let statement = "UPDATE instances SET config = $2, template = $3, user_data = COALESCE($4, user_data), \
                     modified_ms = $5 WHERE id = $1";
    if write.execute(statement, &values).await? == 0 {
        return Err(unknown(id));
    }
    write.commit().await
}

pub(super) async fn note_recordings<D: Database>(
    database: &D,
    id: &InstanceId,
    recordings: &Value,
    at_ms: i64,
) -> Result<(), StoreError> {
    let recordings = recordings_text(recordings)?;
    let mut write = Write::begin(database, "note an instance's recordings").await?;
    let statement = "UPDATE instances SET recordings = $2, modified_ms = $3 WHERE id = $1";
    if write.execute(statement, &[id.as_str().into(), recordings.as_str().into(), at_ms.into()]).await? == 0 {
        return Err(unknown(id));
    }
    write.commit().await
}

/// Only the first seal of a finished instance counts.
pub(super) async fn seal<D: Database>(database: &D, seals: &[(InstanceId, String)]) -> Result<u64, StoreError> {
    limits::at_most("the number of seals", seals.len(), limits::LIST_INSTANCES as usize)?;
    for (_, seal) in seals {
        limits::text("a seal", seal, limits::SEAL_BYTES)?;
    }
    let statement = "UPDATE instances SET seal = $2 WHERE id = $1 AND status = 'Finished' AND seal IS NULL";
    let mut write = Write::begin(database, "seal instances").await?;
    let mut sealed = 0;
    for (id, seal) in seals {
        sealed += write.execute(statement, &[id.as_str().into(), seal.as_str().into()]).await?;
    }
    write.commit().await?;
    Ok(sealed)
}

pub(super) async fn seal_of<D: Database>(database: &D, id: &InstanceId) -> Result<Option<String>, StoreError> {
    let row = database::row(database, READ, "SELECT seal FROM instances WHERE id = $1", &[id.as_str().into()]).await?;
    let seal = row.map(|row| Reading { row: &row, operation: READ }.optional_owned("seal")).transpose()?;
    Ok(seal.flatten().filter(|seal| !seal.is_empty()))
}

pub(super) async fn unsealed<D: Database>(database: &D, limit: u32) -> Result<Vec<EndedInstance>, StoreError> {
    let limit = limits::rows(limit, limits::LIST_INSTANCES)?;
    let statement = "SELECT id, agent_id, channel_id, user_data, created_ms, end_reason, \
                     (SELECT COUNT(*) FROM journal WHERE instance_id = instances.id) AS journal_rows, \
                     (SELECT hash FROM journal WHERE instance_id = instances.id ORDER BY seq DESC LIMIT 1) AS head \
                     FROM instances WHERE status = 'Finished' AND seal IS NULL ORDER BY ended_ms, id LIMIT $1";
    let rows = database::rows(database, READ, statement, &[limit.into()]).await?;
    let ended = |row: &D::Row| {
        let row = Reading { row, operation: READ };
        Ok(EndedInstance {
            id: row.id("id", InstanceId::parse)?,
            agent: row.id("agent_id", AgentId::parse)?,
            channel: row.id("channel_id", ChannelId::parse)?,
            user_data: row.optional_owned("user_data")?,
            created_ms: row.integer("created_ms")?,
            end_reason: row.optional_owned("end_reason")?,
            rows: row.unsigned("journal_rows")?,
            head: row.optional_owned("head")?,
        })
    };
    rows.iter().map(ended).collect()
}

fn recordings_text(recordings: &Value) -> Result<String, StoreError> {
    limits::json("the description of recordings", recordings, limits::RECORDINGS_BYTES)
}

/// Keeps others from changing the instance and its journal until the transaction ends. Fails if there is no such
/// instance.
pub(super) async fn hold<D: Database>(write: &mut Write<'_, D>, id: &InstanceId) -> Result<(), StoreError> {
    let found = write.row(D::HOLD_INSTANCE, &[id.as_str().into()]).await?;
    found.map(drop).ok_or_else(|| unknown(id))
}

pub(super) fn unknown(id: &InstanceId) -> StoreError {
    StoreError::NotFound { what: "instance", id: id.as_str().to_owned() }
}

pub(super) async fn one<D: Database>(database: &D, id: &InstanceId) -> Result<Option<InstanceRecord>, StoreError> {
    let row = database::row(database, READ, select!("WHERE id = $1"), &[id.as_str().into()]).await?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn list<D: Database>(database: &D, query: &InstanceQuery) -> Result<Vec<InstanceRecord>, StoreError> {
    let statement = select!(
        "WHERE agent_id = $1 AND created_ms >= $2 AND created_ms <= $3 \
         ORDER BY created_ms DESC, id DESC LIMIT $4 OFFSET $5"
    );
    let values = [
        query.agent.as_str().into(),
        query.from_ms.into(),
        query.to_ms.into(),
        limits::rows(query.limit, limits::LIST_INSTANCES)?.into(),
        i64::from(query.offset).into(),
    ];
    let rows = database::rows(database, READ, statement, &values).await?;
    rows.iter().map(record).collect()
}

pub(super) async fn count_active<D: Database>(database: &D) -> Result<u64, StoreError> {
    let statement = "SELECT COUNT(*) AS number FROM instances WHERE status <> 'Finished'";
    counted(database::row(database, COUNT, statement, &[]).await?)
}

pub(super) async fn count_active_of<D: Database>(database: &D, agent: &AgentId) -> Result<u64, StoreError> {
    let statement = "SELECT COUNT(*) AS number FROM instances WHERE agent_id = $1 AND status <> 'Finished'";
    counted(database::row(database, COUNT, statement, &[agent.as_str().into()]).await?)
}

fn counted<R: Row>(row: Option<R>) -> Result<u64, StoreError> {
    Reading { row: &row.expect("an aggregate answers one row"), operation: COUNT }.unsigned("number")
}

pub(super) async fn unfinished<D: Database>(database: &D, limit: u32) -> Result<Vec<InstanceRecord>, StoreError> {
    let limit = limits::rows(limit, limits::LIST_INSTANCES)?;
    let statement = select!("WHERE status <> 'Finished' ORDER BY created_ms, id LIMIT $1");
    let rows = database::rows(database, READ, statement, &[limit.into()]).await?;
    rows.iter().map(record).collect()
}

fn record<R: Row>(row: &R) -> Result<InstanceRecord, StoreError> {
    let row = Reading { row, operation: READ };
    Ok(InstanceRecord {
        id: row.id("id", InstanceId::parse)?,
        agent: row.id("agent_id", AgentId::parse)?,
        channel: row.id("channel_id", ChannelId::parse)?,
        user: row.optional_id("user_id", UserId::parse)?,
        agent_user: row.id("agent_user_id", UserId::parse)?,
        session: row.id("session_id", SessionId::parse)?,
        status: row.word("status", InstanceStatus::ALL, InstanceStatus::as_str)?,
        config: row.json("config")?,
        template: row.json("template")?,
        runtime: row.json("runtime")?,
        user_data: row.optional_owned("user_data")?,
        setup: row.json("setup")?,
        created_ms: row.integer("created_ms")?,
        modified_ms: row.integer("modified_ms")?,
        started_ms: row.optional_integer("started_ms")?,
        ended_ms: row.optional_integer("ended_ms")?,
        end_reason: row.optional_owned("end_reason")?,
        recordings: row.optional_json("recordings")?,
    })
}
