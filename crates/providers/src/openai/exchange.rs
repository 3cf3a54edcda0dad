//! One request and its answer.

use super::response::{self, Calls, Piece};
use super::sse::EventStream;
use super::{Model, request};
use crate::http::{error, with_query};
use crate::{ChatEvent, ChatRequest, ProviderError};
use reqwest::{Response, header};
use tokio::sync::mpsc;

/// Largest body of an answer.
const MAX_ANSWER: usize = 1024 * 1024;

/// Streams the answer's text into `events`. The caller sends the ending.
pub(super) async fn answer(
    model: &Model,
    request: &ChatRequest,
    events: &mpsc::Sender<ChatEvent>,
) -> Result<(), ProviderError> {
    let url = with_query(model.service.url.clone(), request.context.extra_query.as_deref());
    let body = request::body(&model.config, request);
    let fill = |sending: reqwest::RequestBuilder| sending.header(header::ACCEPT, "text/event-stream").json(&body);
    read(model, model.service.post(&url, fill).await?, events).await
}

/// Reads the text out of a response.
async fn read(model: &Model, mut response: Response, events: &mpsc::Sender<ChatEvent>) -> Result<(), ProviderError> {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let in_one_piece = content_type.is_some_and(|value| value.trim_start().starts_with("application/json"));
    let service = &model.service;
    let patience = service.patience;
    let too_long = || error("the language model's answer is too long", false);
    let mut reader = Reader { model, events, complete: false, calls: Calls::default() };
    let mut stream = EventStream::default();
    let mut whole = Vec::new();
    let mut received = 0;
    let mut wait = patience.first_byte;
    while let Some(bytes) = service.next_bytes(&mut response, wait).await? {
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
    model: &'s Model,
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
            error(format!("the language model failed: {}", self.model.service.quote(&message)), true)
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
