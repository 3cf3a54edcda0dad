//! A caller's UDP socket, which knows when a datagram arrived: the kernel stamps each when it comes in, so that an arrival is
//! true however late this process gets round to reading it.

use anyhow::Context;
use ringline_rtc::address_towards;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Longest datagram.
const DATAGRAM: usize = 2000;
/// Room for one timestamp with its header, aligned.
const CONTROL: usize = 8;

pub struct Socket {
    socket: UdpSocket,
    pub local: SocketAddr,
    server: SocketAddr,
    buffer: Box<[u8; DATAGRAM]>,
}

/// A datagram that was received.
pub struct Received<'a> {
    pub bytes: &'a [u8],
    pub source: SocketAddr,
    /// When it reached this machine's network stack.
    pub arrived: Instant,
}

impl Socket {
    /// A socket at the address from which `server` is reached. Datagrams from elsewhere are taken for the server's: who sends is
    /// checked by what they say.
    pub async fn towards(server: SocketAddr) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((address_towards(server).await?, 0)).await?;
        let on: libc::c_int = 1;
        // SAFETY: the descriptor is open, and the option's value is an int that lives through the call.
        #[allow(unsafe_code)]
        let set = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPNS,
                std::ptr::from_ref(&on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if set != 0 {
            return Err(io::Error::last_os_error()).context("the kernel stamps no datagrams");
        }
        socket.writable().await?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local, server, buffer: Box::new([0; DATAGRAM]) })
    }

    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// The next datagram that is there; none if none is.
    pub fn receive(&mut self) -> io::Result<Option<Received<'_>>> {
        let (fd, buffer) = (self.socket.as_raw_fd(), &mut *self.buffer);
        match self.socket.try_io(Interest::READABLE, || receive(fd, buffer)) {
            Ok((length, source, stamp)) => {
                let source = source.unwrap_or(self.server);
                Ok(Some(Received { bytes: &self.buffer[..length], source, arrived: instant(stamp) }))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the kernel does not take at once is lost, as on any network.
    pub fn send(&self, bytes: &[u8], to: SocketAddr) -> bool {
        self.socket.try_send_to(bytes, to).is_ok()
    }
}

/// Length, source (if it is IPv4) and timestamp of a datagram.
fn receive(fd: i32, buffer: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>, Option<Duration>)> {
    let mut name = MaybeUninit::<libc::sockaddr_in>::zeroed();
    let mut control = [0_u64; CONTROL];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all zeros is a valid msghdr. Its pointers are to the buffers above, which live longer than the calls below, with their
    // true lengths; the control buffer is aligned for headers, and CMSG_FIRSTHDR gives null or a header inside of it.
    #[allow(unsafe_code)]
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_name = name.as_mut_ptr().cast();
        message.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of::<[u64; CONTROL]>();
        let length = libc::recvmsg(fd, &raw mut message, libc::MSG_DONTWAIT);
        let Ok(length) = usize::try_from(length) else { return Err(io::Error::last_os_error()) };
        let name = name.assume_init();
        let source = (i32::from(name.sin_family) == libc::AF_INET)
            .then(|| SocketAddr::from((u32::from_be(name.sin_addr.s_addr).to_be_bytes(), u16::from_be(name.sin_port))));
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let stamp = (!header.is_null()
            && (*header).cmsg_level == libc::SOL_SOCKET
            && (*header).cmsg_type == libc::SCM_TIMESTAMPNS)
            .then(|| libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned())
            .map(|stamp| Duration::new(stamp.tv_sec as u64, stamp.tv_nsec as u32));
        Ok((length, source, stamp))
    }
}

/// Where a time of the system's clock lies on ours.
fn instant(stamp: Option<Duration>) -> Instant {
    let now = Instant::now();
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let age = stamp.map_or(Duration::ZERO, |stamp| since_epoch.saturating_sub(stamp));
    now.checked_sub(age).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_datagram_arrived_when_it_was_sent_and_not_when_it_is_read() {
        let sender = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let from = sender.local_addr().expect("bound");
        let mut socket = Socket::towards(from).await.expect("a socket");
        let before = Instant::now();
        sender.send_to(b"hello", socket.local).await.expect("sent");
        let after = Instant::now();
        socket.readable().await.expect("open");
        let received = socket.receive().expect("received").expect("a datagram");
        assert_eq!((received.bytes, received.source), (&b"hello"[..], from));
        // The two clocks are read one after the other.
        let slack = Duration::from_millis(1);
        assert!(received.arrived + slack >= before && received.arrived <= after + slack);
        assert!(socket.receive().expect("open").is_none());
    }
}
