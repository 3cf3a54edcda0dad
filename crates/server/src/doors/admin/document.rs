//! The admin API's OpenAPI document, made from the code; `docs/admin-openapi.json` is the same.

use super::calls::{call, detail, events, journal, listing, supervision};
use super::{agents, doctor, health, keys, schema, trials, voices};
use crate::calls::live::event::Snapshot;
use axum::Json;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ringline admin API",
        version = "1",
        description = "Agents, access keys, calls and state of a Ringline server. Sign in with the admin token as bearer: \
                       `ringline serve` prints it.",
    ),
    servers((url = "/api/ringline/v1/admin")),
    paths(
        agents::list, agents::create, agents::read, agents::replace, agents::patch, agents::delete,
        schema::agent, trials::providers, trials::callback, voices::list, voices::sample,
        keys::list, keys::create, keys::read, keys::change,
        events::overview, events::follow, supervision::create, supervision::list, supervision::remove,
        supervision::whisper, supervision::speak, supervision::take_over, supervision::hand_back,
        listing::list, detail::read, journal::download, call::stop,
        health::health, doctor::look,
    ),
    components(schemas(Snapshot, events::Missed, events::RunningCalls)),
    tags(
        (name = "agents", description = "What calls start from"),
        (name = "voices", description = "What agents can sound like"),
        (name = "server", description = "How it is"),
        (name = "access_keys", description = "Who may call which operations of the OpenAPI"),
        (name = "calls", description = "Live and past: looking into them, watching them, stepping in"),
    ),
    security(("admin_token" = [])),
    modifiers(&AdminToken),
)]
pub struct Admin;

struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, document: &mut Document) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("supervisor_token", bearer.clone());
        components.add_security_scheme("admin_token", bearer);
    }
}

/// `GET /api/ringline/v1/admin/openapi.json`
pub async fn serve() -> Json<Document> {
    Json(Admin::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin-openapi.json");
        let current = Admin::openapi().to_pretty_json().expect("JSON") + "\n";
        if std::env::var_os("RINGLINE_WRITE_DOCS").is_some() {
            std::fs::write(path, &current).expect("written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == current,
            "docs/admin-openapi.json is stale. Write it anew with\n  RINGLINE_WRITE_DOCS=1 cargo test --release -p ringline the_committed_document_is_current"
        );
    }
}
