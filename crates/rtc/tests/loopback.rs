//! Hub and dialling client over real sockets on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ringline_rtc::{CloseReason, Dial, Hub, HubConfig, PathLimits, Peer, PeerEvent, RtcError};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);

fn config() -> HubConfig {
    HubConfig::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// A call: the hub's side, the client's side.
async fn call(hub: &Hub) -> (Peer, Peer) {
    let (dial, offer) = Dial::new(hub.local_addr()).await.expect("dialled");
    let (mut server, answer) = hub.accept(&offer).expect("accepted");
    let mut client = dial.answer(&answer).await.expect("agreed");
    let mut open = (false, false);
    while open != (true, true) {
        match both(&mut server, &mut client).await {
            (Side::Server, PeerEvent::ChannelOpen) => open.0 = true,
            (Side::Client, PeerEvent::ChannelOpen) => open.1 = true,
            (_, PeerEvent::Connected) => {}
            other => panic!("{other:?} while connecting"),
        }
    }
    (server, client)
}

#[derive(Debug, PartialEq)]
enum Side {
    Server,
    Client,
}

/// The next event of either side, both being driven.
async fn both(server: &mut Peer, client: &mut Peer) -> (Side, PeerEvent) {
    let either = async {
        tokio::select! {
            event = server.event() => (Side::Server, event),
            event = client.event() => (Side::Client, event),
        }
    };
    timeout(LONG, either).await.expect("an event in time")
}

/// The first event of one side that `pick` takes, both being driven.
async fn until<T>(server: &mut Peer, client: &mut Peer, side: Side, pick: impl Fn(&PeerEvent) -> Option<T>) -> T {
    loop {
        let (from, event) = both(server, client).await;
        if let Some(found) = (from == side).then(|| pick(&event)).flatten() {
            return found;
        }
    }
}

fn text(event: &PeerEvent) -> Option<String> {
    if let PeerEvent::Text(text) = event { Some(text.clone()) } else { None }
}

fn audio(event: &PeerEvent) -> Option<(u64, Vec<u8>)> {
    if let PeerEvent::Audio(packet) = event { Some((packet.rtp_time, packet.payload.to_vec())) } else { None }
}

#[tokio::test]
async fn fifty_packets_and_texts_go_both_ways() {
    let hub = Hub::bind(config()).await.expect("bound");
    let (mut server, mut client) = call(&hub).await;
    for n in 0..50_u64 {
        server.send_audio(n * 960, &[1, n as u8]);
        client.send_audio(n * 960, &[2, n as u8]);
    }
    let mut heard = (Vec::new(), Vec::new());
    while heard.0.len() < 50 || heard.1.len() < 50 {
        let (side, event) = both(&mut server, &mut client).await;
        let Some(packet) = audio(&event) else { continue };
        if side == Side::Server { heard.0.push(packet) } else { heard.1.push(packet) }
    }
    let sent = |mark| (0..50_u64).map(|n| (n * 960, vec![mark, n as u8])).collect::<Vec<_>>();
    assert_eq!(heard, (sent(2), sent(1)));
    client.send_text("from the client").expect("sent");
    assert_eq!(until(&mut server, &mut client, Side::Server, text).await, "from the client");
    server.send_text("from the server").expect("sent");
    assert_eq!(until(&mut server, &mut client, Side::Client, text).await, "from the server");
    assert_eq!((server.stats().send_errors, server.stats().inbox_dropped), (0, 0));
}

#[tokio::test]
async fn two_calls_on_one_port_do_not_mix() {
    let hub = Hub::bind(config()).await.expect("bound");
    let mut calls = [call(&hub).await, call(&hub).await];
    assert_eq!(hub.live(), 2);
    for (mark, (server, client)) in (1_u8..).zip(&mut calls) {
        for n in 0..20_u64 {
            server.send_audio(n * 960, &[mark, 0]);
            client.send_audio(n * 960, &[mark, 1]);
        }
        client.send_text(&format!("call {mark}")).expect("sent");
    }
    for (mark, (server, client)) in (1_u8..).zip(&mut calls) {
        let mut heard = (0, 0, 0);
        while heard != (20, 20, 1) {
            match both(server, client).await {
                (Side::Server, PeerEvent::Audio(packet)) => {
                    assert_eq!(&packet.payload[..], [mark, 1]);
                    heard.0 += 1;
                }
                (Side::Client, PeerEvent::Audio(packet)) => {
                    assert_eq!(&packet.payload[..], [mark, 0]);
                    heard.1 += 1;
                }
                (Side::Server, PeerEvent::Text(text)) => {
                    assert_eq!(text, format!("call {mark}"));
                    heard.2 += 1;
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_dropped_peer_is_forgotten_with_its_address() {
    let hub = Hub::bind(config()).await.expect("bound");
    let (server, mut client) = call(&hub).await;
    assert_eq!(hub.stats().datagrams_unknown, 0);
    drop(server);
    assert_eq!(hub.live(), 0);
    for n in 0..10 {
        client.send_audio(n * 960, &[1, 2]);
    }
    let reached = async {
        while hub.stats().datagrams_unknown < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, reached).await.expect("datagrams of the ended call are unknown");
}

#[tokio::test]
async fn what_is_not_for_any_call_is_dropped_and_counted() {
    let hub = Hub::bind(config()).await.expect("bound");
    let (mut server, mut client) = call(&hub).await;
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
    let before = hub.stats().datagrams_unknown;
    for noise in [&b""[..], b"x", &[0x80, 111, 0, 1, 0, 0], &[0, 1, 0, 0], &[22; 100], &[0; 1999]] {
        stranger.send_to(noise, hub.local_addr()).await.expect("sent");
    }
    let counted = async {
        while hub.stats().datagrams_unknown < before + 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, counted).await.expect("counted");
    client.send_text("unharmed").expect("sent");
    assert_eq!(until(&mut server, &mut client, Side::Server, text).await, "unharmed");
    assert_eq!(server.stats().datagrams_refused, 0);
}

#[tokio::test]
async fn a_full_hub_refuses_and_has_room_again_after_a_drop() {
    let hub = Hub::bind(HubConfig { max_peers: 1, ..config() }).await.expect("bound");
    let (_dial, offer) = Dial::new(hub.local_addr()).await.expect("dialled");
    let (peer, _answer) = hub.accept(&offer).expect("room");
    assert!(matches!(hub.accept(&offer), Err(RtcError::Full)));
    drop(peer);
    assert!(hub.accept(&offer).is_ok());
    assert_eq!(hub.live(), 0);
}

#[tokio::test]
async fn refused_offers_leave_no_peer_behind() {
    let hub = Hub::bind(config()).await.expect("bound");
    assert!(matches!(hub.accept(&"v=0\r\n".repeat(200_000)), Err(RtcError::SdpTooLong { size: 1_000_000 })));
    assert!(matches!(hub.accept("v=0"), Err(RtcError::SdpUnreadable { .. })));
    assert_eq!(hub.live(), 0);
}

#[tokio::test]
async fn a_client_on_a_new_socket_goes_on_after_a_restart() {
    let hub = Hub::bind(config()).await.expect("bound");
    let (mut server, mut client) = call(&hub).await;
    let offer = client.rebind(hub.local_addr()).await.expect("moved");
    let answer = server.restart(&offer).expect("restarted");
    client.take_answer(&answer).expect("agreed");
    client.send_text("from elsewhere").expect("sent");
    assert_eq!(until(&mut server, &mut client, Side::Server, text).await, "from elsewhere");
    server.send_text("found you").expect("sent");
    assert_eq!(until(&mut server, &mut client, Side::Client, text).await, "found you");
    client.send_audio(0, &[7, 7]);
    assert_eq!(until(&mut server, &mut client, Side::Server, audio).await, (0, vec![7, 7]));
}

#[tokio::test]
async fn closing_is_heard_by_the_other_side_and_repeats_itself() {
    let hub = Hub::bind(config()).await.expect("bound");
    let (mut server, mut client) = call(&hub).await;
    server.close();
    let closed = |event: &PeerEvent| matches!(event, PeerEvent::Closed { .. }).then(|| event.clone());
    let local = PeerEvent::Closed { reason: CloseReason::Local };
    assert_eq!(timeout(LONG, server.event()).await.expect("at once"), local);
    assert_eq!(timeout(LONG, server.event()).await.expect("at once"), local);
    let heard = async {
        loop {
            if let Some(event) = closed(&client.event().await) {
                return event;
            }
        }
    };
    assert_eq!(timeout(LONG, heard).await.expect("heard"), PeerEvent::Closed { reason: CloseReason::Remote });
}

#[tokio::test]
async fn a_peer_whose_client_never_comes_closes_itself() {
    let path = PathLimits { connect_within: Duration::from_millis(50), ..PathLimits::default() };
    let hub = Hub::bind(HubConfig { path, ..config() }).await.expect("bound");
    let (_dial, offer) = Dial::new(hub.local_addr()).await.expect("dialled");
    let (mut peer, _answer) = hub.accept(&offer).expect("accepted");
    let closed = timeout(LONG, peer.event()).await.expect("in time");
    assert_eq!(closed, PeerEvent::Closed { reason: CloseReason::ConnectTimeout });
}

#[tokio::test]
async fn a_dropped_event_future_loses_nothing() {
    let hub = Hub::bind(config()).await.expect("bound");
    let (mut server, mut client) = call(&hub).await;
    for n in 0..50 {
        client.send_audio(n * 960, &[3, 4]);
    }
    let listening = async {
        let mut heard = 0;
        while heard < 50 {
            // A future that is given up after a moment, over and over.
            if let Ok(PeerEvent::Audio(_)) = timeout(Duration::from_micros(50), server.event()).await {
                heard += 1;
            }
        }
    };
    timeout(LONG, listening).await.expect("all are heard in time");
    assert_eq!(server.stats().audio_in, 50);
}

#[tokio::test]
async fn listening_on_all_addresses_offers_loopback_and_works() {
    let hub = Hub::bind(HubConfig::new(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))).await.expect("bound");
    let towards = SocketAddr::from((Ipv4Addr::LOCALHOST, hub.local_addr().port()));
    let (dial, offer) = Dial::new(towards).await.expect("dialled");
    let (mut server, answer) = hub.accept(&offer).expect("accepted");
    assert!(answer.contains(&format!(" 127.0.0.1 {} typ host", towards.port())), "{answer}");
    let mut client = dial.answer(&answer).await.expect("agreed");
    until(&mut server, &mut client, Side::Client, |event| (*event == PeerEvent::Connected).then_some(())).await;
}
