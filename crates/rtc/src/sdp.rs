//! Session descriptions: what is checked before and changed after str0m.

use str0m::change::{SdpAnswer, SdpOffer};

use crate::RtcError;
use crate::limits::{MAX_SDP_BYTES, VIDEO_KBPS};

/// Reads an offer, as [`ready_to_agree`] makes it. The size is checked before anything else is done with it.
pub(crate) fn read_offer(sdp: &str) -> Result<SdpOffer, RtcError> {
    check_size(sdp)?;
    let offer = SdpOffer::from_sdp_string(&ready_to_agree(sdp))
        .map_err(|error| RtcError::SdpUnreadable { reason: error.to_string() })?;
    if audio_mids(sdp).next().is_none() {
        return Err(RtcError::NoAudio);
    }
    Ok(offer)
}

pub(crate) fn read_answer(sdp: &str) -> Result<SdpAnswer, RtcError> {
    check_size(sdp)?;
    SdpAnswer::from_sdp_string(sdp).map_err(|error| RtcError::SdpUnreadable { reason: error.to_string() })
}

fn check_size(sdp: &str) -> Result<(), RtcError> {
    if sdp.len() > MAX_SDP_BYTES { Err(RtcError::SdpTooLong { size: sdp.len() }) } else { Ok(()) }
}

/// The `a=mid` of every audio line, in order. (The library names them only when media can flow.)
pub(crate) fn audio_mids(sdp: &str) -> impl Iterator<Item = &str> {
    let mut in_audio = false;
    sdp.lines().filter_map(move |line| {
        if line.starts_with("m=") {
            in_audio = line.starts_with("m=audio ");
        }
        line.strip_prefix("a=mid:").filter(|_| in_audio).map(str::trim_end)
    })
}

/// An offer as we are ready to agree to it: of the video lines the first that sends is received, and nothing is sent on
/// any. Transport-cc stays with video: for audio it costs 40 % more packets, and browsers then send padding probes on the
/// audio stream. (str0m has no switch for either.)
pub(crate) fn ready_to_agree(offer: &str) -> String {
    let mut kept = String::with_capacity(offer.len());
    let mut receives_video = false;
    for section in sections(offer) {
        if section.starts_with("m=audio ") {
            kept.extend(section.split_inclusive('\n').filter(|line| !is_transport_cc(line)));
        } else if section.starts_with("m=video ") {
            let sends = !section.lines().any(|line| matches!(line.trim_end(), "a=recvonly" | "a=inactive"));
            let direction = if sends && !receives_video { "a=sendonly\r\n" } else { "a=inactive\r\n" };
            receives_video |= sends;
            kept.extend(section.split_inclusive('\n').filter(|line| !is_direction(line)));
            if !kept.ends_with('\n') {
                kept.push_str("\r\n");
            }
            kept.push_str(direction);
        } else {
            kept.push_str(section);
        }
    }
    kept
}

/// A description of ours as it leaves: transport-cc taken out of the audio, and how much video may come put in.
pub(crate) fn as_sent(ours: &str) -> String {
    let mut kept = String::with_capacity(ours.len() + 16);
    for section in sections(ours) {
        let limited = section.starts_with("m=video ") && section.lines().any(|line| line.trim_end() == "a=recvonly");
        for line in section.split_inclusive('\n') {
            if section.starts_with("m=audio ") && is_transport_cc(line) {
                continue;
            }
            kept.push_str(line);
            if limited && line.starts_with("c=") {
                kept.push_str(&format!("b=AS:{VIDEO_KBPS}\r\n"));
            }
        }
    }
    kept
}

/// What is called video in a description whose video is received.
pub(crate) fn video_payload_types(sdp: &str) -> impl Iterator<Item = u8> {
    sections(sdp).filter(|section| section.starts_with("m=video ") && !section.starts_with("m=video 0 ")).flat_map(
        |section| {
            let types = section.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")?.split(' ').next());
            types.filter_map(|text| text.parse().ok())
        },
    )
}

/// The part before the first line of media, and each line of media with what belongs to it.
fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let mut rest = sdp;
    std::iter::from_fn(move || {
        let end = rest.find("\nm=").map_or(rest.len(), |at| at + 1);
        let section;
        (section, rest) = rest.split_at(end);
        (!section.is_empty()).then_some(section)
    })
}

fn is_direction(line: &str) -> bool {
    matches!(line.trim_end(), "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive")
}

fn is_transport_cc(line: &str) -> bool {
    let line = line.trim_end();
    line.starts_with("a=rtcp-fb:") && line.ends_with(" transport-cc")
        || line.starts_with("a=extmap:") && line.contains("transport-wide-cc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_lines_are_found_between_others() {
        let sdp = "a=mid:no\r\nm=video 9\r\na=mid:0\r\nm=audio 9 X\r\na=mid:1 \r\nm=application 9\r\na=mid:2\r\nm=audio 0\na=mid:3";
        assert_eq!(audio_mids(sdp).collect::<Vec<_>>(), ["1", "3"]);
    }

    #[test]
    fn transport_cc_is_taken_out_of_audio_alone() {
        let cc = "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n";
        let audio = |extra: &str| format!("m=audio 9 X 111\r\n{extra}a=rtcp-fb:111 nack\r\na=x:transport-cc\r\n");
        let video = format!("m=video 9 X 96\r\n{cc}a=rtcp-fb:96 transport-cc\r\na=inactive\r\n");
        let sdp = format!("v=0\r\n{}{video}", audio(&format!("{cc}a=rtcp-fb:111 transport-cc\r\n")));
        let without = format!("v=0\r\n{}{video}", audio(""));
        assert_eq!(ready_to_agree(&sdp), without);
        assert_eq!(as_sent(&sdp), without);
    }

    #[test]
    fn the_first_video_line_that_sends_is_received_and_the_others_are_inactive() {
        let offer = |directions: [&str; 5]| {
            directions.map(|direction| format!("m=video 9 X 96\r\nc=IN IP4 0.0.0.0\r\n{direction}")).concat()
        };
        let all = ["a=recvonly\r\n", "a=sendrecv\r\n", "a=sendonly\r\n", "a=inactive\r\n", ""];
        let agreed = ["a=inactive\r\n", "a=sendonly\r\n", "a=inactive\r\n", "a=inactive\r\n", "a=inactive\r\n"];
        assert_eq!(ready_to_agree(&offer(all)), offer(agreed));
        assert_eq!(ready_to_agree("m=video 9 X 96"), "m=video 9 X 96\r\na=sendonly\r\n", "no direction is both");
    }

    #[test]
    fn an_answer_says_how_much_video_may_come() {
        let answer = |limit: &str| format!("m=video 9 X 96\r\nc=IN IP4 0.0.0.0\r\n{limit}a=recvonly\r\n");
        assert_eq!(as_sent(&answer("")), answer(&format!("b=AS:{VIDEO_KBPS}\r\n")));
        let nothing = "m=video 9 X 96\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n";
        assert_eq!(as_sent(nothing), nothing);
    }
}
