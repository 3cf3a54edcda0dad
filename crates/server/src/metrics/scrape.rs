//! `GET /metrics`: on the server's own address for who has the admin token, and without one where `[metrics] listen` says.

use super::METRICS;
use crate::app::App;
use crate::doors::admin;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::TextEncoder;
use std::sync::Arc;
use std::time::Duration;

pub const PATH: &str = "/metrics";

/// The database has so long to say how many events wait; a scrape must not hang on it.
const PATIENCE: Duration = Duration::from_secs(2);

/// On the server's own address: the admin token as bearer.
pub async fn door(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if admin::is_signed_in(&app, &headers) { scrape(&app).await } else { admin::sign_in_first() }
}

/// For an address of its own, which the operator keeps to itself: no token.
pub fn lone_router(app: Arc<App>) -> Router {
    Router::new().route(PATH, get(async |State(app): State<Arc<App>>| scrape(&app).await)).with_state(app)
}

async fn scrape(app: &App) -> Response {
    measure(app).await;
    match TextEncoder::new().encode_to_string(&METRICS.registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Sets what is a state and not a count.
async fn measure(app: &App) {
    METRICS.build_info.with_label_values(&[crate::VERSION]).set(1);
    METRICS.start_time.set(app.operations.began_ms / 1000);
    let (running, joined) = app.calls.counts();
    METRICS.calls.with_label_values(&["waiting"]).set((running - joined) as i64);
    METRICS.calls.with_label_values(&["connected"]).set(joined as i64);
    METRICS.calls_limit.set(app.calls.limit() as i64);
    METRICS.overloaded.set(i64::from(app.calls.is_overloaded()));
    let waiting = tokio::time::timeout(PATIENCE, app.store.count_events()).await;
    match waiting {
        Ok(Ok(waiting)) => {
            METRICS.database_up.set(1);
            METRICS.callbacks_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        }
        // How many wait is not known: what was known last stands.
        Ok(Err(_)) | Err(_) => METRICS.database_up.set(0),
    }
}
