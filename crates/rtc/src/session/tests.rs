//! What a session promises, in virtual time.

use std::collections::HashSet;
use std::time::Duration;

use super::Session;
use super::link::{Link, MS, OPUS, RED, SECOND, Side, address, config};
use crate::limits::{MAX_QUEUED_EVENTS, MAX_SDP_BYTES, MAX_TEXT_BYTES};
use crate::{CloseReason, PeerEvent, RtcError};

const BOTH: [Side; 2] = [Side::Client, Side::Server];

fn times(link: &Link, side: Side) -> Vec<u64> {
    link.heard(side).iter().map(|(_, packet)| packet.rtp_time).collect()
}

#[test]
fn audio_arrives_both_ways_with_its_rtp_time_sequence_and_payload() {
    let mut link = Link::connected(true);
    link.talk(&BOTH, 48_000, 100);
    link.run(SECOND);
    for side in BOTH {
        let heard = link.heard(side);
        assert_eq!(heard.len(), 100);
        for (n, (_, packet)) in (0_u64..).zip(&heard) {
            assert_eq!(packet.rtp_time, 48_000 + n * 960);
            assert_eq!(packet.sequence, heard[0].1.sequence + n);
            assert_eq!(&packet.payload[..], &packet.rtp_time.to_be_bytes());
        }
        assert_eq!(link.session(side).stats().audio_in, 100);
        assert_eq!(link.session(side).stats().audio_out, 100);
    }
}

#[test]
fn a_listener_hears_two_lines_apart_and_speaks_on_the_first() {
    let mut link = Link::listening();
    assert!(link.server.has_second() && !Link::connected(true).server.has_second());
    for n in 0..50_u64 {
        let now = link.now();
        link.server.send_audio(n * 960, &[1, n as u8], now);
        link.server.send_second(7000 + n * 960, &[2, n as u8], now);
        link.client.send_audio(n * 960, &[3, n as u8], now);
        link.run(20 * MS);
    }
    link.run(SECOND);
    let of = |side: Side, second: bool| -> Vec<Vec<u8>> {
        let payload = |(_, event): &(Duration, PeerEvent)| match event {
            PeerEvent::Audio(packet) if !second => Some(packet.payload.to_vec()),
            PeerEvent::SecondAudio(packet) if second => Some(packet.payload.to_vec()),
            _ => None,
        };
        link.events(side).iter().filter_map(payload).collect()
    };
    let sent = |line: u8| (0..50).map(|n| vec![line, n]).collect::<Vec<_>>();
    assert_eq!((of(Side::Client, false), of(Side::Client, true)), (sent(1), sent(2)));
    assert_eq!((of(Side::Server, false), of(Side::Server, true)), (sent(3), Vec::new()));
}

#[test]
fn a_full_ice_server_connects_as_well() {
    let mut link = Link::connected(false);
    link.talk(&BOTH, 0, 10);
    link.run(SECOND);
    assert_eq!((link.heard(Side::Client).len(), link.heard(Side::Server).len()), (10, 10));
}

#[test]
fn a_packet_leaves_in_the_moment_it_is_sent() {
    let mut link = Link::trusted();
    link.run(7 * MS);
    link.talk(&[Side::Server], 0, 50);
    let sent: Vec<Duration> = link.sent.iter().map(|sent| sent.at).collect();
    let due: Vec<Duration> = (0..50).map(|n| 3 * SECOND + 8 * MS + n * 20 * MS).collect();
    assert_eq!(sent, due);

    let now = link.now();
    link.server.send_audio(48_000, &[1, 2], now);
    let ready = link.server.poll_transmit().expect("there without any timeout");
    assert_eq!(ready.bytes[1] & 0x7F, OPUS);
}

