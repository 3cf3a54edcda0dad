//! Recognition and speech over HTTP and WebSockets, against servers of these protocols on this machine.
#![allow(clippy::unwrap_used)]

mod misbehaving;

use futures_util::{SinkExt, StreamExt};
use misbehaving::{KEY, Seen, Server, Step, client, send, status};
use ringline_providers::http::{Patience, ServiceError};
use ringline_providers::scripted::speech_like;
use ringline_providers::suite::recognizer::{self, Examination, answer, open, push, recognise};
use ringline_providers::suite::synthesizer::{self, listen, saying};
use ringline_providers::{
    RecognitionEvent, RecognitionParams, Recognizer, SpeechContext, SpeechRequest, Synthesizer, openai, self_hosted,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

const PATIENCE: Duration = Duration::from_secs(30);

fn brief() -> Patience {
    Patience { before_retry: Duration::from_millis(1), ..Patience::BRIEF }
}

fn hurried() -> Patience {
    let short = Duration::from_millis(50);
    Patience { first_byte: short, idle: short, ..brief() }
}

/// Speech of so many characters at this rate, as bare samples in pieces that are cut in the middle of a sample.
fn spoken(text: &str, rate: u32, speed: f64) -> Vec<Step> {
    let ms = (text.chars().count() as f64 * 60.0 / speed) as u64;
    let samples = speech_like(text, ms, rate);
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()).collect();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nConnection: close\r\n\r\n";
    std::iter::once(send(head)).chain(bytes.chunks(4_801).map(send)).collect()
}

fn openai_voice(server: &Server, patience: Patience) -> openai::OpenAiSynthesizer {
    let config = openai::SpeechConfig {
        base_url: server.address.clone(),
        api_key: Some(KEY.into()),
        model: "tts-1".into(),
        voices: vec!["alloy".into(), "nova".into()],
        sample_rate: None,
        patience,
    };
    openai::OpenAiSynthesizer::new(config, client(), Handle::current()).unwrap()
}

fn self_hosted_voice(server: &Server, patience: Patience) -> self_hosted::SelfHostedSynthesizer {
    let config = self_hosted::SpeechConfig {
        url: server.address.clone(),
        token: Some(KEY.into()),
        voices: Vec::new(),
        sample_rate: 16_000,
        patience,
    };
    self_hosted::SelfHostedSynthesizer::new(config, client(), Handle::current()).unwrap()
}

fn openai_ear(server: &Server, patience: Patience) -> openai::OpenAiRecognizer {
    let config = openai::TranscriptionConfig {
        base_url: server.address.clone(),
        api_key: Some(KEY.into()),
        model: "whisper-1".into(),
        patience,
    };
    openai::OpenAiRecognizer::new(config, client(), Handle::current()).unwrap()
}

#[tokio::test]
async fn an_openai_voice_passes_the_suite() {
    let server = Server::start(|_, seen| {
        spoken(seen.body["input"].as_str().unwrap(), 24_000, seen.body["speed"].as_f64().unwrap())
    })
    .await;
    let examination = synthesizer::Examination { patience: PATIENCE, has_rates: true };
    synthesizer::examine(&openai_voice(&server, brief()), examination).await;
}

#[tokio::test]
async fn a_self_hosted_voice_passes_the_suite() {
    let server = Server::start(|_, seen| spoken(seen.body["Text"].as_str().unwrap(), 16_000, 1.0)).await;
    let examination = synthesizer::Examination { patience: PATIENCE, has_rates: false };
    synthesizer::examine(&self_hosted_voice(&server, brief()), examination).await;
}

