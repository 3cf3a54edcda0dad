//! The client against servers on this machine, which stands for public and private hosts alike: `127.0.0.1` is allowed by
//! configuration, `127.0.0.2` is not.

#![allow(clippy::unwrap_used)]

use super::*;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ALLOWED: &str = "127.0.0.1";
const REFUSED: &str = "127.0.0.2";
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";

/// Answers lookups in turn, the last one for good.
struct Scripted(Mutex<Vec<Vec<IpAddr>>>);

impl Lookup for Scripted {
    fn addresses(&self, _name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}

fn outward(answers: &[&[&str]]) -> Outward {
    let answers = answers.iter().map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect()).collect();
    let config = OutwardConfig { allow: vec!["127.0.0.1/32".parse().unwrap()], allow_http: true };
    Outward::with_lookup(&config, Arc::new(Scripted(Mutex::new(answers)))).unwrap()
}

fn strict() -> Outward {
    Outward::new(&OutwardConfig { allow: Vec::new(), allow_http: true }).unwrap()
}

/// A server that gives every connection to `serve` when the head of its request is there.
async fn server<F, S>(address: SocketAddr, serve: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream, String) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            tokio::spawn(serve(stream, String::from_utf8(head).unwrap()));
        }
    });
    (address, connections)
}

async fn answering(text: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    answering_at(format!("{ALLOWED}:0").parse().unwrap(), text).await
}

