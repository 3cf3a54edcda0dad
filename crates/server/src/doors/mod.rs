//! The doors: everything that reaches the server over HTTP.

pub mod admin;
pub mod app_server;
pub mod call_log;
mod errors;
pub mod http;
pub mod info;
mod instances;
mod listings;
mod long_query;
mod notify;
pub mod openapi;
pub mod page;
pub mod signaling;

use crate::app::App;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use std::sync::Arc;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// All routes.
pub fn router(app: Arc<App>) -> anyhow::Result<Router> {
    let mut open = Router::new()
        .route(signaling::PATH, post(signaling::join))
        .route(
            &format!("{}/{{resource}}", signaling::PATH),
            axum::routing::patch(signaling::change).delete(signaling::leave),
        )
        .route("/api/ringline/v1/info", get(info::info))
        .route("/api/ringline/v1/calls/{instance}", get(info::call))
        .route(&format!("{}/{{instance}}", ringline_protocol::call_log::PATH), get(call_log::call_log));
    if app.config.app_server.enabled {
        for version in ["v1", "v2"] {
            let at = |operation: &str| format!("/api/{version}/aiagent/{operation}");
            open = open
                .route(&at("generateAIAgentCall"), post(app_server::generate_call))
                .route(&at("getRtcAuthToken"), post(app_server::rtc_auth_token))
                .route(&at("startAIAgentInstance"), post(app_server::start_instance))
                .route(&at("startAIAgentInstanceWithChannel"), post(app_server::start_instance_with_channel))
                .route(&at("stopAIAgentInstance"), post(app_server::stop_instance))
                .route(&at("updateAIAgentInstance"), post(app_server::update_instance))
                .route(&at("describeAIAgentInstance"), post(app_server::describe_instance))
                .route(&at("describeAIAgent"), post(app_server::describe_agent))
                .route(&at("setAIAgentVoiceprint"), post(app_server::set_voiceprint))
                .route(&at("clearAIAgentVoiceprint"), post(app_server::clear_voiceprint))
                .route(&at("{operation}"), post(app_server::not_offered));
        }
        open = open
            .route("/api/v1/imsRobot/startRobot", post(app_server::start_robot))
            .route("/api/v1/imsRobot/stopRobot", post(app_server::stop_robot))
            .route("/api/v1/imsRobot/updateRobot", post(app_server::update_robot))
            .route("/api/v1/imsRobot/getRtcAuthToken", post(app_server::rtc_auth_token));
    }
    let open = open.layer(cors(&app.config.app_server.allow_origin)?).layer(middleware::from_fn(preflight));
    let router = Router::new()
        .route("/", post(openapi::door).get(openapi::door_or_page).fallback(openapi::door))
        .route(&format!("{}/{{code}}", ringline_protocol::error::ADVICE_PATH), get(errors::page))
        .route(crate::metrics::PATH, get(crate::metrics::door))
        .route("/{*path}", get(page::asset))
        .merge(open)
        .nest(admin::PATH, admin::router(app.clone()))
        .layer(DefaultBodyLimit::max(app.config.server.max_body))
        .with_state(app);
    Ok(router)
}

/// As server-api §13.1 wants it.
fn cors(allow_origin: &str) -> anyhow::Result<CorsLayer> {
    let origin = if allow_origin == "*" { AllowOrigin::any() } else { AllowOrigin::exact(allow_origin.parse()?) };
    Ok(CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::LOCATION]))
}

/// A browser's question before its request is answered with 204 (server-api §13.1), where the layer inside says 200.
async fn preflight(request: Request, next: Next) -> Response {
    let asked = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if asked && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

/// `x-acs-request-id` and the body's `RequestId`: an upper-case UUID.
fn request_id() -> String {
    uuid::Uuid::new_v4().to_string().to_uppercase()
}

fn acs_header(name: &'static str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
}
