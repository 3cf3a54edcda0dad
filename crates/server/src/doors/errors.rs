//! `GET /errors/{code}`: what an error of the OpenAPI means and what to do next; the envelope's `Recommend` leads here.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ringline_protocol::error::advice;

pub async fn page(Path(code): Path<String>) -> Response {
    // Text, and the code only if it is one of ours: nothing of the request is shown that could be anything else.
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    match advice(&code) {
        Some(advice) => (plain, format!("{code}\n\n{advice}\n")).into_response(),
        None => (StatusCode::NOT_FOUND, plain, "This server sends no such error code.\n").into_response(),
    }
}