#[test]
fn rtp_time_that_skips_silence_arrives_as_it_was_sent_beyond_32_bits() {
    let mut link = Link::connected(true);
    let near_wrap = u64::from(u32::MAX) - 960;
    link.talk(&[Side::Server], near_wrap, 3);
    link.talk(&[Side::Server], near_wrap + 480_000, 2);
    link.run(SECOND);
    let heard = times(&link, Side::Client);
    let distances: Vec<u64> = heard.iter().map(|time| time - heard[0]).collect();
    assert_eq!(distances, [0, 960, 1920, 480_000, 480_960]);
}

#[test]
fn lost_and_reordered_packets_hold_nothing_up() {
    let mut link = Link::trusted();
    (link.loss, link.jitter) = (0.15, 90 * MS);
    // Short enough to be over before loss is reported and redundancy starts.
    link.talk(&[Side::Client], 0, 45);
    link.run(SECOND);
    assert!(link.sent.iter().all(|sent| sent.payload_type == OPUS));
    let mut arrivals: Vec<(Duration, u64)> =
        (0_u64..).zip(&link.sent).filter_map(|(n, sent)| sent.arrives.map(|at| (at, n * 960))).collect();
    arrivals.sort();
    let lost = 45 - arrivals.len();
    assert!((2..15).contains(&lost), "{lost} of 45 lost");
    let disordered = arrivals.windows(2).filter(|pair| pair[1].1 < pair[0].1).count();
    assert!(disordered > 4, "{disordered} out of order");
    let heard: Vec<(Duration, u64)> =
        link.heard(Side::Server).iter().map(|(at, packet)| (*at, packet.rtp_time)).collect();
    let held = arrivals.iter().filter(|arrival| !heard.contains(arrival)).count();
    assert_eq!((held, heard.len()), (0, arrivals.len()), "each packet is an event at the moment of its arrival");
}

#[test]
fn text_goes_both_ways_in_order_even_with_loss() {
    let mut link = Link::connected(true);
    link.loss = 0.05;
    let long = "ü".repeat(MAX_TEXT_BYTES / 2);
    for side in BOTH {
        let now = link.now();
        for text in ["first", "{\"type\":1103}", &long] {
            link.session(side).send_text(text, now).expect("sent");
        }
    }
    link.run(30 * SECOND);
    for side in BOTH {
        let texts: Vec<&str> = link
            .events(side)
            .iter()
            .filter_map(|(_, event)| if let PeerEvent::Text(text) = event { Some(text.as_str()) } else { None })
            .collect();
        assert_eq!(texts.iter().map(|text| text.len()).collect::<Vec<_>>(), [5, 13, MAX_TEXT_BYTES]);
        assert_eq!(texts[..2], ["first", "{\"type\":1103}"]);
        assert!(texts[2] == long);
    }
}

#[test]
fn with_a_fifth_lost_a_call_connects_and_texts_arrive_within_a_second() {
    let (mut slowest, mut connected) = (Duration::ZERO, Duration::ZERO);
    for seed in 1..=5 {
        let mut link = Link::lossy(seed, 0.20);
        link.run(10 * SECOND);
        for side in BOTH {
            connected = connected.max(link.when(side, &PeerEvent::ChannelOpen).expect("open"));
        }
        for n in 0..20 {
            let (now, sent) = (link.now(), link.time());
            link.server.send_text(&n.to_string(), now).expect("sent");
            link.talk(&BOTH, n * 48_000, 50);
            link.run(10 * SECOND);
            let came = link.when(Side::Client, &PeerEvent::Text(n.to_string())).expect("arrived");
            slowest = slowest.max(came - sent);
        }
    }
    assert!(connected < 5 * SECOND, "connected after {connected:?}");
    assert!(slowest < 1500 * MS, "a text took {slowest:?}");
}

