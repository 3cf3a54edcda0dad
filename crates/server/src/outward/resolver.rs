//! Names to addresses, less those that must not be connected to.

use super::Allowed;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Names being looked up at once; more wait within their time to connect. Each holds a thread, also after its request
/// has given up.
const LOOKUPS: usize = 32;
/// Addresses of one name that are tried; the rest is ignored.
const MAX_ADDRESSES: usize = 16;

/// Every address of a name is refused.
#[derive(Debug, thiserror::Error)]
#[error("none of the name's addresses may be connected to")]
pub struct NotAllowed;

/// Where names are looked up.
pub trait Lookup: Send + Sync + 'static {
    fn addresses(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// What the client connects to: it takes the list that is answered here as it is, and asks for no other.
pub struct Resolver {
    pub lookup: Arc<dyn Lookup>,
    pub allowed: Arc<Allowed>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, allowed) = (self.lookup.addresses(name.as_str()), self.allowed.clone());
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(|address| allowed.contains(*address));
            addresses.truncate(MAX_ADDRESSES);
            if addresses.is_empty() {
                return Err(NotAllowed.into());
            }
            // Port 0 stands for the URL's.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// As the machine is configured: `getaddrinfo`, on a thread.
pub struct SystemLookup {
    places: Arc<Semaphore>,
}

impl SystemLookup {
    pub fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Lookup for SystemLookup {
    fn addresses(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let (name, places) = (name.to_owned(), self.places.clone());
        Box::pin(async move {
            let place = places.acquire_owned().await.expect("never closed");
            let lookup = move || {
                let _place = place;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
        })
    }
}
