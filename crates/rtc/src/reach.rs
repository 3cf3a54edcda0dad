//! Whether media would get through: questions to our own port as a client's network would carry them, and to TURN servers.
//!
//! [`udp`] and [`tcp`] ask a hub for nothing but an answer (STUN, RFC 8489); [`turn`] has a TURN server (RFC 8656) allocate a
//! relayed address with the client's credentials, and gives it back.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::stun::{self, HEADER, MAGIC, USERNAME, XOR_MAPPED_ADDRESS};

/// A question over UDP is asked again after so long.
const AGAIN: Duration = Duration::from_millis(250);
const BINDING: u16 = 0x0001;
const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const SUCCESS: u16 = 0x0100;
const FAILURE: u16 = 0x0110;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const LIFETIME: u16 = 0x000d;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const SOFTWARE: u16 = 0x8022;
/// Long enough for the longest answer: one that is longer than its question is not given.
const NAME: &[u8] = b"ringline, looking whether you are there";
/// Protocol number of UDP.
const OVER_UDP: [u8; 4] = [17, 0, 0, 0];

/// An answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// From the question to the answer.
    pub after: Duration,
    /// What the other side sees us as; for TURN, the address it allocated.
    pub address: SocketAddr,
}

/// How a TURN server is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

/// Asks the hub at `target` over UDP.
///
/// # Errors
/// No answer within `patience`, or the network refuses.
pub async fn udp(target: SocketAddr, patience: Duration) -> io::Result<Reached> {
    let mut line = Line::open(target, Transport::Udp, patience).await?;
    binding(&mut line).await
}

/// As [`udp`], over TCP with the framing of ICE (RFC 4571).
///
/// # Errors
/// As [`udp`].
pub async fn tcp(target: SocketAddr, patience: Duration) -> io::Result<Reached> {
    let mut line = Line::open(target, Transport::Tcp, patience).await?;
    line.framed = true;
    binding(&mut line).await
}

async fn binding(line: &mut Line) -> io::Result<Reached> {
    let began = Instant::now();
    let answer = line.ask(&Message::new(BINDING).with(SOFTWARE, NAME).finish(None)).await?;
    let address = stun::read_address(&answer, XOR_MAPPED_ADDRESS).ok_or_else(|| other("the answer has no address"))?;
    Ok(Reached { after: began.elapsed(), address })
}

/// Has a TURN server allocate an address and gives it back.
///
/// # Errors
/// No answer within `patience` for each question, or the server refuses, in its own words.
pub async fn turn(
    server: SocketAddr,
    transport: Transport,
    user: &str,
    password: &str,
    patience: Duration,
) -> io::Result<Reached> {
    allocate(&mut Line::open(server, transport, patience).await?, user, password).await
}

/// As [`turn`], over a stream that is there: one in TLS, whose owner has looked at the certificate.
///
/// # Errors
/// As [`turn`].
pub async fn turn_over(
    stream: impl Stream + 'static,
    user: &str,
    password: &str,
    patience: Duration,
) -> io::Result<Reached> {
    allocate(&mut Line { way: Way::Stream(Box::new(stream)), framed: false, patience }, user, password).await
}

async fn allocate(line: &mut Line, user: &str, password: &str) -> io::Result<Reached> {
    let began = Instant::now();
    // Without credentials first, as clients do: the refusal names the realm.
    let refusal = line.ask(&Message::new(ALLOCATE).with(REQUESTED_TRANSPORT, &OVER_UDP).finish(None)).await?;
    if kind(&refusal) != ALLOCATE | FAILURE {
        return Err(other("it asks for no credentials: anybody may relay through it"));
    }
    let (Some(realm), Some(nonce)) = (stun::attribute(&refusal, REALM), stun::attribute(&refusal, NONCE)) else {
        return Err(refused(&refusal));
    };
    let key = Md5::digest([user.as_bytes(), b":", realm, b":", password.as_bytes()].concat());
    let signed = |message: Message| {
        message.with(USERNAME, user.as_bytes()).with(REALM, realm).with(NONCE, nonce).finish(Some(&key[..]))
    };
    let answer = line.ask(&signed(Message::new(ALLOCATE).with(REQUESTED_TRANSPORT, &OVER_UDP))).await?;
    if kind(&answer) != ALLOCATE | SUCCESS {
        return Err(refused(&answer));
    }
    let after = began.elapsed();
    let address = stun::read_address(&answer, XOR_RELAYED_ADDRESS).ok_or_else(|| other("it allocated no address"))?;
    // It would be given back by itself in ten minutes.
    line.ask(&signed(Message::new(REFRESH).with(LIFETIME, &[0; 4]))).await.ok();
    Ok(Reached { after, address })
}

