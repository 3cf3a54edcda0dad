//! Stepping in: supervisors and their tokens, a whisper to the agent, a word to both, the takeover and the way back.
//!
//! A supervisor joins like a user (`POST rtc_url` with token and offer), with two audio lines: the user is heard on the first, on
//! the second what the user hears; the first carries the supervisor's own voice while they have the floor.

use super::{Operator, Watcher, running};
use crate::app::{App, fresh};
use crate::calls::CallHandle;
use crate::calls::live::event::{Mode, Supervising};
use crate::doors::admin::Id;
use crate::doors::admin::refusal::{Refusal, read as body};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_conversation::TakeoverMode;
use ringline_model::{ChannelId, UserId};
use ringline_protocol::supervisor::{MAX_LIFE, MAX_NAME, Permission, SupervisorToken};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Life of a token in s, if nothing else is asked for.
const USUAL_LIFE: u32 = 3600;
/// Longest whisper, in characters.
const MAX_WHISPER: usize = 2000;

/// Who is to supervise a call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSupervisor {
    /// For people, at most 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What they may do; `listen` goes with everything that is done by voice.
    #[schema(value_type = Vec<Allowed>, min_items = 1)]
    permissions: Vec<Permission>,
    /// How long the token is good, in s.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 86400, default = 3600)]
    expire: Option<u32>,
}

/// What a supervisor may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "the schema of `Permission`, whose crate knows no schemas")]
enum Allowed {
    /// Hear both sides and follow the events.
    Listen,
    /// Tell the agent something for its next answer.
    Whisper,
    /// Speak to both.
    Speak,
    /// Take the call over and give it back.
    Takeover,
    /// See with what arguments tools are called, and what they answer.
    ToolArguments,
}

/// A supervisor, with the token that lets them in.
#[derive(Serialize, ToSchema)]
pub struct NewSupervisorAnswer {
    /// For signaling, and as bearer for the doors of this call.
    token: String,
    /// The supervisor's id in the call.
    #[schema(value_type = String)]
    user_id: UserId,
    name: String,
    #[schema(value_type = Vec<Allowed>)]
    permissions: Vec<Permission>,
    /// Unix seconds.
    expires: i64,
    instance_id: String,
    #[schema(value_type = String)]
    channel_id: ChannelId,
    /// Where to join.
    rtc_url: String,
}

