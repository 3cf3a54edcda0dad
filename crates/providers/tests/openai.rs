//! The OpenAI-compatible language model against a server that misbehaves on demand, over real sockets.
#![allow(clippy::unwrap_used)]

mod misbehaving;

use misbehaving::{KEY, Server, Step, client, send, status};
use ringline_providers::openai::{OpenAiConfig, OpenAiError, OpenAiLanguageModel, Patience};
use ringline_providers::suite::language_model::{self, Examination, question, read};
use ringline_providers::{ChatEvent, LanguageModel};
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n";

fn model(server: &Server) -> OpenAiLanguageModel {
    model_with(server, |_| {})
}

fn model_with(server: &Server, change: impl FnOnce(&mut OpenAiConfig)) -> OpenAiLanguageModel {
    let mut config = OpenAiConfig::new(&server.address, "abc");
    config.api_key = Some(KEY.into());
    config.patience.before_retry = Duration::from_millis(1);
    change(&mut config);
    OpenAiLanguageModel::with_client(config, client(), Handle::current()).unwrap()
}

fn delta(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

const DONE: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

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
    language_model::examine(&model(&server), examination).await;
    let (text, _) = read(model(&server).generate(question("größer"))).await;
    assert_eq!(text, "Sie sagten „größer“ 👋");
}

#[tokio::test]
async fn the_request_is_what_the_protocol_says() {
    let server = Server::start(|_, _| answering("ok")).await;
    let mut request = question("Is it raining?");
    request.context.instance_id = "9f1c".into();
    request.context.sentence_id = 3;
    request.context.extra_query = Some("tenant=a&b=c".into());
    assert!(read(model(&server).generate(request)).await.1.is_ok());
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
        let (text, ending) = read(model(&server).generate(question("Hello"))).await;
        assert!(ending.is_ok(), "{line}: {ending:?}");
        assert_eq!((text.as_str(), server.seen().len()), ("ok", 2));

        let server = Server::start(move |_, _| vec![status(line, "busy")]).await;
        let error = read(model(&server).generate(question("Hello"))).await.1.unwrap_err();
        assert!(error.retryable && error.message.contains(&line[..3]) && error.message.contains("busy"), "{error}");
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn refusals_are_final_and_do_not_show_the_key() {
    let body = format!("invalid key {KEY}\n{}", "long ".repeat(1_000));
    let server = Server::start(move |_, _| vec![status("401 Unauthorized", &body)]).await;
    let error = read(model(&server).generate(question("Hello"))).await.1.unwrap_err();
    assert!(!error.retryable && error.message.contains("401") && error.message.contains("invalid key"), "{error}");
    assert!(!error.message.contains(KEY) && error.message.chars().count() < 400, "{error}");
    assert_eq!(server.seen().len(), 1);
    assert!(!format!("{:?}", model(&server)).contains(KEY));
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
    let model = OpenAiLanguageModel::with_client(config, client(), Handle::current()).unwrap();
    let error = read(model.generate(question("Hello"))).await.1.unwrap_err();
    assert!(error.retryable && error.message.contains("cannot be reached") && !error.message.contains(KEY), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_fails_after_its_text() {
    let server = Server::start(|_, _| vec![send(STREAM), send(delta("Well,"))]).await;
    let (text, ending) = read(model(&server).generate(question("Hello"))).await;
    assert_eq!(text, "Well,");
    assert!(ending.unwrap_err().retryable);
    assert_eq!(server.seen().len(), 1, "text has been spoken, so it is not asked again");
}

#[tokio::test]
async fn a_reason_for_the_end_is_as_good_as_done() {
    let end = "data: {\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"length\"}]}";
    let server = Server::start(move |_, _| vec![send(STREAM), send(delta("Yes")), send(end)]).await;
    let (text, ending) = read(model(&server).generate(question("Hello"))).await;
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
    assert_eq!(read(model(&server).generate(question("Hello"))).await.0, "All at once.");
}

#[tokio::test]
async fn an_error_inside_the_stream_fails_the_answer() {
    let server = Server::start(|_, _| {
        vec![send(STREAM), send(delta("Well")), send("data: {\"error\":{\"message\":\"out of memory\"}}\n\n")]
    })
    .await;
    let (text, ending) = read(model(&server).generate(question("Hello"))).await;
    assert_eq!(text, "Well");
    assert!(ending.unwrap_err().message.contains("out of memory"));

    let server = Server::start(|_, _| vec![send(STREAM), send("data: <html>\n\n")]).await;
    assert!(read(model(&server).generate(question("Hello"))).await.1.is_err());
}

#[tokio::test]
async fn silence_before_and_within_an_answer_fails_it() {
    let quick = |config: &mut OpenAiConfig| {
        let short = Duration::from_millis(50);
        config.patience = Patience { first_byte: short, idle: short, ..config.patience };
    };
    for steps in [vec![], vec![send(STREAM)], vec![send(STREAM), send(delta("Hm"))]] {
        let server = Server::start(move |_, _| [steps.clone(), vec![Step::Stall]].concat()).await;
        let error = read(model_with(&server, quick).generate(question("Hello"))).await.1.unwrap_err();
        assert!(error.retryable, "{error}");
    }
}

#[tokio::test]
async fn endless_lines_and_answers_fail() {
    let server =
        Server::start(|_, _| vec![send(STREAM), send("data: "), send("x".repeat(300 * 1024)), Step::Stall]).await;
    assert!(!read(model(&server).generate(question("Hello"))).await.1.unwrap_err().retryable);

    let server = Server::start(|_, _| {
        let lines = std::iter::repeat_n(send(delta(&"y".repeat(1_000))), 1_100);
        std::iter::once(send(STREAM)).chain(lines).chain([Step::Stall]).collect()
    })
    .await;
    let (text, ending) = read(model(&server).generate(question("Hello"))).await;
    assert!(!ending.unwrap_err().retryable);
    assert!(text.len() < 1024 * 1024);
}

#[tokio::test]
async fn leaving_an_answer_closes_its_connection() {
    let mut server = Server::start(|_, _| vec![send(STREAM), send(delta("Once upon a time")), Step::Stall]).await;
    let mut events = model(&server).generate(question("Hello"));
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
