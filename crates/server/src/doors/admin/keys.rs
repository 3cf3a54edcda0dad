//! Access keys: who may call which operations of the OpenAPI (server-api §2.4).
//!
//! A key cannot be deleted, only switched off: its user is then told so, and not that there is no such key.

use super::refusal::{Refusal, read as body};
use super::{Id, Page, page};
use crate::app::App;
use crate::secrets::random_text;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_protocol::openapi::Operation;
use ringline_protocol::time_format::gmt_millis;
use ringline_store::AccessKeyRecord;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A key that signs requests.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessKey {
    id: String,
    /// Shown once: in the answer that made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
    /// Requests of an inactive key are refused with `InvalidAccessKeyId.Inactive`.
    active: bool,
    /// The operations it may call, others are refused with `Forbidden`; none: all.
    operations: Option<Vec<String>>,
    created: String,
}

/// A page of keys, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessKeys {
    access_keys: Vec<AccessKey>,
    /// `after` of the next page; none: this is the last.
    next: Option<String>,
}

/// What a new key may do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccessKey {
    #[serde(default = "on")]
    #[schema(default = true)]
    active: bool,
    /// Names of operations; none: all.
    #[serde(default)]
    #[schema(max_items = 256)]
    operations: Option<Vec<String>>,
}

/// Changes to a key; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessKeyChange {
    active: Option<bool>,
    /// Names of operations; null: all.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>, max_items = 256)]
    operations: Option<Option<Vec<String>>>,
}

fn on() -> bool {
    true
}

/// Tells null from absent.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Vec<String>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// List access keys
#[utoipa::path(get, path = "/access_keys", tag = "access_keys", operation_id = "list_access_keys", params(Page), responses(
    (status = 200, description = "A page", body = AccessKeys),
    (status = 400, description = "The query cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<AccessKeys>, Refusal> {
    let Query(asked) = query?;
    let limit = asked.limit()?;
    let read = app.store.access_keys(asked.after.as_deref(), limit + 1).await?;
    let (records, next) = page(read, limit, |key| key.id.clone());
    Ok(Json(AccessKeys { access_keys: records.into_iter().map(AccessKey::of).collect(), next }))
}

/// Make an access key
#[utoipa::path(post, path = "/access_keys", tag = "access_keys", operation_id = "create_access_key",
    request_body = NewAccessKey, responses(
    (status = 201, description = "Made; with its secret", body = AccessKey,
        headers(("location" = String, description = "Path of the key"))),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 413, description = "The body is too large", body = Refusal),
))]
pub async fn create(State(app): State<Arc<App>>, bytes: Result<Bytes, BytesRejection>) -> Result<Response, Refusal> {
    let new: NewAccessKey = body(bytes)?;
    let record = AccessKeyRecord {
        id: format!("RL{}", random_text(20)),
        secret: random_text(40),
        active: new.active,
        operations: new.operations.map(known).transpose()?,
        created_ms: App::now_ms(),
    };
    app.store.put_access_key(&record).await?;
    let location = format!("{}/access_keys/{}", super::PATH, record.id);
    let secret = Some(record.secret.clone());
    let key = AccessKey { secret, ..AccessKey::of(record) };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(key)).into_response())
}

/// Read an access key
#[utoipa::path(get, path = "/access_keys/{id}", tag = "access_keys", operation_id = "read_access_key",
    params(("id" = String, Path, description = "The key's id")), responses(
    (status = 200, description = "The key", body = AccessKey),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn read(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<AccessKey>, Refusal> {
    let record = app.store.access_key(&id).await?.ok_or_else(Refusal::access_key_not_found)?;
    Ok(Json(AccessKey::of(record)))
}

/// Change an access key
#[utoipa::path(patch, path = "/access_keys/{id}", tag = "access_keys", operation_id = "change_access_key",
    request_body = AccessKeyChange, params(("id" = String, Path, description = "The key's id")), responses(
    (status = 200, description = "Changed", body = AccessKey),
    (status = 400, description = "The body cannot be", body = Refusal),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
    (status = 413, description = "The body is too large", body = Refusal),
))]
pub async fn change(
    State(app): State<Arc<App>>,
    Id(id): Id,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<AccessKey>, Refusal> {
    let change: AccessKeyChange = body(bytes)?;
    let _turn = app.admin.writing.lock().await;
    let mut record = app.store.access_key(&id).await?.ok_or_else(Refusal::access_key_not_found)?;
    if let Some(active) = change.active {
        record.active = active;
    }
    if let Some(operations) = change.operations {
        record.operations = operations.map(known).transpose()?;
    }
    app.store.put_access_key(&record).await?;
    Ok(Json(AccessKey::of(record)))
}

/// The list without repetitions, if all of it are operations.
fn known(mut operations: Vec<String>) -> Result<Vec<String>, Refusal> {
    let is_known = |name: &String| Operation::ALL.iter().any(|operation| operation.name() == name);
    if let Some(n) = operations.iter().position(|name| !is_known(name)) {
        return Err(Refusal::field(format!("operations[{n}]"), "there is no such operation"));
    }
    operations.sort_unstable();
    operations.dedup();
    Ok(operations)
}

impl AccessKey {
    fn of(record: AccessKeyRecord) -> Self {
        let AccessKeyRecord { id, secret: _, active, operations, created_ms } = record;
        Self { id, secret: None, active, operations, created: gmt_millis(created_ms) }
    }
}
