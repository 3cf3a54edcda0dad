//! Session descriptions: what is checked before and changed after str0m.

use str0m::change::{SdpAnswer, SdpOffer};

use crate::RtcError;
use crate::limits::MAX_SDP_BYTES;

/// Reads an offer. The size is checked before anything else is done with it.
pub(crate) fn read_offer(sdp: &str) -> Result<SdpOffer, RtcError> {
    check_size(sdp)?;
    let offer =
        SdpOffer::from_sdp_string(sdp).map_err(|error| RtcError::SdpUnreadable { reason: error.to_string() })?;
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

/// Takes the transport-cc feedback out of a description of ours. For audio alone it costs 40 % more
/// packets, and browsers then send padding probes on the audio stream. str0m has no switch for audio.
pub(crate) fn without_transport_cc(sdp: &str) -> String {
    let mut kept = String::with_capacity(sdp.len());
    for line in sdp.split_inclusive('\n') {
        let feedback = line.starts_with("a=rtcp-fb:") && line.trim_end().ends_with(" transport-cc");
        if !feedback {
            kept.push_str(line);
        }
    }
    kept
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
    fn only_the_transport_cc_feedback_is_taken_out() {
        let sdp = "m=audio 9 X 111\r\na=rtcp-fb:111 transport-cc\r\na=rtcp-fb:111 nack\r\na=x:transport-cc\r\n";
        assert_eq!(without_transport_cc(sdp), "m=audio 9 X 111\r\na=rtcp-fb:111 nack\r\na=x:transport-cc\r\n");
    }
}
