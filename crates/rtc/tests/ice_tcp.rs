//! A client whose network lets no UDP through, over the hub's TCP port. The client is the library itself with an active TCP candidate,
//! driven over an ordinary socket; our own dialling client uses UDP only.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ringline_rtc::{Hub, HubConfig, PeerEvent};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid};
use str0m::net::{DatagramRecv, Protocol, Receive, TcpType};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);
const FRAMES: u64 = 30;

async fn hub() -> Hub {
    Hub::bind(HubConfig::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).await.expect("bound")
}

/// Whole frames at the front of `received`, taken out.
fn frames(received: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    while let [high, low, rest @ ..] = &received[..] {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(frame) = rest.get(..length) else { break };
        whole.push(frame.to_vec());
        received.drain(..2 + length);
    }
    whole
}

struct Client {
    rtc: Rtc,
    stream: TcpStream,
    connected: bool,
    heard: Vec<Vec<u8>>,
}

impl Client {
    /// Sends what there is to send and answers every text with itself. `false` when the server has hung up.
    fn drain(&mut self) -> bool {
        loop {
            match self.rtc.poll_output().expect("polled") {
                Output::Timeout(_) => return self.rtc.is_alive(),
                Output::Transmit(out) => {
                    assert_eq!(out.proto, Protocol::Tcp);
                    let length = u16::try_from(out.contents.len()).expect("short");
                    if self.stream.write_all(&[&length.to_be_bytes()[..], &out.contents].concat()).is_err() {
                        return false;
                    }
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::MediaData(data)) => self.heard.push(data.data.to_vec()),
                Output::Event(Event::ChannelData(data)) => {
                    let mut channel = self.rtc.channel(data.id).expect("open");
                    assert!(channel.write(data.binary, &data.data).expect("written"));
                }
                Output::Event(_) => {}
            }
        }
    }

    fn input(&mut self, input: Input<'_>) -> bool {
        self.rtc.handle_input(input).expect("handled");
        self.drain()
    }

    /// Connects, sends [`FRAMES`] packets of audio, and returns what it heard by the time the server hung up.
    fn run(mut self, mid: Mid) -> Vec<Vec<u8>> {
        let (local, server) = (self.stream.local_addr().expect("local"), self.stream.peer_addr().expect("far"));
        self.stream.set_read_timeout(Some(Duration::from_millis(5))).expect("set");
        let deadline = Instant::now() + LONG;
        let (mut received, mut sent, mut alive) = (Vec::new(), 0, self.drain());
        while alive && Instant::now() < deadline {
            if self.connected && sent < FRAMES {
                let writer = self.rtc.writer(mid).expect("audio");
                let pt = writer.payload_params().next().expect("opus").pt();
                let time = MediaTime::new(sent * 960, Frequency::FORTY_EIGHT_KHZ);
                writer.write(pt, Instant::now(), time, vec![9, 9]).expect("written");
                sent += 1;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => received.extend(&buffer[..length]),
                Err(_) => {}
            }
            for frame in frames(&mut received) {
                let contents = DatagramRecv::try_from(&frame[..]).expect("WebRTC");
                let receive = Receive { proto: Protocol::Tcp, source: server, destination: local, contents };
                alive &= self.input(Input::Receive(Instant::now(), receive));
            }
            alive &= self.input(Input::Timeout(Instant::now()));
        }
        self.heard
    }
}

#[tokio::test]
async fn a_call_over_tcp_carries_audio_and_text_both_ways() {
    let hub = hub().await;
    let stream = TcpStream::connect(hub.local_addr()).expect("connected");
    let local = stream.local_addr().expect("local");
    let mut rtc =
        Rtc::builder().set_reordering_size_audio(0).clear_codecs().enable_opus(true, true).build(Instant::now());
    let active = Candidate::builder().tcp().host(local).tcptype(TcpType::Active).build().expect("a candidate");
    rtc.add_local_candidate(active).expect("taken");
    let mut changes = rtc.sdp_api();
    let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    changes.add_channel("text".into());
    let (offer, pending) = changes.apply().expect("an offer");
    let (mut peer, answer) = hub.accept(&offer.to_sdp_string()).expect("accepted");
    let answer = SdpAnswer::from_sdp_string(&answer).expect("read");
    rtc.sdp_api().accept_answer(pending, answer).expect("agreed");
    let client = Client { rtc, stream, connected: false, heard: Vec::new() };
    let client = tokio::task::spawn_blocking(move || client.run(mid));

    let (mut audio, mut sent, mut echoed) = (0, 0, false);
    while audio < FRAMES || sent < FRAMES || !echoed {
        match timeout(LONG, peer.event()).await.expect("an event in time") {
            PeerEvent::ChannelOpen => peer.send_text("over TCP").expect("sent"),
            PeerEvent::Text(text) => echoed = text == "over TCP",
            PeerEvent::Audio(packet) => {
                assert_eq!(&packet.payload[..], [9, 9]);
                audio += 1;
                peer.send_audio(sent * 960, &[8, 8]);
                sent += 1;
            }
            PeerEvent::Connected => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(peer.stats().send_errors, 0);
    peer.close();
    drop(peer);
    let heard = timeout(LONG, client).await.expect("the connection ends with the call").expect("ran");
    assert_eq!(heard, vec![vec![8, 8]; 30]);
}

#[tokio::test]
async fn a_connection_that_names_no_call_is_closed() {
    let hub = hub().await;
    for noise in [&[0, 4, 1, 2, 3, 4][..], &[0, 0], &[0xFF, 0xFF, 1], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(hub.local_addr()).expect("connected");
        stream.write_all(noise).expect("written");
        stream.set_read_timeout(Some(LONG)).expect("set");
        let closed = tokio::task::spawn_blocking(move || matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
        let quickly = timeout(Duration::from_secs(4), closed).await;
        assert!(matches!(quickly, Ok(Ok(true))), "{noise:?}");
    }
}
