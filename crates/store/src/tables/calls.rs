//! Calls as an operator looks through them: instances without their configurations, newest first.

use super::row::Reading;
use crate::database::{self, Database, Row};
use crate::{CallQuery, InstanceStatus, ListedCall, StoreError, limits};
use ringline_model::{AgentId, ChannelId, InstanceId, SessionId, UserId};

const READ: &str = "list calls";

/// `$from` is what is looked through.
macro_rules! select {
    ($from:expr, $rest:expr) => {
        concat!(
            "SELECT i.id, i.agent_id, agents.name AS agent_name, i.channel_id, i.user_id, i.session_id, i.status, i.created_ms, \
             i.started_ms, i.ended_ms, i.end_reason, i.recordings IS NOT NULL AS recorded FROM ",
            $from,
            " AS i JOIN agents ON agents.id = i.agent_id WHERE ",
            $rest
        )
    };
}

/// $1: agent or none, $2 and $3: behind this one, $4: rows.
macro_rules! list {
    ($from:expr, $more:expr) => {
        select!(
            $from,
            concat!(
                "i.agent_id = COALESCE($1, i.agent_id) AND (i.created_ms, i.id) < ($2, $3) ",
                $more,
                " ORDER BY i.created_ms DESC, i.id DESC LIMIT $4"
            )
        )
    };
}

/// $5: the words as a pattern, $6: the same at the beginning, $7: calls, $8: entries that are looked through.
macro_rules! search {
    ($more:expr) => {
        list!(
            "(SELECT id, agent_id, channel_id, user_id, session_id, status, created_ms, started_ms, ended_ms, end_reason, \
             recordings FROM instances ORDER BY created_ms DESC, id DESC LIMIT $7)",
            concat!(
                $more,
                " AND (lower(i.id) LIKE lower($6) ESCAPE '!' OR lower(i.session_id) LIKE lower($6) ESCAPE '!' \
                 OR lower(i.channel_id) LIKE lower($6) ESCAPE '!' OR lower(i.user_id) LIKE lower($6) ESCAPE '!' \
                 OR i.id IN (SELECT instance_id FROM \
                 (SELECT instance_id, text FROM dialogues ORDER BY position DESC LIMIT $8) AS recent \
                 WHERE lower(recent.text) LIKE lower($5) ESCAPE '!'))"
            )
        )
    };
}

pub(super) async fn one<D: Database>(database: &D, id: &InstanceId) -> Result<Option<ListedCall>, StoreError> {
    let row = database::row(database, READ, select!("instances", "i.id = $1"), &[id.as_str().into()]).await?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn list<D: Database>(database: &D, query: &CallQuery) -> Result<Vec<ListedCall>, StoreError> {
    let search = query.search.as_deref().filter(|text| !text.is_empty());
    limits::at_most("what is searched for", search.map_or(0, str::len), limits::SEARCH_BYTES)?;
    if search.is_some_and(limits::has_nul) {
        return Ok(Vec::new());
    }
    let limit = limits::rows(query.limit, limits::LIST_ROWS)?;
    // Behind this comes every id: it is larger than any letter's bytes.
    let (created_ms, id) =
        query.after.as_ref().map_or((i64::MAX, "\u{10ffff}"), |(created_ms, id)| (*created_ms, id.as_str()));
    let pattern = search.map(pattern);
    let (part, beginning) = match &pattern {
        Some(pattern) => (format!("%{pattern}%"), format!("{pattern}%")),
        None => Default::default(),
    };
    let values = [
        query.agent.as_ref().map(AgentId::as_str).into(),
        created_ms.into(),
        id.into(),
        limit.into(),
        part.as_str().into(),
        beginning.as_str().into(),
        i64::from(limits::SEARCH_CALLS).into(),
        i64::from(limits::SEARCH_DIALOGUES).into(),
    ];
    let statement = match (query.finished, search) {
        (None, None) => list!("instances", ""),
        (Some(false), None) => list!("instances", "AND i.status <> 'Finished'"),
        (Some(true), None) => list!("instances", "AND i.status = 'Finished'"),
        (None, Some(_)) => search!(""),
        (Some(false), Some(_)) => search!("AND i.status <> 'Finished'"),
        (Some(true), Some(_)) => search!("AND i.status = 'Finished'"),
    };
    let values = if search.is_some() { &values[..] } else { &values[..4] };
    database::rows(database, READ, statement, values).await?.iter().map(record).collect()
}

/// The text as part of a pattern, its own signs of patterns taken as they are.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(sign);
    }
    pattern
}

pub(super) async fn clock_ms<D: Database>(database: &D) -> Result<i64, StoreError> {
    const OPERATION: &str = "ask the database for the time";
    let row = database::row(database, OPERATION, D::CLOCK_MS, &[]).await?.expect("a value is one row");
    Reading { row: &row, operation: OPERATION }.integer("now_ms")
}

fn record<R: Row>(row: &R) -> Result<ListedCall, StoreError> {
    let row = Reading { row, operation: READ };
    Ok(ListedCall {
        id: row.id("id", InstanceId::parse)?,
        agent: row.id("agent_id", AgentId::parse)?,
        agent_name: row.owned("agent_name")?,
        channel: row.id("channel_id", ChannelId::parse)?,
        user: row.optional_id("user_id", UserId::parse)?,
        session: row.id("session_id", SessionId::parse)?,
        status: row.word("status", InstanceStatus::ALL, InstanceStatus::as_str)?,
        created_ms: row.integer("created_ms")?,
        started_ms: row.optional_integer("started_ms")?,
        ended_ms: row.optional_integer("ended_ms")?,
        end_reason: row.optional_owned("end_reason")?,
        recorded: row.flag("recorded")?,
    })
}