#[tokio::test]
async fn a_request_for_speech_is_what_its_protocol_says() {
    let context = SpeechContext {
        instance_id: "9f1c".into(),
        channel_id: "4a7d".into(),
        sentence_id: 3,
        user_data: Some("{}".into()),
        emotion: Some("happy"),
    };
    let request = SpeechRequest { voice: Some("nova".into()), rate: 1.5, context, ..saying("Good day.") };
    let server = Server::start(|_, _| spoken("Good day.", 24_000, 1.0)).await;
    listen(openai_voice(&server, brief()).synthesise(request.clone())).await.1.unwrap();
    let seen = &server.seen()[0];
    assert!(seen.head.starts_with("post /v1/audio/speech http/1.1"), "{}", seen.head);
    assert!(seen.head.contains(&format!("authorization: bearer {KEY}")), "{}", seen.head);
    let body = json!({"model": "tts-1", "input": "Good day.", "voice": "nova", "response_format": "pcm", "speed": 1.5});
    assert_eq!(seen.body, body);

    listen(self_hosted_voice(&server, brief()).synthesise(request)).await.1.unwrap();
    let mut body = server.seen()[1].body.clone();
    let extend: Value = serde_json::from_str(body["ExtendData"].take().as_str().unwrap()).unwrap();
    assert_eq!(
        extend,
        json!({"InstanceId": "9f1c", "ChannelId": "4a7d", "SentenceId": 3, "Emotion": "happy", "UserData": "{}"})
    );
    let rest = json!({"Text": "Good day.", "VoiceId": "nova", "SampleRate": 16_000, "Token": KEY, "ExtendData": null});
    assert_eq!(body, rest);
}

#[tokio::test]
async fn speech_that_fails_says_why_and_not_with_which_key() {
    let refusal = format!("no such key {KEY}");
    let plans: Vec<(Vec<Step>, bool, &str)> = vec![
        (vec![status("401 Unauthorized", &refusal)], false, "401"),
        (vec![status("503 Service Unavailable", "busy")], true, "503"),
        (vec![status("200 OK\r\nContent-Type: application/json", &refusal)], true, "no sound"),
        (vec![status("200 OK\r\nContent-Type: audio/pcm", "")], true, "no sound"),
        (vec![Step::Stall], true, "in time"),
        ([spoken("Hm", 16_000, 1.0), vec![Step::Stall]].concat(), true, "stopped coming"),
    ];
    for (plan, retryable, words) in plans {
        let server = Server::start(move |_, _| plan.clone()).await;
        let voices: [Box<dyn Synthesizer>; 2] =
            [Box::new(openai_voice(&server, hurried())), Box::new(self_hosted_voice(&server, hurried()))];
        for voice in voices {
            let error = listen(voice.synthesise(saying("Good day."))).await.1.unwrap_err();
            assert!(error.retryable == retryable && error.message.contains(words), "{error}");
            assert!(!error.message.contains(KEY), "{error}");
        }
    }
}

/// As many words as seconds were heard.
fn transcript(seconds: usize) -> String {
    vec!["word"; seconds].join(" ")
}

/// The samples of the WAV file in a form.
fn file(seen: &Seen) -> &[u8] {
    let at = seen.bytes.windows(4).position(|four| four == b"RIFF").unwrap();
    let length = u32::from_le_bytes(seen.bytes[at + 40..at + 44].try_into().unwrap()) as usize;
    &seen.bytes[at + 44..at + 44 + length]
}

#[tokio::test]
async fn an_openai_ear_passes_the_suite() {
    let server = Server::start(|_, seen| {
        let text = transcript(file(seen).len() / 32_000);
        vec![status("200 OK", &json!({"text": format!(" {text} ")}).to_string())]
    })
    .await;
    let speech = speech_like("anything", 3_000, 16_000);
    let examination = Examination { speech: &speech, patience: PATIENCE, repeats_itself: true };
    recognizer::examine(&openai_ear(&server, brief()), examination).await;
}

