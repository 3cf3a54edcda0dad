//! What a client may say on the data channel, against the real server over real WebRTC (scripted models).

#![allow(clippy::unwrap_used)]

use ringline_rtc::{Dial, Peer, PeerEvent};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

struct Server {
    process: Child,
    ready: Value,
    _data: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_ringline"))
            .args(["serve", "--models", "scripted", "--ready-json", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
            .arg("--data")
            .arg(data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).expect("one JSON line");
        Self { process, ready, _data: data }
    }

    async fn call(&self, agent_config: Value) -> Client {
        let url = self.ready["url"].as_str().unwrap();
        let http = reqwest::Client::new();
        let body = json!({"ai_agent_id": self.ready["agent_id"], "user_id": "tester", "template_config": "{}",
                          "agent_config": agent_config.to_string()});
        let start = http.post(format!("{url}/api/v2/aiagent/generateAIAgentCall")).json(&body);
        let call: Value = start.send().await.unwrap().json().await.unwrap();
        let rtc_url = self.ready["rtc_url"].as_str().unwrap();
        let address = url.trim_start_matches("http://").parse().unwrap();
        let (dial, offer) = Dial::new(address).await.unwrap();
        let join = http.post(rtc_url).json(&json!({"token": call["rtc_auth_token"], "sdp": offer}));
        let answer: Value = join.send().await.unwrap().json().await.unwrap();
        let peer = dial.answer(answer["sdp"].as_str().unwrap()).await.unwrap();
        let mut client = Client { peer, instance: answer["instanceId"].as_str().unwrap().into() };
        client.until(|event| matches!(event, PeerEvent::ChannelOpen).then_some(())).await;
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

struct Client {
    peer: Peer,
    instance: String,
}

impl Client {
    async fn until<T>(&mut self, mut wanted: impl FnMut(PeerEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(self.peer.event().await) {
                    return found;
                }
            }
        };
        tokio::time::timeout(LIMIT, search).await.expect("it came in time")
    }

    /// The data of the next message of a type.
    async fn message(&mut self, kind: u64) -> Value {
        self.until(|event| match event {
            PeerEvent::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                (message["type"] == kind).then(|| message["data"].clone())
            }
            _ => None,
        })
        .await
    }

    fn say(&mut self, kind: u64, data: Value) {
        self.peer.send_text(&json!({"type": kind, "data": data, "seqId": 1}).to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_ignored_and_the_call_goes_on() {
    let server = Server::start();
    let mut client = server.call(json!({"Greeting": ""})).await;
    for garbage in [
        " ",
        "no JSON",
        "[]",
        "null",
        "{\"type\":\"x\"}",
        "{\"type\":4242}",
        "{\"type\":1118,\"data\":{\"asrMaxSilence\":-4}}",
    ] {
        client.peer.send_text(garbage).unwrap();
    }
    client.peer.send_text(&format!("{{\"type\":1111,\"data\":{{\"text\":\"{}\"}}}}", "x".repeat(60_000))).unwrap();
    client.say(1119, json!({}));
    assert_eq!(client.message(1001).await, json!({"state": 1}));
    client.peer.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typed_question_is_answered_and_a_command_cuts_the_answer_short() {
    let server = Server::start();
    let mut client = server.call(json!({"Greeting": ""})).await;
    client.say(1111, json!({"text": "What can you do?", "enableInterrupt": 1}));
    assert_eq!(client.message(1003).await["text"], "What can you do?");
    assert_eq!(client.message(1001).await, json!({"state": 2}));
    assert_eq!(client.message(1001).await, json!({"state": 3}));
    client.say(1101, json!({}));
    assert_eq!(client.message(1016).await, json!({"reason": 3}));
    assert_eq!(client.message(1001).await, json!({"state": 1}));
    client.peer.close();
}

/// client-sdk §4.1: native clients of old send no `seqId`, and the server must not require it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_numbers_nothing_and_names_nobody_is_understood() {
    let server = Server::start();
    let mut client = server.call(json!({"Greeting": ""})).await;
    client.peer.send_text(r#"{"type":1119}"#).unwrap();
    assert_eq!(client.message(1001).await, json!({"state": 1}));
    client.peer.send_text(r#"{"type":1102,"data":{"enable":false}}"#).unwrap();
    assert_eq!(client.message(1004).await, json!({"enable": false}));
    client.peer.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readiness_handshake_is_answered() {
    let server = Server::start();
    let mut client = server.call(json!({"Greeting": ""})).await;
    client.peer.send_text(r#"{"key":"aliyun_aigc","version":"1.0","type":"ready_req","data":{"ready":true}}"#).unwrap();
    let answer = client
        .until(|event| match event {
            PeerEvent::Text(text) if text.contains("ready_resp") => serde_json::from_str::<Value>(&text).ok(),
            _ => None,
        })
        .await;
    assert_eq!((&answer["key"], &answer["data"]["ready"]), (&json!("aliyun_aigc"), &json!(true)));
    client.peer.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_by_the_client_ends_the_instance() {
    let server = Server::start();
    let mut client = server.call(json!({"Greeting": "Hello there."})).await;
    client.say(1100, json!({}));
    client.until(|event| matches!(event, PeerEvent::Closed { .. }).then_some(())).await;
    let url = format!("{}/api/ringline/v1/calls/{}", server.ready["url"].as_str().unwrap(), client.instance);
    let finished = async {
        loop {
            let status: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
            if status["status"] == "Finished" {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    let status = tokio::time::timeout(LIMIT, finished).await.expect("it is finished in time");
    assert_eq!(status["endReason"], "stopped_by_client");
}
