//! Events on their way to the app server. An instance's events are stored while its row is held, so their positions are
//! in the order in which others see them. A new event is due at once, whatever the clocks say (`due_ms` 0).

use super::row::Reading;
use crate::database::{self, Database, Row, Write};
use crate::{ClaimedEvent, EventClaim, EventRecord, StoreError, limits};
use ringline_model::{AgentId, InstanceId};

pub(super) fn check(events: &[EventRecord]) -> Result<(), StoreError> {
    limits::at_most("the number of events", events.len(), limits::EVENT_BATCH)?;
    for event in events {
        limits::text("an event's name", &event.name, limits::NAME_BYTES)?;
        limits::text("an event's body", &event.body, limits::EVENT_BODY_BYTES)?;
    }
    Ok(())
}

/// Stores events behind the instance's earlier ones, as far as the backlog has room. The instance's row must be held.
pub(super) async fn put<D: Database>(
    write: &mut Write<'_, D>,
    id: &InstanceId,
    events: &[EventRecord],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let statement = "SELECT COUNT(*) AS number FROM outbox WHERE instance_id = $1";
    let waiting = write.row(statement, &[id.as_str().into()]).await?.expect("an aggregate answers one row");
    let waiting = Reading { row: &waiting, operation: write.operation }.unsigned("number")?;
    let room = u64::from(limits::EVENT_BACKLOG).saturating_sub(waiting);
    let fit = events.len().min(usize::try_from(room).expect("at most the backlog"));
    if let Some(event) = events.get(fit) {
        let dropped = events.len() - fit;
        tracing::warn!(call.id = %id, event = event.name, dropped, waiting, "too many events wait: these are not delivered");
    }
    put_last(write, id, &events[..fit]).await
}

/// Stores events though the backlog may be full.
pub(super) async fn put_last<D: Database>(
    write: &mut Write<'_, D>,
    id: &InstanceId,
    events: &[EventRecord],
) -> Result<(), StoreError> {
    for event in events {
        let values = [id.as_str().into(), event.name.as_str().into(), event.body.as_str().into(), event.at_ms.into()];
        let statement = "INSERT INTO outbox (instance_id, name, body, at_ms, attempts, due_ms) \
                         VALUES ($1, $2, $3, $4, 0, 0)";
        write.insert(statement, &values, ("event", &event.name), ("instance", id.as_str())).await?;
    }
    Ok(())
}

pub(super) async fn claim<D: Database>(
    database: &D,
    now_ms: i64,
    until_ms: i64,
    limit: u32,
) -> Result<Vec<ClaimedEvent>, StoreError> {
    const OPERATION: &str = "claim events";
    let limit = limits::rows(limit, limits::CLAIM_EVENTS)?;
    // Most of the time nothing is due, and reading holds up nobody.
    let any = "SELECT position FROM outbox WHERE due_ms <= $1 LIMIT 1";
    if database::row(database, OPERATION, any, &[now_ms.into()]).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut write = Write::begin(database, OPERATION).await?;
    // The outer `due_ms` is looked at again when another claim held the row meanwhile.
    let statement = "UPDATE outbox SET due_ms = $2, attempts = attempts + 1 WHERE due_ms <= $1 AND position IN (\
                     SELECT position FROM outbox AS oldest WHERE due_ms <= $1 AND NOT EXISTS (\
                     SELECT 1 FROM outbox AS earlier \
                     WHERE earlier.instance_id = oldest.instance_id AND earlier.position < oldest.position) \
                     ORDER BY due_ms, position LIMIT $3) \
                     RETURNING position, attempts, instance_id, name, body, at_ms, \
                     (SELECT agent_id FROM instances WHERE instances.id = outbox.instance_id) AS agent_id";
    let rows = write.rows(statement, &[now_ms.into(), until_ms.into(), limit.into()]).await?;
    write.commit().await?;
    let mut claimed = rows.iter().map(|row| record(row, OPERATION)).collect::<Result<Vec<_>, _>>()?;
    claimed.sort_by_key(|claimed| claimed.claim.position);
    Ok(claimed)
}

fn record<R: Row>(row: &R, operation: &'static str) -> Result<ClaimedEvent, StoreError> {
    let row = Reading { row, operation };
    let attempt = u32::try_from(row.integer("attempts")?).map_err(|_| StoreError::Corrupt { what: "attempts" })?;
    Ok(ClaimedEvent {
        claim: EventClaim { position: row.integer("position")?, attempt },
        instance: row.id("instance_id", InstanceId::parse)?,
        agent: row.id("agent_id", AgentId::parse)?,
        event: EventRecord { name: row.owned("name")?, body: row.owned("body")?, at_ms: row.integer("at_ms")? },
    })
}

pub(super) async fn settle<D: Database>(database: &D, claim: &EventClaim) -> Result<bool, StoreError> {
    let mut write = Write::begin(database, "settle an event").await?;
    let statement = "DELETE FROM outbox WHERE position = $1 AND attempts = $2";
    let settled = write.execute(statement, &[claim.position.into(), i64::from(claim.attempt).into()]).await?;
    write.commit().await?;
    Ok(settled > 0)
}

pub(super) async fn postpone<D: Database>(database: &D, claim: &EventClaim, due_ms: i64) -> Result<bool, StoreError> {
    let mut write = Write::begin(database, "postpone an event").await?;
    let values = [claim.position.into(), i64::from(claim.attempt).into(), due_ms.into()];
    let statement = "UPDATE outbox SET due_ms = $3 WHERE position = $1 AND attempts = $2";
    let postponed = write.execute(statement, &values).await?;
    write.commit().await?;
    Ok(postponed > 0)
}

pub(super) async fn count<D: Database>(database: &D) -> Result<u64, StoreError> {
    const OPERATION: &str = "count events";
    let row = database::row(database, OPERATION, "SELECT COUNT(*) AS number FROM outbox", &[]).await?;
    Reading { row: &row.expect("an aggregate answers one row"), operation: OPERATION }.unsigned("number")
}
