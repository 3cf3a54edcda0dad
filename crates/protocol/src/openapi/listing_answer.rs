//! Answers of the operations that look things up. Field names are the vendor's.

use super::answer::{RuntimeConfig, gmt};
use ringline_model::{InstanceId, InstanceStatus, SessionId};
use serde::Serialize;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAIAgentInstanceAnswer {
    pub request_id: String,
    pub instances: Vec<ListedInstance>,
}

/// `InstanceId`, `SessionId` and the times are ours: the vendor's items cannot be told apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedInstance {
    pub instance_id: InstanceId,
    pub status: InstanceStatus,
    pub agent_config: Value,
    pub template_config: Value,
    pub runtime_config: RuntimeConfig,
    pub call_log_url: String,
    pub user_data: String,
    pub session_id: SessionId,
    /// Unix milliseconds; written as `2026-01-02T03:04:05.000+00:00`.
    #[serde(serialize_with = "gmt")]
    pub gmt_create: i64,
    #[serde(serialize_with = "gmt")]
    pub gmt_modified: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAIAgentConcurrencyAnswer {
    pub request_id: String,
    /// Instances that are not finished.
    pub active_count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAIAgentDialoguesAnswer {
    pub request_id: String,
    pub dialogues: Vec<DialogueDescription>,
}

/// One thing said in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DialogueDescription {
    pub dialogue_id: String,
    pub round_id: String,
    /// `user` or `agent`
    pub producer: &'static str,
    pub text: String,
    /// `call`: messaging has no entries here.
    pub source: &'static str,
    /// `greeting`, `normal` or `speech`
    #[serde(rename = "Type")]
    pub kind: &'static str,
    /// Unix milliseconds.
    pub time: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSmartVoiceGroupsAnswer {
    pub request_id: String,
    pub voice_groups: Vec<VoiceGroup>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VoiceGroup {
    /// The group's name: the language of its voices.
    #[serde(rename = "Type")]
    pub name: String,
    pub voice_list: Vec<VoiceDescription>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VoiceDescription {
    /// What `VoiceId` takes.
    pub voice: String,
    pub name: String,
}

impl VoiceGroup {
    /// Groups `(language, voice)` by language, in the order in which languages first occur.
    pub fn by_language(voices: impl IntoIterator<Item = (String, VoiceDescription)>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (language, voice) in voices {
            match groups.iter_mut().find(|group| group.name == language) {
                Some(group) => group.voice_list.push(voice),
                None => groups.push(Self { name: language, voice_list: vec![voice] }),
            }
        }
        groups
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ringline_model::{ChannelId, UserId};
    use serde_json::json;

    #[test]
    fn a_listed_instance_has_the_vendors_fields_and_our_ids() {
        let listed = ListedInstance {
            instance_id: InstanceId::parse("i").unwrap(),
            status: InstanceStatus::Finished,
            agent_config: json!({"Volume": 1}),
            template_config: json!({}),
            runtime_config: RuntimeConfig {
                channel_id: ChannelId::parse("c").unwrap(),
                agent_user_id: UserId::parse("u").unwrap(),
            },
            call_log_url: "http://h/calllog/i".into(),
            user_data: String::new(),
            session_id: SessionId::parse("s").unwrap(),
            gmt_create: 1_752_820_748_000,
            gmt_modified: 1_752_820_748_001,
        };
        let answer = ListAIAgentInstanceAnswer { request_id: "R".into(), instances: vec![listed] };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"RequestId": "R", "Instances": [{
                "InstanceId": "i", "Status": "Finished", "AgentConfig": {"Volume": 1}, "TemplateConfig": {},
                "RuntimeConfig": {"ChannelId": "c", "AgentUserId": "u"}, "CallLogUrl": "http://h/calllog/i",
                "UserData": "", "SessionId": "s", "GmtCreate": "2025-07-18T06:39:08.000+00:00",
                "GmtModified": "2025-07-18T06:39:08.001+00:00"}]})
        );
    }

    #[test]
    fn a_dialogue_has_the_vendors_names() {
        let dialogue = DialogueDescription {
            dialogue_id: "d".into(),
            round_id: "r".into(),
            producer: "agent",
            text: "Hi".into(),
            source: "call",
            kind: "speech",
            time: 5,
        };
        let answer = ListAIAgentDialoguesAnswer { request_id: "R".into(), dialogues: vec![dialogue] };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"RequestId": "R", "Dialogues": [{"DialogueId": "d", "RoundId": "r", "Producer": "agent",
                   "Text": "Hi", "Source": "call", "Type": "speech", "Time": 5}]})
        );
        let count = GetAIAgentConcurrencyAnswer { request_id: "R".into(), active_count: 2 };
        assert_eq!(serde_json::to_value(&count).unwrap(), json!({"RequestId": "R", "ActiveCount": 2}));
    }

    #[test]
    fn voices_are_grouped_by_language() {
        let voice = |id: &str| VoiceDescription { voice: id.into(), name: id.to_uppercase() };
        let voices = [("en-US".into(), voice("a")), ("de-DE".into(), voice("b")), ("en-US".into(), voice("c"))];
        let answer =
            ListSmartVoiceGroupsAnswer { request_id: "R".into(), voice_groups: VoiceGroup::by_language(voices) };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"RequestId": "R", "VoiceGroups": [
                {"Type": "en-US", "VoiceList": [{"Voice": "a", "Name": "A"}, {"Voice": "c", "Name": "C"}]},
                {"Type": "de-DE", "VoiceList": [{"Voice": "b", "Name": "B"}]}]})
        );
    }
}