/// The supervisors who are connected, or connecting.
#[derive(Serialize, ToSchema)]
pub struct SupervisorList {
    supervisors: Vec<Supervising>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Whisper {
    /// A system message for the agent's next answer, at most 2000 characters. The user does not learn of it.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Speak {
    /// Begin to be heard by both, or end.
    active: bool,
    /// The supervisor; a supervisor's own token says it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOver {
    /// 1: the human's own voice is heard. 0: the human's words are said with the agent's voice.
    #[serde(default = "own_voice")]
    #[schema(minimum = 0, maximum = 1, default = 1)]
    mode: u8,
    /// The supervisor; a supervisor's own token says it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
}

fn own_voice() -> u8 {
    1
}

/// Who is in charge.
#[derive(Serialize, ToSchema)]
pub struct InCharge {
    #[schema(value_type = String)]
    user_id: UserId,
    mode: Mode,
    /// Connected, and so in charge already; otherwise there is a minute to join.
    connected: bool,
}

/// Make a supervisor
#[utoipa::path(post, path = "/calls/{id}/supervisors", tag = "calls", operation_id = "create_supervisor",
    request_body = NewSupervisor, params(("id" = String, Path, description = "The instance's id")), responses(
    (status = 201, description = "Made; with the token, which is shown once", body = NewSupervisorAnswer),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over", body = Refusal),
    (status = 429, description = "So many supervisors were made for this call that no more are", body = Refusal),
))]
pub async fn create(
    State(app): State<Arc<App>>,
    _operator: Operator,
    Id(id): Id,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let NewSupervisor { name, mut permissions, expire } = body(bytes)?;
    let name = name.trim().to_owned();
    if !(1..=MAX_NAME).contains(&name.chars().count()) {
        return Err(Refusal::field("name", format!("must have 1 to {MAX_NAME} characters")));
    }
    let life = expire.unwrap_or(USUAL_LIFE);
    if !(1..=MAX_LIFE).contains(&life) {
        return Err(Refusal::field("expire", format!("{life} is outside 1..{MAX_LIFE}")));
    }
    permissions.sort_unstable();
    permissions.dedup();
    if permissions.is_empty() {
        return Err(Refusal::field("permissions", "at least one is needed"));
    }
    let by_voice = |permission: &Permission| matches!(permission, Permission::Speak | Permission::Takeover);
    if permissions.iter().any(by_voice) && !permissions.contains(&Permission::Listen) {
        return Err(Refusal::field("permissions", "speak and takeover need listen"));
    }
    let handle = running(&app, &id).await?;
    if !handle.supervisors.may_mint() {
        return Err(Refusal::too_many_supervisors());
    }
    let user = fresh(|id| UserId::parse(format!("supervisor-{}", &id[..16])));
    let expires = App::now_s() + i64::from(life);
    let token = SupervisorToken { instance: handle.instance.clone(), user, name, permissions, expires };
    let base_url = app.base_url(headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let answer = NewSupervisorAnswer {
        token: token.mint(app.rtc_app.key.reveal()),
        user_id: token.user,
        name: token.name,
        permissions: token.permissions,
        expires,
        instance_id: handle.instance.to_string(),
        channel_id: handle.channel.clone(),
        rtc_url: App::rtc_url(&base_url),
    };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// List supervisors
#[utoipa::path(get, path = "/calls/{id}/supervisors", tag = "calls", operation_id = "list_supervisors",
    params(("id" = String, Path, description = "The instance's id")), responses(
    (status = 200, description = "Those who have joined", body = SupervisorList),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over", body = Refusal),
))]
pub async fn list(
    State(app): State<Arc<App>>,
    _operator: Operator,
    Id(id): Id,
) -> Result<Json<SupervisorList>, Refusal> {
    let seated = running(&app, &id).await?.supervisors.all().into_iter();
    let supervisors = seated.map(|seated| Supervising {
        user_id: seated.user.to_string(),
        name: seated.name,
        connected: seated.connected,
    });
    Ok(Json(SupervisorList { supervisors: supervisors.collect() }))
}

/// Remove a supervisor
///
/// Their connection and streams end, and their token is no good from here on. A takeover of theirs ends as if they had left.
#[utoipa::path(delete, path = "/calls/{id}/supervisors/{user_id}", tag = "calls", operation_id = "remove_supervisor",
    params(("id" = String, Path, description = "The instance's id"),
        ("user_id" = String, Path, description = "The supervisor's id")), responses(
    (status = 204, description = "Removed"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over", body = Refusal),
))]
pub async fn remove(
    State(app): State<Arc<App>>,
    _operator: Operator,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let handle = running(&app, &id).await?;
    let user = UserId::parse(user).map_err(|error| Refusal::field("user_id", error))?;
    handle.supervisors.remove(&user);
    Ok(StatusCode::NO_CONTENT)
}

