//! Requests that look things up, and the one that deletes an entry (server-api §4.6, §4.7, §4.13, §4.14, §4.26).

use super::request::{ANY, agent};
use crate::error::ApiError;
use crate::params::Params;
use crate::time_format::parse_utc_seconds;
use ringline_model::{AgentId, SessionId};

/// Most rounds one listing gives.
pub const MAX_ROUNDS: u32 = 1000;
/// Last page of a listing of dialogues; no source states one.
const LAST_PAGE: i64 = 100_000;

/// Lists an agent's instances (server-api §4.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAIAgentInstance {
    pub agent: AgentId,
    /// Created within, Unix ms, both inclusive.
    pub from_ms: i64,
    pub to_ms: i64,
    pub offset: u32,
    /// 0..100
    pub limit: u32,
}

/// How many calls of an agent there are now (server-api §4.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetAIAgentConcurrency {
    pub agent: AgentId,
}

/// Lists what was said in a session (server-api §4.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAIAgentDialogues {
    pub session: SessionId,
    /// Unix ms, both inclusive.
    pub from_ms: i64,
    pub to_ms: i64,
    pub newest_first: bool,
    pub offset: u32,
    /// 1..100
    pub limit: u32,
    /// The most recent rounds, 1..[`MAX_ROUNDS`]; pages do not count then.
    pub rounds: Option<u32>,
}

/// Deletes an entry of a session (server-api §4.14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAIAgentDialogue {
    pub session: SessionId,
    pub dialogue: String,
    /// A part of the entry alone. Entries of calls have no parts.
    pub node: Option<String>,
}

/// Lists the voices (server-api §4.26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSmartVoiceGroups {
    /// Only `CosyVoice` voices, of which there are none here.
    pub cosy_voice_only: bool,
}

impl ListAIAgentInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let agent = agent(params)?;
        let from_ms = time(params, "StartTime")?.map_or(i64::MIN, |seconds| seconds * 1000);
        // The second that is named is within.
        let to_ms = time(params, "EndTime")?.map_or(i64::MAX, |seconds| seconds * 1000 + 999);
        let (offset, limit) = page(params, 100, 0, 10)?;
        Ok(Self { agent, from_ms, to_ms, offset, limit })
    }
}

impl GetAIAgentConcurrency {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { agent: agent(params)? })
    }
}

impl ListAIAgentDialogues {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let session = session(params)?;
        let bound = |name| params.integer(name, 0..=i64::MAX)?.ok_or_else(|| ApiError::missing(name));
        let (from_ms, to_ms) = (bound("StartTime")?, bound("EndTime")?);
        let newest_first = match params.text("Order", 16)?.as_deref() {
            None | Some("DESC") => true,
            Some("ASC") => false,
            Some(_) => return Err(ApiError::invalid_parameter("Order", "it must be ASC or DESC")),
        };
        let (offset, limit) = page(params, LAST_PAGE, 1, 20)?;
        let rounds = params.integer("RoundLimit", 1..=i64::from(MAX_ROUNDS))?.map(small);
        Ok(Self { session, from_ms, to_ms, newest_first, offset, limit, rounds })
    }
}

impl DeleteAIAgentDialogue {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            session: session(params)?,
            dialogue: params.required_text("DialogueId", 256)?,
            node: params.text("NodeId", 256)?,
        })
    }
}

impl ListSmartVoiceGroups {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        match params.text("VoiceType", 64)?.as_deref() {
            None => Ok(Self { cosy_voice_only: false }),
            Some("CosyVoice") => Ok(Self { cosy_voice_only: true }),
            Some(_) => Err(ApiError::invalid_parameter("VoiceType", "it must be CosyVoice or absent")),
        }
    }
}

/// A text that cannot be an id is refused by name: a session needs not exist to be listed.
fn session(params: &Params) -> Result<SessionId, ApiError> {
    let text = params.required_text("SessionId", ANY)?;
    SessionId::parse(text).map_err(|e| ApiError::invalid_parameter("SessionId", &e.to_string()))
}

fn time(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.text(name, 64)? else { return Ok(None) };
    let seconds = parse_utc_seconds(&text);
    seconds.map(Some).ok_or_else(|| ApiError::invalid_parameter(name, "it must look like 2026-01-02T03:04:05Z"))
}

