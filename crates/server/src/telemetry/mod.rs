//! OpenTelemetry traces: a span for each call, for each turn in it and for each stage of a turn, sent to where
//! `[telemetry] otlp_endpoint` says. Off by default.
//!
//! Ids and times are the journal's, so a trace says when what was decided; its trace id is the call's instance id. No text, no
//! address, no secret is in a span: names are fixed, attributes are ids, numbers and outcomes. Calls never wait for it: what the
//! exporter's queue does not take is dropped and counted ([`exporter`]).

mod exporter;
mod spans;

pub use exporter::Traces;

use crate::metrics::METRICS;
use ringline_conversation::{EndReason, JournalEntry};
use ringline_model::{AgentId, CallTime, InstanceId, SessionId};
use spans::{Spans, Value};

/// One call's trace.
pub struct CallTrace {
    traces: Traces,
    call: exporter::Call,
    spans: Spans,
}

impl CallTrace {
    /// `began_ms`: Unix ms at call time 0. None: nobody wants traces.
    pub fn begin(
        traces: &Traces,
        instance: &InstanceId,
        agent: &AgentId,
        session: &SessionId,
        began_ms: i64,
    ) -> Option<Box<Self>> {
        if !traces.are_wanted() {
            return None;
        }
        let attributes = vec![
            ("ringline.call.id", Value::Id(instance.to_string())),
            ("ringline.agent.id", Value::Id(agent.to_string())),
            ("ringline.session.id", Value::Id(session.to_string())),
        ];
        let call = exporter::Call::new(instance, began_ms, rand::random());
        Some(Box::new(Self { traces: traces.clone(), call, spans: Spans::new(attributes) }))
    }

    pub fn step(&mut self, entry: &JournalEntry) {
        self.spans.step(entry);
        self.send();
    }

    pub fn end(mut self: Box<Self>, reason: EndReason, at: CallTime) {
        self.spans.end(reason, at);
        self.send();
    }

    fn send(&mut self) {
        while let Some(span) = self.spans.poll() {
            if !self.traces.send(self.call.written(&span)) {
                METRICS.dropped_spans.inc();
            }
        }
    }
}