#[tokio::test]
async fn a_request_for_a_text_is_what_its_protocol_says() {
    let server = Server::start(|_, _| vec![status("200 OK", r#"{"text":"Good day."}"#)]).await;
    let (events, mut receiver) = tokio::sync::mpsc::channel(8);
    let params = RecognitionParams {
        language: Some("jp".into()),
        hot_words: vec!["Ringline".into(), "Ava".into()],
        expected: vec!["Okay".into()],
        custom: None,
    };
    let mut utterance = openai_ear(&server, brief()).open(params, events);
    push(&mut *utterance, &[0.5; 16_000]);
    utterance.transcribe(1);
    assert_eq!(answer(&mut receiver).await.1.unwrap(), "Good day.");
    let seen = &server.seen()[0];
    assert!(seen.head.starts_with("post /v1/audio/transcriptions http/1.1"), "{}", seen.head);
    assert!(seen.head.contains(&format!("authorization: bearer {KEY}")), "{}", seen.head);
    assert_eq!(file(seen).len(), 32_000);
    let form = String::from_utf8_lossy(&seen.bytes).into_owned();
    for (name, value) in [("model", "whisper-1"), ("language", "ja"), ("prompt", "Ringline, Ava, Okay")] {
        assert!(form.contains(&format!("name=\"{name}\"\r\n\r\n{value}\r\n")), "{name}");
    }
}

#[tokio::test]
async fn a_text_that_fails_says_why_and_not_with_which_key() {
    let refusal = format!("no such key {KEY}");
    let plans: Vec<(Vec<Step>, bool, &str)> = vec![
        (vec![status("401 Unauthorized", &refusal)], false, "401"),
        (vec![status("503 Service Unavailable", "busy")], true, "503"),
        (vec![status("200 OK", &refusal)], true, "no JSON"),
        (vec![Step::Stall], true, "in time"),
    ];
    for (plan, retryable, words) in plans {
        let server = Server::start(move |_, _| plan.clone()).await;
        let ear = openai_ear(&server, hurried());
        let (mut utterance, mut events) = open(&ear, 8);
        push(&mut *utterance, &[0.5; 16_000]);
        utterance.transcribe(9);
        let (revision, text) = answer(&mut events).await;
        let error = text.unwrap_err();
        assert!(revision == 9 && error.retryable == retryable && error.message.contains(words), "{error}");
        assert!(!error.message.contains(KEY), "{error}");
    }
}

/// A recogniser of the vendor's protocol: a partial text for each second, and a final one at the end.
struct EarServer {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    NeverFinal,
    HangsUp,
}

impl EarServer {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/asr?region=eu", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(listen_to(socket, manner, seen.clone()));
            }
        });
        Self { url, asked }
    }

    fn ear(&self) -> self_hosted::SelfHostedRecognizer {
        let config = self_hosted::RecognitionConfig {
            url: self.url.clone(),
            api_key: Some(KEY.into()),
            params: Some("domain=hotel".into()),
        };
        self_hosted::SelfHostedRecognizer::new(config, client(), Handle::current()).unwrap()
    }
}

