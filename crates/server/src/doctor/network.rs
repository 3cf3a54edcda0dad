//! The ways media takes: our own port by UDP and TCP, and TURN servers, also through TLS, with certificates that are looked at as a
//! browser does.

use super::{Check, Verdict};
use crate::ice::IceServers;
use ringline_model::UserId;
use ringline_protocol::ice::IceServer;
use ringline_rtc::reach::{self, Transport};
use rustls_platform_verifier::ConfigVerifierExt as _;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

const PATIENCE: Duration = Duration::from_secs(3);
/// Credentials for the check are good for so long, in s.
const CREDENTIALS: i64 = 300;
/// Where an address names no port: in the clear, and through TLS.
const TURN_PORT: u16 = 3478;
const TURNS_PORT: u16 = 5349;

/// Whether the hub is reached at its candidates, by UDP and, if it serves it, by TCP.
pub async fn candidates(candidates: &[SocketAddr], tcp: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    for candidate in candidates {
        checks.push(reached("udp", *candidate, reach::udp(*candidate, PATIENCE).await));
        if tcp {
            checks.push(reached("tcp", *candidate, reach::tcp(*candidate, PATIENCE).await));
        }
    }
    checks
}

fn reached(name: &str, candidate: SocketAddr, answer: std::io::Result<reach::Reached>) -> Check {
    let error = match answer {
        Ok(reached) => {
            let ms = reached.after.as_secs_f64() * 1e3;
            return Check::ok(name, format!("{candidate} answers after {ms:.1} ms and sees us as {}", reached.address));
        }
        Err(error) => error,
    };
    let found = format!("{candidate} does not answer: {error}");
    let port = candidate.port();
    if is_ours(candidate) {
        let advice = format!("let {} port {port} into this machine (firewall, container)", name.to_uppercase());
        return Check {
            verdict: if name == "tcp" { Verdict::Warning } else { Verdict::Failed },
            ..Check::failed(name, found, advice)
        };
    }
    let advice = format!(
        "many routers don't lead back inside: run `ringline doctor --url …` from elsewhere. If that fails, too, lead {} port \
         {port} of the router to this machine, or correct media.advertise",
        name.to_uppercase()
    );
    Check::warning(name, found, advice)
}

/// Whether an address is one of this machine.
fn is_ours(address: SocketAddr) -> bool {
    UdpSocket::bind((address.ip(), 0)).is_ok()
}

/// Whether the configured servers give users what they are promised.
pub async fn servers(servers: &IceServers, now_s: i64) -> Vec<Check> {
    if servers.is_empty() {
        return vec![Check::skipped(
            "turn",
            "media.ice_servers names none: users behind networks that block both UDP and TCP to the media port cannot call",
        )];
    }
    let user = UserId::parse("doctor").expect("an id");
    let mut checks = Vec::new();
    for server in servers.for_user(&user, now_s + CREDENTIALS) {
        for url in &server.urls {
            checks.push(server_check(url, &server).await);
        }
    }
    checks
}

