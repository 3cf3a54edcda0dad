//! Supervisors of a call, with real peers on the real server: listening, whispering, speaking to both, taking over and giving back.

use super::line::Line;
use super::server::{LIMIT, Server};
use ringline_rtc::{Dial, PeerEvent};
use ringline_store::{SqliteStore, Store as _};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

const USER_HZ: f32 = 500.0;
const SUPERVISOR_HZ: f32 = 900.0;
const EVERYTHING: [&str; 5] = ["listen", "whisper", "speak", "takeover", "tool_arguments"];

/// A call with its user on the line.
struct Call {
    instance: String,
    token: String,
    user: Line,
}

impl Server {
    fn door(&self, path: &str) -> String {
        format!("{}/api/ringline/v1/admin/calls/{path}", self.text("url"))
    }

    async fn watched_call(&self, greeting: &str) -> Call {
        let call = self.start_call("alice", json!({"Greeting": greeting})).await;
        let token = call["rtc_auth_token"].as_str().unwrap().to_owned();
        let instance = call["ai_agent_instance_id"].as_str().unwrap().to_owned();
        let user = self.line(&token, USER_HZ).await;
        Call { instance, token, user }
    }

    /// Status and body.
    async fn post(&self, path: &str, bearer: &str, body: &Value) -> (u16, Value) {
        let answer = self.http.post(self.door(path)).bearer_auth(bearer).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    fn admin(&self) -> &str {
        self.text("admin_token")
    }

    async fn supervisor(&self, instance: &str, name: &str, permissions: &[&str]) -> Value {
        let body = json!({"name": name, "permissions": permissions});
        let (status, made) = self.post(&format!("{instance}/supervisors"), self.admin(), &body).await;
        assert_eq!(status, 201, "{made}");
        made
    }

    /// What signaling says to an offer of two lines.
    async fn offer(&self, token: &str) -> (Dial, u16, Value) {
        let address = self.text("url").trim_start_matches("http://").parse().unwrap();
        let (dial, offer) = Dial::listening(address).await.unwrap();
        let join = self.http.post(self.text("rtc_url")).json(&json!({"token": token, "sdp": offer}));
        let answer = join.send().await.unwrap();
        let status = answer.status().as_u16();
        (dial, status, answer.json().await.unwrap())
    }

    async fn seat(&self, token: &str) -> Line {
        let (dial, _, answer) = self.offer(token).await;
        let sdp = answer["sdp"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let mut line = Line::new(dial.answer(sdp).await.unwrap(), SUPERVISOR_HZ);
        line.until(|event| matches!(event, PeerEvent::Connected).then_some(())).await;
        line
    }

    async fn events(&self, instance: &str, bearer: &str) -> Events {
        let url =
            self.door(if instance.is_empty() { "events".to_owned() } else { format!("{instance}/events") }.as_str());
        let stream = self.http.get(url).bearer_auth(bearer).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        Events { stream, text: String::new(), ready: VecDeque::new() }
    }

    /// The journal of a call that has ended: what happened and what came of it, without times.
    async fn journal(&self, instance: &str) -> Vec<String> {
        let store = SqliteStore::open(self.data.path().join("ringline.db")).await.unwrap();
        let instance = ringline_model::InstanceId::parse(instance).unwrap();
        let rows = store.journal(&instance, 0, 1000).await.unwrap();
        rows.into_iter().map(|row| format!("{} {}", row.step, row.outputs)).collect()
    }
}

/// A stream of server-sent events.
struct Events {
    stream: reqwest::Response,
    text: String,
    ready: VecDeque<(String, Value)>,
}

impl Events {
    async fn next(&mut self) -> Option<(String, Value)> {
        while self.ready.is_empty() {
            let chunk = self.stream.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                if !field("event: ").is_empty() {
                    let data = serde_json::from_str(field("data: ")).unwrap();
                    self.ready.push_back((field("event: ").to_owned(), data));
                }
                self.text = rest.to_owned();
            }
        }
        self.ready.pop_front()
    }

    /// The next event of this name for which `wanted` holds.
    async fn until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let (found, data) = self.next().await.expect("the stream goes on");
                if found == name && wanted(&data) {
                    return data;
                }
            }
        };
        tokio::time::timeout(LIMIT, search).await.unwrap_or_else(|_| panic!("no {name}"))
    }
}

/// Lets both send and hear until `done`.
async fn until(a: &mut Line, b: &mut Line, what: &str, done: impl Fn(&Line, &Line) -> bool) {
    let until = Instant::now() + LIMIT;
    while !done(a, b) {
        assert!(Instant::now() < until, "in vain: {what}");
        tokio::select! {
            _ = a.event() => {}
            _ = b.event() => {}
        }
    }
}

