//! TakeoverAIAgentCall with real peers: a user and a human on one channel of the real server (server-api §4.11).

use super::server::{LIMIT, Server, data_of};
use ringline_audio::{EAR_RATE, EarPath, MOUTH_FRAME, MOUTH_RATE, MouthEncoder};
use ringline_protocol::acs3::{Unsigned, sign_request};
use ringline_rtc::{Peer, PeerEvent};
use serde_json::{Value, json};
use std::f32::consts::TAU;
use std::path::Path;
use std::process::Command;
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

    async fn line(&self, token: &str, hz: f32) -> Line {
        let mut line = Line::new(self.join(token).await, hz);
        line.until(|event| matches!(event, PeerEvent::ChannelOpen).then_some(())).await;
        line
    }

    async fn leave(&self, instance: &str, token: &str) {
        let url = format!("{}/{instance}", self.text("rtc_url"));
        assert!(self.http.delete(url).bearer_auth(token).send().await.unwrap().status().is_success());
    }

    async fn operation(&self, action: &str, params: &[(&str, &str)]) -> Value {
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

    async fn take_over(&self, instance: &str, human: &str) -> Value {
        let params = [("InstanceId", instance), ("HumanAgentUserId", human), ("RequireToken", "true")];
        self.operation("TakeoverAIAgentCall", &params).await
    }
}

/// Somebody on the channel, who sends a tone all the time once asked to.
struct Line {
    peer: Peer,
    ears: EarPath,
    encoder: MouthEncoder,
    hz: f32,
    sounding: bool,
    sent: u64,
    next: Instant,
    /// Since it was last cleared, at 16 kHz, without what was filled in.
    heard: Vec<f32>,
    /// Sequence numbers and RTP times of all packets.
    packets: Vec<(u64, u64)>,
    messages: Vec<Value>,
}

impl Line {
    fn new(peer: Peer, hz: f32) -> Self {
        Self {
            peer,
            ears: EarPath::new().unwrap(),
            encoder: MouthEncoder::new().unwrap(),
            hz,
            sounding: false,
            sent: 0,
            next: Instant::now(),
            heard: Vec::new(),
            packets: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// The next event; meanwhile the tone goes out.
    async fn event(&mut self) -> PeerEvent {
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.next) => self.send(),
                event = self.peer.event() => {
                    self.take(&event);
                    return event;
                }
            }
        }
    }

    fn send(&mut self) {
        self.next += Duration::from_millis(20);
        let start = self.sent as f32 * MOUTH_FRAME as f32;
        let loud = if self.sounding { 0.3 } else { 0.0 };
        let frame: Vec<f32> =
            (0..MOUTH_FRAME).map(|n| loud * (TAU * self.hz * (start + n as f32) / MOUTH_RATE as f32).sin()).collect();
        self.peer.send_audio(self.sent * 960, self.encoder.encode(&frame).unwrap());
        self.sent += 1;
    }

    fn take(&mut self, event: &PeerEvent) {
        match event {
            PeerEvent::Audio(packet) => {
                self.packets.push((packet.sequence, packet.rtp_time));
                if let Some(ear) = self.ears.receive(packet.sequence, packet.rtp_time, &packet.payload) {
                    self.heard.extend_from_slice(ear.pcm);
                }
            }
            PeerEvent::Text(text) => self.messages.push(serde_json::from_str(text).unwrap()),
            _ => {}
        }
    }

    async fn until<T>(&mut self, mut wanted: impl FnMut(PeerEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(self.event().await) {
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

    /// Whether the second heard last is mostly this tone.
    fn hears(&self, hz: f32) -> bool {
        let last = &self.heard[self.heard.len().saturating_sub(EAR_RATE as usize)..];
        last.len() == EAR_RATE as usize && share(last, hz) > 0.8
    }
}

/// How much of the signal's power is in the tone, by its Fourier component.
fn share(pcm: &[f32], hz: f32) -> f32 {
    let (mut re, mut im, mut power) = (0.0, 0.0, 1e-9);
    for (n, sample) in pcm.iter().enumerate() {
        let angle = TAU * hz * n as f32 / EAR_RATE as f32;
        re += sample * angle.cos();
        im += sample * angle.sin();
        power += sample * sample;
    }
    2.0 * (re * re + im * im) / (power * pcm.len() as f32)
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

fn decoded(path: &Path) -> Vec<f32> {
    let out = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-ac", "1", "-ar", "16000", "-f", "f32le", "-"])
        .output()
        .expect("ffmpeg decodes recordings in the tests");
    out.stdout.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
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
    assert_eq!(kinds, [1012, 1013], "the agent neither listened nor spoke");

    server.leave(&instance, token).await;
    assert_eq!(user.message(1010).await["reason"], 2002);
    user.until(|event| matches!(event, PeerEvent::Closed { .. }).then_some(())).await;
    assert_eq!(server.end_reason(&instance).await, "takeover_ended");
    assert_eq!(server.take_over(&instance, "human-1").await["Code"], "InstanceFinished");

    let recordings = server.data.path().join("recordings").join(&instance);
    for (track, hz) in [("agent", HUMAN_HZ), ("user", USER_HZ)] {
        let pcm = decoded(&recordings.join(format!("{track}.ogg")));
        let seconds = pcm.chunks_exact(EAR_RATE as usize).filter(|second| share(second, hz) > 0.8).count();
        assert!(seconds >= 1, "the {track} track holds no second of {hz} Hz in {} samples", pcm.len());
    }
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
