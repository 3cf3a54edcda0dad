//! `GET /doctor`: what `ringline doctor` looks at, as the running server sees it.

use super::refusal::Refusal;
use crate::app::App;
use crate::doctor::{Check, Report, machine, network, providers};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

/// Look whether everything is in place
///
/// As the server sees it: its machine, database, models and providers, and whether its media port answers at the addresses that
/// clients are told. One at a time, a minute at most.
#[utoipa::path(get, path = "/doctor", tag = "server", operation_id = "doctor", responses(
    (status = 200, description = "What was found, whether well or not", body = Report),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn look(State(app): State<Arc<App>>) -> Json<Report> {
    let _turn = app.operations.probing.lock().await;
    let config = &app.config;
    let mut checks = vec![machine::cpu(), machine::disk(&config.server.data_dir)];
    checks.extend(machine::database(&*app.store, config.server.database.kind()).await);
    let hub = &app.calls.hub;
    checks.extend(network::candidates(hub.candidates(), hub.serves_tcp()).await);
    checks.extend(network::servers(app.calls.ice_servers(), App::now_s()).await);
    checks.push(models(&app).await);
    checks.extend(providers::providers(app.providers.for_call(None)).await);
    Json(Report::of(hub.candidates().iter().map(ToString::to_string).collect(), checks))
}

async fn models(app: &App) -> Check {
    let config = app.config.clone();
    let looked = tokio::task::spawn_blocking(move || providers::models(&config, false)).await;
    looked.unwrap_or_else(|_| Check::skipped("models", "they could not be looked at"))
}