/// Drives both while something else is done.
async fn meanwhile<T>(a: &mut Line, b: &mut Line, deed: impl Future<Output = T>) -> T {
    tokio::pin!(deed);
    let limit = tokio::time::sleep(LIMIT);
    tokio::pin!(limit);
    loop {
        tokio::select! {
            done = &mut deed => return done,
            _ = a.event() => {}
            _ = b.event() => {}
            () = &mut limit => panic!("it took too long"),
        }
    }
}

/// A call in which the user types a question and hears the answer; whether it is watched is the difference. Its messages, without
/// what measures time, the sound the user got, and the journal.
async fn talk(server: &Server, watched: bool) -> (Vec<Value>, Vec<Vec<u8>>, Vec<String>) {
    let Call { instance, token, mut user } = server.watched_call("Good day to you, how can I help?").await;
    let mut watching = Vec::new();
    if watched {
        for name in ["Ann", "Bob"] {
            let made = server.supervisor(&instance, name, &["listen"]).await;
            let bearer = made["token"].as_str().unwrap().to_owned();
            let events = server.events(&instance, &bearer).await;
            let mut seat = server.seat(&bearer).await;
            // Driven on its own, as browsers are.
            let driven = tokio::spawn(async move {
                while !matches!(seat.event().await, PeerEvent::Closed { .. }) {}
                seat.second.len()
            });
            watching.push((events, driven));
        }
    }
    while user.message(1001).await != json!({"state": 1}) {}
    let question = json!({"type": 1111, "data": {"text": "What can you do?", "enableInterrupt": 1}, "seqId": 1});
    user.peer.send_text(&question.to_string()).unwrap();
    while user.message(1001).await != json!({"state": 1}) {}
    let url = format!("{}/{instance}", server.text("rtc_url"));
    server.http.delete(url).bearer_auth(&token).send().await.unwrap();
    server.end_reason(&instance).await;
    for (mut events, driven) in watching {
        events.until("ended", |_| true).await;
        assert!(events.next().await.is_none(), "the stream ends with the call");
        assert!(driven.await.unwrap() > 16_000, "the answer was heard");
    }
    let told = user.messages.iter().filter(|message| message["type"] != 9001);
    // Every call's agent has an id of its own.
    let told = told.map(|message| {
        let mut data = message["data"].clone();
        if message["type"] == 9003 {
            data["userId"] = json!("agent");
        }
        json!([message["type"], data])
    });
    let told = told.collect();
    // Silence has a few bytes; how much of it there is depends on when the user types.
    let sound = user.payloads.iter().filter(|payload| payload.len() > 20).cloned().collect();
    (told, sound, server.journal(&instance).await)
}

