//! The STUN and TURN servers of the configuration, and what each user is told of them.

use crate::config::IceServerConfig;
use anyhow::Context as _;
use ringline_model::{Secret, UserId};
use ringline_protocol::ice::IceServer;
use std::sync::Arc;

/// With their secrets; clones share them.
#[derive(Clone, Debug, Default)]
pub struct IceServers(Arc<[Server]>);

#[derive(Debug)]
struct Server {
    urls: Vec<String>,
    /// None: it wants no credentials.
    secret: Option<Secret>,
}

impl IceServers {
    /// Reads the secrets out of the environment.
    pub fn new(configured: &[IceServerConfig]) -> anyhow::Result<Self> {
        let servers = configured.iter().map(|server| {
            let name = &server.secret_env;
            let secret = (!name.is_empty()).then(|| {
                let secret =
                    std::env::var(name).with_context(|| format!("media.ice_servers: the environment has no {name}"))?;
                Ok::<_, anyhow::Error>(Secret::from(secret))
            });
            Ok(Server { urls: server.urls.clone(), secret: secret.transpose()? })
        });
        servers.collect::<anyhow::Result<Arc<[_]>>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For a user, with credentials good up to `expires` (Unix seconds).
    pub fn for_user(&self, user: &UserId, expires: i64) -> Vec<IceServer> {
        let told = self.0.iter().map(|Server { urls, secret }| match secret {
            Some(secret) => IceServer::with_credentials(urls.clone(), secret.reveal(), user, expires),
            None => IceServer { urls: urls.clone(), username: None, credential: None },
        });
        told.collect()
    }
}
