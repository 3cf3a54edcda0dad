//! The native client's edge: a socket of its own for one call.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use tokio::net::UdpSocket;

use crate::peer::{Own, Peer};
use crate::{Identity, PathLimits, RtcError, Session, SessionConfig, net};

/// A call being made: the offer is out, the answer isn't in yet.
#[derive(Debug)]
pub struct Dial {
    session: Session,
    own: Own,
}

impl Dial {
    /// Opens a socket from which `server_hint` can be reached and makes the offer.
    ///
    /// # Errors
    /// No socket could be opened, or no certificate made.
    pub async fn new(server_hint: SocketAddr) -> Result<(Dial, String), RtcError> {
        Dial::with_limits(server_hint, PathLimits::default()).await
    }

    /// As [`Dial::new`], with other patience.
    ///
    /// # Errors
    /// See [`Dial::new`].
    pub async fn with_limits(server_hint: SocketAddr, path: PathLimits) -> Result<(Dial, String), RtcError> {
        Dial::offer(server_hint, path, false).await
    }

    /// As [`Dial::new`], with a second line to listen on.
    ///
    /// # Errors
    /// See [`Dial::new`].
    pub async fn listening(server_hint: SocketAddr) -> Result<(Dial, String), RtcError> {
        Dial::offer(server_hint, PathLimits::default(), true).await
    }

    async fn offer(server_hint: SocketAddr, path: PathLimits, two: bool) -> Result<(Dial, String), RtcError> {
        let own = open_towards(server_hint).await?;
        let config = SessionConfig {
            identity: Identity::generate()?,
            ice_lite: false,
            udp: vec![own.local],
            tcp: Vec::new(),
            path,
        };
        let offer = if two { Session::offer_two } else { Session::offer };
        let (session, offer) = offer(&config, Instant::now())?;
        Ok((Dial { session, own }, offer))
    }

    /// Takes the answer; the peer connects while it is driven.
    ///
    /// # Errors
    /// The answer is unreadable or doesn't fit the offer.
    pub async fn answer(mut self, answer_sdp: &str) -> Result<Peer, RtcError> {
        self.session.take_answer(answer_sdp, Instant::now())?;
        Ok(Peer::of_socket(self.session, self.own))
    }
}

/// A socket at the local address from which the system would send to `server`.
pub(crate) async fn open_towards(server: SocketAddr) -> Result<Own, RtcError> {
    let socket = net::udp_socket(SocketAddr::new(address_towards(server).await?, 0))?;
    let local = socket.local_addr().map_err(no_way)?;
    net::ready(&socket).await?;
    Ok(Own::new(socket, local))
}

fn no_way(source: io::Error) -> RtcError {
    RtcError::Socket { action: "find the way to the server", source }
}

/// The local address from which the system would send to `server`.
///
/// # Errors
/// The system knows no way there.
pub async fn address_towards(server: SocketAddr) -> Result<IpAddr, RtcError> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let probe = UdpSocket::bind((any, 0)).await.map_err(no_way)?;
    // Connecting a UDP socket sends nothing; it only makes the kernel choose a route.
    probe.connect(server).await.map_err(no_way)?;
    let chosen = probe.local_addr().map_err(no_way)?;
    Ok(chosen.ip())
}
