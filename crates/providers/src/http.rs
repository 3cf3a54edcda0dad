//! One request to a provider's service over HTTP: with the key, within a time, sent once more when nothing has come of the first, and
//! with errors that may be logged.
//!
//! A request that could not connect, or was answered with 429 or 5xx, is sent once more. Errors hold neither the key nor the
//! address, whose query may carry secrets.

use crate::ProviderError;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header::HeaderValue};
use ringline_model::Secret;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// As much of an error's body is read.
const MAX_ERROR_BODY: usize = 4 * 1024;
/// Longest quotation from an error's body, in characters.
const MAX_QUOTE: usize = 300;

/// How long to wait for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From sending the request to the first byte of the answer's body.
    pub first_byte: Duration,
    /// Between pieces of the body.
    pub idle: Duration,
    /// Before the second attempt.
    pub before_retry: Duration,
}

impl Patience {
    /// For what a call waits for no longer than 5 s: texts of utterances, and speech.
    pub const BRIEF: Self = Self {
        first_byte: Duration::from_secs(5),
        idle: Duration::from_secs(5),
        before_retry: Duration::from_millis(250),
    };
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(20),
            idle: Duration::from_secs(20),
            before_retry: Duration::from_millis(250),
        }
    }
}

/// Why a service cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("`{0}` is not the address of a service")]
    Address(String),
    #[error("the API key has characters that cannot be sent")]
    Key,
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

/// A client for services that the operator names: it goes where it is told, but follows no redirect with the key.
pub fn client() -> Result<Client, ServiceError> {
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(reqwest::redirect::Policy::none());
    Ok(builder.build()?)
}