#[test]
fn too_long_and_not_utf8_is_ignored_but_binary_text_is_text() {
    let mut link = Link::connected(true);
    let now = link.now();
    let channel = link.client.channel.expect("open");
    let too_long = vec![b'a'; MAX_TEXT_BYTES + 1];
    for (binary, bytes) in [(false, &too_long[..]), (true, &[0xFF, 0xFE]), (false, &[0xC0]), (true, b"{}")] {
        let written =
            link.client.step(now, |rtc| rtc.channel(channel).expect("open").write(binary, bytes)).expect("written");
        assert!(written);
    }
    assert!(matches!(link.client.send_text("x".repeat(MAX_TEXT_BYTES + 1).as_str(), now),
        Err(RtcError::TextTooLong { size }) if size == MAX_TEXT_BYTES + 1));
    assert!(matches!(link.client.send_text("", now), Err(RtcError::TextEmpty)));
    link.run(5 * SECOND);
    let stats = link.server.stats();
    assert_eq!((stats.texts_in, stats.texts_ignored), (1, 3));
    assert!(link.when(Side::Server, &PeerEvent::Text("{}".into())).is_some());
}

#[test]
fn text_the_other_side_does_not_take_is_refused_above_a_mebibyte() {
    let mut link = Link::connected(true);
    link.cut = true;
    let text = "x".repeat(MAX_TEXT_BYTES);
    let now = link.now();
    let taken = (0..100).take_while(|_| link.server.send_text(&text, now).is_ok()).count();
    assert_eq!(taken, 16);
    assert!(matches!(link.server.send_text(&text, now), Err(RtcError::Backlog)));
    link.cut = false;
    link.run(20 * SECOND);
    assert_eq!(link.client.stats().texts_in, 16);
    let now = link.now();
    link.server.send_text(&text, now).expect("room again");
}

#[test]
fn an_ice_restart_of_a_healthy_call_has_no_gap() {
    let mut link = Link::connected(true);
    link.talk(&BOTH, 0, 50);
    let before = link.server.local_ufrag();
    let now = link.now();
    let offer = link.client.offer_restart(None, now).expect("an offer");
    let answer = link.server.restart(&offer, now).expect("an answer");
    // The answer is on its way for a while; the call goes on.
    link.talk(&BOTH, 50 * 960, 10);
    let now = link.now();
    link.client.take_answer(&answer, now).expect("agreement");
    link.talk(&BOTH, 60 * 960, 500);
    link.run(SECOND);
    assert_ne!(link.server.local_ufrag(), before);
    for side in BOTH {
        assert_eq!(times(&link, side), (0..560).map(|n| n * 960).collect::<Vec<u64>>());
        let heard = link.heard(side);
        assert!(heard.windows(2).all(|pair| pair[1].0 - pair[0].0 == 20 * MS));
        assert_eq!(link.when(side, &PeerEvent::PathLost), None);
        assert_eq!(link.closed(side), None);
    }
    assert_eq!(link.server.stats().restarts, 1);
}

#[test]
fn a_client_that_changes_its_address_goes_on_after_an_ice_restart() {
    let mut link = Link::connected(true);
    link.talk(&BOTH, 0, 50);
    let moved = address(9, 6000);
    link.client_address = moved;
    let now = link.now();
    let offer = link.client.offer_restart(Some(moved), now).expect("an offer");
    let answer = link.server.restart(&offer, now).expect("an answer");
    link.client.take_answer(&answer, now).expect("agreement");
    link.run(SECOND);
    let (client_had, server_had) = (link.heard(Side::Client).len(), link.heard(Side::Server).len());
    link.talk(&BOTH, 100 * 960, 50);
    link.run(SECOND);
    assert_eq!(link.heard(Side::Client).len() - client_had, 50);
    assert_eq!(link.heard(Side::Server).len() - server_had, 50);
    let now = link.now();
    link.server.send_text("still here", now).expect("sent");
    link.run(SECOND);
    assert!(link.when(Side::Client, &PeerEvent::Text("still here".into())).is_some());
}

