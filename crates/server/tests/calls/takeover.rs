//! TakeoverAIAgentCall with real peers: a user and a human on one channel of the real server (server-api §4.11).

use super::line::{Line, decoded, share};
use super::server::{LIMIT, Server};
use ringline_audio::EAR_RATE;
use ringline_protocol::acs3::{Unsigned, sign_request};
use ringline_rtc::PeerEvent;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const USER_HZ: f32 = 500.0;
const HUMAN_HZ: f32 = 900.0;

impl Server {
    /// A call, and its user's line.
    async fn talk_to_agent(&self, greeting: &str) -> (String, Line) {
        let call = self.start_call("alice", json!({"Greeting": greeting})).await;
        let instance = call["ai_agent_instance_id"].as_str().unwrap().to_owned();
        let line = self.line(call["rtc_auth_token"].as_str().unwrap(), USER_HZ).await;
        (instance, line)
    }

    async fn leave(&self, instance: &str, token: &str) {
        let url = format!("{}/{instance}", self.text("rtc_url"));
        assert!(self.http.delete(url).bearer_auth(token).send().await.unwrap().status().is_success());
    }

    pub async fn operation(&self, action: &str, params: &[(&str, &str)]) -> Value {
        let url = self.text("url");
        let nonce = uuid::Uuid::new_v4().to_string();
        let signed = sign_request(&Unsigned {
            method: "POST",
            path: "/",
            host: url.trim_start_matches("http://"),
            action,
            version: "2020-11-09",
            params,
            body: b"",
            access_key_id: self.text("access_key_id"),
            secret: self.text("access_key_secret"),
            now: std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64,
            nonce: &nonce,
        });
        let request = self.http.post(format!("{url}/?{}", signed.query));
        let request = signed.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Whether a track of the recording holds a second of a tone.
    pub fn recorded(&self, instance: &str, track: &str, hz: f32) -> bool {
        let path = self.data.path().join("recordings").join(instance).join(format!("{track}.ogg"));
        let pcm = decoded(path, EAR_RATE);
        let mut seconds = pcm.windows(EAR_RATE as usize).step_by(EAR_RATE as usize / 10);
        seconds.any(|second| share(second, hz) > 0.8)
    }

    /// None: it is not there (yet).
    async fn admin_get(&self, url: &str) -> Option<Value> {
        let answer = self.http.get(url).bearer_auth(self.text("admin_token")).send().await.unwrap();
        if answer.status().is_success() { answer.json().await.ok() } else { None }
    }

    /// What the recording of a call that is over comes to.
    pub async fn recording_index(&self, instance: &str) -> Value {
        let url = format!("{}/api/ringline/v1/admin/calls/{instance}/recording/index", self.text("url"));
        let search = async {
            loop {
                if let Some(index) = self.admin_get(&url).await {
                    return index;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LIMIT, search).await.expect("it is indexed in time")
    }

    async fn take_over(&self, instance: &str, human: &str) -> Value {
        let params = [("InstanceId", instance), ("HumanAgentUserId", human), ("RequireToken", "true")];
        self.operation("TakeoverAIAgentCall", &params).await
    }
}

/// Both go on until both hear the other.
async fn talk(user: &mut Line, human: &mut Line) {
    let until = Instant::now() + LIMIT;
    while !(user.hears(HUMAN_HZ) && human.hears(USER_HZ)) {
        assert!(Instant::now() < until, "user {} human {}", user.heard.len(), human.heard.len());
        tokio::select! {
            _ = user.event() => {}
            _ = human.event() => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_and_human_hear_each_other_and_the_agent_is_silent_until_it_leaves() {
    let server = Server::start();
    let (instance, mut user) = server.talk_to_agent("Good day to you, how can I help?").await;
    while user.message(1001).await != json!({"state": 1}) {}
    let greeted = user.messages.len();

    let answer = server.take_over(&instance, "human-1").await;
    assert_eq!(answer["HumanAgentUserId"], "human-1", "{answer}");
    let token = answer["Token"].as_str().unwrap();
    assert_eq!(user.message(1012).await, json!({"takeoverUid": "human-1", "takeoverMode": 1}));
    let again = server.take_over(&instance, "human-1").await;
    assert_eq!((&again["HumanAgentUserId"], &again["ChannelId"]), (&json!("human-1"), &answer["ChannelId"]));
    assert_eq!(server.take_over(&instance, "human-2").await["Code"], "TakeoverInProgress");

    let mut human = server.line(token, HUMAN_HZ).await;
    assert_eq!(user.message(1013).await, json!({"takeoverUid": "human-1"}));
    (user.sounding, human.sounding) = (true, true);
    talk(&mut user, &mut human).await;
    // The human pauses: the user's track lives on; then the human is there again.
    human.sounding = false;
    let paused = Instant::now() + Duration::from_secs(1);
    while Instant::now() < paused {
        tokio::select! {
            _ = user.event() => {}
            _ = human.event() => {}
        }
    }
    human.sounding = true;
    talk(&mut user, &mut human).await;

    let times: Vec<u64> = user.packets.iter().map(|(_, time)| *time).collect();
    assert!(user.packets.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "one sequence without a hole");
    assert!(times.windows(2).all(|pair| pair[1] > pair[0]), "RTP time never runs backwards");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] < 96_000), "nor leaps");
    let kinds: Vec<u64> = user.messages[greeted..].iter().map(|message| message["type"].as_u64().unwrap()).collect();
    assert_eq!(kinds, [1012, 9003, 1013], "the agent neither listened nor spoke");
    let human_is =
        |online: bool| json!({"userId": "human-1", "online": online, "audio": online, "video": false, "role": "human"});
    assert_eq!(user.messages[greeted + 1]["data"], human_is(true));

    server.leave(&instance, token).await;
    assert_eq!(user.message(9003).await, human_is(false));
    assert_eq!(user.message(1010).await["reason"], 2002);
    user.until(|event| matches!(event, PeerEvent::Closed { .. }).then_some(())).await;
    assert_eq!(server.end_reason(&instance).await, "takeover_ended");
    assert_eq!(server.take_over(&instance, "human-1").await["Code"], "InstanceFinished");

    for (track, hz) in [("agent", HUMAN_HZ), ("user", USER_HZ), ("human", HUMAN_HZ)] {
        assert!(server.recorded(&instance, track, hz), "the {track} track holds no second of {hz} Hz");
    }
    assert!(!server.recorded(&instance, "human", USER_HZ));
    let index = server.recording_index(&instance).await;
    let gaps = index["tracks"]["human"]["gaps"].as_array().expect("gaps");
    assert_eq!((&gaps[0]["from_ms"], &gaps[0]["cause"]), (&json!(0), &json!("not_in_charge")), "{index}");
    let url = format!("{}/api/ringline/v1/admin/calls/{instance}/verification", server.text("url"));
    let verified: Value = server.admin_get(&url).await.expect("a verification");
    assert_eq!(verified["verdict"], "intact", "{verified}");
    let bytes: u64 =
        ["user", "agent", "human"].iter().map(|track| index["tracks"][track]["bytes"].as_u64().unwrap()).sum();
    assert_eq!(verified["bytes"], bytes, "all three are vouched for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_human_who_gives_up_before_joining_gives_the_call_back_to_the_agent() {
    let server = Server::start();
    let (instance, mut user) = server.talk_to_agent("").await;
    for nobody in ["alice", "not an id"] {
        assert_eq!(server.take_over(&instance, nobody).await["Code"], "InvalidParameter");
    }
    let generated = server.operation("TakeoverAIAgentCall", &[("InstanceId", &instance)]).await;
    let human = generated["HumanAgentUserId"].as_str().unwrap();
    assert!(!human.is_empty() && generated.get("Token").is_none(), "{generated}");
    assert_eq!(user.message(1012).await["takeoverUid"], human);
    let token = server.take_over(&instance, human).await["Token"].as_str().unwrap().to_owned();
    server.leave(&instance, &token).await;

    let question = json!({"type": 1111, "data": {"text": "What can you do?", "enableInterrupt": 1}, "seqId": 1});
    user.peer.send_text(&question.to_string()).unwrap();
    assert_eq!(user.message(1001).await, json!({"state": 2}), "the agent thinks again");
    let other = server.take_over(&instance, "human-2").await;
    assert_eq!(other["HumanAgentUserId"], "human-2", "{other}");
    user.peer.close();
}

/// The minute of server-api §4.11's takeover on the real clock; what it means is a test of the conversation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes its minute: make test-slow"]
async fn a_human_who_does_not_come_within_a_minute_gives_the_call_back_to_the_agent() {
    let server = Server::start();
    let (instance, mut user) = server.talk_to_agent("").await;
    server.take_over(&instance, "human-1").await;
    assert_eq!(user.message(1012).await["takeoverUid"], "human-1");
    let mut asking = tokio::time::interval(Duration::from_millis(500));
    let free = async {
        loop {
            tokio::select! {
                _ = user.event() => {}
                _ = asking.tick() => {
                    let answer = server.take_over(&instance, "human-2").await;
                    if answer["Code"] != "TakeoverInProgress" {
                        return answer;
                    }
                }
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(60) + LIMIT, free).await.expect("it is given back in time");
    assert_eq!(answer["HumanAgentUserId"], "human-2", "{answer}");
    user.peer.close();
}
