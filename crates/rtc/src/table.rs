//! Which peer a datagram is for. A new address is found by the ICE user name in its first check and remembered only
//! after the peer has answered that check, which it does only to who knows the password: nobody can have a
//! datagram of another's delivered to himself, or bind addresses he doesn't own.
//!
//! A check is always routed by its user name, so that an address which a NAT gives to another call moves with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustc_hash::FxHashMap;
use str0m::net::Protocol;
use tokio::sync::mpsc;

use crate::limits::{MAX_ADDRESSES, MAX_INBOX, MAX_UFRAGS};
use crate::{RtcError, stun};

/// A datagram on its way to its peer's task. The bytes are one allocation of their exact size per datagram: they change owner, and a
/// shared buffer would let one stalled call pin everybody's memory.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) protocol: Protocol,
    pub(crate) source: SocketAddr,
    pub(crate) bytes: Box<[u8]>,
    pub(crate) received: Instant,
}

/// Where a peer's datagrams go.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Datagram>,
    dropped: Arc<AtomicU64>,
}

impl Inbox {
    /// Resolves when the peer is gone.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// `false` when the peer is gone. A full inbox drops the datagram and counts it.
    pub(crate) fn put(&self, datagram: Datagram) -> bool {
        match self.sender.try_send(datagram) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

/// A peer's end of its place in the table.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) key: u64,
    pub(crate) inbox: mpsc::Receiver<Datagram>,
    pub(crate) dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Entry {
    inbox: Inbox,
    /// Oldest first.
    addresses: Vec<SocketAddr>,
    ufrags: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Table {
    max_peers: usize,
    next_key: u64,
    peers: FxHashMap<u64, Entry>,
    by_address: FxHashMap<SocketAddr, u64>,
    by_ufrag: FxHashMap<String, u64>,
}

impl Table {
    pub(crate) fn new(max_peers: usize) -> Table {
        Table {
            max_peers,
            next_key: 0,
            peers: FxHashMap::default(),
            by_address: FxHashMap::default(),
            by_ufrag: FxHashMap::default(),
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.peers.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.peers.len() >= self.max_peers
    }

    /// Makes a place for a peer whose checks carry `ufrag`.
    pub(crate) fn insert(&mut self, ufrag: String) -> Result<Place, RtcError> {
        if self.is_full() {
            return Err(RtcError::Full);
        }
        let key = self.next_key;
        self.next_key += 1;
        let (sender, receiver) = mpsc::channel(MAX_INBOX);
        let dropped = Arc::new(AtomicU64::new(0));
        let inbox = Inbox { sender, dropped: dropped.clone() };
        self.peers.insert(key, Entry { inbox, addresses: Vec::new(), ufrags: Vec::new() });
        self.add_ufrag(key, ufrag);
        Ok(Place { key, inbox: receiver, dropped })
    }

    /// Routes a further user name to the peer; of more than [`MAX_UFRAGS`] the oldest is forgotten.
    pub(crate) fn add_ufrag(&mut self, key: u64, ufrag: String) {
        let Some(entry) = self.peers.get_mut(&key) else { return };
        if entry.ufrags.contains(&ufrag) {
            return;
        }
        if entry.ufrags.len() == MAX_UFRAGS {
            self.by_ufrag.remove(&entry.ufrags.remove(0));
        }
        entry.ufrags.push(ufrag.clone());
        self.by_ufrag.insert(ufrag, key);
    }

    /// Remembers that `address` is the peer's; of more than [`MAX_ADDRESSES`] the oldest is forgotten.
    pub(crate) fn remember(&mut self, key: u64, address: SocketAddr) {
        let before = self.by_address.get(&address).copied();
        if before == Some(key) {
            return;
        }
        let Some(entry) = self.peers.get_mut(&key) else { return };
        entry.addresses.push(address);
        let forgotten = (entry.addresses.len() > MAX_ADDRESSES).then(|| entry.addresses.remove(0));
        if let Some(owner) = before.and_then(|owner| self.peers.get_mut(&owner)) {
            owner.addresses.retain(|known| *known != address);
        }
        self.by_address.insert(address, key);
        if let Some(forgotten) = forgotten {
            self.by_address.remove(&forgotten);
        }
    }

    /// Forgets the peer with all its addresses and user names.
    pub(crate) fn remove(&mut self, key: u64) {
        let Some(entry) = self.peers.remove(&key) else { return };
        for address in entry.addresses {
            self.by_address.remove(&address);
        }
        for ufrag in entry.ufrags {
            self.by_ufrag.remove(&ufrag);
        }
    }

    /// The inbox a datagram from `source` belongs in.
    pub(crate) fn route(&self, source: SocketAddr, bytes: &[u8]) -> Option<&Inbox> {
        self.by_check(bytes).or_else(|| Some(&self.peers.get(self.by_address.get(&source)?)?.inbox))
    }

    /// The inbox of the peer that a check names. `None` for everything else.
    pub(crate) fn by_check(&self, bytes: &[u8]) -> Option<&Inbox> {
        let key = self.by_ufrag.get(stun::receiver_ufrag(bytes)?)?;
        self.peers.get(key).map(|entry| &entry.inbox)
    }

    /// Every address that is remembered, for whomever.
    #[cfg(test)]
    fn addresses(&self) -> usize {
        self.by_address.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn check(ufrag: &str) -> Vec<u8> {
        let name = format!("{ufrag}:x");
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        message.extend([0, 6, 0, u8::try_from(name.len()).expect("short")]);
        message.extend(name.as_bytes());
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn is(table: &Table, place: &Place, source: SocketAddr, bytes: &[u8]) -> bool {
        table.route(source, bytes).is_some_and(|inbox| Arc::ptr_eq(&inbox.dropped, &place.dropped))
    }

    const RTP: &[u8] = &[0x80, 111, 0, 1];

    #[test]
    fn a_check_alone_binds_no_address() {
        let mut table = Table::new(2);
        let one = table.insert("one".into()).expect("room");
        assert!(is(&table, &one, address(1), &check("one")));
        assert!(table.route(address(1), RTP).is_none());
        table.remember(one.key, address(1));
        assert!(is(&table, &one, address(1), RTP));
    }

    #[test]
    fn an_address_that_another_call_proves_moves_to_it() {
        let mut table = Table::new(2);
        let one = table.insert("one".into()).expect("room");
        let two = table.insert("two".into()).expect("room");
        table.remember(one.key, address(1));
        assert!(is(&table, &two, address(1), &check("two")), "checks go by name even from a known address");
        table.remember(two.key, address(1));
        assert!(is(&table, &two, address(1), RTP));
        table.remove(one.key);
        assert!(is(&table, &two, address(1), RTP), "the first owner's end takes nothing away");
    }

    #[test]
    fn a_removed_peer_leaves_nothing_behind() {
        let mut table = Table::new(1);
        let one = table.insert("one".into()).expect("room");
        assert!(matches!(table.insert("two".into()), Err(RtcError::Full)));
        table.remember(one.key, address(1));
        table.add_ufrag(one.key, "again".into());
        table.remove(one.key);
        assert_eq!((table.live(), table.addresses(), table.by_ufrag.len()), (0, 0, 0));
        assert!(table.insert("two".into()).is_ok());
    }

    #[test]
    fn the_oldest_of_seventeen_addresses_is_forgotten() {
        let mut table = Table::new(1);
        let one = table.insert("one".into()).expect("room");
        for port in 1..=17 {
            table.remember(one.key, address(port));
        }
        assert_eq!(table.addresses(), MAX_ADDRESSES);
        assert!(table.route(address(1), RTP).is_none());
        assert!(is(&table, &one, address(2), RTP));
        assert!(is(&table, &one, address(17), RTP));
    }

    #[test]
    fn the_user_name_before_a_restart_still_works_but_not_the_one_before_that() {
        let mut table = Table::new(1);
        let one = table.insert("a".into()).expect("room");
        table.add_ufrag(one.key, "b".into());
        assert!(is(&table, &one, address(1), &check("a")));
        table.add_ufrag(one.key, "c".into());
        assert!(table.route(address(1), &check("a")).is_none());
        assert!(is(&table, &one, address(1), &check("b")));
        assert!(is(&table, &one, address(1), &check("c")));
    }

    #[test]
    fn a_full_inbox_drops_the_newest_and_counts_it() {
        let mut table = Table::new(1);
        let mut one = table.insert("one".into()).expect("room");
        let inbox = table.route(address(1), &check("one")).expect("routed");
        for n in 0..=u16::try_from(MAX_INBOX).expect("small") {
            let bytes = n.to_be_bytes().into();
            let received = Instant::now();
            assert!(inbox.put(Datagram { protocol: Protocol::Udp, source: address(1), bytes, received }));
        }
        assert_eq!(one.dropped.load(Ordering::Relaxed), 1);
        assert_eq!(&*one.inbox.try_recv().expect("queued").bytes, &[0, 0]);
    }
}
