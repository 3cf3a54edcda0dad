//! The same bytes go to hyper alone and through [`Framed`]: both must see the same requests and give the same answers.
//! The longest target is set so low that nearly every query takes the way around.

use super::*;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const LIMITS: HeadLimits = HeadLimits { head: 4096, target: 90 };

/// What each request said and what came back, without dates.
#[derive(Debug, PartialEq)]
struct Seen {
    requests: Vec<String>,
    answer: String,
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, waiting: Waiting) -> Vec<String> {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let (waiting, seen) = (waiting.clone(), seen.clone());
        async move {
            if let Err(refusal) = waiting.complete(&mut request) {
                return Ok::<_, Infallible>(*refusal);
            }
            let (head, body) = request.into_parts();
            let query = whole_query(&head.uri, &head.extensions).to_owned();
            let body = axum::body::to_bytes(Body::new(body), 1 << 20).await;
            let body = body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or("broken".into());
            let headers: Vec<_> = head.headers.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            let line = format!("{} {}?{query} {headers:?} {body}", head.method, head.uri.path());
            seen.lock().unwrap().push(line.clone());
            Ok(line.into_response())
        }
    });
    let _outcome = hyper::server::conn::http1::Builder::new()
        .max_buf_size(1 << 20)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    let requests = requests.lock().unwrap();
    requests.clone()
}

/// Sends the input in pieces of `step` bytes, then nothing more.
async fn exchange(input: &[u8], step: usize, framed: bool) -> Seen {
    let (client, server) = tokio::io::duplex(1 << 16);
    let waiting = Waiting::default();
    let server = tokio::spawn(async move {
        match framed {
            true => serve(Framed::new(server, LIMITS, 7, waiting.clone()), waiting).await,
            false => serve(server, waiting).await,
        }
    });
    let (mut reader, mut writer) = tokio::io::split(client);
    let input = input.to_vec();
    let sending = tokio::spawn(async move {
        for piece in input.chunks(step) {
            if writer.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        writer.shutdown().await.ok();
    });
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).await.unwrap();
    sending.await.unwrap();
    Seen { requests: server.await.unwrap(), answer: String::from_utf8_lossy(&answer).into_owned() }
}

/// Every request follows the ones before it on one connection, so whoever loses count sees something else.
#[tokio::test]
async fn framed_and_alone_hyper_sees_the_same_requests() {
    let query = "q=".to_owned() + &"x".repeat(150);
    let inner = format!("GET /inner?{query} HTTP/1.1\r\n\r\n");
    let length = inner.len();
    let requests = [
        format!("GET /a?{query} HTTP/1.1\r\nhost: h\r\n\r\n"),
        format!("POST /b?{query} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{inner}"),
        format!("POST /c?{query} HTTP/1.1\r\nContent-Length:\t{length} \r\n\r\n{inner}"),
        format!("\r\nGET /d?{query} HTTP/1.1\n\n"),
        format!("GET /e?{query} HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
        format!("PUT http://h/f?{query} HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx"),
        format!("POST /g?{query} HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"),
        format!("POST /h HTTP/1.1\r\ncontent-length: {length}\r\ncontent-length: {length}\r\n\r\n{inner}"),
        "POST /i HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd".to_owned(),
        "POST /j HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n".to_owned(),
        "POST /k HTTP/1.1\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        "POST /l HTTP/1.1\r\ncontent-length: -1\r\n\r\na".to_owned(),
        "POST /m HTTP/1.1\r\ncontent-length: 0x1\r\n\r\na".to_owned(),
        "POST /n HTTP/1.1\r\ncontent-length : 1\r\n\r\na".to_owned(),
        "POST /o HTTP/1.1\r\nx: a\r\n folded: b\r\n\r\n".to_owned(),
        "POST /p HTTP/1.1\r\nx y: a\r\n\r\n".to_owned(),
        "GET /q HTTP/1.1\rx: y\r\n\r\n".to_owned(),
        "GET  /r  HTTP/1.1\r\n\r\n".to_owned(),
        "GET /s HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /t HTTP/1.1\r\nupgrade: h2c\r\n\r\n".to_owned(),
        "\r\n\r\n\r\n".to_owned(),
        "GET /u?\u{e4} HTTP/1.1\r\n\r\n".to_owned(),
        "GET /v?a#b HTTP/1.1\r\n\r\n".to_owned(),
        "POST /w HTTP/1.1\r\ncontent-length: 100\r\n\r\ncut off".to_owned(),
        "GET /x?cut".to_owned(),
    ];
    for request in &requests {
        for neighbour in &requests[..8] {
            let input = format!("{neighbour}{request}{}", requests[0]);
            let alone = exchange(input.as_bytes(), usize::MAX, false).await;
            for step in [usize::MAX, 11] {
                assert_eq!(exchange(input.as_bytes(), step, true).await, alone, "in steps of {step}: {input:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_answered_with_the_envelope() {
    for (head, status) in [
        (format!("GET /?{} HTTP/1.1\r\n\r\n", "x".repeat(5000)), "414"),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(5000)), "431"),
    ] {
        let input = format!("GET /first HTTP/1.1\r\n\r\n{head}GET /never HTTP/1.1\r\n\r\n");
        let seen = exchange(input.as_bytes(), 100, true).await;
        assert_eq!(seen.requests.len(), 1);
        let (_, refusal) = seen.answer.rsplit_once("HTTP/1.1 ").unwrap();
        assert!(refusal.starts_with(status) && refusal.contains("connection: close"), "{refusal}");
        assert!(refusal.contains("\"Code\":\"RequestTooLarge\"") && refusal.contains("\"RequestId\""), "{refusal}");
    }
}

/// The query is held back until it has ended, so hyper sees nothing of a head that comes too slowly.
#[tokio::test]
async fn a_head_that_does_not_end_in_time_is_cut_off_wherever_it_stops() {
    let begun = format!("GET /?{}", "x".repeat(200));
    let first = "GET /first HTTP/1.1\r\nhost: h\r\n\r\n".to_owned();
    for sent in [String::new(), begun.clone(), format!("{begun} HTTP/1.1\r\nhost"), format!("{first}{begun}")] {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(async move {
            let waiting = Waiting::default();
            let framed = Framed::new(server, LIMITS, 7, waiting.clone());
            let service = hyper::service::service_fn(|_: Request<Incoming>| async {
                Ok::<_, Infallible>("seen".into_response())
            });
            let http = super::super::http::http1(LIMITS.head, std::time::Duration::from_millis(100));
            let _outcome = http.serve_connection(TokioIo::new(framed), service).await;
        });
        client.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // The client says nothing more and does not hang up: whoever ends this is the server.
        let ended = tokio::time::timeout(std::time::Duration::from_secs(30), client.read_to_end(&mut answer)).await;
        ended.unwrap_or_else(|_| panic!("still waiting after {sent:?}")).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.contains("seen"), sent.starts_with(&first), "{answer}");
        serving.await.unwrap();
    }
}
