//! Sockets and addresses of this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::RtcError;
use crate::limits::MAX_CANDIDATES;

/// Asked of the kernel for each direction; it gives less where it isn't allowed to. 500 calls need about 100 KiB
/// for a pause of the reader of 20 ms.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Connections the kernel holds until they are accepted.
const TCP_BACKLOG: i32 = 128;

pub(crate) fn udp_socket(address: SocketAddr) -> Result<UdpSocket, RtcError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            socket.set_only_v6(false)?;
        }
        // Smaller buffers only lose packets earlier.
        socket.set_recv_buffer_size(SOCKET_BUFFER).ok();
        socket.set_send_buffer_size(SOCKET_BUFFER).ok();
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket.into())
    };
    open().map_err(|source| RtcError::Socket { action: "open the UDP port", source })
}

/// How often a port that is to be free for UDP and TCP is looked for.
const PORT_TRIES: usize = 16;

/// The UDP socket at `address` and, if wanted, a TCP listener at the same port. Port 0 takes one that both have free.
pub(crate) fn open(address: SocketAddr, tcp: bool) -> Result<(UdpSocket, Option<TcpListener>), RtcError> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        let udp = udp_socket(address)?;
        if !tcp {
            return Ok((udp, None));
        }
        tries -= 1;
        match udp.local_addr().and_then(tcp_listener) {
            Ok(listener) => return Ok((udp, Some(listener))),
            Err(_) if tries > 0 => {}
            Err(source) => return Err(RtcError::Socket { action: "open the TCP port", source }),
        }
    }
}

fn tcp_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // A restarted server mustn't wait for connections of the one before to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(TCP_BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// Waits until tokio knows that the socket can be written to; before that it refuses to try.
pub(crate) async fn ready(socket: &UdpSocket) -> Result<(), RtcError> {
    socket.writable().await.map_err(|source| RtcError::Socket { action: "use the UDP port", source })
}

/// An IPv4 address that an IPv6 socket shows in its own way, as IPv4 again.
pub(crate) fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Under which addresses the hub is reached.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) local: SocketAddr,
    /// What clients are told, the preferred first. Not empty.
    pub(crate) candidates: Vec<SocketAddr>,
}

impl Reach {
    pub(crate) fn new(local: SocketAddr, advertise: &[IpAddr]) -> Result<Reach, RtcError> {
        let addresses = if !advertise.is_empty() {
            advertise.to_vec()
        } else if local.ip().is_unspecified() {
            machine_addresses(local.is_ipv6())?
        } else {
            vec![local.ip()]
        };
        let mut candidates: Vec<SocketAddr> =
            addresses.into_iter().map(|address| SocketAddr::new(address, local.port())).collect();
        candidates.truncate(MAX_CANDIDATES);
        Ok(Reach { local, candidates })
    }

    /// Which of our addresses a datagram from `source` counts as sent to. The socket doesn't say, and ICE only
    /// needs one of ours of the same family: the answer goes back through the same socket in any case.
    pub(crate) fn destination_of(&self, source: SocketAddr) -> SocketAddr {
        let same = self.candidates.iter().find(|candidate| candidate.is_ipv4() == source.is_ipv4());
        *same.or(self.candidates.first()).expect("a hub has candidates")
    }

    /// How the socket wants a destination written.
    pub(crate) fn on_wire(&self, destination: SocketAddr) -> SocketAddr {
        match destination.ip() {
            IpAddr::V4(v4) if self.local.is_ipv6() => {
                SocketAddr::new(IpAddr::V6(v4.to_ipv6_mapped()), destination.port())
            }
            IpAddr::V4(_) | IpAddr::V6(_) => destination,
        }
    }
}

/// Every usable address of this machine, those of networks before loopback.
fn machine_addresses(with_v6: bool) -> Result<Vec<IpAddr>, RtcError> {
    let interfaces = if_addrs::get_if_addrs()
        .map_err(|source| RtcError::Socket { action: "list this machine's addresses", source })?;
    let mut addresses: Vec<IpAddr> = interfaces
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|address| match address {
            IpAddr::V4(v4) => !v4.is_link_local(),
            IpAddr::V6(v6) => with_v6 && !v6.is_unicast_link_local(),
        })
        .collect();
    addresses.sort_by_key(IpAddr::is_loopback);
    addresses.dedup();
    if addresses.is_empty() {
        addresses.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advertised_addresses_replace_the_local_one_and_keep_its_port() {
        let local = SocketAddr::from(([10, 0, 0, 1], 7000));
        let public: IpAddr = [203, 0, 113, 7].into();
        assert_eq!(Reach::new(local, &[]).expect("reach").candidates, [local]);
        assert_eq!(Reach::new(local, &[public]).expect("reach").candidates, [SocketAddr::new(public, 7000)]);
    }

    #[test]
    fn listening_on_all_addresses_offers_loopback_last() {
        let reach = Reach::new(SocketAddr::from(([0, 0, 0, 0], 7000)), &[]).expect("reach");
        assert!(reach.candidates.iter().all(|candidate| candidate.is_ipv4() && !candidate.ip().is_unspecified()));
        let first_loopback = reach.candidates.iter().position(|candidate| candidate.ip().is_loopback());
        let last_other = reach.candidates.iter().rposition(|candidate| !candidate.ip().is_loopback());
        assert!(first_loopback > last_other || first_loopback.is_none());
    }

    #[test]
    fn a_dual_stack_socket_sees_and_says_ipv4_in_the_same_way() {
        let local: SocketAddr = "[::]:7000".parse().expect("address");
        let reach = Reach { local, candidates: vec![local] };
        let v4 = SocketAddr::from(([192, 0, 2, 1], 9));
        assert_eq!(unmapped(reach.on_wire(v4)), v4);
        assert!(reach.on_wire(v4).is_ipv6());
    }
}
