//! Trying an agent out without a call: whether its providers answer, and whether its app server takes a callback.

use super::refusal::Refusal;
use super::{Id, agents};
use crate::app::App;
use crate::probe::{self, Probe};
use axum::Json;
use axum::extract::State;
use ringline_protocol::callback::test_body;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How an agent's providers did, each asked for something small.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderTest {
    /// All of them answered.
    ok: bool,
    nodes: Vec<Probe>,
}

/// How an agent's app server answered a test event.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackTest {
    /// It answered 2xx, as it has to for an event to count as delivered.
    ok: bool,
    /// HTTP status of the answer; null: there was none.
    status: Option<u16>,
    ms: u64,
    /// Why there was no answer, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

/// Try an agent's providers
///
/// Asks the language model for a word, the synthesiser for a short text, and the recogniser for what was synthesised. One test
/// at a time, a minute at most.
#[utoipa::path(post, path = "/agents/{id}/test_providers", tag = "agents", operation_id = "test_providers",
    params(("id" = String, Path, description = "The agent's id")), responses(
    (status = 200, description = "How each of them did", body = ProviderTest),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn providers(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<ProviderTest>, Refusal> {
    let agent = agents::named(&app, id).await?;
    let text = |path: &str| agent.config.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let (voice, language) = (text("/TtsConfig/VoiceId"), text("/AsrConfig/AsrLanguageId"));
    let _turn = app.operations.probing.lock().await;
    let nodes = probe::all(app.providers_of(&agent).map_err(|_| Refusal::internal())?, voice, language).await;
    Ok(Json(ProviderTest { ok: nodes.iter().all(|node| node.ok), nodes }))
}

/// Try an agent's callback address
///
/// POSTs one event named `test` to it, once, with the agent's token. The agent's calls are told nothing of it.
#[utoipa::path(post, path = "/agents/{id}/test_callback", tag = "agents", operation_id = "test_callback",
    params(("id" = String, Path, description = "The agent's id")), responses(
    (status = 200, description = "How the app server answered", body = CallbackTest),
    (status = 400, description = "The agent has no address for callbacks", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn callback(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<CallbackTest>, Refusal> {
    let agent = agents::named(&app, id).await?;
    let settings = &agent.settings.callbacks;
    if settings.url.is_empty() {
        return Err(Refusal::field("settings.callbacks.url", "is not set: there is nowhere to send a test event"));
    }
    let token = settings.token.reveal();
    let body = test_body(&agent.id, App::now_ms()).into_bytes();
    let timeout = Duration::from_secs(app.config.callbacks.timeout);
    let began = Instant::now();
    let answer = app.outward.post_json(&settings.url, (!token.is_empty()).then_some(token), body, timeout).await;
    let ms = began.elapsed().as_millis() as u64;
    Ok(Json(match answer {
        Ok(status) => CallbackTest { ok: status.is_success(), status: Some(status.as_u16()), ms, error: None },
        Err(error) => CallbackTest { ok: false, status: None, ms, error: Some(error.to_string()) },
    }))
}
