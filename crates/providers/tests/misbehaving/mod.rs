//! A server that misbehaves on demand, over real sockets.
#![allow(dead_code, clippy::unwrap_used, reason = "not every test needs all of it")]

use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub const KEY: &str = "sk-very-secret";

/// What a server does with a request, in order; then it closes the connection.
#[derive(Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Waits until the client has gone.
    Stall,
}

pub fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

#[derive(Clone, Debug)]
pub struct Seen {
    /// In lower case.
    pub head: String,
    /// Null if it is no JSON.
    pub body: Value,
    pub bytes: Vec<u8>,
}

pub struct Server {
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// One message for each connection whose client left while the server stalled.
    pub left: mpsc::Receiver<()>,
}

impl Server {
    /// `plan` gets the number of the request, from 0, and the request.
    pub async fn start(plan: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
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

    pub fn seen(&self) -> Vec<Seen> {
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
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head_end + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let bytes = bytes.split_off(head_end);
    Some(Seen { head, body: serde_json::from_slice(&bytes).unwrap_or_default(), bytes })
}

pub fn status(line: &str, body: &str) -> Step {
    let length = body.len();
    send(format!("HTTP/1.1 {line}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
}

/// A client that goes through no proxy that the environment may name.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
