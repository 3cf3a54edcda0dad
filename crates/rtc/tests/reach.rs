//! A hub answers who asks outside of a call whether it is there, over UDP and over TCP.

use ringline_rtc::{Hub, HubConfig, reach};
use std::net::SocketAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_hub_is_reached_by_udp_and_tcp() {
    let hub = Hub::bind(HubConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)))).await.expect("a hub");
    let [candidate] = hub.candidates() else { panic!("{:?}", hub.candidates()) };
    let udp = reach::udp(*candidate, PATIENCE).await.expect("an answer");
    assert!(udp.address.ip().is_loopback());
    let tcp = reach::tcp(*candidate, PATIENCE).await.expect("an answer");
    assert!(tcp.address.ip().is_loopback());
    // The stranger's question was no call's.
    assert!(hub.stats().datagrams_unknown >= 1);
    assert_eq!(hub.live(), 0);
}

#[tokio::test]
async fn where_nobody_answers_it_is_said_in_time() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let error = reach::udp(silent.local_addr().expect("bound"), Duration::from_millis(600)).await.expect_err("silence");
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}
