//! One request and its answer, with one more attempt when nothing has come of the first.

use super::response::{self, Calls, Piece};
use super::sse::EventStream;
use super::{Service, error, request};
use crate::{ChatEvent, ChatRequest, ProviderError};
use reqwest::{Response, StatusCode, header};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Largest body of an answer.
const MAX_ANSWER: usize = 1024 * 1024;
/// As much of an error's body is read.
const MAX_ERROR_BODY: usize = 4 * 1024;

/// Streams the answer's text into `events`. The caller sends the ending.
pub(super) async fn answer(
    service: &Service,
    request: &ChatRequest,
    events: &mpsc::Sender<ChatEvent>,
) -> Result<(), ProviderError> {
    let response = match attempt(service, request).await {
        Err(failure) if failure.again => {
            tracing::debug!(error = %failure.error, "asking the language model once more");
            tokio::time::sleep(service.config.patience.before_retry).await;
            attempt(service, request).await
        }
        response => response,
    };
    read(service, response.map_err(|failure| failure.error)?, events).await
}

struct Failure {
    error: ProviderError,
    /// Whether a second attempt may do better.
    again: bool,
}

/// Sends the request and waits for an answer that promises text.
async fn attempt(service: &Service, request: &ChatRequest) -> Result<Response, Failure> {
    let config = &service.config;
    let url = request::with_query(service.url.clone(), request.context.extra_query.as_deref());
    let mut sending = service.client.post(url).json(&request::body(config, request));
    sending = sending.header(header::ACCEPT, "text/event-stream");
    if let Some(key) = &config.api_key {
        sending = sending.bearer_auth(key);
    }
    let response = match timeout(config.patience.first_byte, sending.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(cause)) => {
            let again = cause.is_connect();
            // The address may carry secrets in its query.
            let message = format!("the language model cannot be reached: {}", chain(&cause.without_url()));
            return Err(Failure { error: error(message, true), again });
        }
        Err(_) => {
            return Err(Failure { error: error("the language model did not answer in time", true), again: false });
        }
    };
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = start_of_body(service, response).await;
    let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    let message =
        format!("the language model answered {status}: {}", response::quote(&body, config.api_key.as_deref()));
    Err(Failure { error: error(message, again), again })
}

/// Reads the text out of a response.
async fn read(
    service: &Service,
    mut response: Response,
    events: &mpsc::Sender<ChatEvent>,
) -> Result<(), ProviderError> {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let in_one_piece = content_type.is_some_and(|value| value.trim_start().starts_with("application/json"));
    let patience = service.config.patience;
    let too_long = || error("the language model's answer is too long", false);
    let mut reader = Reader { service, events, complete: false, calls: Calls::default() };
    let mut stream = EventStream::default();
    let mut whole = Vec::new();
    let mut received = 0;
    let mut wait = patience.first_byte;
    while let Some(bytes) = next_bytes(&mut response, wait).await? {
        wait = patience.idle;
        received += bytes.len();
        if received > MAX_ANSWER {
            return Err(too_long());
        }
        if in_one_piece {
            whole.extend_from_slice(&bytes);
            continue;
        }
        for data in stream.push(&bytes).map_err(|_| too_long())? {
            if reader.take(&data).await? {
                return reader.finish().await;
            }
        }
    }
    let last = if in_one_piece {
        Some(String::from_utf8_lossy(&whole).into_owned())
    } else {
        stream.end().map_err(|_| too_long())?
    };
    if let Some(data) = last
        && reader.take(&data).await?
    {
        return reader.finish().await;
    }
    if reader.complete {
        return reader.finish().await;
    }
    Err(error("the language model's answer broke off", true))
}

struct Reader<'s> {
    service: &'s Service,
    events: &'s mpsc::Sender<ChatEvent>,
    /// The service has given a reason for the end of its text. More may follow (a usage report).
    complete: bool,
    calls: Calls,
}

impl Reader<'_> {
    /// Takes the data of one event. True: nothing more will come.
    async fn take(&mut self, data: &str) -> Result<bool, ProviderError> {
        let data = data.trim();
        if data == "[DONE]" {
            return Ok(true);
        }
        if data.is_empty() {
            return Ok(false);
        }
        let Piece { text, reasoning, calls, last } = response::piece(data).map_err(|message| {
            let message = response::quote(&message, self.service.config.api_key.as_deref());
            error(format!("the language model failed: {message}"), true)
        })?;
        self.complete |= last;
        for part in calls {
            if !self.calls.add(part) {
                return Err(error("the language model's tool calls are too many or too long", false));
            }
        }
        // A reader who has left is noticed outside.
        if !reasoning.is_empty() && self.events.send(ChatEvent::Reasoning(reasoning)).await.is_err() {
            return Ok(true);
        }
        if !text.is_empty() && self.events.send(ChatEvent::Text(text)).await.is_err() {
            return Ok(true);
        }
        Ok(false)
    }

    /// The calls come at the end, when they are whole.
    async fn finish(self) -> Result<(), ProviderError> {
        let calls = self.calls.finish();
        if !calls.is_empty() {
            // A reader who has left is noticed outside.
            self.events.send(ChatEvent::ToolCalls(calls)).await.ok();
        }
        Ok(())
    }
}

async fn next_bytes(response: &mut Response, wait: Duration) -> Result<Option<Vec<u8>>, ProviderError> {
    match timeout(wait, response.chunk()).await {
        Ok(Ok(bytes)) => Ok(bytes.map(Vec::from)),
        Ok(Err(cause)) => {
            Err(error(format!("the language model's answer broke off: {}", chain(&cause.without_url())), true))
        }
        Err(_) => Err(error("the language model's answer stopped coming", true)),
    }
}

/// The beginning of an error's body, as far as it comes in time.
async fn start_of_body(service: &Service, mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < MAX_ERROR_BODY {
        match next_bytes(&mut response, service.config.patience.idle).await {
            Ok(Some(bytes)) => body.extend_from_slice(&bytes),
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(MAX_ERROR_BODY);
    String::from_utf8_lossy(&body).into_owned()
}

/// An error with its causes, each only once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}