/// Whisper to the agent
///
/// Supervisors need `whisper`. At most 8 whispers wait for the next answer; at one more the oldest is forgotten.
#[utoipa::path(post, path = "/calls/{id}/whisper", tag = "calls", operation_id = "whisper", request_body = Whisper,
    params(("id" = String, Path, description = "The instance's id")),
    security(("admin_token" = []), ("supervisor_token" = [])), responses(
    (status = 204, description = "Told"),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 403, description = "The supervisor may not", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over", body = Refusal),
))]
pub async fn whisper(
    State(app): State<Arc<App>>,
    watcher: Watcher,
    Id(id): Id,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refusal> {
    watcher.must(Permission::Whisper)?;
    let Whisper { text } = body(bytes)?;
    if !(1..=MAX_WHISPER).contains(&text.trim().chars().count()) {
        return Err(Refusal::field("text", format!("must have 1 to {MAX_WHISPER} characters")));
    }
    running(&app, &id).await?.whisper(text).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Speak to both
///
/// While `active`, user and agent hear the supervisor: the agent is stopped and waits, what is said is written down, and when the
/// supervisor ends the agent goes on with what comes. At most 10 minutes. Supervisors need `speak`, and to be connected.
#[utoipa::path(post, path = "/calls/{id}/speak", tag = "calls", operation_id = "speak", request_body = Speak,
    params(("id" = String, Path, description = "The instance's id")),
    security(("admin_token" = []), ("supervisor_token" = [])), responses(
    (status = 204, description = "Heard, or no longer"),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 403, description = "The supervisor may not", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over, another human is in charge, or the supervisor is not connected", body = Refusal),
))]
pub async fn speak(
    State(app): State<Arc<App>>,
    watcher: Watcher,
    Id(id): Id,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refusal> {
    watcher.must(Permission::Speak)?;
    let Speak { active, user_id } = body(bytes)?;
    let handle = running(&app, &id).await?;
    let user = supervisor(&handle, &watcher, user_id, Permission::Speak)?;
    handle.speak(&user, active).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take the call over
///
/// The supervisor is in charge as soon as they are connected: the agent is stopped, answers nobody and writes down what is said.
/// The user's client is told (1012, 1013). Asked for again, nothing changes. Supervisors need `takeover`.
#[utoipa::path(post, path = "/calls/{id}/takeover", tag = "calls", operation_id = "take_over", request_body = TakeOver,
    params(("id" = String, Path, description = "The instance's id")),
    security(("admin_token" = []), ("supervisor_token" = [])), responses(
    (status = 200, description = "Taken over", body = InCharge),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 403, description = "The supervisor may not", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over, or another takeover is under way", body = Refusal),
))]
pub async fn take_over(
    State(app): State<Arc<App>>,
    watcher: Watcher,
    Id(id): Id,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<InCharge>, Refusal> {
    watcher.must(Permission::Takeover)?;
    let TakeOver { mode, user_id } = body(bytes)?;
    let mode = match mode {
        0 => TakeoverMode::AgentVoice,
        1 => TakeoverMode::HumanVoice,
        other => return Err(Refusal::field("mode", format!("{other} is neither 0 nor 1"))),
    };
    let handle = running(&app, &id).await?;
    let user = supervisor(&handle, &watcher, user_id, Permission::Takeover)?;
    handle.supervisor_takes_over(&user, mode).await?;
    let connected = handle.supervisors.of(&user).is_some_and(|seated| seated.connected);
    Ok(Json(InCharge { user_id: user, mode: mode.into(), connected }))
}

/// Give the call back
///
/// The agent is in charge again, and knows what was said meanwhile. The user's client is told with 9004, a message of our own. Also ends
/// a takeover by TakeoverAIAgentCall, and calls one off whose human has not come. Supervisors need `takeover`, and give back what is
/// theirs; operators give back anything.
#[utoipa::path(post, path = "/calls/{id}/handback", tag = "calls", operation_id = "hand_back",
    params(("id" = String, Path, description = "The instance's id")),
    security(("admin_token" = []), ("supervisor_token" = [])), responses(
    (status = 204, description = "Given back"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 403, description = "The supervisor may not, or another human is in charge", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over, or nobody has taken it over", body = Refusal),
))]
pub async fn hand_back(State(app): State<Arc<App>>, watcher: Watcher, Id(id): Id) -> Result<StatusCode, Refusal> {
    watcher.must(Permission::Takeover)?;
    let handle = running(&app, &id).await?;
    let by = match &watcher {
        Watcher::Operator => None,
        Watcher::Supervisor(token) => Some(&token.user),
    };
    handle.hand_back(by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which supervisor it is about: their token says it, an operator names one who has joined and may do it.
fn supervisor(
    handle: &CallHandle,
    watcher: &Watcher,
    named: Option<UserId>,
    permission: Permission,
) -> Result<UserId, Refusal> {
    match (watcher, named) {
        (Watcher::Supervisor(token), None) => Ok(token.user.clone()),
        (Watcher::Supervisor(token), Some(named)) if named == token.user => Ok(named),
        (Watcher::Supervisor(_), Some(_)) => Err(Refusal::forbidden()),
        (Watcher::Operator, None) => Err(Refusal::field("user_id", "say which supervisor")),
        (Watcher::Operator, Some(named)) => match handle.supervisors.of(&named) {
            Some(seated) if seated.permissions.contains(&permission) => Ok(named),
            Some(_) => Err(Refusal::forbidden()),
            None => Err(Refusal::not_connected()),
        },
    }
}
