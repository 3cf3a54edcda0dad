//! As much STUN (RFC 8489) as is needed to find the session a datagram is for, and to tell whoever asks without one which address
//! they come from. Authenticity is str0m's business.

use std::net::{IpAddr, SocketAddr};

pub(crate) const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
pub(crate) const MAGIC: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
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
    let (ufrag, _) = std::str::from_utf8(attribute(datagram, USERNAME)?).ok()?.split_once(':')?;
    (1..=MAX_UFRAG).contains(&ufrag.len()).then_some(ufrag)
}

/// The value of the first attribute of that kind.
pub(crate) fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = message.get(HEADER..)?;
    while let [t0, t1, l0, l1, body @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = body.get(..length)?;
        if u16::from_be_bytes([*t0, *t1]) == wanted {
            return Some(value);
        }
        // Attributes are padded to four bytes.
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The answer to a binding request that is for no session: where it came from. It is never longer than the request, so that
/// nobody can be flooded with answers by a forged sender; who wants one pads the request. `None` for everything else.
pub(crate) fn reply_to_stranger(datagram: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let is_stun = is_request(datagram) && datagram[4..8] == MAGIC && attribute(datagram, USERNAME).is_none();
    if !is_stun {
        return None;
    }
    let value = xor_address(source, &datagram[4..HEADER]);
    let mut reply = BINDING_SUCCESS.to_vec();
    reply.extend(u16::try_from(4 + value.len()).expect("at most 24").to_be_bytes());
    reply.extend(&datagram[4..HEADER]);
    reply.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    reply.extend(u16::try_from(value.len()).expect("at most 20").to_be_bytes());
    reply.extend(value);
    (reply.len() <= datagram.len()).then_some(reply)
}

/// An address as XOR-MAPPED-ADDRESS and its like have it. `mask`: magic cookie and transaction id.
fn xor_address(address: SocketAddr, mask: &[u8]) -> Vec<u8> {
    let (family, octets) = match address.ip() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let port = address.port().to_be_bytes();
    let masked = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect() };
    [vec![0, family], masked(&port), masked(&octets)].concat()
}

/// The address in XOR-MAPPED-ADDRESS and its like; `message` is the whole message it stands in.
pub(crate) fn read_address(message: &[u8], kind: u16) -> Option<SocketAddr> {
    let (value, mask) = (attribute(message, kind)?, message.get(4..HEADER)?);
    let [0, family, p0, p1, octets @ ..] = value else { return None };
    let port = u16::from_be_bytes([p0 ^ mask[0], p1 ^ mask[1]]);
    let octets: Vec<u8> = octets.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match family {
        1 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        2 => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
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
    fn a_stranger_is_told_the_own_address_in_no_more_bytes_than_were_sent() {
        for source in ["203.0.113.7:4711", "[2001:db8::7]:4711"] {
            let source: SocketAddr = source.parse().expect("an address");
            let padded = request(&[(0x8022, &[b'x'; 24])]);
            let reply = reply_to_stranger(&padded, source).expect("an answer");
            assert!(is_success(&reply) && reply.len() <= padded.len());
            assert_eq!(reply[4..HEADER], padded[4..HEADER], "its own transaction");
            assert_eq!(read_address(&reply, XOR_MAPPED_ADDRESS), Some(source));
            assert_eq!(reply_to_stranger(&request(&[]), source), None, "too short a question");
            assert_eq!(reply_to_stranger(&request(&[(USERNAME, b"a:b"), (0x8022, &[b'x'; 24])]), source), None);
            assert_eq!(reply_to_stranger(&reply, source), None, "an answer is not answered");
        }
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