#[test]
fn a_path_that_is_dead_for_twelve_seconds_is_lost_and_restored() {
    for ice_lite in [true, false] {
        let mut link = Link::connected(ice_lite);
        link.talk(&BOTH, 0, 10);
        let cut_at = link.time();
        link.cut = true;
        link.run(12 * SECOND);
        link.cut = false;
        link.run(5 * SECOND);
        link.talk(&BOTH, 96_000, 10);
        link.run(SECOND);
        for side in BOTH {
            let lost = link.when(side, &PeerEvent::PathLost).expect("lost");
            assert!((4 * SECOND..=6 * SECOND).contains(&(lost - cut_at)), "{side:?} lost after {:?}", lost - cut_at);
            let restored = link.when(side, &PeerEvent::PathRestored).expect("restored");
            assert!(restored < cut_at + 16 * SECOND, "{side:?} restored after {:?}", restored - cut_at);
            assert_eq!(link.heard(side).len(), 20, "{side:?}, lite {ice_lite}");
            assert_eq!(link.session(side).stats().paths_lost, 1);
        }
    }
}

#[test]
fn a_client_that_falls_silent_loses_its_path_and_then_its_session() {
    let mut link = Link::connected(true);
    link.talk(&BOTH, 0, 10);
    let cut_at = link.time();
    link.cut = true;
    link.run(90 * SECOND);
    let lost = link.when(Side::Server, &PeerEvent::PathLost).expect("lost");
    assert!((4 * SECOND..=6 * SECOND).contains(&(lost - cut_at)));
    assert_eq!(link.closed(Side::Server), Some((lost + 60 * SECOND, CloseReason::PathTimeout)));
    assert_eq!(link.server.poll_timeout(), None);
}

#[test]
fn a_client_that_never_comes_ends_the_session_after_thirty_seconds() {
    let mut link = Link::new(true);
    link.cut = true;
    link.run(29 * SECOND);
    assert_eq!(link.closed(Side::Server), None);
    link.run(2 * SECOND);
    assert_eq!(link.closed(Side::Server), Some((30 * SECOND, CloseReason::ConnectTimeout)));
}

#[test]
fn forged_checks_and_noise_are_no_sign_of_life() {
    let mut link = Link::connected(true);
    link.run(SECOND);
    let cut_at = link.time();
    link.cut = true;
    // A check with the right name and a wrong password, every 100 ms.
    let name = format!("{}:{}", link.server.local_ufrag(), link.client.local_ufrag());
    let mut forged = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let mut attribute = |kind: u16, value: &[u8]| {
        forged.extend(kind.to_be_bytes());
        forged.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
        forged.extend(value);
        forged.resize(forged.len().next_multiple_of(4), 0);
    };
    attribute(0x0006, name.as_bytes());
    attribute(0x0024, &[0x6E, 0, 0, 1]);
    attribute(0x802A, &[7; 8]);
    attribute(0x0008, &[9; 20]);
    let body = u16::try_from(forged.len() - 20).expect("short");
    forged[2..4].copy_from_slice(&body.to_be_bytes());
    for _ in 0..100 {
        let now = link.now();
        for bytes in [&forged[..], &[], &[3; 40]] {
            let incoming = super::Incoming {
                protocol: super::Protocol::Udp,
                source: address(66, 6666),
                destination: address(2, 7000),
                bytes,
                received: now,
            };
            link.server.handle_datagram(incoming, now);
        }
        link.run(100 * MS);
    }
    let lost = link.when(Side::Server, &PeerEvent::PathLost).expect("lost");
    assert!(lost - cut_at <= 6 * SECOND);
    assert_eq!(link.server.stats().datagrams_refused, 200);
}

