//! Calls, live and past, for operators: what all their doors show of one, and stopping one. Looking them through is [`listing`],
//! into one [`detail`], its journal [`journal`].

use super::{detail, journal, listing};
use crate::app::App;
use crate::doors::admin::Id;
use crate::doors::admin::refusal::Refusal;
use crate::doors::instances;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use ringline_model::InstanceId;
use ringline_store::{InstanceRecord, ListedCall};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/calls", get(listing::list))
        .route("/calls/{id}", get(detail::read))
        .route("/calls/{id}/journal", get(journal::download))
        .route("/calls/{id}/stop", post(stop))
}

/// A call at a glance. Times are Unix milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Call {
    instance_id: String,
    agent_id: String,
    agent_name: String,
    channel_id: String,
    /// None: nobody has joined.
    user_id: Option<String>,
    session_id: String,
    /// `Created` (the user has not come yet), `Executing` or `Finished`.
    status: &'static str,
    created_ms: i64,
    /// When the user joined.
    started_ms: Option<i64>,
    ended_ms: Option<i64>,
    end_reason: Option<String>,
    /// There is a recording, or one is being made.
    recorded: bool,
}

impl Call {
    pub(super) async fn of(app: &App, call: ListedCall) -> Self {
        let recorded = call.recorded || has_tracks(app, &call.id).await;
        Self {
            instance_id: call.id.to_string(),
            agent_id: call.agent.to_string(),
            agent_name: call.agent_name,
            channel_id: call.channel.to_string(),
            user_id: call.user.map(|user| user.to_string()),
            session_id: call.session.to_string(),
            status: call.status.as_str(),
            created_ms: call.created_ms,
            started_ms: call.started_ms,
            ended_ms: call.ended_ms,
            end_reason: call.end_reason,
            recorded,
        }
    }
}

/// Whether tracks of the call lie in the data directory.
async fn has_tracks(app: &App, instance: &InstanceId) -> bool {
    let directory = app.config.server.data_dir.join("recordings").join(instance.as_str());
    tokio::fs::try_exists(directory).await.unwrap_or(false)
}

/// The call with the id in a path.
pub(super) async fn known(app: &App, id: String) -> Result<InstanceRecord, Refusal> {
    let instance = InstanceId::parse(id).map_err(|_| Refusal::call_not_found())?;
    app.store.instance(&instance).await?.ok_or_else(Refusal::call_not_found)
}

/// Stop a call
///
/// As StopAIAgentInstance: the agent leaves. A call that is over stays as it is. Does not wait for the end.
#[utoipa::path(post, path = "/calls/{id}/stop", tag = "calls", operation_id = "stop_call",
    params(("id" = String, Path, description = "The call's instance id")), responses(
    (status = 204, description = "It ends, or has ended"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn stop(State(app): State<Arc<App>>, Id(id): Id) -> Result<StatusCode, Refusal> {
    let record = known(&app, id).await?;
    // It is known, so there is nothing to refuse.
    instances::stop(&app, &record.id).await.map_err(|_| Refusal::call_not_found())?;
    Ok(StatusCode::NO_CONTENT)
}
