//! Sends spans on by OTLP over HTTP, in batches, in OTLP's JSON encoding: the receiver's types in a few lines, where the protobuf
//! one would bring a compiler's worth of crates.
//!
//! One task for all calls. Its queue holds [`QUEUE`] spans; what it does not take is dropped and counted. A batch that the
//! receiver does not take within [`PATIENCE`] is dropped, too, and counted; the next one is tried anew.

use super::spans::{Span, Value};
use crate::metrics::METRICS;
use anyhow::Context as _;
use ringline_model::{CallTime, InstanceId};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokio::sync::mpsc;

/// About a minute of 200 brisk calls.
const QUEUE: usize = 16_384;
const BATCH: usize = 512;
/// A batch that isn't full goes after so long.
const GATHER: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);
/// `SPAN_KIND_INTERNAL` and `STATUS_CODE_ERROR`.
const INTERNAL: u32 = 1;
const ERROR: u32 = 2;

/// A span as it travels.
type Written = serde_json::Value;

/// Where spans go; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<mpsc::Sender<Written>>);

impl Traces {
    /// Sends to `endpoint`, e.g. `http://127.0.0.1:4318/v1/traces`. Call inside the runtime.
    pub fn start(endpoint: &str) -> anyhow::Result<Self> {
        let url = reqwest::Url::parse(endpoint).context("telemetry.otlp_endpoint is no URL")?;
        let client = reqwest::Client::builder().timeout(PATIENCE).build().context("cannot make an HTTP client")?;
        let (queue, inbox) = mpsc::channel(QUEUE);
        tokio::spawn(export(client, url, inbox));
        Ok(Self(Some(queue)))
    }

    pub fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// False: the queue was full.
    pub fn send(&self, span: Written) -> bool {
        self.0.as_ref().is_some_and(|queue| queue.try_send(span).is_ok())
    }
}

async fn export(client: reqwest::Client, url: reqwest::Url, mut inbox: mpsc::Receiver<Written>) {
    let mut failures = 0_u64;
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        let until = tokio::time::Instant::now() + GATHER;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            match tokio::time::timeout_at(until, inbox.recv_many(&mut batch, room)).await {
                Ok(more) if more > 0 => {}
                Ok(_) | Err(_) => break,
            }
        }
        let count = batch.len() as u64;
        let request = client.post(url.clone()).json(&request(std::mem::take(&mut batch)));
        let taken = request.send().await.and_then(reqwest::Response::error_for_status);
        match taken {
            Ok(_) => METRICS.exported_spans.inc_by(count),
            Err(error) => {
                METRICS.dropped_spans.inc_by(count);
                failures += 1;
                // Often enough to be seen, not to fill the log.
                if failures.is_power_of_two() {
                    let error = anyhow::Error::from(error.without_url());
                    let error = format!("{error:#}");
                    tracing::warn!(error, count, "telemetry.otlp_endpoint does not take spans: they are dropped");
                }
            }
        }
    }
}

/// `ExportTraceServiceRequest`.
fn request(spans: Vec<Written>) -> serde_json::Value {
    let resource = [("service.name", "ringline"), ("service.version", crate::VERSION)];
    let resource = resource.map(|(name, value)| json!({"key": name, "value": {"stringValue": value}}));
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": {"name": "ringline"}, "spans": spans}],
    }]})
}

/// What spans of a call have in common.
#[derive(Debug)]
pub struct Call {
    trace: String,
    /// Ids of spans count from here, so that two calls' differ.
    base: u64,
    /// Unix ns at call time 0.
    began: u64,
}

impl Call {
    /// `began_ms`: Unix ms at call time 0.
    pub fn new(instance: &InstanceId, began_ms: i64, base: u64) -> Self {
        let began = u64::try_from(began_ms).unwrap_or(0).saturating_mul(1_000_000);
        Self { trace: trace(instance), base, began }
    }

    pub fn written(&self, span: &Span) -> Written {
        let attributes: Vec<_> = span.attributes.iter().map(attribute).collect();
        let mut written = json!({
            "traceId": self.trace,
            "spanId": self.id(span.id),
            "name": span.name,
            "kind": INTERNAL,
            "startTimeUnixNano": self.time(span.begin),
            "endTimeUnixNano": self.time(span.end),
            "attributes": attributes,
        });
        if let Some(parent) = span.parent {
            written["parentSpanId"] = self.id(parent).into();
        }
        if span.failed {
            written["status"] = json!({"code": ERROR});
        }
        written
    }

    fn id(&self, id: u32) -> String {
        format!("{:016x}", self.base.wrapping_add(u64::from(id)).max(1))
    }

    /// 64-bit numbers are texts in JSON.
    fn time(&self, at: CallTime) -> String {
        self.began.saturating_add(at.as_micros().saturating_mul(1000)).to_string()
    }
}

fn attribute((name, value): &(&'static str, Value)) -> serde_json::Value {
    let value = match value {
        Value::Id(text) => json!({"stringValue": text}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::Word(word) => json!({"stringValue": word}),
    };
    json!({"key": name, "value": value})
}

/// The instance id itself, which is 32 hex digits as we make them; of another its hash.
fn trace(instance: &InstanceId) -> String {
    let id = instance.as_str();
    let is_hex = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex && id.bytes().any(|byte| byte != b'0') {
        return id.to_owned();
    }
    Sha256::digest(id).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_found_by_the_calls_id() {
        let id = |text: &str| InstanceId::parse(text).expect("an id");
        let ours = "9f1c2b7e0d5a4b6c8e3f1a2b3c4d5e6f";
        assert_eq!(trace(&id(ours)), ours);
        let hashed = trace(&id("room-1"));
        assert!(hashed.len() == 32 && hashed != trace(&id("room-2")), "{hashed}");
    }

    #[test]
    fn a_span_is_written_as_otlp_has_it() {
        let instance = InstanceId::parse("9f1c2b7e0d5a4b6c8e3f1a2b3c4d5e6f").expect("an id");
        let attributes = vec![("ringline.turn.id", Value::Number(3)), ("ringline.outcome", Value::Word("failed"))];
        let span = Span {
            id: 2,
            parent: Some(1),
            name: "generation",
            begin: CallTime::from_millis(5),
            end: CallTime::from_micros(6001),
            attributes,
            failed: true,
        };
        let expected = json!({
            "traceId": instance,
            "spanId": "0000000000000012",
            "parentSpanId": "0000000000000011",
            "name": "generation",
            "kind": 1,
            "startTimeUnixNano": "1700000000005000000",
            "endTimeUnixNano": "1700000000006001000",
            "attributes": [
                {"key": "ringline.turn.id", "value": {"intValue": "3"}},
                {"key": "ringline.outcome", "value": {"stringValue": "failed"}},
            ],
            "status": {"code": 2},
        });
        assert_eq!(Call::new(&instance, 1_700_000_000_000, 0x10).written(&span), expected);
    }
}
