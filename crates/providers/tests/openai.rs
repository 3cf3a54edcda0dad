//! The OpenAI-compatible language model against a server that misbehaves on demand, over real sockets.
#![allow(clippy::unwrap_used)]

use ringline_providers::openai::{OpenAiConfig, OpenAiError, OpenAiLanguageModel, Patience};
use ringline_providers::suite::language_model::{self, Examination, question, read};
use ringline_providers::{ChatEvent, LanguageModel};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n";
const KEY: &str = "sk-very-secret";

/// What a server does with a request, in order; then it closes the connection.
#[derive(Clone)]
enum Step {
    Send(Vec<u8>),
    /// Waits until the client has gone.
    Stall,
}

fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

#[derive(Clone, Debug)]
struct Seen {
    head: String,
    body: Value,
}

struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// One message for each connection whose client left while the server stalled.
    left: mpsc::Receiver<()>,
}

impl Server {
    /// `plan` gets the number of the request, from 0, and the request.
    async fn start(plan: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (gone, left) = mpsc::channel(64);
        let plan = Arc::new(plan);
        tokio::spawn({
            let seen = seen.clone();
            async move {
                while let Ok((socket, _)) = listener.accept().await {
                    let (plan, seen, gone) = (plan.clone(), seen.clone(), gone.clone());
                    tokio::spawn(async move { serve(socket, &*plan, &seen, gone).await });
                }
            }
        });
        Self { address, seen, left }
    }

    fn model(&self) -> OpenAiLanguageModel {
        self.model_with(|_| {})
    }

