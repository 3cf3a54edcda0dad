//! One kept HTTP/1.1 connection: a request out, an answer with a `Content-Length` in. A library's client would cost more
//! of the machine that is being measured.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer, in bytes; a longer one ends the run.
const MAX_ANSWER: usize = 1 << 20;

pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Host with port, and path, of an http:// address.
pub fn parts(url: &str) -> anyhow::Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").context("only http:// is spoken")?;
    Ok(rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash)))
}

impl Connection {
    pub async fn open(host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// The address of the other end.
    pub fn server(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.stream.peer_addr()?)
    }

    /// Posts a JSON text.
    pub async fn post(&mut self, host: &str, path: &str, json: &str) -> anyhow::Result<Answer> {
        let length = json.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"
        );
        self.exchange(request.as_bytes()).await
    }

    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(request).await?;
        loop {
            if let Some((answer, length)) = answer(&self.read)? {
                self.read.drain(..length);
                return Ok(answer);
            }
            if self.read.len() > MAX_ANSWER {
                bail!("an answer is longer than {MAX_ANSWER} bytes");
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

/// The first answer and its length with the head, if it is all there.
fn answer(bytes: &[u8]) -> anyhow::Result<Option<(Answer, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let status = response.code.context("an answer without status")?;
    let length: usize = match length {
        Some(length) => std::str::from_utf8(length.value)?.parse()?,
        None if status == 204 => 0,
        None => bail!("an answer without Content-Length"),
    };
    let whole = bytes.get(head..head + length.min(MAX_ANSWER));
    Ok(whole.map(|body| (Answer { status, body: body.to_vec() }, head + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let text = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1";
        for cut in 0..text.len() {
            let found = answer(&text[..cut]).expect("well-formed");
            assert_eq!(found.is_some(), cut >= 48, "{cut}");
        }
        let (found, length) = answer(text).expect("well-formed").expect("whole");
        assert_eq!((found.status, &*found.body, &text[length..]), (404, &b"abc"[..], &b"HTTP/1.1"[..]));
    }
}
