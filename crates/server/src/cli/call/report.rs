//! What `ringline call` prints: lines for people, or JSON lines.

use super::caller::Fact;
use super::listener::Heard;
use ringline_protocol::datachannel::TurnLatency;
use serde_json::{Value, json};
use std::time::Instant;

pub struct Report {
    began: Instant,
    json: bool,
    voice_to_voice: Vec<u64>,
    barge_in: Vec<u64>,
    parts: Vec<TurnLatency>,
    /// Agent subtitle pieces of the running answer, for people.
    answer: String,
}

impl Report {
    pub fn new(json: bool) -> Self {
        Self {
            began: Instant::now(),
            json,
            voice_to_voice: Vec::new(),
            barge_in: Vec::new(),
            parts: Vec::new(),
            answer: String::new(),
        }
    }

    fn line(&self, event: &str, fields: Value) {
        let mut line = json!({"t": self.began.elapsed().as_millis() as u64, "event": event});
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
            line.extend(fields);
        }
        println!("{line}");
    }

    fn say(&self, text: &str) {
        println!("{:8.2}s  {text}", self.began.elapsed().as_secs_f64());
    }

    pub fn event(&mut self, event: &str, fields: Value) {
        if self.json {
            return self.line(event, fields);
        }
        let detail = fields.as_object().map(|fields| {
            fields
                .iter()
                .map(|(k, v)| format!(" {k}={}", v.as_str().map_or_else(|| v.to_string(), str::to_owned)))
                .collect::<String>()
        });
        self.say(&format!("{event}{}", detail.unwrap_or_default()));
    }

    /// A data-channel message, verbatim.
    pub fn message(&mut self, message: Value) {
        if self.json {
            return self.line("message", json!({"message": message}));
        }
        let data = &message["data"];
        let text = data["text"].as_str().unwrap_or_default();
        match message["type"].as_u64() {
            Some(1001) => {
                let state = match data["state"].as_u64() {
                    Some(1) => "listening",
                    Some(2) => "thinking",
                    Some(3) => "speaking",
                    _ => "?",
                };
                self.say(&format!("[{state}]"));
            }
            Some(1002) => {
                if !text.is_empty() {
                    self.answer.push_str(text);
                    self.say(&format!("agent: {text}"));
                }
                if data["end"] == json!(true) {
                    self.answer.clear();
                }
            }
            Some(1003) if data["end"] == json!(true) => self.say(&format!("you:   {text}")),
            Some(1010) => self.say(&format!("the agent leaves: {}", data["message"].as_str().unwrap_or_default())),
            Some(1000) => self.say(&format!("error: {}", data["message"].as_str().unwrap_or_default())),
            _ => {}
        }
    }

    pub fn fact(&mut self, fact: Fact) {
        match fact {
            Fact::VoiceToVoice { turn, ms } => {
                self.voice_to_voice.push(ms);
                self.event("voice_to_voice", json!({"turn": turn, "ms": ms}));
            }
            Fact::BargeIn { turn, ms } => {
                self.barge_in.push(ms);
                self.event("barge_in", json!({"turn": turn, "ms": ms}));
            }
            Fact::Interrupted { reason } => self.event("interrupted", json!({"reason": reason})),
            Fact::Parts(parts) => self.parts.push(parts),
        }
    }

    /// What of the agent's speech came, and what did not.
    pub fn heard(&mut self, heard: Heard) {
        if self.json {
            return self.line("heard", json!(heard));
        }
        if heard.missing_ms + heard.waited_ms > 0 {
            let Heard { speech_ms, missing_ms, waited_ms, longest_gap_ms, .. } = heard;
            self.say(&format!(
                "of {speech_ms} ms of the agent's speech {missing_ms} ms did not arrive, and {waited_ms} ms of silence \
                 lay between; the longest gap had {longest_gap_ms} ms"
            ));
        }
    }

    /// Medians and 95th percentiles over the call.
    pub fn summary(&mut self, asked: usize, answered: usize) {
        let part = |get: fn(&TurnLatency) -> u32| self.parts.iter().map(|p| u64::from(get(p))).collect::<Vec<_>>();
        let rows = [
            ("voice_to_voice", self.voice_to_voice.clone()),
            ("server_total", part(|p| p.total)),
            ("endpointing", part(|p| p.endpointing)),
            ("transcript", part(|p| p.transcript)),
            ("first_text", part(|p| p.first_text)),
            ("first_segment", part(|p| p.first_segment)),
            ("first_audio", part(|p| p.first_audio)),
            ("playout", part(|p| p.playout)),
            ("barge_in", self.barge_in.clone()),
        ];
        if self.json {
            let rows: serde_json::Map<String, Value> = rows
                .into_iter()
                .filter(|(_, values)| !values.is_empty())
                .map(|(name, mut values)| {
                    let (p50, p95) = (percentile(&mut values, 50), percentile(&mut values, 95));
                    (name.to_owned(), json!({"n": values.len(), "p50": p50, "p95": p95}))
                })
                .collect();
            return self.line("summary", json!({"asked": asked, "answered": answered, "ms": rows}));
        }
        println!("\n{answered} of {asked} turns answered");
        for (name, mut values) in rows {
            if !values.is_empty() {
                let (p50, p95) = (percentile(&mut values, 50), percentile(&mut values, 95));
                println!("  {name:<16} p50 {p50:>6} ms   p95 {p95:>6} ms   n {}", values.len());
            }
        }
    }
}

/// Nearest-rank percentile; `values` must not be empty.
fn percentile(values: &mut [u64], percent: usize) -> u64 {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut values: Vec<u64> = (1..=20).rev().collect();
        assert_eq!((percentile(&mut values, 50), percentile(&mut values, 95)), (10, 19));
        assert_eq!(percentile(&mut [7], 95), 7);
    }
}
