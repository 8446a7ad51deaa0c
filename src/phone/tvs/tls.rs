//! TLS with a TVS. Its certificate is compared with the ITL's TVS records, not with a host name.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::str::FromStr;
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::ssl::{
    HandshakeError, SslConnector, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
};

use super::super::list::shown_sha1;
use super::error::TvsError;
use crate::trustlist::{Certificate, Function, Record, digest};

/// Where TVS listens.
pub const TVS_PORT: u16 = 2445;

/// A node that runs TVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TvsAddress {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl FromStr for TvsAddress {
    type Err = TvsError;

    /// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT` for IPv6.
    fn from_str(text: &str) -> Result<Self, TvsError> {
        let wrong = || TvsError::NotAnAddress(text.to_owned());
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, behind)) => (host, Some(behind.strip_prefix(':').ok_or_else(wrong)?)),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(TVS_PORT), |p| p.parse().map_err(|_| wrong()))?;
        if host.is_empty() || port == 0 || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong());
        }
        Ok(TvsAddress { host: host.to_owned(), port })
    }
}

impl fmt::Display for TvsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (false, TVS_PORT) => write!(f, "{}", self.host),
            (false, port) => write!(f, "{}:{port}", self.host),
            (true, port) => write!(f, "[{}]:{port}", self.host),
        }
    }
}

/// The TLS settings for a server.
#[derive(Debug, Clone, Copy)]
pub struct Tls<'a> {
    /// The records of the ITL that phones hold; the server must show the certificate of a TVS record.
    pub known: Option<&'a [Record]>,
    /// Allow TLS 1.0, weak keys and weak ciphers, which nodes of the 7900 era need.
    pub legacy: bool,
    /// For the whole connection.
    pub timeout: Duration,
}

/// The certificate of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// Its common name, or another part of its name.
    pub name: String,
    pub sha256: String,
    /// Whether it is in a TVS record of the ITL; `false` if there was no ITL.
    pub in_itl: bool,
}

/// Opens a connection, and compares the server's certificate with the ITL.
pub(super) fn open(
    address: &TvsAddress,
    server: &str,
    how: &Tls<'_>,
) -> Result<(SslStream<Timed>, ServerCertificate), TvsError> {
    let deadline = Deadline { begin: Instant::now(), limit: how.timeout };
    let tcp = connect(address, server, &deadline)?;
    let tls = handshake(server, Timed { tcp, deadline }, how)?;
    let shown = check_server(server, &tls, how.known)?;
    Ok((tls, shown))
}

/// The certificate of a server, compared with the ITL. No TVS request is sent.
pub fn shown(address: &TvsAddress, how: &Tls<'_>) -> Result<ServerCertificate, TvsError> {
    open(address, &address.to_string(), how).map(|(_, shown)| shown)
}

/// One deadline for all reads and writes together.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    begin: Instant,
    limit: Duration,
}

