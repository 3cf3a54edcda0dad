//! The admin door: agents, access keys, calls and how the server is, for operators (`/api/ringline/v1/admin/…`).
//!
//! Signed in with the admin token as bearer. JSON in snake case; a refusal is [`Refusal`] with a code that stays. No page
//! of another origin may read it (no CORS). A change is one step in the store, and what is made or changed by looking first
//! (a new agent, a key) comes one after the other, so nothing is lost between reading and storing.
//! Limits: bodies as `server.max_body`, pages of 100.

mod agents;
mod calls;
mod doctor;
mod document;
mod health;
mod keys;
mod refusal;
mod schema;
mod trials;
mod voices;

pub use voices::Samples;

use crate::app::App;
use axum::Router;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use refusal::Refusal;
use ringline_model::Secret;
use serde::Deserialize;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use utoipa::IntoParams;

pub const PATH: &str = "/api/ringline/v1/admin";

/// Who may, and whose turn it is to write.
pub struct Admin {
    pub token: Secret,
    pub writing: tokio::sync::Mutex<()>,
}

/// All routes; the document is for everybody.
pub fn router(app: Arc<App>) -> Router<Arc<App>> {
    let signed_in = Router::new()
        .route("/agents", get(agents::list).post(agents::create))
        .route("/agents/schema", get(schema::agent))
        .route("/agents/{id}", get(agents::read).put(agents::replace).patch(agents::patch).delete(agents::delete))
        .route("/agents/{id}/test_providers", post(trials::providers))
        .route("/agents/{id}/test_callback", post(trials::callback))
        .route("/voices", get(voices::list))
        .route("/voices/{id}/sample", get(voices::sample))
        .route("/access_keys", get(keys::list).post(keys::create))
        .route("/access_keys/{id}", get(keys::read).patch(keys::change))
        .route("/health", get(health::health))
        .route("/doctor", get(doctor::look))
        .merge(calls::call::routes())
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        // A route, not a fallback: the page has one for every path.
        .route("/{*nowhere}", any(async || Refusal::not_found()))
        .layer(from_fn_with_state(app, sign_in));
    Router::new().route("/openapi.json", get(document::serve)).merge(calls::router()).merge(signed_in)
}

async fn sign_in(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Refusal> {
    if is_signed_in(&app, request.headers()) { Ok(next.run(request).await) } else { Err(Refusal::unauthorized()) }
}

/// Whether a request has the admin token as bearer.
pub fn is_signed_in(app: &App, headers: &HeaderMap) -> bool {
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    is_admin(app, authorization)
}

/// What is answered to whoever is not signed in.
pub fn sign_in_first() -> Response {
    Refusal::unauthorized().into_response()
}

/// Whether this is the admin token as bearer.
fn is_admin(app: &App, authorization: &[u8]) -> bool {
    let (scheme, token) = authorization.split_at(authorization.len().min(BEARER.len()));
    let token_is_ours = bool::from(token.ct_eq(app.admin.token.reveal().as_bytes()));
    scheme.eq_ignore_ascii_case(BEARER.as_bytes()) && token_is_ours
}

const BEARER: &str = "Bearer ";

/// The id in a path; one that cannot be read is nobody's.
pub struct Id(String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let id = Path::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id)).map_err(|_| Refusal::not_found())
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the page before; none: the first page.
    #[param(min_length = 1, max_length = 256)]
    after: Option<String>,
    /// Entries in the answer, 1..100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl Page {
    const MOST: u32 = 100;
    const USUAL: u32 = 50;

    /// How many entries to show; one more is read, to know whether there is a next page.
    fn limit(&self) -> Result<u32, Refusal> {
        match self.limit.unwrap_or(Self::USUAL) {
            limit @ 1..=Self::MOST => Ok(limit),
            limit => Err(Refusal::field("limit", format!("{limit} is outside 1..{}", Self::MOST))),
        }
    }
}

/// The entries of a page out of those read, and the last one's id if there are more.
fn page<T>(mut read: Vec<T>, limit: u32, id: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = read.len() > limit as usize;
    read.truncate(limit as usize);
    let next = read.last().filter(|_| more).map(id);
    (read, next)
}
