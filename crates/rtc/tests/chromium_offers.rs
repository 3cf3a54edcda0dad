//! Offers as Chromium 156 made them: audio with a data channel, and the same with video.

use std::net::{Ipv4Addr, SocketAddr};

use ringline_rtc::{Hub, HubConfig};

const AUDIO: &str = include_str!("fixtures/chromium-156-audio.sdp");
const AUDIO_AND_VIDEO: &str = include_str!("fixtures/chromium-156-audio-video.sdp");

async fn answer(offer: &str) -> String {
    let hub = Hub::bind(HubConfig::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).await.expect("bound");
    let (_peer, answer) = hub.accept(offer).expect("accepted");
    answer
}

/// The lines of the first section of a kind.
fn section(sdp: &str, kind: &str) -> Vec<String> {
    let start = sdp.find(&format!("m={kind} ")).expect("the section");
    let lines: Vec<String> = sdp[start..].lines().map(str::to_owned).collect();
    let end = lines.iter().skip(1).position(|line| line.starts_with("m=")).map_or(lines.len(), |at| at + 1);
    lines[..end].to_vec()
}

#[tokio::test]
async fn audio_is_answered_with_opus_and_red_without_transport_cc() {
    assert!(AUDIO.contains("a=rtcp-fb:111 transport-cc"), "the offer has what must not come back");
    let answer = answer(AUDIO).await;
    let audio = section(&answer, "audio");
    assert!(audio[0].starts_with("m=audio 9 "), "{answer}");
    for line in ["a=rtpmap:111 opus/48000/2", "a=rtpmap:63 red/48000/2", "a=sendrecv", "a=mid:0", "a=setup:passive"] {
        assert!(audio.iter().any(|there| there == line), "{line} in {answer}");
    }
    let extensions = audio.iter().filter(|line| line.starts_with("a=extmap:")).count();
    assert_eq!(extensions, 2, "audio level and mid: {answer}");
    assert!(!answer.contains("transport-cc") && !answer.contains("transport-wide"));
    assert!(answer.contains("a=ice-lite"));
    for candidate in [" udp ", " tcp "] {
        assert!(audio.iter().any(|line| line.starts_with("a=candidate:") && line.contains(candidate)), "{answer}");
    }
    assert!(section(&answer, "application")[0].starts_with("m=application 9 "));
}

#[tokio::test]
async fn a_camera_is_received_within_a_limit_and_audio_stays_as_it_was() {
    let answer = answer(AUDIO_AND_VIDEO).await;
    let (audio, video) = (section(&answer, "audio"), section(&answer, "video"));
    assert!(audio[0].starts_with("m=audio 9 ") && audio.iter().any(|line| line == "a=sendrecv"), "{answer}");
    assert!(!audio.iter().any(|line| line.contains("transport-cc") || line.contains("transport-wide-cc")), "{answer}");
    assert!(video[0].starts_with("m=video 9 "), "{answer}");
    let lines = ["a=recvonly", "a=rtpmap:96 VP8/90000", "b=AS:800"];
    assert!(lines.iter().all(|wanted| video.iter().any(|line| line == wanted)), "{answer}");
    for wanted in [" H264/90000", " transport-cc", "transport-wide-cc"] {
        assert!(video.iter().any(|line| line.contains(wanted)), "{wanted} in {answer}");
    }
    sections_keep_their_order(&answer);
}

#[tokio::test]
async fn a_client_that_only_watches_gets_an_inactive_line() {
    let offer = AUDIO_AND_VIDEO.replacen("a=sendrecv", "a=keep", 1).replace("a=sendrecv", "a=recvonly");
    let answer = answer(&offer.replace("a=keep", "a=sendrecv")).await;
    let video = section(&answer, "video");
    assert!(video.iter().any(|line| line == "a=inactive"), "{answer}");
    assert!(section(&answer, "audio").iter().any(|line| line == "a=sendrecv"), "{answer}");
    sections_keep_their_order(&answer);
}

fn sections_keep_their_order(answer: &str) {
    let kinds = |sdp: &str| -> Vec<String> {
        let lines = sdp.lines().filter_map(|line| line.strip_prefix("m=")?.split(' ').next());
        lines.map(str::to_owned).collect()
    };
    assert_eq!(kinds(answer), kinds(AUDIO_AND_VIDEO));
}