async fn answering_at(address: SocketAddr, text: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    server(address, move |mut stream, _| async move {
        stream.write_all(text.as_bytes()).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn what_an_allowed_host_sends_arrives() {
    let (address, _) = answering(OK).await;
    let got = outward(&[&[ALLOWED]]).get(&format!("http://host.test:{}/a.wav", address.port()), 2, PATIENCE).await;
    assert_eq!(got, Ok(b"hi".to_vec()));
}

#[test]
fn an_address_in_the_url_is_refused_however_it_is_written() {
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[fe80::1]",
        "[fd00::1]",
        "[64:ff9b::a00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
    ] {
        assert_eq!(strict().check(&format!("http://{host}/x")), Err(OutwardError::Refused), "{host}");
    }
}

#[test]
fn what_a_url_may_be_is_said_without_resolving_it() {
    let check = |url: &str| strict().check(url).map(String::from);
    assert_eq!(check("HTTPS://Example.com/a?b=c#part"), Ok("https://example.com/a?b=c".to_owned()));
    for good in ["http://example.com", "http://example.com:8080/", "https://8.8.8.8:443/", "http://[2606:4700::1]/"] {
        assert!(check(good).is_ok(), "{good}");
    }
    let long = format!("http://example.com/{}", "x".repeat(MAX_URL));
    for bad in [
        "",
        "example.com/a",
        "ftp://example.com/",
        "file:///etc/passwd",
        "oss://bucket/a",
        "http://user@example.com/",
        "http://:secret@example.com/",
        "http://example.com:25/",
        "https://example.com:1023/",
        "http:///",
        "data:,x",
        &long,
    ] {
        assert!(matches!(check(bad), Err(OutwardError::Url(_))), "{bad}: {:?}", check(bad));
    }
    let only_https = Outward::new(&OutwardConfig { allow: Vec::new(), allow_http: false }).unwrap();
    assert!(only_https.check("https://example.com/").is_ok());
    assert!(matches!(only_https.check("http://example.com/"), Err(OutwardError::Url(_))));
}

#[tokio::test]
async fn every_way_to_ask_checks_the_url() {
    let (outward, url) = (strict(), "http://127.0.0.1:8080/");
    assert_eq!(outward.get(url, 1, PATIENCE).await, Err(OutwardError::Refused));
    assert_eq!(outward.post_json(url, None, Vec::new(), PATIENCE).await, Err(OutwardError::Refused));
    assert_eq!(outward.client_for(url).map(drop), Err(OutwardError::Refused));
}

#[tokio::test]
async fn a_name_of_this_machine_is_refused_after_its_resolution() {
    let (address, connections) = answering(OK).await;
    let got = strict().get(&format!("http://localhost:{}/", address.port()), 2, PATIENCE).await;
    assert_eq!(got, Err(OutwardError::Refused));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_a_name_with_allowed_and_refused_addresses_only_the_allowed_are_connected_to() {
    let (good, _) = answering(OK).await;
    let bad = SocketAddr::new(REFUSED.parse().unwrap(), good.port());
    let (_, connections) = answering_at(bad, OK).await;
    let url = format!("http://host.test:{}/", good.port());
    assert_eq!(outward(&[&[REFUSED, ALLOWED]]).get(&url, 2, PATIENCE).await, Ok(b"hi".to_vec()));
    assert_eq!(outward(&[&[REFUSED, "10.0.0.1", "::1"]]).get(&url, 2, PATIENCE).await, Err(OutwardError::Refused));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_is_rebound_to_a_private_address_is_refused() {
    let (good, _) = answering(OK).await;
    let bad = SocketAddr::new(REFUSED.parse().unwrap(), good.port());
    let (_, connections) = answering_at(bad, OK).await;
    let outward = outward(&[&[ALLOWED], &[REFUSED]]);
    let url = format!("http://host.test:{}/", good.port());
    assert!(outward.get(&url, 2, PATIENCE).await.is_ok());
    assert_eq!(outward.get(&url, 2, PATIENCE).await, Err(OutwardError::Refused));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (target, reached) = answering(OK).await;
    let (address, _) = server(format!("{ALLOWED}:0").parse().unwrap(), move |mut stream, _| async move {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: http://{target}/\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let outward = outward(&[&[ALLOWED]]);
    assert_eq!(outward.get(&format!("http://{address}/"), 2, PATIENCE).await, Err(OutwardError::Status(302)));
    let posted = outward.post_json(&format!("http://{address}/"), None, Vec::new(), PATIENCE).await;
    assert_eq!(posted, Ok(StatusCode::FOUND));
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_ends_at_its_limit_whether_announced_or_not() {
    let (announced, _) = answering("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
    let outward = outward(&[&[ALLOWED]]);
    let too_large = Err(OutwardError::TooLarge { limit: 1000 });
    assert_eq!(outward.get(&format!("http://{announced}/"), 1000, PATIENCE).await, too_large);

    let (endless, _) = server(format!("{ALLOWED}:0").parse().unwrap(), |mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 100]).await.is_ok() {}
    })
    .await;
    assert_eq!(outward.get(&format!("http://{endless}/"), 1000, PATIENCE).await, too_large);
    let posted = outward.post_json(&format!("http://{endless}/"), None, Vec::new(), PATIENCE).await;
    assert_eq!(posted, Ok(StatusCode::OK), "a status is an answer, however long its body");
}

#[tokio::test]
async fn slow_answers_end_with_the_time_out() {
    let (silent, _) = server(format!("{ALLOWED}:0").parse().unwrap(), |stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let (dripping, _) = server(format!("{ALLOWED}:0").parse().unwrap(), |mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let (outward, short) = (outward(&[&[ALLOWED]]), Duration::from_millis(200));
    for address in [silent, dripping] {
        assert_eq!(outward.get(&format!("http://{address}/"), 1 << 20, short).await, Err(OutwardError::Timeout));
    }
    let posted = outward.post_json(&format!("http://{silent}/"), None, Vec::new(), short).await;
    assert_eq!(posted, Err(OutwardError::Timeout));
}

#[tokio::test]
async fn an_answer_with_too_many_headers_is_none() {
    let (address, _) = server(format!("{ALLOWED}:0").parse().unwrap(), |mut stream, _| async move {
        let answer = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let got = outward(&[&[ALLOWED]]).get(&format!("http://{address}/"), 1000, PATIENCE).await;
    assert!(matches!(got, Err(OutwardError::Unreachable(_))), "{got:?}");
}

#[tokio::test]
async fn a_post_carries_the_authorization_as_it_was_configured() {
    let (heard, mut head) = tokio::sync::mpsc::channel(1);
    let (address, _) = server(format!("{ALLOWED}:0").parse().unwrap(), move |mut stream, head| {
        let heard = heard.clone();
        async move {
            stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            heard.send(head).await.unwrap();
        }
    })
    .await;
    let outward = outward(&[&[ALLOWED]]);
    let url = format!("http://{address}/hook");
    let posted = outward.post_json(&url, Some("Bearer  a b"), b"{}".to_vec(), PATIENCE).await;
    assert_eq!(posted, Ok(StatusCode::SERVICE_UNAVAILABLE));
    let head = head.recv().await.unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer  a b\r\n"), "{head}");
    assert!(head.contains("content-type: application/json; charset=utf-8\r\n"), "{head}");
    assert!(head.contains(concat!("user-agent: Ringline/", env!("CARGO_PKG_VERSION"), "\r\n")), "{head}");
    let wrong = outward.post_json(&url, Some("a\r\nHost: b"), Vec::new(), PATIENCE).await;
    assert_eq!(wrong, Err(OutwardError::Authorization));
}

#[tokio::test]
async fn errors_hold_nothing_of_the_url() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let outward = outward(&[&[ALLOWED], &[REFUSED]]);
    for _ in 0..2 {
        let url = format!("http://secret.test:{port}/secret?Signature=secret");
        let error = outward.get(&url, 1, PATIENCE).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let error = outward.check("gopher://secret/secret?secret").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn at_most_so_many_downloads_run_at_once() {
    let (address, connections) = server(format!("{ALLOWED}:0").parse().unwrap(), |stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let outward = outward(&[&[ALLOWED]]);
    let url = format!("http://{address}/");
    let downloads: Vec<_> = (0..GETS)
        .map(|_| {
            let (outward, url) = (outward.clone(), url.clone());
            tokio::spawn(async move { outward.get(&url, 1, PATIENCE).await })
        })
        .collect();
    while connections.load(Ordering::SeqCst) < GETS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(outward.get(&url, 1, Duration::from_millis(100)).await, Err(OutwardError::Timeout));
    assert_eq!(connections.load(Ordering::SeqCst), GETS, "the last one never connected");
    downloads.iter().for_each(tokio::task::JoinHandle::abort);
}
