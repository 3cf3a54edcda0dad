//! Agents: what calls start from. Running calls keep what they started with.

use super::refusal::{Refusal, read as body};
use super::{Id, Page, page};
use crate::agents::{Agent, reachable};
use crate::app::{App, fresh};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_model::AgentId;
use ringline_store::AgentRecord;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::ToSchema;

/// A page of agents, by their ids.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agents {
    agents: Vec<Agent>,
    /// `after` of the next page; none: this is the last.
    next: Option<String>,
}

/// List agents
#[utoipa::path(get, path = "/agents", tag = "agents", operation_id = "list_agents", params(Page), responses(
    (status = 200, description = "A page", body = Agents),
    (status = 400, description = "The query cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Agents>, Refusal> {
    let Query(asked) = query?;
    let limit = asked.limit()?;
    let after = asked.after.map(AgentId::parse).transpose().map_err(|error| Refusal::field("after", error))?;
    let (records, next) = page(app.store.agents(after.as_ref(), limit + 1).await?, limit, |agent| agent.id.to_string());
    Ok(Json(Agents { agents: records.iter().map(Agent::of).collect(), next }))
}

/// Make an agent
#[utoipa::path(post, path = "/agents", tag = "agents", operation_id = "create_agent", request_body = Agent, responses(
    (status = 201, description = "Made", body = Agent, headers(("location" = String, description = "Path of the agent"))),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 409, description = "There is one with this id", body = Refusal),
    (status = 413, description = "The body is too large", body = Refusal),
))]
pub async fn create(State(app): State<Arc<App>>, bytes: Result<Bytes, BytesRejection>) -> Result<Response, Refusal> {
    let agent = Agent::read(body(bytes)?)?;
    let id = match &agent.id {
        None => fresh(AgentId::parse),
        Some(id) => AgentId::parse(id.clone()).map_err(|error| Refusal::field("id", error))?,
    };
    let _turn = app.admin.writing.lock().await;
    if app.store.agent(&id).await?.is_some() {
        return Err(Refusal::agent_exists());
    }
    let record = agent.record(id, None, App::now_ms())?;
    reachable(&app.outward, &app.mcp, &record.settings)?;
    app.store.put_agent(&record).await?;
    let location = format!("{}/agents/{}", super::PATH, record.id);
    // What is stored: an agent that had been deleted keeps its time of creation.
    let stored = known(&app, &record.id).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(Agent::of(&stored))).into_response())
}

/// Read an agent
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", operation_id = "read_agent",
    params(("id" = String, Path, description = "The agent's id")), responses(
    (status = 200, description = "The agent", body = Agent),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn read(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<Agent>, Refusal> {
    Ok(Json(Agent::of(&named(&app, id).await?)))
}

/// Replace an agent
///
/// What is left out has its default, but secrets that are left out stay.
#[utoipa::path(put, path = "/agents/{id}", tag = "agents", operation_id = "replace_agent", request_body = Agent,
    params(("id" = String, Path, description = "The agent's id")), responses(
    (status = 200, description = "Replaced", body = Agent),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
    (status = 413, description = "The body is too large", body = Refusal),
))]
pub async fn replace(
    State(app): State<Arc<App>>,
    Id(id): Id,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Agent>, Refusal> {
    let agent = Agent::read(body(bytes)?)?;
    write(&app, id, |_| Ok(agent)).await
}

/// Change parts of an agent
///
/// A JSON merge patch (RFC 7396): what is left out stays, null removes. The patch is laid over the agent as it is read.
#[utoipa::path(patch, path = "/agents/{id}", tag = "agents", operation_id = "patch_agent", request_body = Object,
    params(("id" = String, Path, description = "The agent's id")), responses(
    (status = 200, description = "Changed", body = Agent),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
    (status = 413, description = "The body is too large", body = Refusal),
))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Id(id): Id,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Agent>, Refusal> {
    let changes: Map<String, Value> = body(bytes)?;
    write(&app, id, |stored| {
        let mut agent = serde_json::to_value(Agent::of(stored)).expect("texts, lists and maps are JSON");
        merge_patch(&mut agent, Value::Object(changes));
        Ok(Agent::read(agent)?)
    })
    .await
}

/// Delete an agent
///
/// Its calls go on and its instances stay; no call of it can start any more.
#[utoipa::path(delete, path = "/agents/{id}", tag = "agents", operation_id = "delete_agent",
    params(("id" = String, Path, description = "The agent's id")), responses(
    (status = 204, description = "Deleted"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn delete(State(app): State<Arc<App>>, Id(id): Id) -> Result<StatusCode, Refusal> {
    let id = AgentId::parse(id).map_err(|_| Refusal::agent_not_found())?;
    let _turn = app.admin.writing.lock().await;
    if app.store.delete_agent(&id, App::now_ms()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::agent_not_found())
    }
}

/// The agent with the id in a path.
pub(super) async fn named(app: &App, id: String) -> Result<AgentRecord, Refusal> {
    let id = AgentId::parse(id).map_err(|_| Refusal::agent_not_found())?;
    known(app, &id).await
}

async fn known(app: &App, id: &AgentId) -> Result<AgentRecord, Refusal> {
    app.store.agent(id).await?.ok_or_else(Refusal::agent_not_found)
}

/// One step from reading to storing, so that nothing others write meanwhile is lost (SetNotifyConfig, another node).
async fn write(
    app: &App,
    id: String,
    agent: impl FnOnce(&AgentRecord) -> Result<Agent, Refusal> + Send,
) -> Result<Json<Agent>, Refusal> {
    let id = AgentId::parse(id).map_err(|_| Refusal::agent_not_found())?;
    let written = |stored: &AgentRecord| {
        let agent = agent(stored)?;
        if agent.id.as_ref().is_some_and(|named| *named != stored.id.as_str()) {
            return Err(Refusal::field("id", "an agent keeps its id"));
        }
        let record = agent.record(stored.id.clone(), Some(stored), App::now_ms())?;
        if record != *stored {
            reachable(&app.outward, &app.mcp, &record.settings)?;
        }
        Ok(record)
    };
    let mut outcome = Err(Refusal::agent_not_found());
    let change = |stored: &mut AgentRecord| {
        outcome = written(stored);
        let Ok(record) = &outcome else { return false };
        let changes = record != stored;
        stored.clone_from(record);
        changes
    };
    app.store.change_agent(&id, Box::new(change)).await?;
    Ok(Json(Agent::of(&outcome?)))
}

/// RFC 7396.
fn merge_patch(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge_patch(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patches_are_merged_as_rfc_7396_shows_it() {
        for (mut target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            merge_patch(&mut target, patch);
            assert_eq!(target, result);
        }
    }
}
