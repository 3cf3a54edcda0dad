//! How a session is to be: its certificate, its addresses, its patience.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::net::TcpType;
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{Candidate, Rtc, RtcConfig};

use crate::limits::{MAX_BUFFERED_TEXT_BYTES, REPORT_INTERVAL, STATS_INTERVAL};
use crate::{PathLimits, RtcError, red};

/// A DTLS certificate with its key, shared by the sessions of one process: making one costs more
/// than all the rest of a call's set-up.
#[derive(Clone)]
pub struct Identity {
    provider: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

impl Identity {
    /// Makes a new self-signed certificate.
    ///
    /// # Errors
    /// [`RtcError::Identity`] when the crypto library fails, for example without randomness.
    pub fn generate() -> Result<Identity, RtcError> {
        let provider = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = provider.dtls_provider.generate_certificate();
        let certificate = certificate.ok_or(RtcError::Identity { reason: "the crypto library made none".into() })?;
        Ok(Identity { provider, certificate })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}

/// What a [`Session`](crate::Session) is made from.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    pub identity: Identity,
    /// Whether this side only answers ICE checks. Right for a server with an address of its own; both sides
    /// can't be lite.
    pub ice_lite: bool,
    /// Local UDP addresses offered to the other side, the preferred one first. A datagram must be handed
    /// in with one of them as its destination.
    pub udp: Vec<SocketAddr>,
    /// Local addresses that accept ICE over TCP.
    pub tcp: Vec<SocketAddr>,
    pub path: PathLimits,
}

impl SessionConfig {
    /// A str0m instance set up the way this product needs it. Only who answers agrees to video, and with it to transport-cc.
    pub(crate) fn build(&self, now: Instant, answers: bool) -> Result<Rtc, RtcError> {
        let mut extensions = ExtensionMap::empty();
        extensions.set(1, Extension::AudioLevel);
        extensions.set(4, Extension::RtpMid);
        if answers {
            extensions.set(3, Extension::TransportSequenceNumber);
        }
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(self.identity.provider.clone())
            .set_dtls_cert(self.identity.certificate.clone())
            .set_dtls_version(DtlsVersion::Auto)
            .set_ice_lite(self.ice_lite)
            .clear_codecs()
            .enable_opus(true, true)
            .set_red_distances(&red::DISTANCES)
            .set_rtcp_report_interval_audio(REPORT_INTERVAL)
            .enable_vp8(answers)
            .enable_h264(answers)
            .set_extension_map(extensions)
            // Packets are wanted as they come: waiting for a missing one adds hundreds of milliseconds.
            .set_reordering_size_audio(0)
            .set_stats_interval(Some(STATS_INTERVAL))
            .set_sctp_max_buffered_amount(MAX_BUFFERED_TEXT_BYTES)
            .build(now);
        for candidate in self.candidates()? {
            rtc.add_local_candidate(candidate);
        }
        Ok(rtc)
    }

    pub(crate) fn candidates(&self) -> Result<Vec<Candidate>, RtcError> {
        let udp = self.udp.iter().map(|address| Candidate::host(*address, "udp"));
        let tcp =
            self.tcp.iter().map(|address| Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build());
        udp.chain(tcp)
            .collect::<Result<_, _>>()
            .map_err(|error| RtcError::Negotiation { reason: format!("a local address cannot be offered: {error}") })
    }
}