#[test]
fn redundancy_is_sent_at_the_beginning_and_while_loss_is_reported() {
    let mut link = Link::connected(true);
    link.talk(&BOTH, 0, 50);
    assert!(link.sent.iter().all(|sent| sent.payload_type == RED), "nobody knows the path yet");
    link.talk(&BOTH, 50 * 960, 700);
    let calm = link.sent.len();
    link.talk(&BOTH, 750 * 960, 250);
    assert!(link.sent[calm..].iter().all(|sent| sent.payload_type == OPUS), "there is no loss");

    link.loss = 0.10;
    link.talk(&[Side::Server], 1000 * 960, 1500);
    let loss = link.server_events.iter().rev().find_map(|(_, event)| match event {
        PeerEvent::Loss { fraction } => Some(*fraction),
        _ => None,
    });
    assert!(loss.is_some_and(|loss| (0.0..0.3).contains(&loss)), "{loss:?}");
    assert!(link.server.stats().red_active);
    assert_eq!(link.sent.last().map(|sent| sent.payload_type), Some(RED));

    link.loss = 0.0;
    link.talk(&[Side::Server], 2500 * 960, 1000);
    assert!(!link.server.stats().red_active);
    assert_eq!(link.sent.last().map(|sent| sent.payload_type), Some(OPUS));
}

#[test]
fn redundancy_starts_within_two_seconds_of_loss() {
    let mut link = Link::trusted();
    link.talk(&BOTH, 0, 500);
    link.loss = 0.20;
    let (began, sent) = (link.time(), link.sent.len());
    link.talk(&BOTH, 500 * 960, 500);
    let first = link.sent[sent..].iter().find(|sent| sent.payload_type == RED).expect("redundancy");
    assert!(first.at - began < 2500 * MS, "after {:?}", first.at - began);
}

#[test]
fn of_a_fifth_lost_less_than_two_percent_is_missing_and_what_is_recovered_comes_in_order() {
    let mut link = Link::connected(true);
    link.loss = 0.20;
    link.talk(&BOTH, 0, 3000);
    link.run(SECOND);
    for side in BOTH {
        let heard = times(&link, side);
        let missing = 3000 - heard.iter().collect::<HashSet<_>>().len();
        // Three copies of each frame: 0.8 % by chance.
        assert!(missing < 60, "{missing} of 3000 frames missing at {side:?}");
        assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "a frame came behind a later one");
    }
    let on_wire = link.sent.iter().filter(|sent| sent.arrives.is_none()).count();
    assert!((1000..1400).contains(&on_wire), "{on_wire} of 6000 packets lost");
}

#[test]
fn audio_that_cannot_be_sent_is_dropped_and_counted() {
    let mut link = Link::new(true);
    let now = link.now();
    link.server.send_audio(0, &[1, 2, 3], now);
    link.run(3 * SECOND);
    let now = link.now();
    link.server.send_audio(960, &[], now);
    link.server.send_audio(1920, &[0; 1001], now);
    link.server.send_audio(2880, &[0; 1000], now);
    link.run(SECOND);
    assert_eq!(link.server.stats().audio_unsent, 3);
    assert_eq!(times(&link, Side::Client).len(), 1);
}

#[test]
fn events_nobody_takes_are_dropped_but_never_those_about_the_session() {
    let mut link = Link::connected(true);
    let now = link.now();
    for n in 0..=MAX_QUEUED_EVENTS {
        link.server.on_loss(0.0, now);
        assert_eq!(link.server.stats().events_dropped, u64::from(n == MAX_QUEUED_EVENTS));
    }
    link.server.close(now);
    link.run(SECOND);
    assert_eq!(link.closed(Side::Server).map(|(_, reason)| reason), Some(CloseReason::Local));
}

#[test]
fn closing_tells_the_other_side() {
    for side in BOTH {
        let mut link = Link::connected(true);
        let now = link.now();
        link.session(side).close(now);
        link.run(SECOND);
        let other = if side == Side::Client { Side::Server } else { Side::Client };
        assert_eq!(link.closed(side).map(|(_, reason)| reason), Some(CloseReason::Local));
        assert_eq!(link.closed(other).map(|(_, reason)| reason), Some(CloseReason::Remote));
        let now = link.now();
        assert!(matches!(link.session(side).send_text("x", now), Err(RtcError::ChannelNotOpen)));
        assert!(matches!(link.session(side).offer_restart(None, now), Err(RtcError::WrongState { .. })));
        link.session(side).send_audio(0, &[1, 2], now);
        assert_eq!(link.session(side).stats().audio_unsent, 1);
    }
}

