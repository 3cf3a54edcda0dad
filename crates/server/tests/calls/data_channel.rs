//! What a client may say on the data channel, against the real server over real WebRTC (scripted models).

use super::server::{LIMIT, Server, data_of};
use ringline_rtc::{Peer, PeerEvent};
use serde_json::{Value, json};

impl Server {
    async fn call(&self, agent_config: Value) -> Client {
        let call = self.start_call("tester", agent_config).await;
        let peer = self.join(call["rtc_auth_token"].as_str().unwrap()).await;
        let mut client = Client { peer, instance: call["ai_agent_instance_id"].as_str().unwrap().into() };
        client.until(|event| matches!(event, PeerEvent::ChannelOpen).then_some(())).await;
        client
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
        self.until(|event| data_of(&event, kind)).await
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
    assert_eq!(server.end_reason(&client.instance).await, "stopped_by_client");
}