fn other(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

fn refused(answer: &[u8]) -> io::Error {
    match stun::attribute(answer, ERROR_CODE) {
        Some([_, _, class, number, reason @ ..]) => {
            let code = u32::from(class & 7) * 100 + u32::from(*number);
            other(&format!("it refuses: {code} {}", String::from_utf8_lossy(reason)))
        }
        _ => other("it refuses"),
    }
}

fn kind(message: &[u8]) -> u16 {
    u16::from_be_bytes([message[0], message[1]])
}

/// A request being written.
struct Message(Vec<u8>);

impl Message {
    fn new(method: u16) -> Self {
        let mut bytes = method.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend(MAGIC);
        bytes.extend(rand::random::<[u8; 12]>());
        Self(bytes)
    }

    fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(kind.to_be_bytes());
        self.0.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// With its length, and its integrity if there is a key.
    fn finish(mut self, key: Option<&[u8]>) -> Vec<u8> {
        let Some(key) = key else {
            self.set_length(0);
            return self.0;
        };
        self.set_length(24);
        let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any length is a key");
        mac.update(&self.0);
        let mac = mac.finalize().into_bytes();
        self.with(MESSAGE_INTEGRITY, &mac).0
    }

    fn set_length(&mut self, more: usize) {
        let length = u16::try_from(self.0.len() - HEADER + more).unwrap_or(u16::MAX);
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// A way to one server.
struct Line {
    way: Way,
    /// Each message has its length before it.
    framed: bool,
    patience: Duration,
}

enum Way {
    Udp(UdpSocket),
    Stream(Box<dyn Stream>),
}

/// What TURN can run over besides UDP.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Line {
    async fn open(target: SocketAddr, transport: Transport, patience: Duration) -> io::Result<Self> {
        let way = match transport {
            Transport::Udp => {
                let any: SocketAddr = match target {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(target).await?;
                Way::Udp(socket)
            }
            Transport::Tcp => {
                let stream = timeout(patience, TcpStream::connect(target)).await.map_err(|_| too_late())??;
                Way::Stream(Box::new(stream))
            }
        };
        Ok(Self { way, framed: false, patience })
    }

    /// The answer to a request; to others there is none.
    async fn ask(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        let (framed, patience) = (self.framed, self.patience);
        let answer = async {
            match &mut self.way {
                Way::Udp(socket) => over_udp(socket, request).await,
                Way::Stream(stream) => over_stream(stream, request, framed).await,
            }
        };
        timeout(patience, answer).await.map_err(|_| too_late())?
    }
}

async fn over_udp(socket: &UdpSocket, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 2048];
    loop {
        socket.send(request).await?;
        let received = timeout(AGAIN, async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                if is_answer(&buffer[..length], request) {
                    return Ok::<_, io::Error>(length);
                }
            }
        });
        if let Ok(length) = received.await {
            return Ok(buffer[..length?].to_vec());
        }
    }
}

async fn over_stream(stream: &mut dyn Stream, request: &[u8], framed: bool) -> io::Result<Vec<u8>> {
    if framed {
        stream.write_u16(u16::try_from(request.len()).unwrap_or(u16::MAX)).await?;
    }
    stream.write_all(request).await?;
    stream.flush().await?;
    if framed {
        stream.read_u16().await?;
    }
    let mut answer = vec![0; HEADER];
    stream.read_exact(&mut answer).await?;
    let length = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
    answer.resize(HEADER + length, 0);
    stream.read_exact(&mut answer[HEADER..]).await?;
    if is_answer(&answer, request) { Ok(answer) } else { Err(other("what answers is no STUN server")) }
}

fn is_answer(message: &[u8], request: &[u8]) -> bool {
    message.len() >= HEADER && message[4..HEADER] == request[4..HEADER] && kind(message) & SUCCESS != 0
}

fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}