    fn model_with(&self, change: impl FnOnce(&mut OpenAiConfig)) -> OpenAiLanguageModel {
        let mut config = OpenAiConfig::new(&self.address, "abc");
        config.api_key = Some(KEY.into());
        config.patience.before_retry = Duration::from_millis(1);
        change(&mut config);
        // Not through a proxy that the environment may name.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        OpenAiLanguageModel::with_client(config, client, Handle::current()).unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut socket: TcpStream,
    plan: &(dyn Fn(usize, &Seen) -> Vec<Step> + Send + Sync),
    seen: &Mutex<Vec<Seen>>,
    gone: mpsc::Sender<()>,
) {
    let Some(request) = request(&mut socket).await else { return };
    let n = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    socket.set_nodelay(true).unwrap();
    for step in plan(n, &request) {
        match step {
            Step::Send(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::Stall => {
                while socket.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
                gone.send(()).await.ok();
                return;
            }
        }
    }
}

async fn request(socket: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
    while bytes.len() < head_end + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { head, body: serde_json::from_slice(&bytes[head_end..]).unwrap() })
}

fn delta(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

const DONE: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn status(line: &str, body: &str) -> Step {
    let length = body.len();
    send(format!("HTTP/1.1 {line}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
}

fn answering(text: &str) -> Vec<Step> {
    vec![send(STREAM), send(delta(text)), send(DONE)]
}

#[tokio::test]
async fn a_real_service_passes_the_suite() {
    // Answers with the user's last words, in pieces cut without regard to lines or characters.
    let server = Server::start(|_, seen| {
        let last = seen.body["messages"].as_array().unwrap().last();
        let words = last.map_or("", |message| message["content"].as_str().unwrap());
        let mut body = String::from(": keep-alive\r\n\r\n");
        for word in ["Sie", " sagten", " „", &words.chars().take(300).collect::<String>(), "“", " 👋"] {
            body.push_str(&delta(word).replace('\n', "\r\n"));
        }
        body.push_str(DONE);
        std::iter::once(send(STREAM)).chain(body.as_bytes().chunks(7).map(send)).collect()
    })
    .await;
    let examination = Examination { patience: Duration::from_secs(30), repeats_itself: true };
    language_model::examine(&server.model(), examination).await;
    let (text, _) = read(server.model().generate(question("größer"))).await;
    assert_eq!(text, "Sie sagten „größer“ 👋");
}

#[tokio::test]
async fn the_request_is_what_the_protocol_says() {
    let server = Server::start(|_, _| answering("ok")).await;
    let mut request = question("Is it raining?");
    request.context.instance_id = "9f1c".into();
    request.context.sentence_id = 3;
    request.context.extra_query = Some("tenant=a&b=c".into());
    assert!(read(server.model().generate(request)).await.1.is_ok());
    let seen = &server.seen()[0];
    assert!(seen.head.starts_with("post /v1/chat/completions?tenant=a&b=c http/1.1"), "{}", seen.head);
    assert!(seen.head.contains(&format!("authorization: bearer {KEY}")), "{}", seen.head);
    assert_eq!(seen.body["model"], "abc");
    assert_eq!(seen.body["stream"], true);
    assert_eq!(seen.body["messages"][1], json!({"role": "user", "content": "Is it raining?"}));
    assert_eq!(seen.body["extendData"], json!({"instanceId": "9f1c", "channelId": "", "sentenceId": 3}));
}

#[tokio::test]
async fn busy_and_broken_services_are_asked_once_more() {
    for line in ["429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"] {
        let server = Server::start(move |n, _| if n == 0 { vec![status(line, "busy")] } else { answering("ok") }).await;
        let (text, ending) = read(server.model().generate(question("Hello"))).await;
        assert!(ending.is_ok(), "{line}: {ending:?}");
        assert_eq!((text.as_str(), server.seen().len()), ("ok", 2));

        let server = Server::start(move |_, _| vec![status(line, "busy")]).await;
        let error = read(server.model().generate(question("Hello"))).await.1.unwrap_err();
        assert!(error.retryable && error.message.contains(&line[..3]) && error.message.contains("busy"), "{error}");
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn refusals_are_final_and_do_not_show_the_key() {
    let body = format!("invalid key {KEY}\n{}", "long ".repeat(1_000));
    let server = Server::start(move |_, _| vec![status("401 Unauthorized", &body)]).await;
    let error = read(server.model().generate(question("Hello"))).await.1.unwrap_err();
    assert!(!error.retryable && error.message.contains("401") && error.message.contains("invalid key"), "{error}");
    assert!(!error.message.contains(KEY) && error.message.chars().count() < 400, "{error}");
    assert_eq!(server.seen().len(), 1);
    assert!(!format!("{:?}", server.model()).contains(KEY));
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let server = Server::start(|_, _| vec![status("307 Temporary Redirect\r\nLocation: /v1/elsewhere", "")]).await;
    let config = OpenAiConfig { api_key: Some(KEY.into()), ..OpenAiConfig::new(&server.address, "abc") };
    let model = OpenAiLanguageModel::new(config, Handle::current()).unwrap();
    assert!(!read(model.generate(question("Hello"))).await.1.unwrap_err().retryable);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn nobody_at_the_address_is_a_retryable_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1?token={KEY}", listener.local_addr().unwrap());
    drop(listener);
    let config = OpenAiConfig::new(address, "abc");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let model = OpenAiLanguageModel::with_client(config, client, Handle::current()).unwrap();
    let error = read(model.generate(question("Hello"))).await.1.unwrap_err();
    assert!(error.retryable && error.message.contains("cannot be reached") && !error.message.contains(KEY), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_fails_after_its_text() {
    let server = Server::start(|_, _| vec![send(STREAM), send(delta("Well,"))]).await;
    let (text, ending) = read(server.model().generate(question("Hello"))).await;
    assert_eq!(text, "Well,");
    assert!(ending.unwrap_err().retryable);
    assert_eq!(server.seen().len(), 1, "text has been spoken, so it is not asked again");
}

#[tokio::test]
async fn a_reason_for_the_end_is_as_good_as_done() {
    let end = "data: {\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"length\"}]}";
    let server = Server::start(move |_, _| vec![send(STREAM), send(delta("Yes")), send(end)]).await;
    let (text, ending) = read(server.model().generate(question("Hello"))).await;
    assert!(ending.is_ok(), "{ending:?}");
    assert_eq!(text, "Yes!");
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_too() {
    let body = json!({"choices": [{"message": {"content": "All at once."}, "finish_reason": "stop"}]}).to_string();
    let server = Server::start(move |_, _| {
        vec![send(format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{body}"))]
    })
    .await;
    assert_eq!(read(server.model().generate(question("Hello"))).await.0, "All at once.");
}

#[tokio::test]
async fn an_error_inside_the_stream_fails_the_answer() {
    let server = Server::start(|_, _| {
        vec![send(STREAM), send(delta("Well")), send("data: {\"error\":{\"message\":\"out of memory\"}}\n\n")]
    })
    .await;
    let (text, ending) = read(server.model().generate(question("Hello"))).await;
    assert_eq!(text, "Well");
    assert!(ending.unwrap_err().message.contains("out of memory"));

    let server = Server::start(|_, _| vec![send(STREAM), send("data: <html>\n\n")]).await;
    assert!(read(server.model().generate(question("Hello"))).await.1.is_err());
}

#[tokio::test]
async fn silence_before_and_within_an_answer_fails_it() {
    let quick = |config: &mut OpenAiConfig| {
        let short = Duration::from_millis(50);
        config.patience = Patience { first_byte: short, idle: short, ..config.patience };
    };
    for steps in [vec![], vec![send(STREAM)], vec![send(STREAM), send(delta("Hm"))]] {
        let server = Server::start(move |_, _| [steps.clone(), vec![Step::Stall]].concat()).await;
        let error = read(server.model_with(quick).generate(question("Hello"))).await.1.unwrap_err();
        assert!(error.retryable, "{error}");
    }
}

#[tokio::test]
async fn endless_lines_and_answers_fail() {
    let server =
        Server::start(|_, _| vec![send(STREAM), send("data: "), send("x".repeat(300 * 1024)), Step::Stall]).await;
    assert!(!read(server.model().generate(question("Hello"))).await.1.unwrap_err().retryable);

    let server = Server::start(|_, _| {
        let lines = std::iter::repeat_n(send(delta(&"y".repeat(1_000))), 1_100);
        std::iter::once(send(STREAM)).chain(lines).chain([Step::Stall]).collect()
    })
    .await;
    let (text, ending) = read(server.model().generate(question("Hello"))).await;
    assert!(!ending.unwrap_err().retryable);
    assert!(text.len() < 1024 * 1024);
}

#[tokio::test]
async fn leaving_an_answer_closes_its_connection() {
    let mut server = Server::start(|_, _| vec![send(STREAM), send(delta("Once upon a time")), Step::Stall]).await;
    let mut events = server.model().generate(question("Hello"));
    assert!(matches!(events.recv().await, Some(ChatEvent::Text(_))));
    drop(events);
    tokio::time::timeout(Duration::from_secs(10), server.left.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn only_web_addresses_and_sendable_keys_are_taken() {
    let refused = OpenAiLanguageModel::new(OpenAiConfig::new("file:///etc/passwd", "abc"), Handle::current());
    assert!(matches!(refused, Err(OpenAiError::Address(_))));
    let config = OpenAiConfig { api_key: Some("a\nb".into()), ..OpenAiConfig::new("http://localhost", "abc") };
    assert!(matches!(OpenAiLanguageModel::new(config, Handle::current()), Err(OpenAiError::Key)));
}
