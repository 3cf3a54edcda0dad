//! The dispatcher on a real store, with receivers that answer as a test tells them and a clock that a test can set.

#![allow(clippy::unwrap_used)]

use super::dispatcher::{Dispatcher, Wake, dispatch};
use super::schedule::{Attempted, Schedule};
use super::world::World;
use ringline_model::{AgentSettings, CallbackSettings};
use ringline_store::suite::{agent_record, instance_record};
use ringline_store::{AgentRecord, EventRecord, SqliteStore, Store};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const START_MS: i64 = 1_767_323_045_000;

#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// Nothing until the attempt's time is over.
    Hang,
}

struct Posted {
    url: String,
    token: String,
    body: String,
}

struct TestWorld {
    store: Arc<dyn Store>,
    now_ms: AtomicI64,
    /// Answers in turn; 200 when there are no more.
    answers: Mutex<VecDeque<Answer>>,
    posted: Mutex<Vec<Posted>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl World for TestWorld {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn post(&self, settings: &CallbackSettings, body: String, timeout: Duration) -> Attempted {
        let (url, token) = (settings.url.clone(), settings.token.reveal().to_owned());
        self.posted.lock().unwrap().push(Posted { url, token, body });
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop_front();
        let attempted = match answer {
            None => Attempted::Answered(200),
            Some(Answer::Status(status)) => Attempted::Answered(status),
            Some(Answer::Hang) => {
                tokio::time::sleep(timeout).await;
                Attempted::Failed("no answer in time".into())
            }
        };
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        attempted
    }
}

struct Bench {
    world: Arc<TestWorld>,
    wake: Wake,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    dispatcher: Dispatcher,
}

fn agent(url: &str, token: &str) -> AgentRecord {
    let callbacks =
        CallbackSettings { enabled: true, url: url.into(), token: token.into(), ..CallbackSettings::default() };
    AgentRecord { settings: AgentSettings { callbacks, ..AgentSettings::default() }, ..agent_record("a") }
}

/// A receiver that answers so, and a dispatcher at work whose retries come after a ms (and a tick).
async fn bench(answers: &[Answer], timeout: Duration, parallel: usize) -> Bench {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().await.unwrap());
    store.put_agent(&agent("https://a.example/1", "Bearer t")).await.unwrap();
    let world = Arc::new(TestWorld {
        store,
        now_ms: AtomicI64::new(START_MS),
        answers: Mutex::new(answers.iter().copied().collect()),
        posted: Mutex::default(),
        at_once: AtomicUsize::new(0),
        most_at_once: AtomicUsize::new(0),
    });
    let schedule = Schedule::new(vec![Duration::ZERO], Duration::from_secs(3600)).unwrap();
    let dispatcher = Dispatcher { schedule, timeout, parallel };
    let (wake, (stop, stopped)) = (Wake::default(), watch::channel(false));
    let task = tokio::spawn(dispatch(world.clone(), dispatcher.clone(), wake.clone(), stopped));
    Bench { world, wake, stop, task, dispatcher }
}

impl Bench {
    /// Stores an instance with events.
    async fn happens(&self, id: &str, bodies: &[&str]) {
        let event = |body: &&str| EventRecord { name: "e".into(), body: (*body).into(), at_ms: START_MS };
        let events: Vec<_> = bodies.iter().map(event).collect();
        self.world.store.create_instance(&instance_record(id, 1), &events).await.unwrap();
        self.wake.wake();
    }

    fn bodies(&self) -> Vec<String> {
        self.world.posted.lock().unwrap().iter().map(|posted| posted.body.clone()).collect()
    }