async fn server_check(url: &str, server: &IceServer) -> Check {
    let Some(Address { scheme, host, transport }) = address(url) else {
        return Check::failed("turn", format!("{url} is not understood"), "write it as turn:host:port?transport=udp");
    };
    if scheme == "turns" && transport == Transport::Udp {
        return Check::skipped("turn", format!("{url}: what goes through DTLS is not looked at"));
    }
    let unreachable = |error: &dyn std::fmt::Display| {
        let advice = "is the server running, its secret the same as ours, its port open from here?";
        Check::failed("turn", format!("{url}: {error}"), advice)
    };
    let target = match tokio::net::lookup_host(&host).await.map(|mut found| found.next()) {
        Ok(Some(target)) => target,
        Ok(None) => return unreachable(&"its name leads nowhere"),
        Err(error) => return unreachable(&error),
    };
    let asked = match (scheme, &server.username, &server.credential) {
        ("turn", Some(username), Some(credential)) => {
            reach::turn(target, transport, username, credential, PATIENCE).await
        }
        ("turns", Some(username), Some(credential)) => match through_tls(target, &host).await {
            Ok(stream) => reach::turn_over(stream, username, credential, PATIENCE).await,
            Err(TlsError::Unreachable(error)) => Err(error),
            Err(TlsError::Refused(error)) => {
                let advice = "browsers refuse it as well: give the server a certificate for its name that they trust";
                return Check::failed("turn", format!("{url}: no TLS: {error}"), advice);
            }
        },
        ("turn" | "turns", ..) => {
            return Check::skipped("turn", format!("{url}: without a secret it cannot be asked to relay"));
        }
        _ => reach::udp(target, PATIENCE).await,
    };
    match asked {
        Ok(reached) => {
            let ms = reached.after.as_secs_f64() * 1e3;
            let what = if scheme == "stun" { "sees us as" } else { "relays by" };
            Check::ok("turn", format!("{url} answers after {ms:.1} ms and {what} {}", reached.address))
        }
        Err(error) => unreachable(&error),
    }
}

enum TlsError {
    Unreachable(io::Error),
    Refused(io::Error),
}

/// `host`: its name, with its port.
async fn through_tls(target: SocketAddr, host: &str) -> Result<TlsStream<TcpStream>, TlsError> {
    let refused = |error: &dyn std::fmt::Display| TlsError::Refused(io::Error::other(error.to_string()));
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let name = ServerName::try_from(name.to_owned()).map_err(|error| refused(&error))?;
    let config = ClientConfig::with_platform_verifier().map_err(|error| refused(&error))?;
    let connected = timeout(PATIENCE, TcpStream::connect(target)).await;
    let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(TlsError::Unreachable)?;
    let greeted = timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    greeted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(TlsError::Refused)
}

#[derive(Debug, PartialEq, Eq)]
struct Address<'u> {
    scheme: &'u str,
    /// With its port.
    host: String,
    transport: Transport,
}

/// RFC 7064 and RFC 7065.
fn address(url: &str) -> Option<Address<'_>> {
    let (scheme, rest) = url.split_once(':')?;
    let (host, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (port, usual) = if scheme == "turns" { (TURNS_PORT, Transport::Tcp) } else { (TURN_PORT, Transport::Udp) };
    let transport = match query {
        "" => usual,
        "transport=udp" => Transport::Udp,
        "transport=tcp" => Transport::Tcp,
        _ => return None,
    };
    // The last colon of an address in brackets belongs to it.
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
    (!host.starts_with(':')).then_some(Address { scheme, host, transport })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_are_read_with_and_without_port_and_transport() {
        let of = |url| address(url).map(|found| (found.scheme, found.host, found.transport));
        assert_eq!(of("turn:t.example"), Some(("turn", "t.example:3478".into(), Transport::Udp)));
        assert_eq!(of("turn:t.example:99?transport=tcp"), Some(("turn", "t.example:99".into(), Transport::Tcp)));
        assert_eq!(of("turns:t.example"), Some(("turns", "t.example:5349".into(), Transport::Tcp)));
        assert_eq!(of("turns:t.example:443?transport=udp"), Some(("turns", "t.example:443".into(), Transport::Udp)));
        assert_eq!(of("stun:[2001:db8::1]"), Some(("stun", "[2001:db8::1]:3478".into(), Transport::Udp)));
        for wrong in ["turn", "turn:", "turn:t.example?transport=sctp"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn silence_of_our_own_port_is_a_failure_and_of_anothers_a_warning() {
        let silent = UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let timed_out = || Err(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert_eq!(reached("udp", silent, timed_out()).verdict, Verdict::Failed);
        assert_eq!(reached("tcp", silent, timed_out()).verdict, Verdict::Warning);
        let elsewhere = "203.0.113.7:7882".parse().expect("an address");
        assert_eq!(reached("udp", elsewhere, timed_out()).verdict, Verdict::Warning);
    }
}
