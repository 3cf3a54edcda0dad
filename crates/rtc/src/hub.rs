//! The server's edge: one UDP socket for all calls, one task that reads it; beside it a TCP listener.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use crate::limits::{CERTIFICATE_AGE, MAX_DATAGRAM};
use crate::net::{self, Reach};
use crate::peer::Peer;
use crate::table::{Datagram, Table};
use crate::tcp::{self, Connections};
use crate::{Identity, PathLimits, RtcError, Session, SessionConfig, stun};

/// How a [`Hub`] listens and what it allows.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Where to listen. Port 0 takes a free one. `[::]` serves IPv4 as well where the system permits it.
    pub udp: SocketAddr,
    /// Addresses under which clients reach this machine, put into every answer. Empty: the address listened on or, when
    /// that is "all", every address of this machine (at most [`MAX_CANDIDATES`](crate::limits::MAX_CANDIDATES)).
    pub advertise: Vec<IpAddr>,
    /// Calls at the same time; further offers are refused with [`RtcError::Full`].
    pub max_peers: usize,
    /// Answer ICE checks only. Turn off behind a NAT that isn't 1:1: then the hub sends checks, too.
    pub ice_lite: bool,
    /// Listen for ICE over TCP as well, on the same port number, for clients whose network blocks UDP.
    pub tcp: bool,
    pub path: PathLimits,
}

impl HubConfig {
    /// The defaults for listening at `udp`.
    pub fn new(udp: SocketAddr) -> HubConfig {
        HubConfig {
            udp,
            advertise: Vec::new(),
            max_peers: 2000,
            ice_lite: true,
            tcp: true,
            path: PathLimits::default(),
        }
    }
}

/// What went past the calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HubStats {
    pub datagrams: u64,
    /// Datagrams for no peer: late ones of calls that ended, scans, attacks.
    pub datagrams_unknown: u64,
    /// Errors while receiving.
    pub receive_errors: u64,
}

#[derive(Debug, Default)]
struct Counters {
    datagrams: AtomicU64,
    unknown: AtomicU64,
    errors: AtomicU64,
}

/// What the hub's handles, its peers and its reader share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) socket: UdpSocket,
    pub(crate) connections: Connections,
    table: Mutex<Table>,
    counters: Counters,
}

impl Shared {
    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        // The table's methods can't panic half-way, so what a poisoned lock guards is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the readers when the last handle and the last peer are gone.
#[derive(Debug)]
pub(crate) struct Alive {
    pub(crate) shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// One port on which any number of calls meet. A cheap handle; the port is closed when all handles and all
/// peers are gone.
#[derive(Debug, Clone)]
pub struct Hub {
    alive: Arc<Alive>,
    config: Arc<HubConfig>,
    reach: Arc<Reach>,
    identity: Arc<Mutex<(Identity, Instant)>>,
}

impl Hub {
    /// Opens the port and starts reading it, on the runtime this is called on: media should have its own.
    ///
    /// # Errors
    /// The port can't be opened, the machine's addresses can't be listed, or no certificate can be made.
    pub async fn bind(config: HubConfig) -> Result<Hub, RtcError> {
        let identity = Identity::generate()?;
        let (socket, listener) = net::open(config.udp, config.tcp)?;
        net::ready(&socket).await?;
        let local = socket.local_addr().map_err(|source| RtcError::Socket { action: "read the port", source })?;
        let reach = Reach::new(local, &config.advertise)?;
        let shared = Arc::new(Shared {
            socket,
            connections: Connections::default(),
            table: Mutex::new(Table::new(config.max_peers)),
            counters: Counters::default(),
        });
        let mut tasks = vec![tokio::spawn(read(shared.clone())).abort_handle()];
        if let Some(listener) = listener {
            tasks.push(tokio::spawn(tcp::listen(listener, shared.clone(), config.max_peers)).abort_handle());
        }
        Ok(Hub {
            alive: Arc::new(Alive { shared, tasks }),
            config: Arc::new(config),
            reach: Arc::new(reach),
            identity: Arc::new(Mutex::new((identity, Instant::now()))),
        })
    }

    /// The address listened on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.reach.local
    }

    /// Where clients are told to send their media, the preferred address first: UDP, and TCP if it is on.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.reach.candidates
    }

    /// Whether TCP is served on the same port.
    pub fn serves_tcp(&self) -> bool {
        self.config.tcp
    }

    /// Answers an offer. The peer must be driven with [`Peer::event`] from now on, and the answer given to the client.
    ///
    /// # Errors
    /// [`RtcError::Full`], or the offer is refused as in [`Session::accept`].
    pub fn accept(&self, offer_sdp: &str) -> Result<(Peer, String), RtcError> {
        // Before the costly part; `insert` has the last word.
        if self.alive.shared.table().is_full() {
            return Err(RtcError::Full);
        }
        let config = SessionConfig {
            identity: self.identity()?,
            ice_lite: self.config.ice_lite,
            udp: self.reach.candidates.clone(),
            tcp: if self.config.tcp { self.reach.candidates.clone() } else { Vec::new() },
            path: self.config.path,
        };
        let (mut session, answer) = Session::accept(&config, offer_sdp, Instant::now())?;
        let place = self.alive.shared.table().insert(session.local_ufrag())?;
        Ok((Peer::of_hub(session, self.alive.clone(), self.reach.clone(), place), answer))
    }

    /// Calls that have a peer now.
    pub fn live(&self) -> usize {
        self.alive.shared.table().live()
    }

    pub fn stats(&self) -> HubStats {
        let counters = &self.alive.shared.counters;
        HubStats {
            datagrams: counters.datagrams.load(Ordering::Relaxed),
            datagrams_unknown: counters.unknown.load(Ordering::Relaxed),
            receive_errors: counters.errors.load(Ordering::Relaxed),
        }
    }

    /// The certificate for new calls, made anew every [`CERTIFICATE_AGE`].
    fn identity(&self) -> Result<Identity, RtcError> {
        let mut current = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.elapsed() >= CERTIFICATE_AGE {
            *current = (Identity::generate()?, Instant::now());
        }
        Ok(current.0.clone())
    }
}

async fn read(shared: Arc<Shared>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let (length, source) = match shared.socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // No error ends a UDP socket that is open; waiting keeps one that repeats from taking a core.
                tracing::debug!(%error, "receiving a datagram failed");
                shared.counters.errors.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let received = Instant::now();
        let (from, source) = (source, net::unmapped(source));
        let bytes = &buffer[..length];
        shared.counters.datagrams.fetch_add(1, Ordering::Relaxed);
        let known = shared.table().route(source, bytes).is_some_and(|inbox| {
            inbox.put(Datagram { protocol: crate::Protocol::Udp, source, bytes: bytes.into(), received })
        });
        if !known {
            // Whoever asks outside of a call whether we are here; what cannot be sent at once is not sent.
            if let Some(reply) = stun::reply_to_stranger(bytes, source) {
                shared.socket.try_send_to(&reply, from).ok();
            }
            shared.counters.unknown.fetch_add(1, Ordering::Relaxed);
        }
    }
}
