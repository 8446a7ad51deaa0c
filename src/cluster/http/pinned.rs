//! TLS with servers whose certificates no authority signs. Of a node only the certificate that the operator compared is
//! accepted; it is checked on the same connection that carries the request. Of a phone any certificate is: nothing secret is sent.

use std::fmt;
use std::io::{Read as _, Write as _};

use openssl::ssl::{
    HandshakeError, SslConnector, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, TcpConnector, Transport,
    TransportAdapter,
};

use crate::trustlist::digest;

/// The server showed another certificate; nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("it shows SHA-256 {shown}, and not {pinned}")]
pub(super) struct OtherCertificate {
    shown: String,
    pinned: String,
}

/// An agent that accepts only that server.
pub(super) fn agent(config: ureq::config::Config, host: &str, fingerprint: &str) -> ureq::Agent {
    connect_by(config, Pinned { host: host.to_owned(), fingerprint: Some(digits(fingerprint)) })
}

/// An agent that accepts any certificate, and TLS as old as phones have it.
pub(super) fn any_certificate(config: ureq::config::Config, host: &str) -> ureq::Agent {
    connect_by(config, Pinned { host: host.to_owned(), fingerprint: None })
}

fn connect_by(config: ureq::config::Config, pinned: Pinned) -> ureq::Agent {
    let tcp = ().chain(TcpConnector::default());
    ureq::Agent::with_parts(config, tcp.chain(pinned), DefaultResolver::default())
}

/// The fingerprint in hexadecimal digits of lower case, however it was written: with colons, or after the prefix of openssl
/// (`sha256 Fingerprint=`), which contains hexadecimal digits, too.
fn digits(text: &str) -> String {
    let all: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let of_others = all.len().saturating_sub(64);
    all.get(of_others..).unwrap_or_default().to_lowercase()
}

/// Starts TLS on a TCP connection.
#[derive(Debug)]
struct Pinned {
    host: String,
    /// SHA-256, hexadecimal in lower case; `None` for any certificate.
    fingerprint: Option<String>,
}

impl<In: Transport> Connector<In> for Pinned {
    type Out = PinnedTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        tcp: Option<In>,
    ) -> Result<Option<PinnedTransport>, ureq::Error> {
        let Some(tcp) = tcp else { return Ok(None) };
        let mut tcp = TransportAdapter::new(tcp.boxed(), details.current_time.clone());
        tcp.set_timeout(left(details));
        let stream = self.handshake(tcp)?;
        self.check(&stream)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(PinnedTransport { buffers, stream }))
    }
}

impl Pinned {
    fn handshake(&self, tcp: TransportAdapter) -> Result<SslStream<TransportAdapter>, ureq::Error> {
        crate::system::openssl::load().map_err(other)?;
        let mut connector = SslConnector::builder(SslMethod::tls_client()).map_err(other)?;
        // Names and authorities do not matter: the fingerprint is compared before anything is sent.
        connector.set_verify(SslVerifyMode::NONE);
        if self.fingerprint.is_none() {
            connector.set_min_proto_version(Some(SslVersion::TLS1)).map_err(other)?;
            connector.set_cipher_list("ALL:@SECLEVEL=0").map_err(other)?;
            connector.set_options(SslOptions::ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
        }
        let configured = connector.build().configure().map_err(other)?.verify_hostname(false);
        configured.connect(&self.host, tcp).map_err(|e| match e {
            HandshakeError::SetupFailure(e) => other(e),
            HandshakeError::Failure(mid) | HandshakeError::WouldBlock(mid) => {
                mid.into_error().into_io_error().map_or_else(other, ureq::Error::from)
            }
        })
    }

    fn check(&self, stream: &SslStream<TransportAdapter>) -> Result<(), ureq::Error> {
        let Some(pinned) = &self.fingerprint else { return Ok(()) };
        let shown = stream.ssl().peer_certificate().ok_or(ureq::Error::Tls("it shows no certificate"))?;
        let shown = digest::hex(&digest::sha256(&shown.to_der().map_err(other)?), "");
        if shown == *pinned { Ok(()) } else { Err(other(OtherCertificate { shown, pinned: pinned.clone() })) }
    }
}

/// The time that is left after connecting.
fn left(details: &ConnectionDetails<'_>) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (Duration::Exact(after), Instant::Exact(since)) = (timeout.after, details.now) {
        timeout.after = after.saturating_sub(since.elapsed()).into();
    }
    timeout
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> ureq::Error {
    ureq::Error::Other(Box::new(error))
}

struct PinnedTransport {
    buffers: LazyBuffers,
    stream: SslStream<TransportAdapter>,
}

impl Transport for PinnedTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for PinnedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedTransport").finish_non_exhaustive()
    }
}
