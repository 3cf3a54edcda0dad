//! Calls: looked through and into by operators ([`call`]), and the running ones for whoever watches them and steps in.
//!
//! Two kinds of people come here: operators with the admin token, and supervisors of one call with a token that an operator has made
//! for them ([`supervision`]). [`Watcher`] is either, and every door says what it asks of a supervisor.

pub mod call;
pub mod detail;
pub mod events;
pub mod journal;
pub mod listing;
pub mod supervision;

use super::refusal::Refusal;
use super::{BEARER, is_admin};
use crate::app::App;
use crate::calls::{CallHandle, Ended, TakeoverError};
use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::header;
use axum::http::request::Parts;
use axum::routing::{delete, get, post};
use ringline_model::InstanceId;
use ringline_protocol::supervisor::{Permission, SupervisorToken};
use std::collections::HashMap;
use std::sync::Arc;

/// Routes that check who asks by themselves.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/calls/events", get(events::overview))
        .route("/calls/{id}/events", get(events::follow))
        .route("/calls/{id}/supervisors", get(supervision::list).post(supervision::create))
        .route("/calls/{id}/supervisors/{user_id}", delete(supervision::remove))
        .route("/calls/{id}/whisper", post(supervision::whisper))
        .route("/calls/{id}/speak", post(supervision::speak))
        .route("/calls/{id}/takeover", post(supervision::take_over))
        .route("/calls/{id}/handback", post(supervision::hand_back))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
}

/// Who asks: an operator, or a supervisor of the call in the path.
#[derive(Debug)]
pub enum Watcher {
    Operator,
    Supervisor(SupervisorToken),
}

/// An operator; supervisors are refused.
pub struct Operator;

impl Watcher {
    /// Whether they may do something; operators may everything.
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Operator => true,
            Self::Supervisor(token) => token.allows(permission),
        }
    }

    fn must(&self, permission: Permission) -> Result<(), Refusal> {
        if self.may(permission) { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    fn of(app: &App, parts: &Parts) -> Result<Self, Refusal> {
        let bearer = parts.headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        if is_admin(app, bearer) {
            return Ok(Self::Operator);
        }
        let token = std::str::from_utf8(bearer).ok().and_then(|bearer| {
            let (scheme, token) = bearer.split_at_checked(BEARER.len())?;
            scheme.eq_ignore_ascii_case(BEARER).then_some(token)
        });
        match token.filter(|token| SupervisorToken::is_one(token)).map(|token| app.open_supervisor_token(token)) {
            Some(Ok(token)) => Ok(Self::Supervisor(token)),
            Some(Err(error)) => Err(Refusal::bad_supervisor_token(&error.to_string())),
            None => Err(Refusal::unauthorized()),
        }
    }
}

impl FromRequestParts<Arc<App>> for Watcher {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let watcher = Self::of(app, parts)?;
        if let Self::Supervisor(token) = &watcher {
            let path = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
            let id = path.ok().and_then(|Path(mut names)| names.remove("id"));
            let is_removed =
                || app.calls.get(&token.instance).is_some_and(|call| call.supervisors.is_removed(&token.user));
            if id.as_deref() != Some(token.instance.as_str()) || is_removed() {
                return Err(Refusal::forbidden());
            }
        }
        Ok(watcher)
    }
}

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        match Watcher::of(app, parts)? {
            Watcher::Operator => Ok(Self),
            Watcher::Supervisor(_) => Err(Refusal::forbidden()),
        }
    }
}

/// The running call of a path; of one that is over it says so.
async fn running(app: &App, id: &str) -> Result<Arc<CallHandle>, Refusal> {
    let instance = InstanceId::parse(id).map_err(|_| Refusal::call_not_found())?;
    if let Some(handle) = app.calls.get(&instance) {
        return Ok(handle);
    }
    let known = app.store.instance(&instance).await?;
    Err(if known.is_some() { Refusal::call_finished() } else { Refusal::call_not_found() })
}

impl From<Ended> for Refusal {
    fn from(_: Ended) -> Self {
        Self::call_finished()
    }
}

impl From<TakeoverError> for Refusal {
    fn from(error: TakeoverError) -> Self {
        match error {
            TakeoverError::InProgress => Self::takeover_in_progress(),
            TakeoverError::NoHuman => Self::field("user_id", &error),
            TakeoverError::NoTakeover => Self::no_takeover(),
            TakeoverError::AnotherHuman => Self::forbidden(),
            TakeoverError::NotConnected => Self::not_connected(),
            TakeoverError::Ended(ended) => ended.into(),
        }
    }
}
