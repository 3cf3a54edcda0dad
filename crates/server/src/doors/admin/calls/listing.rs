//! The list of calls: newest first, by status, agent and words.

use super::call::Call;
use crate::app::App;
use crate::doors::admin::refusal::Refusal;
use crate::doors::admin::{Page, page};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use ringline_model::{AgentId, InstanceId};
use ringline_store::{CallQuery, ListedCall, limits};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A page of calls, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Calls {
    calls: Vec<Call>,
    /// `after` of the next page; none: this is the last.
    next: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not finished.
    Live,
    Ended,
    #[default]
    All,
}

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    #[serde(default)]
    #[param(inline, default = "all")]
    status: Status,
    /// Only calls of this agent.
    #[param(min_length = 1, max_length = 64)]
    agent: Option<String>,
    /// Only calls in which this was said, or whose instance, session, channel or user id begins with it; ASCII letters in either
    /// case. Looked for in the newest 20,000 calls and 50,000 dialogue entries.
    #[param(max_length = 256)]
    q: Option<String>,
    /// `next` of the page before; none: the first page.
    #[param(min_length = 1, max_length = 256)]
    after: Option<String>,
    /// Entries in the answer, 1..100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl Wanted {
    /// With the number of calls to show; one more is read.
    fn query(self) -> Result<(CallQuery, u32), Refusal> {
        let limit = Page { after: None, limit: self.limit }.limit()?;
        let finished = match self.status {
            Status::Live => Some(false),
            Status::Ended => Some(true),
            Status::All => None,
        };
        let agent = self.agent.map(AgentId::parse).transpose().map_err(|error| Refusal::field("agent", error))?;
        let search = self.q.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if search.as_ref().is_some_and(|text| text.len() > limits::SEARCH_BYTES) {
            return Err(Refusal::field("q", format!("has more than {} bytes", limits::SEARCH_BYTES)));
        }
        let after =
            self.after.map(|text| place(&text).ok_or_else(|| Refusal::field("after", "is no `next` of a page")));
        Ok((CallQuery { finished, agent, search, after: after.transpose()?, limit: limit + 1 }, limit))
    }
}

/// A place in the list, as text.
fn mark(call: &ListedCall) -> String {
    format!("{}-{}", call.created_ms, call.id)
}

fn place(text: &str) -> Option<(i64, InstanceId)> {
    let (created_ms, id) = text.split_once('-')?;
    Some((created_ms.parse().ok()?, InstanceId::parse(id).ok()?))
}

/// List calls
#[utoipa::path(get, path = "/calls", tag = "calls", operation_id = "list_calls", params(Wanted), responses(
    (status = 200, description = "A page", body = Calls),
    (status = 400, description = "The query cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Calls>, Refusal> {
    let Query(wanted) = query?;
    let (query, limit) = wanted.query()?;
    let (found, next) = page(app.store.calls(&query).await?, limit, mark);
    let mut calls = Vec::with_capacity(found.len());
    for call in found {
        calls.push(Call::of(&app, call).await);
    }
    Ok(Json(Calls { calls, next }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_list_is_read_as_it_was_written() {
        let id = InstanceId::parse("a-b-c").expect("an id");
        assert_eq!(place("1700-a-b-c"), Some((1700, id)));
        for wrong in ["", "-", "1700", "1700-", "x-a", "1700-a b"] {
            assert_eq!(place(wrong), None, "{wrong:?}");
        }
    }
}
