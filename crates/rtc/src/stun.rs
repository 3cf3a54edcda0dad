//! As much STUN as is needed to find the session a datagram is for. Authenticity is str0m's business.

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
/// RFC 8445 §5.3: an ICE user name fragment has at most 256 characters.
const MAX_UFRAG: usize = 256;

/// Whether the datagram is a STUN binding request.
pub(crate) fn is_request(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[..2] == BINDING_REQUEST
}

/// Whether the datagram is a STUN binding success response.
pub(crate) fn is_success(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[..2] == BINDING_SUCCESS
}

/// The receiver's ICE user name in a binding request: what stands before the colon in USERNAME (RFC 8445 §7.2.2).
/// `None` for everything else.
pub(crate) fn receiver_ufrag(datagram: &[u8]) -> Option<&str> {
    if !is_request(datagram) {
        return None;
    }
    let mut rest = &datagram[HEADER..];
    while let [t0, t1, l0, l1, body @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = body.get(..length)?;
        if u16::from_be_bytes([*t0, *t1]) == USERNAME {
            let (ufrag, _) = std::str::from_utf8(value).ok()?.split_once(':')?;
            return (1..=MAX_UFRAG).contains(&ufrag.len()).then_some(ufrag);
        }
        // Attributes are padded to four bytes.
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
        message.extend([7; 12]);
        for (kind, value) in attributes {
            message.extend(kind.to_be_bytes());
            message.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
            message.extend(*value);
            message.resize(message.len().next_multiple_of(4), 0);
        }
        message
    }

    #[test]
    fn the_user_name_is_found_behind_other_attributes() {
        let message = request(&[(0x8022, b"abc"), (USERNAME, b"server:client"), (0x0024, &[0; 4])]);
        assert_eq!(receiver_ufrag(&message), Some("server"));
    }

    #[test]
    fn nothing_is_found_in_what_is_no_request_or_has_no_name() {
        assert_eq!(receiver_ufrag(&request(&[])), None);
        assert_eq!(receiver_ufrag(&request(&[(USERNAME, b"no colon")])), None);
        assert_eq!(receiver_ufrag(&request(&[(USERNAME, b":client")])), None);
        assert_eq!(receiver_ufrag(&request(&[(USERNAME, &[0xFF, b':'])])), None);
        let mut response = request(&[(USERNAME, b"server:client")]);
        response[..2].copy_from_slice(&BINDING_SUCCESS);
        assert_eq!(receiver_ufrag(&response), None);
        assert!(is_success(&response));
    }

    #[test]
    fn cut_messages_are_no_danger() {
        let message = request(&[(0x8022, b"abc"), (USERNAME, b"server:client")]);
        for end in 0..message.len() {
            let found = receiver_ufrag(&message[..end]);
            assert!(found.is_none() || end >= message.len() - 3, "{end}");
        }
        let mut lying = request(&[(0x8022, b"abcd")]);
        lying[HEADER + 2] = 0xFF;
        assert_eq!(receiver_ufrag(&lying), None);
    }
}
