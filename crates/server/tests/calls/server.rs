//! The server as a process of its own, and the ways into a call of it.

use ringline_rtc::{Dial, Peer, PeerEvent};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long anything may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(40);

pub struct Server {
    process: Child,
    pub ready: Value,
    pub data: TempDir,
    pub http: reqwest::Client,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With a configuration file of this text.
    pub fn start_with(config: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("ringline.toml");
        std::fs::write(&file, config).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_ringline"))
            .args(["serve", "--models", "scripted", "--ready-json", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
            .arg("--data")
            .arg(data.path())
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).expect("one JSON line");
        Self { process, ready, data, http: reqwest::Client::new() }
    }

    /// What it said of itself when it was ready.
    pub fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// A call with the demo agent, by the app server's door: its answer.
    pub async fn start_call(&self, user: &str, agent_config: Value) -> Value {
        let body = json!({"ai_agent_id": self.ready["agent_id"], "user_id": user, "template_config": "{}",
                          "agent_config": agent_config.to_string()});
        let url = format!("{}/api/v2/aiagent/generateAIAgentCall", self.text("url"));
        self.http.post(url).json(&body).send().await.unwrap().json().await.unwrap()
    }

    /// Joins with a token.
    pub async fn join(&self, token: &str) -> Peer {
        let address = self.text("url").trim_start_matches("http://").parse().unwrap();
        let (dial, offer) = Dial::new(address).await.unwrap();
        let join = self.http.post(self.text("rtc_url")).json(&json!({"token": token, "sdp": offer}));
        let answer: Value = join.send().await.unwrap().json().await.unwrap();
        dial.answer(answer["sdp"].as_str().unwrap_or_else(|| panic!("{answer}"))).await.unwrap()
    }

    /// Waits for the end of a call: its reason.
    pub async fn end_reason(&self, instance: &str) -> Value {
        let url = format!("{}/api/ringline/v1/calls/{instance}", self.text("url"));
        let finished = async {
            loop {
                let call: Value = self.http.get(&url).send().await.unwrap().json().await.unwrap();
                if call["status"] == "Finished" {
                    return call["endReason"].clone();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LIMIT, finished).await.expect("it is finished in time")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The data of a message of this type, if that is what came.
pub fn data_of(event: &PeerEvent, kind: u64) -> Option<Value> {
    let PeerEvent::Text(text) = event else { return None };
    let message: Value = serde_json::from_str(text).unwrap();
    (message["type"] == kind).then(|| message["data"].clone())
}
