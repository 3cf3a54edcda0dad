//! Self-hosted recognition (server-api §12.4): a WebSocket for each utterance, opened when it begins, so that partial texts come
//! while the user speaks.
//!
//! The protocol knows no way to ask for the text of a pause that may not be the end. Asking for a text therefore ends the session;
//! if the user goes on, the next text needs a new session, which is given the whole utterance again.
//!
//! Limits: 5 s to connect and from the end of the audio to the final text; messages of 64 KiB; 90 s of audio. At each of them
//! recognition has failed (of longer audio the rest is dropped).

use crate::http::{self, ServiceError, chain, error};
use crate::openai::transcription::{language, to_i16};
use crate::{ProviderError, Recognition, RecognitionEvent, RecognitionParams, Recognizer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use hmac::{Hmac, Mac};
use reqwest::{StatusCode, Upgraded, Url, header};
use ringline_model::Secret;
use serde::Deserialize;
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tracing::Instrument as _;

const CONNECT: Duration = Duration::from_secs(5);
const FINAL: Duration = Duration::from_secs(5);
const MAX_MESSAGE: usize = 64 * 1024;
/// Utterances shorter than this have no text (a quarter of a second).
const LEAST: usize = crate::EAR_RATE as usize / 4;
const LONGEST: usize = 90 * crate::EAR_RATE as usize;
/// Samples of one frame: 100 ms.
const FRAME: usize = crate::EAR_RATE as usize / 10;
/// Commands waiting for an utterance's task, audio in pieces of 20 ms among them (10 s, more than a connection may take). What
/// finds no room is dropped.
const QUEUE: usize = 512;
/// Characters of a text; the rest is dropped.
const MAX_TEXT: usize = 8_000;

/// Where a recogniser is.
#[derive(Clone, Debug)]
pub struct RecognitionConfig {
    /// `ws` or `wss`.
    pub url: String,
    /// Signs the session id.
    pub api_key: Option<Secret>,
    /// `k=v&k=v`, added to the address unless a call has its own.
    pub params: Option<String>,
}

/// A recogniser behind the vendor's protocol.
#[derive(Clone, Debug)]
pub struct SelfHostedRecognizer {
    listener: Arc<Listener>,
    runtime: Handle,
}

struct Listener {
    url: Url,
    api_key: Option<Secret>,
    params: Option<String>,
    client: reqwest::Client,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

impl SelfHostedRecognizer {
    /// `client` decides whom it connects to and how long that may take; `runtime` runs the sessions.
    pub fn new(config: RecognitionConfig, client: reqwest::Client, runtime: Handle) -> Result<Self, ServiceError> {
        let RecognitionConfig { url, api_key, params } = config;
        // A WebSocket begins as a request over HTTP, which the client makes as any other.
        let as_http = url.strip_prefix("ws").map(|rest| format!("http{rest}"));
        let address = as_http.and_then(|text| http::web(&text)).ok_or(ServiceError::Address(url))?;
        Ok(Self { listener: Arc::new(Listener { url: address, api_key, params, client }), runtime })
    }
}

impl Recognizer for SelfHostedRecognizer {
    fn open(&self, params: RecognitionParams, events: mpsc::Sender<RecognitionEvent>) -> Box<dyn Recognition> {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let session = Session { listener: self.listener.clone(), params, events: events.clone(), audio: Vec::new() };
        let task = self.runtime.spawn(session.run(inbox).in_current_span());
        Box::new(Utterance { commands, events, task: task.abort_handle(), length: 0 })
    }
}

enum Command {
    Audio(Vec<i16>),
    Transcribe(u32),
}

struct Utterance {
    commands: mpsc::Sender<Command>,
    events: mpsc::Sender<RecognitionEvent>,
    task: AbortHandle,
    length: usize,
}

impl Recognition for Utterance {
    fn push(&mut self, audio: &[f32]) {
        let room = LONGEST.saturating_sub(self.length);
        let audio: Vec<i16> = audio.iter().take(room).map(|sample| to_i16(*sample)).collect();
        if audio.is_empty() {
            return;
        }
        self.length += audio.len();
        if self.commands.try_send(Command::Audio(audio)).is_err() {
            tracing::debug!("audio finds no room on its way to recognition");
        }
    }

    fn transcribe(&mut self, revision: u32) {
        if self.commands.try_send(Command::Transcribe(revision)).is_err() {
            let error = error("speech recognition does not keep up", true);
            // A full channel is one that nobody reads.
            self.events.try_send(RecognitionEvent::Failed { revision, error }).ok();
        }
    }
}

impl Drop for Utterance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Socket = WebSocketStream<Upgraded>;

/// One utterance at the service.
struct Session {
    listener: Arc<Listener>,
    params: RecognitionParams,
    events: mpsc::Sender<RecognitionEvent>,
    /// All of the utterance.
    audio: Vec<i16>,
}

/// A connection, and how much of the audio it was given.
struct Line {
    socket: Socket,
    sent: usize,
    heard: Heard,
}

/// What the service has made of the audio: parts that are final, and one that may change.
#[derive(Debug, Default)]
struct Heard {
    done: String,
    partial: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Partial { text: String },
    Final { text: String },
    Error { message: Option<String> },
}

impl Heard {
    fn text(&self) -> String {
        let mut text = self.done.clone();
        if !self.partial.is_empty() {
            if text.is_empty() {
                text.clone_from(&self.partial);
            } else {
                crate::agreement::join(&mut text, &self.partial);
            }
        }
        text.chars().take(MAX_TEXT).collect()
    }

    /// Takes a message; true: a part of the text is final.
    fn take(&mut self, json: &str) -> Result<bool, ProviderError> {
        let read: Said = serde_json::from_str(json)
            .map_err(|cause| error(format!("speech recognition sent a message that does not fit: {cause}"), true))?;
        match read {
            Said::Partial { text } => {
                text.trim().clone_into(&mut self.partial);
                Ok(false)
            }
            Said::Final { text } => {
                text.trim().clone_into(&mut self.partial);
                self.done = self.text();
                self.partial.clear();
                Ok(true)
            }
            Said::Error { message } => {
                Err(error(format!("speech recognition failed: {}", message.unwrap_or_default()), true))
            }
        }
    }
}

impl Session {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut line: Option<Line> = None;
        // A line that broke is not made anew for every frame: the next text needs one.
        let mut is_broken = false;
        loop {
            let command = match &mut line {
                Some(line) => tokio::select! {
                    command = inbox.recv() => command,
                    message = line.socket.next() => {
                        is_broken = self.on_message(line, message).is_err();
                        if is_broken {
                            line.socket.close(None).await.ok();
                        }
                        Some(Command::Audio(Vec::new()))
                    }
                },
                None => inbox.recv().await,
            };
            if is_broken {
                line = None;
            }
            match command {
                None => return,
                Some(Command::Audio(audio)) => {
                    self.audio.extend(audio);
                    if line.is_none() && !is_broken && self.audio.len() >= LEAST {
                        line = self.listener.connect(&self.params).await.ok();
                        is_broken = line.is_none();
                    }
                    if let Some(open) = &mut line
                        && open.send(&self.audio, false).await.is_err()
                    {
                        line = None;
                        is_broken = true;
                    }
                }
                Some(Command::Transcribe(revision)) => {
                    let event = match self.finish(line.take()).await {
                        Ok(text) => RecognitionEvent::Final { revision, text },
                        Err(error) => RecognitionEvent::Failed { revision, error },
                    };
                    // What is said from here on gets its session when its text is asked for.
                    is_broken = true;
                    if self.events.send(event).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn on_message(
        &self,
        line: &mut Line,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), ProviderError> {
        match message {
            Some(Ok(Message::Text(json))) => {
                line.heard.take(&json)?;
                let text = line.heard.text();
                if !text.is_empty() {
                    // A full channel loses interim texts, as the contract allows.
                    self.events.try_send(RecognitionEvent::Interim { text }).ok();
                }
                Ok(())
            }
            Some(Ok(Message::Close(_))) | None => Err(error("speech recognition hung up", true)),
            Some(Ok(_)) => Ok(()),
            Some(Err(cause)) => Err(broken(&cause)),
        }
    }

    /// The text of all audio so far, by the session that has heard it or a new one.
    async fn finish(&self, line: Option<Line>) -> Result<String, ProviderError> {
        if self.audio.len() < LEAST {
            return Ok(String::new());
        }
        let mut line = match line {
            Some(line) => line,
            None => self.listener.connect(&self.params).await?,
        };
        line.send(&self.audio, true).await?;
        let late = || error("speech recognition gave no final text in time", true);
        timeout(FINAL, line.rest()).await.map_err(|_| late())?
    }
}

impl Line {
    /// Sends what it has not been given, in whole frames; `all`: to the last sample, and the end.
    async fn send(&mut self, audio: &[i16], all: bool) -> Result<(), ProviderError> {
        while self.sent < audio.len() {
            let frame = &audio[self.sent..audio.len().min(self.sent + FRAME)];
            if frame.len() < FRAME && !all {
                return Ok(());
            }
            let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            self.say(Message::binary(bytes)).await?;
            self.sent += frame.len();
        }
        if all { self.say(Message::text(r#"{"type":"end"}"#)).await } else { Ok(()) }
    }

    async fn say(&mut self, message: Message) -> Result<(), ProviderError> {
        match timeout(FINAL, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|cause| broken(&cause)),
            Err(_) => Err(error("speech recognition takes no audio", true)),
        }
    }

    /// Reads to the final text: the first one behind the end of the audio, or what there is when the service closes.
    async fn rest(&mut self) -> Result<String, ProviderError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(json))) => {
                    if self.heard.take(&json)? {
                        return Ok(self.heard.text());
                    }
                }
                Some(Ok(Message::Close(_))) | None => return Ok(self.heard.text()),
                Some(Ok(_)) => {}
                Some(Err(cause)) => return Err(broken(&cause)),
            }
        }
    }
}

fn broken(cause: &tungstenite::Error) -> ProviderError {
    error(format!("the connection to speech recognition broke: {cause}"), true)
}

impl Listener {
    async fn connect(&self, params: &RecognitionParams) -> Result<Line, ProviderError> {
        let connecting = timeout(CONNECT, self.upgrade(params)).await;
        let socket = connecting.map_err(|_| error("speech recognition did not answer in time", true))??;
        Ok(Line { socket, sent: 0, heard: Heard::default() })
    }

    async fn upgrade(&self, params: &RecognitionParams) -> Result<Socket, ProviderError> {
        let unreachable = |cause: reqwest::Error| {
            error(format!("speech recognition cannot be reached: {}", chain(&cause.without_url())), true)
        };
        let key = generate_key();
        let request = self.client.get(self.address(params)).header(header::CONNECTION, "Upgrade");
        let request = request.header(header::UPGRADE, "websocket").header(header::SEC_WEBSOCKET_VERSION, "13");
        let response = request.header(header::SEC_WEBSOCKET_KEY, &key).send().await.map_err(unreachable)?;
        let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(header::HeaderValue::as_bytes);
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS || accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            let is_refused = status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS;
            return Err(error(format!("speech recognition answered {status}, not with a WebSocket"), !is_refused));
        }
        let upgraded = response.upgrade().await.map_err(unreachable)?;
        let limits = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await)
    }

    /// With a session of its own, signed.
    fn address(&self, params: &RecognitionParams) -> Url {
        let session = uuid::Uuid::new_v4().simple().to_string();
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("session_id", &session);
            if let Some(key) = &self.api_key {
                query.append_pair("token", &sign(key.reveal(), &session));
            }
            // The vendor's name for Chinese; of the others the spec shows none.
            if let Some(language) = params.language.as_deref().and_then(language) {
                query.append_pair("language", if language == "zh" { "cn" } else { &language });
            }
        }
        http::with_query(url, params.custom.as_deref().or(self.params.as_deref()))
    }
}

fn sign(key: &str, session: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(session.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_final_stay_and_the_others_change() {
        let mut heard = Heard::default();
        for (json, text) in [
            (r#"{"type":"partial","text":"Good"}"#, "Good"),
            (r#"{"type":"partial","text":"Good day","begin":0,"end":500}"#, "Good day"),
            (r#"{"type":"final","text":"Good day."}"#, "Good day."),
            (r#"{"type":"partial","text":"How"}"#, "Good day. How"),
            (r#"{"type":"final","text":"How are you?"}"#, "Good day. How are you?"),
        ] {
            heard.take(json).expect("fits");
            assert_eq!(heard.text(), text);
        }
        assert!(heard.take(r#"{"type":"error","message":"no room"}"#).is_err_and(|e| e.message.contains("no room")));
        assert!(heard.take("<html>").is_err());
    }
}
