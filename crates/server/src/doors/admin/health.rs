//! How the server is: what it runs with, whether the database answers, how much room there is.

use super::refusal::Refusal;
use crate::app::App;
use crate::config::{Config, Family};
use axum::Json;
use axum::extract::State;
use ringline_providers::models::{FileState, FileStatus};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// The database has so long to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Everything is as it should be: the database answers, media is on time, new calls are taken.
    ok: bool,
    version: &'static str,
    started_ms: i64,
    uptime_s: u64,
    database: DatabaseState,
    models: ModelState,
    providers: ProviderState,
    media: MediaState,
    calls: CallState,
    callbacks: CallbackState,
    limits: Limits,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DatabaseState {
    /// `sqlite` or `postgres`.
    kind: &'static str,
    reachable: bool,
    /// Why not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ModelState {
    /// `local` or `scripted`.
    family: &'static str,
    /// Language model of the local family: `tiny`, `small` or `standard`.
    tier: String,
    /// What the tier needs, of the local family.
    files: Vec<ModelFile>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ModelFile {
    name: String,
    bytes: u64,
    /// `verified` (hashed when it came, and as large as then), `absent` or `damaged`.
    state: &'static str,
}

/// Who does the work where an agent has nobody of its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderState {
    /// In the order in which they are asked; `models` is the family's own.
    language_models: Vec<String>,
    /// Number of voices.
    voices: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MediaState {
    /// The UDP address of all calls' media.
    udp: String,
    /// Ticks of 20 ms of all calls in the last 5 s.
    ticks: u32,
    /// Of these, more than 20 ms late.
    late_ticks: u32,
    /// Too many ticks are late: nobody is let in for the moment.
    overloaded: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CallState {
    running: usize,
    /// The server is shutting down.
    draining: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackState {
    /// Events that wait to be delivered; null while the database does not answer.
    waiting: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Limits {
    /// Calls at once.
    calls: usize,
    /// Largest request body, in bytes.
    body_bytes: usize,
    /// Longest request line and headers, in bytes.
    head_bytes: usize,
}

/// Read how the server is
#[utoipa::path(get, path = "/health", tag = "server", operation_id = "read_health", responses(
    (status = 200, description = "How it is, whether well or not", body = Health),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn health(State(app): State<Arc<App>>) -> Json<Health> {
    let (database, waiting) = database(&app).await;
    let lateness = app.calls.lateness();
    let media = MediaState {
        udp: app.calls.hub.local_addr().to_string(),
        ticks: lateness.ticks,
        late_ticks: lateness.late,
        overloaded: app.calls.is_overloaded(),
    };
    let calls = CallState { running: app.calls.count(), draining: app.calls.is_draining() };
    Json(Health {
        ok: database.reachable && !media.overloaded && !calls.draining,
        version: crate::VERSION,
        started_ms: app.operations.began_ms,
        uptime_s: app.operations.uptime().as_secs(),
        database,
        models: models(&app.config).await,
        providers: ProviderState {
            language_models: app.providers.language_models(),
            voices: app.providers.voices().len(),
        },
        media,
        calls,
        callbacks: CallbackState { waiting },
        limits: Limits {
            calls: app.calls.limit(),
            body_bytes: app.config.server.max_body,
            head_bytes: app.config.server.max_request_head,
        },
    })
}

async fn database(app: &App) -> (DatabaseState, Option<u64>) {
    let kind = app.config.server.database.kind();
    let asked = async {
        app.store.clock_ms().await?;
        app.store.count_events().await
    };
    let error = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(waiting)) => return (DatabaseState { kind, reachable: true, error: None }, Some(waiting)),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    (DatabaseState { kind, reachable: false, error: Some(error) }, None)
}

async fn models(config: &Config) -> ModelState {
    let files = match config.models.family {
        Family::Scripted => Vec::new(),
        Family::Local => files(config).await,
    };
    ModelState { family: config.models.family.as_str(), tier: config.models.tier.clone(), files }
}

async fn files(config: &Config) -> Vec<ModelFile> {
    let config = config.clone();
    let listed = tokio::task::spawn_blocking(move || crate::providers::model_files(&config)).await;
    listed.ok().and_then(Result::ok).unwrap_or_default().into_iter().map(ModelFile::from).collect()
}

impl From<FileStatus> for ModelFile {
    fn from(file: FileStatus) -> Self {
        let state = match file.state {
            FileState::Present => "verified",
            FileState::Absent => "absent",
            FileState::Damaged => "damaged",
        };
        Self { name: file.name, bytes: file.size, state }
    }
}