#[test]
fn a_panic_of_the_library_ends_this_session_only_as_a_defect() {
    let mut link = Link::connected(true);
    let now = link.now();
    let outcome = link.server.step::<()>(now, |_| panic!("a defect, staged by a test"));
    assert!(outcome.is_err());
    link.run(SECOND);
    assert_eq!(link.closed(Side::Server).map(|(_, reason)| reason), Some(CloseReason::Defect));
    assert_eq!(link.closed(Side::Client), None);
    assert!(link.server.poll_transmit().is_none());
}

#[test]
fn bad_offers_are_errors_with_a_clear_message() {
    let now = std::time::Instant::now();
    let config = config(address(2, 7000), true);
    let (_, good) = Session::offer(&super::link::config(address(1, 5000), false), now).expect("an offer");
    let refused = |offer: &str| {
        Session::accept(&config, offer, now).map_or_else(|error| error.to_string(), |_| format!("accepted: {offer}"))
    };

    assert_eq!(
        refused(&"x".repeat(1024 * 1024)),
        "the session description has 1048576 bytes, more than the 65536 allowed"
    );
    assert!(refused("").starts_with("the session description cannot be read: "));
    assert!(refused("hello").starts_with("the session description cannot be read: "));
    assert!(refused(&"a=\u{0}\u{FFFF}\r\n".repeat(99)).starts_with("the session description cannot be read: "));
    let without_audio = good[..good.find("m=audio").expect("audio")].to_owned();
    assert_eq!(refused(&without_audio), "the session description offers no audio");
    assert_eq!(
        refused(&good.replace("m=audio 9 ", "m=audio 0 ").replace("a=group:BUNDLE", "a=group:LS")),
        "the session description offers no audio"
    );
    assert_eq!(
        refused(&good.replace("opus/48000/2", "speex/16000")),
        "the session description offers audio without Opus"
    );
    assert!(refused(&good.replace("a=fingerprint", "a=nothing")).contains("fingerprint"));
    assert!(refused(&good.replace("a=ice-pwd", "a=nothing")).contains("ice"));
    assert!(refused(&good.replace("a=group:", "a=ice-lite\r\na=group:")).contains("ICE-Lite"));
    // Cut anywhere, an offer is an error or an answer, never a panic.
    for end in (0..good.len()).step_by(7) {
        let _either = Session::accept(&config, &good[..end], now).is_ok();
    }
    assert!(good.len() < MAX_SDP_BYTES);
}

#[test]
fn the_answer_is_ice_lite_and_has_no_transport_cc() {
    let now = std::time::Instant::now();
    let (_, offer) = Session::offer(&super::link::config(address(1, 5000), false), now).expect("an offer");
    assert!(!offer.contains("transport-cc") && !offer.contains("ice-lite"));
    // As browsers write it.
    let offer = offer.replace("a=fmtp:111", "a=rtcp-fb:111 transport-cc\r\na=fmtp:111").replace(
        "a=extmap:1 ",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=extmap:1 ",
    );
    assert_eq!(offer.matches("transport-").count(), 2);
    let (_, answer) = Session::accept(&config(address(2, 7000), true), &offer, now).expect("an answer");
    assert!(!answer.contains("transport-"), "{answer}");
    assert!(answer.contains("a=ice-lite\r\n"));
    assert!(answer.contains("192.0.2.2 7000 typ host"));
    for wanted in ["opus/48000/2", "red/48000/2", "ssrc-audio-level", "sdes:mid", "webrtc-datachannel"] {
        assert!(answer.contains(wanted), "{wanted} in {answer}");
    }
    let (_, full) = Session::accept(&config(address(2, 7000), false), &offer, now).expect("an answer");
    assert!(!full.contains("ice-lite"));
}
