//! Which addresses may be connected to.
//!
//! Refused are the special-purpose ranges of IANA's registries (RFC 6890 and its successors) that are not global unicast:
//! for IPv4 those of [`SPECIAL_V4`], for IPv6 everything outside of 2000::/3 and those of [`SPECIAL_V6`]. An address that only
//! carries an IPv4 one (mapped, RFC 4291 §2.5.5.2, or of the well-known NAT64 prefix, RFC 6052) is judged by that one.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SPECIAL_V4: [Ipv4Net; 14] = [
    v4(0, 0, 0, 0, 8),       // this network, unspecified
    v4(10, 0, 0, 0, 8),      // private
    v4(100, 64, 0, 0, 10),   // shared, carrier-grade NAT
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link-local, metadata services of clouds
    v4(172, 16, 0, 0, 12),   // private
    v4(192, 0, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 0, 24),    // documentation
    v4(192, 88, 99, 0, 24),  // 6to4 relays, deprecated
    v4(192, 168, 0, 0, 16),  // private
    v4(198, 18, 0, 0, 15),   // benchmarks
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 3),     // multicast, reserved, broadcast
];

const GLOBAL_V6: Ipv6Net = v6([0x2000, 0], 3);
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0], 23),     // protocol assignments: Teredo, benchmarks, ORCHID
    v6([0x2001, 0xdb8], 32), // documentation
    v6([0x2002, 0], 16),     // 6to4
    v6([0x3fff, 0], 20),     // documentation
];
const NAT64: Ipv6Net = v6([0x64, 0xff9b], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(start: [u16; 2], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(start[0], start[1], 0, 0, 0, 0, 0, 0), length)
}

/// Public addresses, and the operator's exceptions.
#[derive(Debug)]
pub struct Allowed {
    exceptions: Vec<IpNet>,
}

impl Allowed {
    pub const fn new(exceptions: Vec<IpNet>) -> Self {
        Self { exceptions }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let address = carried(address);
        is_public(address) || self.exceptions.iter().any(|net| net.contains(&address))
    }
}

/// The IPv4 address that an IPv6 one stands for; others as they are.
fn carried(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if NAT64.contains(&v6) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        address => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn none() -> Allowed {
        Allowed::new(Vec::new())
    }

    /// Each range: the last address before it, its first, its last, the first after it. `-` where the neighbour is refused
    /// as well, or there is none.
    const EDGES: &[[&str; 4]] = &[
        ["-", "0.0.0.0", "0.255.255.255", "1.0.0.0"],
        ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"],
        ["100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"],
        ["126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"],
        ["169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"],
        ["172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"],
        ["191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"],
        ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"],
        ["192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"],
        ["192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"],
        ["198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"],
        ["198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"],
        ["203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"],
        ["223.255.255.255", "224.0.0.0", "255.255.255.255", "-"],
        ["-", "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"],
        ["2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"],
        [
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
        ],
        ["2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"],
        ["3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"],
        ["3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"],
    ];

    #[test]
    fn each_special_range_is_refused_from_its_first_address_to_its_last_and_no_further() {
        for [before, first, last, after] in EDGES {
            for refused in [first, last] {
                assert!(!none().contains(ip(refused)), "{refused}");
            }
            for public in [before, after].into_iter().filter(|text| **text != "-") {
                assert!(none().contains(ip(public)), "{public}");
            }
        }
        assert_eq!(EDGES.len(), SPECIAL_V4.len() + SPECIAL_V6.len() + 2, "each range has its edges here");
    }

    #[test]
    fn well_known_local_addresses_of_ipv6_are_refused() {
        for text in ["::", "::1", "fe80::1", "fec0::1", "fc00::1", "fdff::1", "ff02::1", "100::1", "64:ff9b:1::1"] {
            assert!(!none().contains(ip(text)), "{text}");
        }
    }

    #[test]
    fn an_ipv6_address_that_carries_an_ipv4_one_is_judged_by_it() {
        for (carrier, public) in [
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.1.2.3", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::127.0.0.1", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b::8.8.8.8", true),
            // The deprecated compatible form, which nothing uses.
            ("::8.8.8.8", false),
        ] {
            assert_eq!(none().contains(ip(carrier)), public, "{carrier}");
        }
    }

    #[test]
    fn the_operators_ranges_are_allowed_in_every_form_and_no_more_than_they() {
        let allowed =
            Allowed::new(vec!["127.0.0.0/30".parse().expect("a range"), "fd00::/8".parse().expect("a range")]);
        for text in ["127.0.0.1", "127.0.0.3", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "fd12::1", "8.8.8.8"] {
            assert!(allowed.contains(ip(text)), "{text}");
        }
        for text in ["127.0.0.4", "10.0.0.1", "fc12::1", "::1"] {
            assert!(!allowed.contains(ip(text)), "{text}");
        }
    }
}
