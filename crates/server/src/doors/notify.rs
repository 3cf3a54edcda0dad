//! Where an agent's events go: SetNotifyConfig and DescribeNotifyConfig.

use crate::app::{App, internal};
use ringline_model::{AgentId, AgentSettings};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{DescribeNotifyConfig, SetNotifyConfig};

/// What waits to be delivered goes where the new settings say; which events of a call are told was settled at its start.
pub async fn set(app: &App, request: SetNotifyConfig) -> Result<(), ApiError> {
    if let Some(url) = &request.url {
        app.outward.check(url).map_err(|e| ApiError::invalid_parameter("CallbackUrl", &e.to_string()))?;
    }
    let mut agent = app.agent(&request.agent).await?;
    request.apply(&mut agent.settings)?;
    agent.modified_ms = App::now_ms();
    app.store.put_agent(&agent).await.map_err(|e| internal(&e))
}

pub async fn describe(app: &App, request: DescribeNotifyConfig) -> Result<(AgentId, AgentSettings), ApiError> {
    let agent = app.agent(&request.agent).await?;
    Ok((agent.id, agent.settings))
}
