//! Calls as they go on: streams of server-sent events (`text/event-stream`).
//!
//! A stream begins with `snapshot`, and every event after it is one step further (`seq`, which is the event's `id`). A listener that does
//! not keep up is told `missed` with a count, and then a new `snapshot`: it has lost steps, and knows where the call is. Comments keep
//! quiet streams alive. A browser reads it with `fetch`, since `EventSource` cannot send a token.

use super::{Operator, Watcher, running};
use crate::app::App;
use crate::calls::CallHandle;
use crate::calls::live::event::{CallSummary, Happening, Snapshot};
use crate::calls::live::{Follow, Followed, OverviewEvent};
use crate::doors::admin::Id;
use crate::doors::admin::refusal::Refusal;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use ringline_model::UserId;
use ringline_protocol::supervisor::Permission;
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;
use utoipa::ToSchema;

/// Silence after which a comment is sent, so that nobody between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that a listener has lost.
#[derive(Serialize, ToSchema)]
pub struct Missed {
    count: u64,
}

/// All running calls.
#[derive(Serialize, ToSchema)]
pub struct RunningCalls {
    calls: Vec<CallSummary>,
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).unwrap_or_else(|error| {
        tracing::error!(%error, "an event does not serialise");
        Event::default().comment("an event was lost")
    })
}

/// A listener of one call.
struct Listening {
    handle: Arc<CallHandle>,
    follow: Follow,
    /// Events that are ready.
    ready: VecDeque<Event>,
    sees_arguments: bool,
    /// A supervisor is listened for as long as the token is good.
    supervisor: Option<(UserId, Instant)>,
}

impl Listening {
    fn event_of(&self, happening: &Happening) -> Event {
        let seq = happening.seq.to_string();
        let data = match self.sees_arguments {
            true => event(happening.event.name(), happening),
            false => {
                let told = happening.event.without_arguments();
                event(happening.event.name(), &Happening { event: told, ..*happening })
            }
        };
        data.id(seq)
    }

    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if let Some(ready) = self.ready.pop_front() {
            return Some((Ok(ready), self));
        }
        let until = self.supervisor.as_ref().map(|(_, until)| *until);
        let followed = match until {
            Some(until) => tokio::time::timeout_at(until, self.follow.next()).await.ok()?,
            None => self.follow.next().await,
        };
        if self.supervisor.as_ref().is_some_and(|(user, _)| self.handle.supervisors.is_removed(user)) {
            return None;
        }
        let told = match followed {
            Followed::Happened(happening) => self.event_of(&happening),
            Followed::Missed(count, snapshot) => {
                self.ready.push_back(snapshot_event(&snapshot));
                event("missed", &Missed { count })
            }
            Followed::Over => return None,
        };
        Some((Ok(told), self))
    }
}

fn snapshot_event(snapshot: &Snapshot) -> Event {
    event("snapshot", snapshot).id(snapshot.seq.to_string())
}

/// Follow a call
///
/// Server-sent events: `snapshot` (Snapshot), then the events by their `type` (Happening), and `missed` (Missed) with a new
/// `snapshot` where the listener was too slow. The stream ends with the call, and with the supervisor's token. Arguments and results of
/// tools are for operators and for supervisors with `tool_arguments`.
#[utoipa::path(get, path = "/calls/{id}/events", tag = "calls", operation_id = "follow_call",
    params(("id" = String, Path, description = "The instance's id")),
    security(("admin_token" = []), ("supervisor_token" = [])), responses(
    (status = 200, description = "The events", body = Happening, content_type = "text/event-stream"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 403, description = "The supervisor may not listen, or to another call", body = Refusal),
    (status = 404, description = "There is no such call", body = Refusal),
    (status = 409, description = "The call is over", body = Refusal),
    (status = 429, description = "As many as allowed listen", body = Refusal),
))]
pub async fn follow(
    State(app): State<Arc<App>>,
    watcher: Watcher,
    Id(id): Id,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    watcher.must(Permission::Listen)?;
    let handle = running(&app, &id).await?;
    let (snapshot, follow) = handle.live.follow().map_err(|_| Refusal::too_many_listeners())?;
    let sees_arguments = watcher.may(Permission::ToolArguments);
    let supervisor = match watcher {
        Watcher::Operator => None,
        Watcher::Supervisor(token) => {
            let left = u64::try_from(token.expires - App::now_s()).unwrap_or(0);
            Some((token.user, Instant::now() + Duration::from_secs(left)))
        }
    };
    let ready = VecDeque::from([snapshot_event(&snapshot)]);
    let listening = Listening { handle, follow, ready, sees_arguments, supervisor };
    let events = stream::unfold(listening, Listening::next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Follow all calls
///
/// Server-sent events: `snapshot` (RunningCalls), then `call` (OverviewEvent) whenever a call has begun or something of it is different,
/// `ended`, and `missed` (Missed) with a new `snapshot` where the listener was too slow.
#[utoipa::path(get, path = "/calls/events", tag = "calls", operation_id = "follow_calls", responses(
    (status = 200, description = "The events", body = OverviewEvent, content_type = "text/event-stream"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 403, description = "A supervisor of one call", body = Refusal),
    (status = 429, description = "As many as allowed listen, or the server shuts down", body = Refusal),
))]
pub async fn overview(
    State(app): State<Arc<App>>,
    _operator: Operator,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    // First the place, then the list: what happens between is told twice, and nothing is missed.
    let events = app.calls.overview.follow().ok_or_else(Refusal::too_many_listeners)?;
    let ready = VecDeque::from([all_calls(&app)]);
    let events = stream::unfold((app, events, ready), next_of_all);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

type All = (Arc<App>, broadcast::Receiver<Arc<OverviewEvent>>, VecDeque<Event>);

async fn next_of_all((app, mut events, mut ready): All) -> Option<(Result<Event, Infallible>, All)> {
    if let Some(event) = ready.pop_front() {
        return Some((Ok(event), (app, events, ready)));
    }
    let told = match events.recv().await {
        Ok(told) => event(told.name(), &*told),
        Err(broadcast::error::RecvError::Closed) => return None,
        Err(broadcast::error::RecvError::Lagged(count)) => {
            events = events.resubscribe();
            ready.push_back(all_calls(&app));
            event("missed", &Missed { count })
        }
    };
    Some((Ok(told), (app, events, ready)))
}

fn all_calls(app: &App) -> Event {
    let mut calls = app.calls.summaries();
    calls.sort_by(|a, b| (a.created_ms, &a.instance_id).cmp(&(b.created_ms, &b.instance_id)));
    event("snapshot", &RunningCalls { calls })
}