#[allow(clippy::result_large_err, reason = "the library's callback has it so")]
async fn listen_to(socket: TcpStream, manner: Manner, seen: Arc<Mutex<Vec<String>>>) {
    let note = |request: &Request, response: Response| {
        seen.lock().unwrap().push(request.uri().to_string());
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(socket, note).await else { return };
    let (mut bytes, mut told) = (0, 0);
    while let Some(Ok(message)) = socket.next().await {
        let seconds = bytes / 32_000;
        let answer = match message {
            Message::Binary(audio) => {
                bytes += audio.len();
                if manner == Manner::HangsUp {
                    return;
                }
                if seconds == told {
                    continue;
                }
                told = seconds;
                json!({"type": "partial", "text": transcript(seconds)})
            }
            Message::Text(text) => {
                assert_eq!(text.as_str(), r#"{"type":"end"}"#);
                if manner == Manner::NeverFinal {
                    continue;
                }
                json!({"type": "final", "text": transcript(seconds), "begin": 0, "end": 1000})
            }
            _ => continue,
        };
        if socket.send(Message::text(answer.to_string())).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_self_hosted_ear_passes_the_suite() {
    let server = EarServer::start(Manner::Good).await;
    let speech = speech_like("anything", 3_000, 16_000);
    let examination = Examination { speech: &speech, patience: PATIENCE, repeats_itself: true };
    recognizer::examine(&server.ear(), examination).await;
}

#[tokio::test]
async fn a_session_is_signed_and_gives_partial_texts_while_the_user_speaks() {
    let server = EarServer::start(Manner::Good).await;
    let (mut utterance, mut events) = open(&server.ear(), 64);
    push(&mut *utterance, &vec![0.5; 40_000]);
    match tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
        RecognitionEvent::Interim { text } => assert!(!text.is_empty()),
        other => panic!("{other:?}"),
    }
    let asked = server.asked.lock().unwrap()[0].clone();
    let url = reqwest::Url::parse(&format!("ws://host{asked}")).unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().collect();
    assert_eq!((&*query["region"], &*query["domain"]), ("eu", "hotel"));
    assert_eq!(query["session_id"].len(), 32);
    // 32 bytes in base64.
    assert_eq!(query["token"].len(), 44);
    assert!(!asked.contains(KEY));
}

#[tokio::test]
async fn a_call_has_parameters_of_its_own() {
    let server = EarServer::start(Manner::Good).await;
    let (events, mut receiver) = tokio::sync::mpsc::channel(8);
    let params = RecognitionParams {
        language: Some("zh_mandarin".into()),
        custom: Some("domain=bank".into()),
        ..RecognitionParams::default()
    };
    let mut utterance = server.ear().open(params, events);
    push(&mut *utterance, &[0.5; 16_000]);
    utterance.transcribe(1);
    answer(&mut receiver).await.1.unwrap();
    let asked = server.asked.lock().unwrap()[0].clone();
    assert!(asked.contains("domain=bank") && asked.contains("language=cn") && !asked.contains("hotel"), "{asked}");
}

#[tokio::test]
async fn a_session_that_breaks_is_made_anew_for_the_text_or_fails() {
    let server = EarServer::start(Manner::HangsUp).await;
    let (mut utterance, mut events) = open(&server.ear(), 8);
    push(&mut *utterance, &[0.5; 16_000]);
    utterance.transcribe(2);
    let (revision, text) = tokio::time::timeout(PATIENCE, answer(&mut events)).await.unwrap();
    assert!(revision == 2 && text.is_err_and(|error| error.retryable));
}

#[tokio::test]
async fn a_final_text_that_does_not_come_is_a_failure() {
    let server = EarServer::start(Manner::NeverFinal).await;
    let (mut utterance, mut events) = open(&server.ear(), 8);
    push(&mut *utterance, &[0.5; 16_000]);
    utterance.transcribe(2);
    let (_, text) = tokio::time::timeout(PATIENCE, answer(&mut events)).await.unwrap();
    assert!(text.unwrap_err().message.contains("in time"));
}

#[tokio::test]
async fn who_is_no_recogniser_is_named_so() {
    let server = Server::start(|_, _| vec![status("404 Not Found", "")]).await;
    let config =
        self_hosted::RecognitionConfig { url: server.address.replace("http", "ws"), api_key: None, params: None };
    let ear = self_hosted::SelfHostedRecognizer::new(config.clone(), client(), Handle::current()).unwrap();
    let (mut utterance, mut events) = open(&ear, 8);
    push(&mut *utterance, &[0.5; 16_000]);
    utterance.transcribe(2);
    assert!(answer(&mut events).await.1.is_err_and(|error| !error.retryable && error.message.contains("404")));
    let config = self_hosted::RecognitionConfig { url: "asr.example".into(), ..config };
    let refused = self_hosted::SelfHostedRecognizer::new(config, client(), Handle::current());
    assert!(matches!(refused, Err(ServiceError::Address(_))));
    assert_eq!(recognise(&ear, &[], PATIENCE).await, "");
}
