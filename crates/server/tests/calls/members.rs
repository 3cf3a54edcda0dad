//! Who is in the channel, what members are told of it (9002, 9003), and how long their tokens let them stay.

use super::server::{LIMIT, Server, data_of};
use ringline_model::{ChannelId, UserId};
use ringline_protocol::token::ChannelToken;
use ringline_rtc::{Peer, PeerEvent};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A call and its user's messages; the user may stay away for a while.
struct Member {
    peer: Peer,
    messages: Vec<Value>,
}

impl Member {
    async fn join(server: &Server, token: &str) -> Self {
        let mut member = Self { peer: server.join(token).await, messages: Vec::new() };
        member.until(|event| matches!(event, PeerEvent::ChannelOpen).then_some(())).await;
        member
    }

    async fn until<T>(&mut self, mut wanted: impl FnMut(&PeerEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.peer.event().await;
                if let PeerEvent::Text(text) = &event {
                    self.messages.push(serde_json::from_str(text).unwrap());
                }
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(LIMIT, search).await.expect("it came in time")
    }

    async fn message(&mut self, kind: u64) -> Value {
        self.until(|event| data_of(event, kind)).await
    }

    async fn closed(&mut self) {
        self.until(|event| matches!(event, PeerEvent::Closed { .. }).then_some(())).await;
    }
}

impl Server {
    async fn quiet_call(&self) -> Value {
        self.start_call("alice", json!({"Greeting": "", "UserOfflineTimeout": 30})).await
    }

    /// A token for the call's channel that lasts so many seconds.
    fn token(&self, call: &Value, life: i64) -> String {
        let token = ChannelToken {
            app_id: self.text("rtc_app_id").into(),
            channel: ChannelId::parse(call["channel_id"].as_str().unwrap()).unwrap(),
            user: UserId::parse("alice").unwrap(),
            nonce: String::new(),
            expires: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + life,
            rtc_url: None,
            ice_servers: Vec::new(),
        };
        token.mint(self.text("rtc_app_key"))
    }

    /// The status and the answer of a change of the member.
    async fn change(&self, call: &Value, body: Value) -> (u16, Value) {
        let url = format!("{}/{}", self.text("rtc_url"), call["ai_agent_instance_id"].as_str().unwrap());
        let answer = self.http.patch(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_is_announced_first_and_its_end_is_the_channels_end() {
    let server = Server::start();
    let call = server.start_call("alice", json!({"Greeting": "Good day."})).await;
    let mut user = Member::join(&server, call["rtc_auth_token"].as_str().unwrap()).await;
    let agent = |online: bool| json!({"userId": call["ai_agent_user_id"], "online": online, "audio": online, "video": false, "role": "agent"});
    assert_eq!(user.message(9003).await, agent(true));
    assert_eq!(user.messages.len(), 1, "before anything the agent says: {:?}", user.messages);
    while user.message(1001).await != json!({"state": 1}) {}
    user.peer.send_text(r#"{"type":1100}"#).unwrap();
    assert_eq!(user.message(9003).await, agent(false));
    assert_eq!(user.message(9002).await, json!({"reason": 2}));
    user.closed().await;
    assert_eq!(user.messages.last().unwrap()["type"], 9002, "nothing follows the goodbye");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_join_of_the_same_user_tells_the_first_and_goes_on_in_its_place() {
    let server = Server::start();
    let call = server.quiet_call().await;
    let token = call["rtc_auth_token"].as_str().unwrap();
    let mut first = Member::join(&server, token).await;
    assert_eq!(first.message(9003).await["online"], true);
    let mut second = Member::join(&server, token).await;
    assert_eq!(first.message(9002).await, json!({"reason": 3}));
    first.closed().await;
    assert_eq!(second.message(9003).await["role"], "agent");
    second.peer.send_text(r#"{"type":1119}"#).unwrap();
    assert_eq!(second.message(1001).await, json!({"state": 1}));
    second.peer.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_token_runs_out_is_put_out_and_may_come_back_with_a_fresh_one() {
    let server = Server::start();
    let call = server.quiet_call().await;
    let short = server.token(&call, 2);
    let mut user = Member::join(&server, &short).await;

    // Renewed, the first token's end means nothing; but nobody renews with what has run out, or is another's.
    let (status, answer) = server.change(&call, json!({"token": server.token(&call, 4)})).await;
    assert_eq!(status, 200, "{answer}");
    assert!((2..=4).contains(&answer["expiresIn"].as_i64().unwrap()) && answer.get("sdp").is_none(), "{answer}");
    let (status, answer) = server.change(&call, json!({"token": server.token(&call, -1)})).await;
    assert_eq!((status, &answer["code"]), (401, &json!("TokenExpired")));

    assert_eq!(user.message(9002).await, json!({"reason": 1}));
    user.closed().await;
    let (status, answer) = server.change(&call, json!({"token": short})).await;
    assert_eq!((status, &answer["code"]), (401, &json!("TokenExpired")));

    let mut back = Member::join(&server, &server.token(&call, 60)).await;
    back.peer.send_text(r#"{"type":1119}"#).unwrap();
    assert_eq!(back.message(1001).await, json!({"state": 1}), "the call went on");
    back.peer.close();
}