/// The address `path` under a base URL. None: the base is no web address.
pub(crate) fn under(base: &str, path: &str) -> Option<Url> {
    let mut url = web(base)?;
    let path = format!("{}/{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

/// A web address.
pub(crate) fn web(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    url.set_fragment(None);
    Some(url)
}

/// The address with more query: `k=v&k=v`, as somebody wrote it.
pub(crate) fn with_query(mut url: Url, extra: Option<&str>) -> Url {
    let extra = extra.map(|extra| extra.trim_start_matches(['?', '&'])).filter(|extra| !extra.is_empty());
    if let Some(extra) = extra {
        let query = match url.query() {
            Some(query) => format!("{query}&{extra}"),
            None => extra.to_owned(),
        };
        url.set_query(Some(&query));
    }
    url
}

pub(crate) fn error(message: impl Into<String>, retryable: bool) -> ProviderError {
    ProviderError { message: message.into(), retryable }
}

/// Where requests go, and how.
pub(crate) struct Service {
    /// Its part, for errors: "the language model".
    pub who: &'static str,
    pub url: Url,
    pub api_key: Option<Secret>,
    pub client: Client,
    pub patience: Patience,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("who", &self.who).finish_non_exhaustive()
    }
}

impl Service {
    /// Checks the key.
    pub fn new(
        who: &'static str,
        url: Url,
        api_key: Option<Secret>,
        client: Client,
        patience: Patience,
    ) -> Result<Self, ServiceError> {
        let is_sendable = |key: &Secret| HeaderValue::from_str(key.reveal()).is_ok();
        if !api_key.iter().all(is_sendable) {
            return Err(ServiceError::Key);
        }
        Ok(Self { who, url, api_key, client, patience })
    }

    /// The answer to a POST to `url`, whose body `fill` adds; anything but a success is an error.
    pub async fn post(
        &self,
        url: &Url,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, ProviderError> {
        let attempt = || async {
            let request = self.client.post(url.clone());
            let request = match &self.api_key {
                Some(key) => request.bearer_auth(key.reveal()),
                None => request,
            };
            self.attempt(fill(request)).await
        };
        match attempt().await {
            Err(failure) if failure.again => {
                tracing::debug!(error = %failure.error, "asking once more");
                tokio::time::sleep(self.patience.before_retry).await;
                attempt().await.map_err(|failure| failure.error)
            }
            answer => answer.map_err(|failure| failure.error),
        }
    }

    async fn attempt(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let who = self.who;
        let response = match timeout(self.patience.first_byte, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(cause)) => return Err(self.unreachable(cause)),
            Err(_) => {
                return Err(Failure { error: error(format!("{who} did not answer in time"), true), again: false });
            }
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.start_of_body(response).await;
        let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        Err(Failure { error: error(format!("{who} answered {status}: {}", self.quote(&body)), again), again })
    }

    pub fn unreachable(&self, cause: reqwest::Error) -> Failure {
        let again = cause.is_connect();
        let message = format!("{} cannot be reached: {}", self.who, chain(&cause.without_url()));
        Failure { error: error(message, true), again }
    }

    /// The next piece of a body; none at its end.
    pub async fn next_bytes(&self, response: &mut Response, wait: Duration) -> Result<Option<Vec<u8>>, ProviderError> {
        match timeout(wait, response.chunk()).await {
            Ok(Ok(bytes)) => Ok(bytes.map(Vec::from)),
            Ok(Err(cause)) => {
                Err(error(format!("{}'s answer broke off: {}", self.who, chain(&cause.without_url())), true))
            }
            Err(_) => Err(error(format!("{}'s answer stopped coming", self.who), true)),
        }
    }

    /// A whole body of at most `limit` bytes.
    pub async fn body(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, ProviderError> {
        let (mut body, mut wait) = (Vec::new(), self.patience.first_byte);
        while let Some(bytes) = self.next_bytes(&mut response, wait).await? {
            wait = self.patience.idle;
            body.extend_from_slice(&bytes);
            if body.len() > limit {
                return Err(error(format!("{}'s answer is too long", self.who), false));
            }
        }
        Ok(body)
    }

    /// The beginning of an error's body, as far as it comes in time.
    async fn start_of_body(&self, mut response: Response) -> String {
        let mut body = Vec::new();
        while body.len() < MAX_ERROR_BODY {
            match self.next_bytes(&mut response, self.patience.idle).await {
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(MAX_ERROR_BODY);
        String::from_utf8_lossy(&body).into_owned()
    }

    /// A text of the service as it may be shown in an error: short, on one line, without the key.
    pub fn quote(&self, text: &str) -> String {
        quote(text, self.api_key.as_ref().map(Secret::reveal))
    }
}

/// A request without an answer.
pub(crate) struct Failure {
    pub error: ProviderError,
    /// Whether a second attempt may do better.
    again: bool,
}

fn quote(text: &str, key: Option<&str>) -> String {
    let text = match key.filter(|key| !key.is_empty()) {
        Some(key) => text.replace(key, "…"),
        None => text.to_owned(),
    };
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    line.collect::<Vec<_>>().join(" ").chars().take(MAX_QUOTE).collect()
}

/// An error with its causes, each only once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_appended_to_any_base() {
        for (base, full) in [
            ("http://localhost:8000/v1", "http://localhost:8000/v1/audio/speech"),
            ("https://example.com/v1/", "https://example.com/v1/audio/speech"),
            ("https://example.com", "https://example.com/audio/speech"),
            ("https://example.com/v1?version=2#x", "https://example.com/v1/audio/speech?version=2"),
        ] {
            assert_eq!(under(base, "audio/speech").expect("an address").as_str(), full);
        }
        for base in ["", "example.com/v1", "ftp://example.com", "file:///etc/passwd", "data:,x"] {
            assert_eq!(under(base, "x"), None, "{base}");
        }
    }

    #[test]
    fn extra_query_follows_what_is_there() {
        let plain = web("http://localhost/v1").expect("an address");
        assert_eq!(with_query(plain.clone(), Some("a=1&b=2")).query(), Some("a=1&b=2"));
        assert_eq!(with_query(plain.clone(), Some("")).query(), None);
        let more = with_query(plain, Some("a=1"));
        assert_eq!(with_query(more, Some("?b=x y#z")).as_str(), "http://localhost/v1?a=1&b=x%20y%23z");
    }

    #[test]
    fn quotations_are_short_and_without_the_key() {
        assert_eq!(quote("bad key\r\n sk-123!", Some("sk-123")), "bad key …!");
        assert_eq!(quote(&"é".repeat(1_000), None).chars().count(), MAX_QUOTE);
        assert_eq!(quote("plain", Some("")), "plain");
    }
}