/// A journal's entry without what is measured.
fn without_times(entry: &str) -> String {
    let mut text = String::new();
    let mut digits = false;
    for c in entry.chars() {
        match (c.is_ascii_digit(), digits) {
            (true, true) => {}
            (true, false) => text.push('0'),
            (false, _) => text.push(c),
        }
        digits = c.is_ascii_digit();
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_watched_goes_on_as_one_that_is_not() {
    let server = Server::start();
    let (told, sound, journal) = talk(&server, false).await;
    let (watched_told, watched_sound, watched_journal) = talk(&server, true).await;
    assert_eq!(told, watched_told, "the client is told the same");
    for recording in std::fs::read_dir(server.data.path().join("recordings")).unwrap() {
        assert!(!recording.unwrap().path().join("human.ogg").exists(), "who only listens is not recorded");
    }
    assert!(sound.len() > 100, "{}", sound.len());
    assert!(sound == watched_sound, "the client gets the same packets: {} {}", sound.len(), watched_sound.len());
    // In which order two tasks answer is nobody's decision.
    let steps = |journal: Vec<String>| {
        let mut steps: Vec<_> = journal.iter().map(|entry| without_times(entry)).collect();
        steps.sort_unstable();
        steps
    };
    assert_eq!(steps(journal), steps(watched_journal), "the journal is the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_hears_both_sides_takes_the_call_over_and_gives_it_back() {
    let server = Server::start();
    let Call { instance, mut user, .. } = server.watched_call("Good day to you, how can I help?").await;
    let made = server.supervisor(&instance, "Ann", &EVERYTHING).await;
    let (bearer, ann) = (made["token"].as_str().unwrap(), made["user_id"].as_str().unwrap());
    let mut events = server.events(&instance, bearer).await;
    let snapshot = events.until("snapshot", |_| true).await;
    assert_eq!(
        (&snapshot["instance_id"], &snapshot["user_id"], &snapshot["ended"]),
        (&json!(instance), &json!("alice"), &Value::Null)
    );
    let mut seat = server.seat(bearer).await;
    events.until("supervisor", |event| event["name"] == "Ann" && event["connected"] == true).await;
    while user.message(1001).await != json!({"state": 1}) {}

    // Silently: the user's tone is heard, and the supervisor's is not.
    (user.sounding, seat.sounding) = (true, true);
    until(&mut user, &mut seat, "the user is heard", |_, seat| seat.hears(USER_HZ)).await;
    assert!(!user.hears(SUPERVISOR_HZ));
    (user.sounding, seat.sounding) = (false, false);

    let door = format!("{instance}/takeover");
    let (status, taken) = server.post(&door, bearer, &json!({"mode": 1})).await;
    assert_eq!((status, &taken["connected"], &taken["mode"]), (200, &json!(true), &json!("human_voice")), "{taken}");
    assert_eq!(user.message(1012).await, json!({"takeoverUid": ann, "takeoverMode": 1}));
    assert_eq!(user.message(1013).await, json!({"takeoverUid": ann}));
    events.until("takeover", |event| event["step"] == "connected" && event["takeover"]["user_id"] == ann).await;
    seat.second.clear();
    (user.sounding, seat.sounding) = (true, true);
    until(&mut user, &mut seat, "both hear the other", |user, seat| user.hears(SUPERVISOR_HZ) && seat.hears(USER_HZ))
        .await;
    assert!(!seat.hears_beside(SUPERVISOR_HZ), "nobody hears themselves");
    (user.sounding, seat.sounding) = (false, false);

    // What is said is written down, each side as its own.
    let told = user.messages.len();
    user.say();
    meanwhile(&mut user, &mut seat, events.until("subtitle", |line| line["side"] == "user" && line["end"] == true))
        .await;
    seat.say();
    meanwhile(&mut user, &mut seat, events.until("subtitle", |line| line["side"] == "human")).await;
    let kinds: Vec<_> = user.messages[told..].iter().map(|message| message["type"].clone()).collect();
    assert!(kinds.is_empty(), "the client reads nothing of it: {kinds:?}");

    let (status, _) = server.post(&format!("{instance}/handback"), bearer, &json!({})).await;
    assert_eq!(status, 204);
    assert_eq!(user.message(9004).await, json!({"takeoverUid": ann}));
    events.until("takeover", |event| event["step"] == "handed_back").await;
    let question = json!({"type": 1111, "data": {"text": "What can you do?", "enableInterrupt": 1}, "seqId": 1});
    user.peer.send_text(&question.to_string()).unwrap();
    seat.second.clear();
    meanwhile(&mut user, &mut seat, events.until("state", |event| event["state"] == "speaking")).await;
    until(&mut user, &mut seat, "the agent is heard by the supervisor, too", |_, seat| seat.second.len() > 16_000)
        .await;
    let again = server.post(&format!("{instance}/handback"), bearer, &json!({})).await;
    assert_eq!((again.0, &again.1["code"]), (409, &json!("no_takeover")));

    user.peer.close();
    server.end_reason(&instance).await;
    let journal = server.journal(&instance).await;
    let asked = journal.iter().rfind(|entry| entry.contains("\"generate\"")).expect("the agent was asked");
    let roles: Vec<&str> =
        ["\"user\"", "\"assistant\"", "\"system\""].into_iter().filter(|r| asked.contains(r)).collect();
    assert_eq!(roles.len(), 3, "{asked}");
    assert!(asked.contains("A human colleague"), "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_agents_voice_the_human_s_words_are_said_by_the_agent() {
    let server = Server::start();
    let Call { instance, mut user, .. } = server.watched_call("").await;
    let made = server.supervisor(&instance, "Ann", &EVERYTHING).await;
    let (bearer, ann) = (made["token"].as_str().unwrap(), made["user_id"].as_str().unwrap());
    // The takeover waits for the human.
    let (status, taken) = server.post(&format!("{instance}/takeover"), bearer, &json!({"mode": 0})).await;
    assert_eq!((status, &taken["connected"]), (200, &json!(false)));
    assert_eq!(user.message(1012).await, json!({"takeoverUid": ann, "takeoverMode": 0}));
    let mut seat = server.seat(bearer).await;
    assert_eq!(user.message(1013).await, json!({"takeoverUid": ann}));
    seat.sounding = true;
    let second = Instant::now() + Duration::from_secs(1);
    until(&mut user, &mut seat, "a second passes", |_, _| Instant::now() > second).await;
    seat.sounding = false;
    assert!(!user.hears(SUPERVISOR_HZ), "the human's own voice is not heard");
    user.heard.clear();
    seat.say();
    let said = meanwhile_message(&mut user, &mut seat, 1002).await;
    assert!(said["text"].as_str().is_some_and(|text| !text.is_empty()), "{said}");
    until(&mut user, &mut seat, "the agent's voice is heard", |user, _| {
        user.heard.iter().any(|sample| sample.abs() > 0.05)
    })
    .await;
    // Whoever leaves without a word ends the call.
    seat.peer.close();
    assert_eq!(user.message(1010).await["reason"], 2002);
    assert_eq!(server.end_reason(&instance).await, "takeover_ended");
    // What the human sent is recorded all the same, in a track of its own.
    server.recording_index(&instance).await;
    assert!(server.recorded(&instance, "human", SUPERVISOR_HZ) && !server.recorded(&instance, "agent", SUPERVISOR_HZ));
}

async fn meanwhile_message(user: &mut Line, other: &mut Line, kind: u64) -> Value {
    let before = user.messages.len();
    until(user, other, "a message", |user, _| user.messages[before..].iter().any(|message| message["type"] == kind))
        .await;
    let found = user.messages[before..].iter().find(|message| message["type"] == kind);
    found.unwrap()["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_speaks_to_both_and_whispers_to_the_agent() {
    let server = Server::start_with("[supervision]\nhuman_leaves = \"hands_back\"\n");
    let Call { instance, mut user, .. } = server.watched_call("").await;
    let made = server.supervisor(&instance, "Ann", &EVERYTHING).await;
    let bearer = made["token"].as_str().unwrap();
    let speak = |active: bool| json!({"active": active});
    let door = format!("{instance}/speak");
    assert_eq!(server.post(&door, bearer, &speak(true)).await.1["code"], "not_connected");
    let mut seat = server.seat(bearer).await;
    let mut events = server.events(&instance, bearer).await;
    events.until("snapshot", |_| true).await;
    let told = user.messages.len();
    for _ in 0..2 {
        assert_eq!(meanwhile(&mut user, &mut seat, server.post(&door, bearer, &speak(true))).await.0, 204);
        user.heard.clear();
        seat.sounding = true;
        until(&mut user, &mut seat, "the supervisor is heard", |user, _| user.hears(SUPERVISOR_HZ)).await;
        assert_eq!(meanwhile(&mut user, &mut seat, server.post(&door, bearer, &speak(false))).await.0, 204);
        user.heard.clear();
        let second = Instant::now() + Duration::from_millis(1200);
        until(&mut user, &mut seat, "a second passes", |_, _| Instant::now() > second).await;
        assert!(!user.hears(SUPERVISOR_HZ), "and no longer");
        seat.sounding = false;
    }
    let kinds: Vec<_> = user.messages[told..].iter().map(|message| message["type"].clone()).collect();
    assert!(!kinds.iter().any(|kind| *kind == 1012 || *kind == 1013), "no word of a takeover: {kinds:?}");

    let (status, _) = server.post(&format!("{instance}/whisper"), bearer, &json!({"text": "Offer a discount."})).await;
    assert_eq!(status, 204);
    assert_eq!(events.until("whispered", |_| true).await["text"], "Offer a discount.");
    let question = json!({"type": 1111, "data": {"text": "Too dear.", "enableInterrupt": 1}, "seqId": 1});
    user.peer.send_text(&question.to_string()).unwrap();
    meanwhile(&mut user, &mut seat, events.until("state", |event| event["state"] == "speaking")).await;
    assert!(!user.messages.iter().any(|message| message.to_string().contains("discount")));

    // Here one who leaves in charge gives the call back.
    server.post(&format!("{instance}/takeover"), bearer, &json!({"mode": 1})).await;
    meanwhile(&mut user, &mut seat, events.until("takeover", |event| event["step"] == "connected")).await;
    seat.peer.close();
    events.until("takeover", |event| event["step"] == "handed_back").await;
    user.peer.close();
    server.end_reason(&instance).await;
    let journal = server.journal(&instance).await;
    let asked = journal.iter().find(|entry| entry.contains("\"generate\"")).expect("the agent was asked");
    assert!(asked.contains("Offer a discount."), "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_good_for_what_they_say_and_seats_are_counted() {
    let server = Server::start_with("[supervision]\nmax_supervisors = 1\nmax_listeners = 1\n");
    let Call { instance, token: channel, mut user } = server.watched_call("").await;
    let other = server.watched_call("").await.instance;
    let made = server.supervisor(&instance, "Ann", &["listen"]).await;
    let (ann, id) = (made["token"].as_str().unwrap(), made["user_id"].as_str().unwrap());

    // A supervisor's token is no user's, and the other way round.
    let one_line = server.http.post(server.text("rtc_url")).json(&json!({"token": ann, "sdp": "v=0\r\n"}));
    assert_eq!(one_line.send().await.unwrap().status(), 400);
    for nobody in ["", &channel, "rls1.e30.00"] {
        assert_eq!(server.post(&format!("{instance}/whisper"), nobody, &json!({"text": "x"})).await.0, 401);
    }
    // It is good for its call, and for what it permits.
    assert_eq!(server.post(&format!("{other}/whisper"), ann, &json!({"text": "x"})).await.0, 403);
    for (door, body) in [
        ("whisper", json!({"text": "x"})),
        ("speak", json!({"active": true})),
        ("takeover", json!({})),
        ("handback", json!({})),
        ("supervisors", json!({"name": "Eve", "permissions": ["takeover"]})),
    ] {
        let (status, refusal) = server.post(&format!("{instance}/{door}"), ann, &body).await;
        assert_eq!((status, &refusal["code"]), (403, &json!("forbidden")), "{door}");
    }
    let wrong = [
        json!({"name": "", "permissions": ["listen"]}),
        json!({"name": "x", "permissions": []}),
        json!({"name": "x", "permissions": ["fly"]}),
        json!({"name": "x", "permissions": ["speak"]}),
        json!({"name": "x", "permissions": ["listen"], "expire": 0}),
    ];
    for body in wrong {
        let (status, refusal) = server.post(&format!("{instance}/supervisors"), server.admin(), &body).await;
        assert_eq!((status, &refusal["code"]), (400, &json!("invalid_field")), "{body}");
    }

    // One seat and one stream: the second supervisor is refused, the first may come again.
    let mut seat = server.seat(ann).await;
    let bob = server.supervisor(&instance, "Bob", &["listen"]).await["token"].as_str().unwrap().to_owned();
    let (_, status, refused) = server.offer(&bob).await;
    assert_eq!((status, &refused["code"]), (409, &json!("TooManySupervisors")));
    let mut events = server.events(&instance, ann).await;
    events.until("snapshot", |_| true).await;
    let url = server.door(&format!("{instance}/events"));
    assert_eq!(server.http.get(&url).bearer_auth(&bob).send().await.unwrap().status(), 429);
    let mut again = server.seat(ann).await;
    let replaced = seat.until(|event| matches!(event, PeerEvent::Closed { .. }).then_some(()));
    tokio::time::timeout(LIMIT, replaced).await.unwrap();

    // Removed, a supervisor is out at once and for good.
    let remove = server.http.delete(server.door(&format!("{instance}/supervisors/{id}"))).bearer_auth(server.admin());
    assert_eq!(remove.send().await.unwrap().status(), 204);
    again.until(|event| matches!(event, PeerEvent::Closed { .. }).then_some(())).await;
    assert_eq!(server.offer(ann).await.1, 403);
    assert_eq!(server.http.get(&url).bearer_auth(ann).send().await.unwrap().status(), 403);
    let mut seat = server.seat(&bob).await;
    assert!(user.messages.iter().all(|message| message["type"] != 1012));
    until(&mut user, &mut seat, "time passes", |_, _| true).await;

    // Nothing is there for calls that are not.
    assert_eq!(server.post("nothing/whisper", server.admin(), &json!({"text": "x"})).await.1["code"], "call_not_found");
    user.peer.close();
    server.end_reason(&instance).await;
    let (status, refusal) = server.post(&format!("{instance}/whisper"), server.admin(), &json!({"text": "x"})).await;
    assert_eq!((status, &refusal["code"]), (409, &json!("call_finished")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_calls_are_followed_from_their_start_to_their_end() {
    let server = Server::start();
    let mut events = server.events("", server.admin()).await;
    assert_eq!(events.until("snapshot", |_| true).await["calls"], json!([]));
    let Call { instance, mut user, .. } = server.watched_call("Hello.").await;
    let about = |event: &Value| event["call"]["instance_id"] == instance;
    events.until("call", |event| about(event) && event["call"]["state"] == "idle").await;
    events.until("call", |event| about(event) && event["call"]["state"] == "speaking").await;
    let mut late = server.events("", server.admin()).await;
    assert_eq!(late.until("snapshot", |_| true).await["calls"][0]["user_id"], "alice");
    user.peer.close();
    events.until("ended", |event| event["instance_id"] == instance).await;
}
