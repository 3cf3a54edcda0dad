//! What `ringline serve --ready-json` says, and requests signed (ACS3) with the key in it, each with a nonce of its own.

use crate::connection::{Connection, parts};
use anyhow::{Context, bail};
use ringline_protocol::acs3::{Unsigned, sign_request};
use serde::Deserialize;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What is needed of the ready line.
#[derive(Deserialize)]
pub struct Ready {
    pub url: String,
    pub rtc_url: String,
    pub agent_id: String,
    access_key_id: String,
    access_key_secret: String,
}

impl Ready {
    pub fn parse(line: &str) -> anyhow::Result<Self> {
        serde_json::from_str(line).context("--ready is not a ready line")
    }

    /// Host and port of the server.
    pub fn host(&self) -> anyhow::Result<&str> {
        Ok(parts(&self.url)?.0)
    }

    /// Sends one request; how long the answer took, without the signing, and its body. Anything but 200 is an error:
    /// a refusal is quicker than an answer.
    pub async fn ask(
        &self,
        connection: &mut Connection,
        action: &str,
        params: &[(&str, &str)],
    ) -> anyhow::Result<(Duration, Vec<u8>)> {
        let nonce = format!("{:032x}", rand::random::<u128>());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
        let signed = sign_request(&Unsigned {
            method: "POST",
            path: "/",
            host: self.host()?,
            action,
            version: "2020-11-09",
            params,
            body: b"",
            access_key_id: &self.access_key_id,
            secret: &self.access_key_secret,
            now: i64::try_from(now.as_secs())?,
            nonce: &nonce,
        });
        let mut head = format!("POST /?{} HTTP/1.1\r\n", signed.query);
        for (name, value) in &signed.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("content-length: 0\r\n\r\n");
        let began = Instant::now();
        let answer = connection.exchange(head.as_bytes()).await?;
        let took = began.elapsed();
        if answer.status != 200 {
            bail!("{action} was answered with {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok((took, answer.body))
    }
}
