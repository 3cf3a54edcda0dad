//! ICE over TCP (RFC 6544, passive) on the hub's port number, for clients whose network lets no UDP through. Each datagram travels
//! with its length before it in two bytes (RFC 4571).
//!
//! A connection belongs to the call named in its first datagram, which must be a check. What a slow connection doesn't take is
//! dropped, never kept: audio that waits is worth nothing, and text is sent again by SCTP.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::hub::Shared;
use crate::limits::{MAX_DATAGRAM, MAX_TCP_QUEUE, TCP_FIRST, TCP_GOODBYE, TCP_IDLE};
use crate::net;
use crate::table::{Datagram, Inbox};
use crate::{Protocol, stun};

/// Kernel memory for what a connection hasn't sent: about a quarter of a second of audio with RED.
/// (The default grows to megabytes, all of it delay.)
const SEND_BUFFER: usize = 8 * 1024;

/// The open connections that have proved to be for a call, by their far end.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<FxHashMap<SocketAddr, mpsc::Sender<Box<[u8]>>>>);

impl Connections {
    /// Puts a datagram into the connection's queue; `false` if there is no such connection or its queue is full.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) -> bool {
        let Ok(length) = u16::try_from(datagram.len()) else { return false };
        let mut frame = Vec::with_capacity(2 + datagram.len());
        frame.extend(length.to_be_bytes());
        frame.extend(datagram);
        self.lock().get(&to).is_some_and(|queue| queue.try_send(frame.into()).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<SocketAddr, mpsc::Sender<Box<[u8]>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections for as long as the task runs. Of more than `max` at once, the newest are closed unread.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>, max: usize) {
    let places = Arc::new(tokio::sync::Semaphore::new(max));
    loop {
        let (stream, source) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Mostly "too many open files", which passes when something else ends.
                tracing::debug!(%error, "accepting a TCP connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::debug!("a TCP connection was closed: too many are open");
            continue;
        };
        let shared = Arc::downgrade(&shared);
        tokio::spawn(async move {
            serve(stream, net::unmapped(source), shared).await;
            drop(place);
        });
    }
}

/// Takes the connection off the list when it ends, however it ends.
struct Listed {
    shared: Arc<Shared>,
    source: SocketAddr,
    queue: mpsc::Sender<Box<[u8]>>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut all = self.shared.connections.lock();
        // The same far end may have connected anew already.
        if all.get(&self.source).is_some_and(|queue| queue.same_channel(&self.queue)) {
            all.remove(&self.source);
        }
    }
}

async fn serve(stream: TcpStream, source: SocketAddr, shared: std::sync::Weak<Shared>) {
    // Both only cost delay where the system refuses them.
    stream.set_nodelay(true).ok();
    socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER).ok();
    let (read, write) = stream.into_split();
    let mut read = BufReader::with_capacity(MAX_DATAGRAM, read);

    let mut buffer = vec![0; MAX_DATAGRAM];
    let Some(length) = read_frame(&mut read, &mut buffer, TCP_FIRST).await else { return };
    let Some(shared) = shared.upgrade() else { return };
    let Some(inbox) = shared.table().by_check(&buffer[..length]).cloned() else {
        return answer_stranger(write, &buffer[..length], source).await;
    };
    let (queue, queued) = mpsc::channel(MAX_TCP_QUEUE);
    shared.connections.lock().insert(source, queue.clone());
    let listed = Listed { shared, source, queue };
    let put = |inbox: &Inbox, bytes: &[u8]| {
        inbox.put(Datagram { protocol: Protocol::Tcp, source, bytes: bytes.into(), received: Instant::now() })
    };
    let reading = async {
        let mut length = length;
        while put(&inbox, &buffer[..length]) {
            match read_frame(&mut read, &mut buffer, TCP_IDLE).await {
                Some(next) => length = next,
                None => return,
            }
        }
    };
    let mut writing = pin!(write_frames(write, queued));
    let written = tokio::select! {
        () = reading => false,
        () = &mut writing => true,
        () = inbox.closed() => false,
    };
    // The call's goodbye may still be in the queue, which ends with its entry in the list.
    drop(listed);
    if !written {
        timeout(TCP_GOODBYE, writing).await.ok();
    }
}

/// Tells who asks outside of a call where they come from, and closes the connection.
async fn answer_stranger(mut write: OwnedWriteHalf, question: &[u8], source: SocketAddr) {
    let Some(reply) = stun::reply_to_stranger(question, source) else { return };
    let length = u16::try_from(reply.len()).expect("44 bytes at most");
    let frame = [&length.to_be_bytes()[..], &reply].concat();
    timeout(TCP_FIRST, write.write_all(&frame)).await.ok();
}

/// The next datagram's length, once it is in the buffer. `None` at the end: closed, not there in time, or a length no
/// datagram of ours has.
async fn read_frame(read: &mut BufReader<OwnedReadHalf>, buffer: &mut [u8], within: Duration) -> Option<usize> {
    let whole = async {
        let length = usize::from(read.read_u16().await.ok()?);
        let frame = buffer.get_mut(..length).filter(|frame| !frame.is_empty())?;
        read.read_exact(frame).await.ok()
    };
    timeout(within, whole).await.ok().flatten()
}

async fn write_frames(mut write: OwnedWriteHalf, mut queued: mpsc::Receiver<Box<[u8]>>) {
    while let Some(frame) = queued.recv().await {
        if write.write_all(&frame).await.is_err() {
            return;
        }
    }
}
