//! TakeoverAIAgentCall (server-api §4.11).

use super::request::{ANY, instance};
use crate::error::ApiError;
use crate::params::Params;
use ringline_model::{ChannelId, InstanceId, UserId};
use serde::Serialize;
use std::fmt;

/// Hands a call to a human, who joins its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeoverAIAgentCall {
    pub instance: InstanceId,
    /// The human's id in the channel; the server makes one if none is given.
    pub human: Option<UserId>,
    /// Mint a channel token for the human.
    pub require_token: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TakeoverAIAgentCallAnswer {
    pub request_id: String,
    pub channel_id: ChannelId,
    pub human_agent_user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Without the token.
impl fmt::Debug for TakeoverAIAgentCallAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakeoverAIAgentCallAnswer")
            .field("channel_id", &self.channel_id)
            .field("human_agent_user_id", &self.human_agent_user_id)
            .finish_non_exhaustive()
    }
}

impl TakeoverAIAgentCall {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let human = params.text("HumanAgentUserId", ANY)?.map(UserId::parse).transpose();
        Ok(Self {
            instance: instance(params)?,
            human: human.map_err(|e| ApiError::invalid_parameter("HumanAgentUserId", &e.to_string()))?,
            require_token: params.boolean("RequireToken")?.unwrap_or(false),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{named, params};
    use super::*;
    use serde_json::{Value, json};

    fn parse(json: Value) -> Result<TakeoverAIAgentCall, ApiError> {
        TakeoverAIAgentCall::parse(&params(json))
    }

    #[test]
    fn only_the_instance_is_needed() {
        let bare = parse(json!({"InstanceId": "i"})).unwrap();
        assert_eq!((bare.human, bare.require_token), (None, false));
        let full = parse(json!({"InstanceId": "i", "HumanAgentUserId": "h", "RequireToken": "True"})).unwrap();
        assert_eq!((full.human.unwrap().as_str(), full.require_token), ("h", true));
        assert_eq!(parse(json!({})).unwrap_err().code, "MissingInstanceId");
        for (name, value) in [("HumanAgentUserId", "h 1"), ("RequireToken", "yes")] {
            named(parse(json!({"InstanceId": "i", name: value})), name);
        }
    }

    #[test]
    fn a_token_is_in_the_answer_only_if_there_is_one() {
        let answer = |token| TakeoverAIAgentCallAnswer {
            request_id: "R".into(),
            channel_id: ChannelId::parse("c").unwrap(),
            human_agent_user_id: UserId::parse("h").unwrap(),
            token,
        };
        let bare = json!({"RequestId": "R", "ChannelId": "c", "HumanAgentUserId": "h"});
        assert_eq!(serde_json::to_value(answer(None)).unwrap(), bare);
        assert_eq!(serde_json::to_value(answer(Some("t".into()))).unwrap()["Token"], "t");
    }
}