/// Entries to pass over, and the most to give.
pub(super) fn page(params: &Params, last: i64, least: i64, usual: i64) -> Result<(u32, u32), ApiError> {
    let number = params.integer("PageNumber", 1..=last)?.unwrap_or(1);
    let size = params.integer("PageSize", least..=100)?.unwrap_or(usual);
    Ok((small((number - 1) * size), small(size)))
}

fn small(number: i64) -> u32 {
    u32::try_from(number).expect("checked against its range")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{named, params};
    use super::*;
    use serde_json::{Value, json};

    fn with(mut base: Value, name: &str, value: Value) -> Params {
        base[name] = value;
        params(base)
    }

    #[test]
    fn instances_come_ten_a_page_from_all_times() {
        let list = ListAIAgentInstance::parse(&params(json!({"AIAgentId": "a"}))).unwrap();
        assert_eq!((list.offset, list.limit, list.from_ms, list.to_ms), (0, 10, i64::MIN, i64::MAX));
        let list = ListAIAgentInstance::parse(&params(json!({
            "AIAgentId": "a", "PageNumber": "3", "PageSize": "100",
            "StartTime": "2026-01-02T03:04:05Z", "EndTime": "2026-01-02T03:04:05Z"})));
        let list = list.unwrap();
        assert_eq!((list.offset, list.limit), (200, 100));
        assert_eq!((list.from_ms, list.to_ms), (1_767_323_045_000, 1_767_323_045_999));
    }

    #[test]
    fn dialogues_come_twenty_a_page_newest_first() {
        let base = json!({"SessionId": "s", "StartTime": "1", "EndTime": "2"});
        let list = ListAIAgentDialogues::parse(&params(base.clone())).unwrap();
        assert_eq!((list.from_ms, list.to_ms, list.newest_first), (1, 2, true));
        assert_eq!((list.offset, list.limit, list.rounds), (0, 20, None));
        assert!(!ListAIAgentDialogues::parse(&with(base.clone(), "Order", json!("ASC"))).unwrap().newest_first);
        assert_eq!(ListAIAgentDialogues::parse(&with(base, "RoundLimit", json!("3"))).unwrap().rounds, Some(3));
        let unbounded = ListAIAgentDialogues::parse(&params(json!({"SessionId": "s", "StartTime": "1"})));
        assert_eq!(unbounded.unwrap_err().code, "MissingEndTime");
    }

    #[test]
    fn what_lies_outside_a_range_is_named() {
        let dialogues = json!({"SessionId": "s", "StartTime": 1, "EndTime": 2});
        for (name, value) in [
            ("SessionId", json!("s 1")),
            ("StartTime", json!("2026-01-02T03:04:05Z")),
            ("EndTime", json!(-1)),
            ("Order", json!("asc")),
            ("PageNumber", json!(0)),
            ("PageNumber", json!(100_001)),
            ("PageSize", json!(0)),
            ("PageSize", json!(101)),
            ("RoundLimit", json!("0")),
            ("RoundLimit", json!("all")),
        ] {
            named(ListAIAgentDialogues::parse(&with(dialogues.clone(), name, value)), name);
        }
        for (name, value) in [
            ("PageNumber", json!(101)),
            ("PageSize", json!(101)),
            ("StartTime", json!("yesterday")),
            ("EndTime", json!("1767323045")),
        ] {
            named(ListAIAgentInstance::parse(&with(json!({"AIAgentId": "a"}), name, value)), name);
        }
        let none = ListAIAgentInstance::parse(&with(json!({"AIAgentId": "a"}), "PageSize", json!(0))).unwrap();
        assert_eq!(none.limit, 0);
    }

    #[test]
    fn a_deletion_names_session_and_entry() {
        let parse = |json| DeleteAIAgentDialogue::parse(&params(json));
        let request = parse(json!({"SessionId": "s", "DialogueId": "d", "NodeId": ""})).unwrap();
        assert_eq!((request.session.as_str(), request.dialogue.as_str(), request.node), ("s", "d", None));
        assert_eq!(parse(json!({"SessionId": "s"})).unwrap_err().code, "MissingDialogueId");
    }

    #[test]
    fn voices_may_be_narrowed_to_one_type() {
        let parse = |json| ListSmartVoiceGroups::parse(&params(json)).map(|request| request.cosy_voice_only);
        assert_eq!((parse(json!({})), parse(json!({"VoiceType": "CosyVoice"}))), (Ok(false), Ok(true)));
        assert_eq!(parse(json!({"VoiceType": "Tenor"})).unwrap_err().code, "InvalidParameter");
    }
}
