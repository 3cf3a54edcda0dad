//! Why the admin API did not do something.

use crate::app::internal;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_model::ConfigError;
use ringline_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refusal {
    #[serde(skip)]
    status: StatusCode,
    /// One of `unauthorized`, `invalid_json`, `invalid_field`, `not_found`, `agent_not_found`, `access_key_not_found`,
    /// `voice_not_found`, `provider_failed`, `method_not_allowed`, `agent_exists`, `too_large`, `internal`; of calls also `forbidden`, `call_not_found`, `call_finished`,
    /// `takeover_in_progress`, `no_takeover`, `not_connected`, `too_many_supervisors`, `too_many_listeners`.
    code: &'static str,
    /// For people.
    message: String,
    /// The field that is wrong, by its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None }
    }

    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Send the admin token as bearer.")
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")
    }

    pub fn agent_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "agent_not_found", "There is no agent with this id.")
    }

    pub fn access_key_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "access_key_not_found", "There is no access key with this id.")
    }

    pub fn call_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "call_not_found", "There is no call with this id.")
    }

    pub fn voice_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "voice_not_found", "There is no voice with this id.")
    }

    pub fn provider_failed(error: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "provider_failed", format!("The provider failed: {error}."))
    }

    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed here; the log says what.")
    }

    pub fn agent_exists() -> Self {
        Self::new(StatusCode::CONFLICT, "agent_exists", "There is an agent with this id already.")
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path does not take this method.")
    }

    pub fn bad_supervisor_token(why: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", format!("Ask for another supervisor token: {why}."))
    }

    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The supervisor may not do this, or not in this call.")
    }

    pub fn call_finished() -> Self {
        Self::new(StatusCode::CONFLICT, "call_finished", "The call is over.")
    }

    pub fn takeover_in_progress() -> Self {
        let message = "Another human is in charge, or called in. Give the call back first.";
        Self::new(StatusCode::CONFLICT, "takeover_in_progress", message)
    }

    pub fn no_takeover() -> Self {
        Self::new(StatusCode::CONFLICT, "no_takeover", "The agent is in charge: there is nothing to give back.")
    }

    pub fn not_connected() -> Self {
        Self::new(StatusCode::CONFLICT, "not_connected", "The supervisor has to join the call first, with their token.")
    }

    pub fn too_many_supervisors() -> Self {
        let message = "So many supervisors were made for this call that no more are.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_supervisors", message)
    }

    pub fn too_many_listeners() -> Self {
        let message = "As many listen as allowed. Close another stream first.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_listeners", message)
    }

    pub fn field(field: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        let field = field.into();
        let message = format!("{field}: {reason}.");
        Self { field: Some(field), ..Self::new(StatusCode::BAD_REQUEST, "invalid_field", message) }
    }
}

/// The name of the body itself where a field is named.
const BODY: &str = "body";

/// A JSON body, which is an object, as `T`. What is wrong is named by its path.
pub fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(rejection.status(), "too_large", rejection.body_text()),
        status => Refusal::new(status, "invalid_json", rejection.body_text()),
    })?;
    let value: Value = serde_json::from_slice(&body).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_json", format!("The body is not JSON: {error}."))
    })?;
    if !value.is_object() {
        return Err(Refusal::field(BODY, "must be an object"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        Refusal::field(if path == "." { BODY } else { &path }, error.inner())
    })
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::field(if error.field.is_empty() { BODY } else { &error.field }, error.reason)
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::field("query", rejection.body_text())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let error = internal(&error);
        match error.status {
            400 => Self::new(StatusCode::BAD_REQUEST, "too_large", error.message),
            _ => Self::internal(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::debug!(code = self.code, field = self.field, "an admin request was refused");
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}
