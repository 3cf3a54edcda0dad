//! A call's journal as it is stored, a line a row: what `ringline replay` runs again.

use super::call::known;
use crate::app::App;
use crate::doors::admin::Id;
use crate::doors::admin::refusal::Refusal;
use crate::journal;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ringline_model::InstanceId;
use ringline_store::{JournalRow, StoreError};
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;

/// Download a call's journal
///
/// Lines of JSON. The first is the head: `instance_id`, `agent_id`, `created_ms` and the `setup` the conversation began with.
/// Every other is a step: `seq`, `at_us` (µs since the call began), `step` and its `outputs`. Of a running call: what there is.
#[utoipa::path(get, path = "/calls/{id}/journal", tag = "calls", operation_id = "download_journal",
    params(("id" = String, Path, description = "The call's instance id")), responses(
    (status = 200, description = "The journal", body = String, content_type = "application/x-ndjson"),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn download(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Refusal> {
    let record = known(&app, id).await?;
    let head = json!({"instance_id": record.id, "agent_id": record.agent, "created_ms": record.created_ms, "setup": record.setup});
    let place = Place { app, instance: record.id.clone(), head: Some(format!("{head}\n")), next: 0 };
    // A page at a time, as the client takes them.
    let pages = futures_util::stream::try_unfold(place, |mut place| async move {
        let page = place.page().await?;
        Ok::<_, StoreError>(page.map(|page| (page, place)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.ndjson\"", file_name(&record.id))),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

/// An id's letters may be of any alphabet; a header's may not.
fn file_name(instance: &InstanceId) -> String {
    instance.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

struct Place {
    app: Arc<App>,
    instance: InstanceId,
    head: Option<String>,
    next: u64,
}

impl Place {
    async fn page(&mut self) -> Result<Option<String>, StoreError> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let rows = journal::page(&*self.app.store, &self.instance, self.next).await?;
        self.next += rows.len() as u64;
        Ok((!rows.is_empty()).then(|| rows.iter().fold(String::new(), line)))
    }
}

fn line(mut lines: String, row: &JournalRow) -> String {
    let JournalRow { seq, at_us, step, outputs } = row;
    // Both are JSON already.
    writeln!(lines, r#"{{"seq":{seq},"at_us":{at_us},"step":{step},"outputs":{outputs}}}"#).expect("a text takes all");
    lines
}
