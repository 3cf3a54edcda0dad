//! The one HTTP client for addresses that a caller can name: audio, voiceprints, callbacks, an agent's own models.
//!
//! Such an address must not become a way into the operator's network. So every address that a connection is opened to is
//! checked, after the name was resolved and on the very list that is connected to ([`resolver`]), literals in the URL as
//! well; there is no second resolution in between. What is private, local or special ([`addresses`]) is refused unless
//! the operator allows it (`[outward]`). Redirects are not followed, no proxy of the environment is used, requests are not
//! repeated, and URLs are http or https, without user information, on ports 80, 443 or from 1024 up.
//!
//! Limits: [`MAX_URL`] bytes of URL; [`CONNECT`] to resolve and connect; the caller's time-out for all of a request;
//! [`GETS`] downloads at once, more wait within their time-out; as many bytes of an answer as the caller says, counted while
//! they arrive; [`MAX_HEADERS`] headers in an answer (the library ends an answer whose head exceeds about 400 KB).
//!
//! Errors and logs name what went wrong, never the URL: its path and query may hold signatures.

mod addresses;
mod error;
mod resolver;
#[cfg(test)]
mod tests;

pub use addresses::Allowed;
pub use error::OutwardError;

use crate::config::OutwardConfig;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use resolver::{Lookup, Resolver, SystemLookup};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Longest URL in bytes; a longer one is refused.
pub const MAX_URL: usize = 4096;
/// For resolving a name and connecting; then the request has failed.
const CONNECT: Duration = Duration::from_secs(5);
/// Downloads at once.
const GETS: usize = 16;
/// More headers than that end an answer.
const MAX_HEADERS: usize = 64;
/// As much of an answer to a POST is read, so that its connection can be used again; nothing of it is kept.
const MAX_REPLY: usize = 64 * 1024;
/// Connections kept open per host, for so long.
const IDLE: usize = 2;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The lowest port that is not a well-known service's.
const FIRST_FREE_PORT: u16 = 1024;

/// See the module. Clones share connections and limits.
#[derive(Clone, Debug)]
pub struct Outward {
    client: Client,
    allowed: Arc<Allowed>,
    allow_http: bool,
    gets: Arc<Semaphore>,
}

impl Outward {
    pub fn new(config: &OutwardConfig) -> Result<Self, OutwardError> {
        Self::with_lookup(config, Arc::new(SystemLookup::new()))
    }

    fn with_lookup(config: &OutwardConfig, lookup: Arc<dyn Lookup>) -> Result<Self, OutwardError> {
        let allowed = Arc::new(Allowed::new(config.allow.clone()));
        let client = Client::builder()
            .dns_resolver(Resolver { lookup, allowed: allowed.clone() })
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("Ringline/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(IDLE)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_headers(MAX_HEADERS)
            .build()
            .map_err(|error| OutwardError::unreachable(&error))?;
        Ok(Self { client, allowed, allow_http: config.allow_http, gets: Arc::new(Semaphore::new(GETS)) })
    }

    /// What can be said of a URL without resolving its name; for the doors, so that a caller hears of it. Every request
    /// checks it again.
    pub fn check(&self, url: &str) -> Result<Url, OutwardError> {
        let refuse = |why| Err(OutwardError::Url(why));
        if url.len() > MAX_URL {
            return refuse("the URL is too long");
        }
        let Ok(mut url) = Url::parse(url) else { return refuse("this is not a URL") };
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => return refuse("the URL must begin with https://"),
            _ => return refuse("the URL must begin with http:// or https://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the URL must not hold a user name or password");
        }
        if url.port().is_some_and(|port| port < FIRST_FREE_PORT && !matches!(port, 80 | 443)) {
            return refuse("the URL's port must be 80, 443 or at least 1024");
        }
        // The parser has brought every way to write an address, `0x7f.1` among them, into the usual form.
        let Some(host) = url.host_str() else { return refuse("the URL names no host") };
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        if literal.is_some_and(|address| !self.allowed.contains(address)) {
            return Err(OutwardError::Refused);
        }
        url.set_fragment(None);
        Ok(url)
    }

    /// Sends `body`, with `authorization` verbatim as the header of that name; the status it was answered with, whichever it
    /// is. The caller bounds how many are sent at once.
    pub async fn post_json(
        &self,
        url: &str,
        authorization: Option<&str>,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<StatusCode, OutwardError> {
        let url = self.check(url)?;
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json; charset=utf-8").body(body);
        if let Some(text) = authorization {
            let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| OutwardError::Authorization)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        in_time(timeout, async {
            let mut response = request.send().await.map_err(|error| OutwardError::from_reqwest(&error))?;
            let status = response.status();
            // It is answered; what goes wrong from here on costs no more than the connection.
            let mut read = 0;
            while let Ok(Some(bytes)) = response.chunk().await {
                read += bytes.len();
                if read > MAX_REPLY {
                    break;
                }
            }
            Ok(status)
        })
        .await
    }

    /// Downloads at most `max_bytes`; anything but a 200 is [`OutwardError::Status`].
    pub async fn get(&self, url: &str, max_bytes: usize, timeout: Duration) -> Result<Vec<u8>, OutwardError> {
        let url = self.check(url)?;
        in_time(timeout, async {
            let _place = self.gets.acquire().await.expect("never closed");
            let response = self.client.get(url).send().await.map_err(|error| OutwardError::from_reqwest(&error))?;
            match response.status() {
                StatusCode::OK => body(response, max_bytes).await,
                status => Err(OutwardError::Status(status.as_u16())),
            }
        })
        .await
    }

    /// The client itself, for a provider that streams from `url`'s host and bounds its answers itself. It must not be used
    /// for other hosts: a literal address in a URL is checked here and nowhere after.
    pub fn client_for(&self, url: &str) -> Result<Client, OutwardError> {
        self.check(url).map(|_| self.client.clone())
    }
}

async fn body(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, OutwardError> {
    let too_large = OutwardError::TooLarge { limit: max_bytes };
    let expected = response.content_length().unwrap_or(0);
    if expected > max_bytes as u64 {
        return Err(too_large);
    }
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| OutwardError::from_reqwest(&error))? {
        if body.len() + bytes.len() > max_bytes {
            return Err(too_large);
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

async fn in_time<T>(timeout: Duration, work: impl Future<Output = Result<T, OutwardError>>) -> Result<T, OutwardError> {
    tokio::time::timeout(timeout, work).await.unwrap_or(Err(OutwardError::Timeout))
}