    async fn until(&self, what: &str, check: impl Fn(&[String]) -> bool) {
        for _ in 0..3000 {
            if check(&self.bodies()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {:?}", self.bodies());
    }

    async fn until_empty(&self) {
        for _ in 0..3000 {
            if self.world.store.count_events().await.unwrap() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("events are left: {:?}", self.bodies());
    }
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn what_is_answered_with_500_twice_is_sent_again_before_what_comes_after_it() {
    let bench = bench(&[Answer::Status(500), Answer::Status(500)], LONG, 8).await;
    bench.happens("i", &["1", "2", "3"]).await;
    bench.until_empty().await;
    assert_eq!(bench.bodies(), ["1", "1", "1", "2", "3"]);
}

#[tokio::test]
async fn what_is_refused_is_given_up_and_the_next_is_told() {
    let bench = bench(&[Answer::Status(400), Answer::Status(200), Answer::Status(429)], LONG, 8).await;
    bench.happens("i", &["1", "2", "3"]).await;
    bench.until_empty().await;
    assert_eq!(bench.bodies(), ["1", "2", "3", "3"]);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_its_own_instance_alone() {
    let bench = bench(&[Answer::Hang], LONG, 2).await;
    bench.happens("i", &["i1", "i2"]).await;
    bench.until("the first hangs", |bodies| bodies == ["i1"]).await;
    bench.happens("j", &["j1", "j2", "j3"]).await;
    bench.until("the other goes on", |bodies| bodies == ["i1", "j1", "j2", "j3"]).await;
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_made_again() {
    let bench = bench(&[Answer::Hang, Answer::Hang], Duration::from_millis(20), 8).await;
    bench.happens("i", &["1", "2"]).await;
    bench.until_empty().await;
    assert_eq!(bench.bodies(), ["1", "1", "1", "2"]);
}

#[tokio::test]
async fn no_more_attempts_than_allowed_are_made_at_once() {
    let bench = bench(&[Answer::Hang; 10], Duration::from_millis(50), 3).await;
    for n in 0..10 {
        bench.happens(&format!("i{n}"), &["1", "2"]).await;
    }
    bench.until_empty().await;
    assert_eq!(bench.world.most_at_once.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn address_and_token_are_those_of_the_moment() {
    // Long enough for the settings to change meanwhile.
    let bench = bench(&[Answer::Hang], Duration::from_secs(3), 8).await;
    bench.happens("i", &["1"]).await;
    bench.until("the first attempt", |bodies| bodies.len() == 1).await;
    bench.world.store.put_agent(&agent("https://a.example/mended", "new")).await.unwrap();
    bench.until_empty().await;
    let posted = bench.world.posted.lock().unwrap();
    let last = posted.last().unwrap();
    assert_eq!((last.url.as_str(), last.token.as_str()), ("https://a.example/mended", "new"));
    assert_eq!((posted[0].url.as_str(), posted[0].token.as_str()), ("https://a.example/1", "Bearer t"));
}

#[tokio::test]
async fn events_of_an_agent_that_wants_no_more_or_is_gone_are_given_up_unsent() {
    let bench = bench(&[], LONG, 8).await;
    let mut off = agent("https://a.example", "");
    off.settings.callbacks.enabled = false;
    bench.world.store.put_agent(&off).await.unwrap();
    bench.happens("i", &["1"]).await;
    bench.until_empty().await;
    assert!(bench.world.store.delete_agent(&off.id, 2).await.unwrap());
    let told = [EventRecord { name: "e".into(), body: "2".into(), at_ms: START_MS }];
    bench.world.store.finish_instance(&instance_record("i", 1).id, "crashed", 3, &told).await.unwrap();
    bench.wake.wake();
    bench.until_empty().await;
    assert_eq!(bench.bodies(), [""; 0]);
}

#[tokio::test]
async fn what_is_too_old_is_given_up() {
    let bench = bench(&[Answer::Status(500); 100], LONG, 8).await;
    bench.world.now_ms.store(START_MS + 3_600_001, Ordering::SeqCst);
    bench.happens("i", &["1", "2"]).await;
    bench.until_empty().await;
    assert_eq!(bench.bodies(), ["1", "2"]);
}

#[tokio::test]
async fn what_a_dead_process_was_sending_is_sent_by_the_next_one_when_its_lease_is_over() {
    let bench = bench(&[Answer::Hang], Duration::from_secs(5), 8).await;
    bench.happens("i", &["1", "2"]).await;
    bench.until("it is on its way", |bodies| bodies == ["1"]).await;
    bench.task.abort();
    // A node that shares the store finds it taken, and another instance's event free.
    let next = dispatch(bench.world.clone(), bench.dispatcher.clone(), bench.wake.clone(), bench.stop.subscribe());
    let next = tokio::spawn(next);
    bench.happens("j", &["j1"]).await;
    bench.until("the other is told", |bodies| bodies == ["1", "j1"]).await;
    bench.world.now_ms.store(START_MS + 15_000, Ordering::SeqCst);
    bench.wake.wake();
    bench.until_empty().await;
    assert_eq!(bench.bodies(), ["1", "j1", "1", "2"]);
    next.abort();
}

#[tokio::test]
async fn at_the_end_what_is_due_is_told_and_what_hangs_stays_stored() {
    let bench = bench(&[], LONG, 8).await;
    bench.happens("i", &["1"]).await;
    bench.until_empty().await;
    bench.world.answers.lock().unwrap().push_back(Answer::Hang);
    bench.happens("h", &["hangs"]).await;
    bench.until("it is on its way", |bodies| bodies.len() == 2).await;
    bench.happens("j", &["j1", "j2", "j3"]).await;
    bench.stop.send_replace(true);
    bench.task.await.unwrap();
    let told = bench.world.posted.lock().unwrap().iter().map(|p| p.body.clone()).collect::<Vec<_>>();
    assert_eq!(told, ["1", "hangs", "j1", "j2", "j3"]);
    assert_eq!(bench.world.store.count_events().await.unwrap(), 1);
}
