//! The OpenAPI's operations: requests as types, answers with the exact field names (server-api §4).

mod answer;
mod control;
mod listing;
mod listing_answer;
mod notify;
mod request;
mod robot;
mod start;
mod takeover;
#[cfg(test)]
mod testing;
mod voiceprint;

pub use answer::{
    DescribeAIAgentInstanceAnswer, Done, GenerateAIAgentCallAnswer, InstanceDescription, RuntimeConfig,
    StartAIAgentInstanceAnswer,
};
pub use control::{
    MAX_CUSTOM_MESSAGE, MAX_SPEECH, MAX_TEXT, SendAIAgentDataChannelMessage, SendAIAgentSpeech, SendAIAgentText,
    Speech, UpdateAIAgentInstance, UpdatedConfig,
};
pub use listing::{
    DeleteAIAgentDialogue, GetAIAgentConcurrency, ListAIAgentDialogues, ListAIAgentInstance, ListSmartVoiceGroups,
    MAX_ROUNDS,
};
pub use listing_answer::{
    DialogueDescription, GetAIAgentConcurrencyAnswer, ListAIAgentDialoguesAnswer, ListAIAgentInstanceAnswer,
    ListSmartVoiceGroupsAnswer, ListedInstance, VoiceDescription, VoiceGroup,
};
pub use notify::{DescribeNotifyConfig, DescribeNotifyConfigAnswer, SetNotifyConfig};
pub use request::{
    CallOptions, DEFAULT_EXPIRE, DescribeAIAgentInstance, GenerateAIAgentCall, MAX_EXPIRE, StopAIAgentInstance,
};
pub use robot::{
    DescribeRtcRobotInstance, DescribeRtcRobotInstanceAnswer, StartRtcRobotInstance, StopRtcRobotInstance,
    UpdateRtcRobotInstance, robot_config,
};
pub use start::{ChosenRuntime, StartAIAgentInstance};
pub use takeover::{TakeoverAIAgentCall, TakeoverAIAgentCallAnswer};
pub use voiceprint::{
    ClearAIAgentVoiceprint, ListAIAgentVoiceprints, ListAIAgentVoiceprintsAnswer, MAX_VOICEPRINT_ID,
    SetAIAgentVoiceprint, SetAIAgentVoiceprintAnswer, VoiceprintDescription,
};

use crate::error::ApiError;
use crate::params::Params;

/// The only version there is.
pub const VERSION: &str = "2020-11-09";

/// Every operation stands once in this list; its name is the vendor's, and the type of its request too.
macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// An operation by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($name),+
        }

        impl Operation {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }
        }

        /// A request of any operation.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $($name($name)),+
        }

        impl Request {
            pub fn parse(operation: Operation, params: &Params) -> Result<Self, ApiError> {
                match operation {
                    $(Operation::$name => $name::parse(params).map(Self::$name)),+
                }
            }
        }
    };
}

operations! {
    GenerateAIAgentCall,
    StartAIAgentInstance,
    StopAIAgentInstance,
    UpdateAIAgentInstance,
    DescribeAIAgentInstance,
    ListAIAgentInstance,
    GetAIAgentConcurrency,
    SendAIAgentSpeech,
    SendAIAgentText,
    SendAIAgentDataChannelMessage,
    TakeoverAIAgentCall,
    ListAIAgentDialogues,
    DeleteAIAgentDialogue,
    ListSmartVoiceGroups,
    StartRtcRobotInstance,
    UpdateRtcRobotInstance,
    StopRtcRobotInstance,
    DescribeRtcRobotInstance,
    SetAIAgentVoiceprint,
    ClearAIAgentVoiceprint,
    ListAIAgentVoiceprints,
    SetNotifyConfig,
    DescribeNotifyConfig,
}

impl Operation {
    /// Both as the signature covered them ([`crate::auth::Accepted`]). Unknown ones are `InvalidApi.NotFound`.
    pub fn from_name(action: &str, version: &str) -> Result<Self, ApiError> {
        let known = Self::ALL.iter().copied().find(|operation| operation.name() == action);
        known.filter(|_| version == VERSION).ok_or_else(ApiError::api_not_found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_name() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name(), VERSION), Ok(*operation));
        }
    }

    #[test]
    fn the_document_lists_every_operation() {
        let rows = include_str!("../../../../docs/openapi.md").lines().filter(|line| line.starts_with("| "));
        let first: Vec<_> = rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split(',')).collect();
        for operation in Operation::ALL {
            assert!(first.iter().any(|name| name.trim() == operation.name()), "{operation:?}");
        }
    }

    #[test]
    fn an_unknown_action_or_version_is_not_found() {
        for (action, version) in [("Generate", VERSION), ("StopAIAgentInstance", "2020-11-10"), ("", "")] {
            let error = Operation::from_name(action, version).expect_err("unknown");
            assert_eq!((error.status, &*error.code), (404, "InvalidApi.NotFound"));
        }
    }

    #[test]
    fn no_operation_can_do_without_what_it_is_about() {
        let can =
            [Operation::ListSmartVoiceGroups, Operation::ClearAIAgentVoiceprint, Operation::ListAIAgentVoiceprints];
        for operation in Operation::ALL.iter().filter(|operation| !can.contains(operation)) {
            let error = Request::parse(*operation, &Params::default()).expect_err("nothing was given");
            assert_eq!(error.status, 400);
            assert!(
                ["MissingInstanceId", "MissingAIAgentId", "MissingSessionId", "MissingRobotId", "MissingInput",]
                    .contains(&&*error.code),
                "{operation:?}: {error}"
            );
        }
    }
}
