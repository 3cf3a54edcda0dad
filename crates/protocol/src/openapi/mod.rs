//! The OpenAPI's operations: requests as types, answers with the exact field names (server-api §4).

mod answer;
mod request;

pub use answer::{
    DescribeAIAgentInstanceAnswer, GenerateAIAgentCallAnswer, InstanceDescription, InstanceStatus, RuntimeConfig,
    StopAIAgentInstanceAnswer,
};
pub use request::{
    CallOptions, DEFAULT_EXPIRE, DescribeAIAgentInstance, EffectiveConfig, GenerateAIAgentCall, MAX_EXPIRE,
    StopAIAgentInstance,
};

use crate::error::ApiError;
use crate::params::Params;

/// The only version there is.
pub const VERSION: &str = "2020-11-09";

/// An operation by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    GenerateAIAgentCall,
    StopAIAgentInstance,
    DescribeAIAgentInstance,
}

impl Operation {
    pub const ALL: [Self; 3] = [Self::GenerateAIAgentCall, Self::StopAIAgentInstance, Self::DescribeAIAgentInstance];

    pub const fn name(self) -> &'static str {
        match self {
            Self::GenerateAIAgentCall => "GenerateAIAgentCall",
            Self::StopAIAgentInstance => "StopAIAgentInstance",
            Self::DescribeAIAgentInstance => "DescribeAIAgentInstance",
        }
    }

    /// Both as the signature covered them ([`crate::auth::Accepted`]). Unknown ones are `InvalidApi.NotFound`.
    pub fn from_name(action: &str, version: &str) -> Result<Self, ApiError> {
        let known = Self::ALL.into_iter().find(|operation| operation.name() == action);
        known.filter(|_| version == VERSION).ok_or_else(ApiError::api_not_found)
    }
}

/// A request of any operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    GenerateAIAgentCall(GenerateAIAgentCall),
    StopAIAgentInstance(StopAIAgentInstance),
    DescribeAIAgentInstance(DescribeAIAgentInstance),
}

impl Request {
    pub fn parse(operation: Operation, params: &Params) -> Result<Self, ApiError> {
        match operation {
            Operation::GenerateAIAgentCall => GenerateAIAgentCall::parse(params).map(Self::GenerateAIAgentCall),
            Operation::StopAIAgentInstance => StopAIAgentInstance::parse(params).map(Self::StopAIAgentInstance),
            Operation::DescribeAIAgentInstance => {
                DescribeAIAgentInstance::parse(params).map(Self::DescribeAIAgentInstance)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_name() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name(), VERSION), Ok(operation));
        }
    }

    #[test]
    fn an_unknown_action_or_version_is_not_found() {
        for (action, version) in [("Generate", VERSION), ("StopAIAgentInstance", "2020-11-10"), ("", "")] {
            let error = Operation::from_name(action, version).expect_err("unknown");
            assert_eq!((error.status, &*error.code), (404, "InvalidApi.NotFound"));
        }
    }
}