impl Deadline {
    /// The time left; an error once it is over.
    fn left(&self) -> io::Result<Duration> {
        match self.limit.saturating_sub(self.begin.elapsed()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

/// A connection with a deadline.
#[derive(Debug)]
pub(super) struct Timed {
    tcp: TcpStream,
    deadline: Deadline,
}

/// A blocking socket returns WouldBlock after its timeout, which OpenSSL would treat as "try again".
pub fn timed_out(e: io::Error) -> io::Error {
    if e.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { e }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(self.deadline.left()?))?;
        self.tcp.read(buffer).map_err(timed_out)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(self.deadline.left()?))?;
        self.tcp.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

fn connect(address: &TvsAddress, server: &str, deadline: &Deadline) -> Result<TcpStream, TvsError> {
    let addresses = (address.host.as_str(), address.port)
        .to_socket_addrs()
        .map_err(|source| TvsError::NoAddress { host: address.host.clone(), source })?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match deadline.left().and_then(|left| TcpStream::connect_timeout(&address, left)) {
            Ok(tcp) => return Ok(tcp),
            Err(e) => last = e,
        }
    }
    if last.kind() == io::ErrorKind::TimedOut {
        let limit = deadline.limit;
        return Err(TvsError::Timeout { server: server.to_owned(), during: "connecting", limit });
    }
    Err(TvsError::Connect { server: server.to_owned(), source: last })
}

fn handshake(server: &str, stream: Timed, how: &Tls<'_>) -> Result<SslStream<Timed>, TvsError> {
    let failed = |reason: String| TvsError::Tls { server: server.to_owned(), reason };
    let tls = |e: ErrorStack| failed(e.to_string());
    crate::system::openssl::load().map_err(|e| failed(e.to_string()))?;
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(tls)?;
    // The certificate is self-signed: only the ITL decides whether it is trusted. See check_server.
    builder.set_verify(SslVerifyMode::NONE);
    // Some systems allow TLS 1.0 by default; here it needs an option.
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(tls)?;
    if how.legacy {
        builder.set_min_proto_version(Some(SslVersion::TLS1)).map_err(tls)?;
        builder.set_cipher_list("ALL:@SECLEVEL=0").map_err(tls)?;
        builder.set_options(SslOptions::ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    }
    let configured = builder.build().configure().map_err(tls)?;
    let configured = configured.verify_hostname(false).use_server_name_indication(false);
    configured.connect("", stream).map_err(|e| match e {
        HandshakeError::SetupFailure(e) => tls(e),
        HandshakeError::Failure(mid) | HandshakeError::WouldBlock(mid) => {
            let error = mid.into_error();
            if let Some(io) = error.io_error() {
                let copy = io::Error::new(io.kind(), io.to_string());
                return io_error(server, how.timeout, "the TLS handshake", copy);
            }
            let reason = error
                .ssl_error()
                .and_then(|stack| stack.errors().iter().find_map(openssl::error::Error::reason))
                .map_or_else(|| error.to_string(), str::to_owned);
            let server = server.to_owned();
            if !how.legacy && is_old_tls(&reason) {
                TvsError::OldTls { server, reason }
            } else {
                TvsError::Tls { server, reason }
            }
        }
    })
}

/// Whether OpenSSL's reason means a server that is too old for its defaults.
fn is_old_tls(reason: &str) -> bool {
    [
        "unsupported protocol",
        "protocol version",
        "key too small",
        "md too weak",
        "handshake failure",
        "legacy renegotiation",
        "legacy sigalg",
        "wrong signature type",
        "no shared cipher",
        "internal error",
    ]
    .iter()
    .any(|old| reason.contains(old))
}

fn check_server(
    server: &str,
    tls: &SslStream<Timed>,
    known: Option<&[Record]>,
) -> Result<ServerCertificate, TvsError> {
    let none = |why: &str| TvsError::Tls { server: server.to_owned(), reason: why.to_owned() };
    let shown = tls.ssl().peer_certificate().ok_or_else(|| none("it showed no certificate"))?;
    let der = shown.to_der().map_err(|e| none(&e.to_string()))?;
    let sha256 = digest::hex(&digest::sha256(&der), "");
    let certificate = Certificate::from_der(der).ok();
    let name = certificate.as_ref().map_or_else(|| "(unreadable)".to_owned(), Certificate::sast_name);
    let sha1 = certificate.as_ref().map(|c| c.sha1().to_vec());
    let is_it = |r: &Record| r.function() == Function::TVS && shown_sha1(r) == sha1;
    let in_itl = known.map(|records| sha1.is_some() && records.iter().any(is_it));
    if in_itl == Some(false) {
        let shown = format!("{name}, SHA-256 {sha256}");
        return Err(TvsError::OtherCertificate { server: server.to_owned(), shown });
    }
    Ok(ServerCertificate { name, sha256, in_itl: in_itl.is_some() })
}

pub(super) fn io_error(server: &str, limit: Duration, during: &'static str, source: io::Error) -> TvsError {
    let server = server.to_owned();
    // OpenSSL wraps the error of the socket.
    let kind = source
        .get_ref()
        .and_then(|e| e.downcast_ref::<openssl::ssl::Error>())
        .and_then(openssl::ssl::Error::io_error)
        .map_or(source.kind(), io::Error::kind);
    match kind {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => TvsError::Timeout { server, during, limit },
        _ => TvsError::Io { server, source },
    }
}
