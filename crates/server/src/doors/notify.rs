//! Where an agent's events go: SetNotifyConfig and DescribeNotifyConfig.

use crate::app::{App, internal};
use ringline_model::AgentSettings;
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{DescribeNotifyConfig, SetNotifyConfig};
use ringline_store::AgentRecord;

/// What waits to be delivered goes where the new settings say; which events of a call are told was settled at its start.
pub async fn set(app: &App, request: SetNotifyConfig) -> Result<(), ApiError> {
    if let Some(url) = &request.url {
        app.outward.check(url).map_err(|e| ApiError::invalid_parameter("CallbackUrl", &e.to_string()))?;
    }
    let (id, now_ms) = (request.agent.clone(), App::now_ms());
    let mut applied = Err(ApiError::agent_not_found());
    let change = |agent: &mut AgentRecord| {
        applied = request.apply(&mut agent.settings);
        agent.modified_ms = now_ms;
        applied.is_ok()
    };
    app.store.change_agent(&id, Box::new(change)).await.map_err(|e| internal(&e))?;
    applied
}

pub async fn describe(app: &App, request: DescribeNotifyConfig) -> Result<AgentSettings, ApiError> {
    Ok(app.agent(&request.agent).await?.settings)
}
