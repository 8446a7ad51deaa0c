//! Reading a file by TFTP: RFC 1350, with the options of RFC 2347 to 2349. Our own, because no maintained crate reads files.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant};

/// The requested block size, in bytes: it fits into an Ethernet frame.
const BLOCK_SIZE: usize = 1428;
/// The block size of a server without options, in bytes.
const PLAIN_BLOCK_SIZE: usize = 512;
/// The time after which a packet is sent again.
const RESEND_AFTER: Duration = Duration::from_millis(1000);
/// How often a packet is sent in all.
const TRIES: u32 = 5;
/// The time limit for a whole file: a list takes seconds, the longest file one or two minutes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host}{}", if *port == 69 { String::new() } else { format!(":{port}") })]
pub struct TftpServer {
    /// Host name or address.
    pub host: String,
    /// UDP port; 69.
    pub port: u16,
}

/// Why a file could not be read by TFTP. `server` is the server, `file` the file, `got` the number of bytes received, `limit`
/// the limit of size or time; `code` is an error code of RFC 1350, section 5: 1 is "file not found".
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, thiserror::Error)]
pub enum TftpError {
    /// The host name has no IP address, or no packet can be sent.
    #[error("{server} cannot be reached")]
    Reach { server: String, source: io::Error },
    #[error("{server} does not answer (asked {tries} times)")]
    Silent { server: String, tries: u32 },
    #[error("{server} stopped sending {file} after {got} bytes")]
    Stopped { server: String, file: String, got: usize },
    /// Blocks arrived, but not the last one.
    #[error("{server} did not send {file} within {} s: {got} bytes came", .limit.as_secs())]
    TooSlow { server: String, file: String, got: usize, limit: Duration },
    #[error("{server} refused {file}: {says} (TFTP error {code})")]
    Refused { server: String, file: String, code: u16, says: String },
    #[error("{file} on {server} has more than {limit} bytes")]
    TooLarge { server: String, file: String, limit: usize },
    #[error("{server} sent a packet that is not TFTP")]
    Garbage { server: String },
}

/// Reads a whole file, at most `limit` bytes.
pub fn get(server: &TftpServer, file: &str, limit: usize) -> Result<Vec<u8>, TftpError> {
    get_within(server, file, limit, PATIENCE)
}

/// Reads a whole file, at most `limit` bytes, within about this time.
pub fn get_within(
    server: &TftpServer,
    file: &str,
    limit: usize,
    patience: Duration,
) -> Result<Vec<u8>, TftpError> {
    let name = server.to_string();
    let reach = |source| TftpError::Reach { server: name.clone(), source };
    let address = (server.host.as_str(), server.port)
        .to_socket_addrs()
        .map_err(reach)?
        .next()
        .ok_or_else(|| reach(io::ErrorKind::AddrNotAvailable.into()))?;
    let any: SocketAddr = if address.is_ipv6() { ([0_u16; 8], 0).into() } else { ([0, 0, 0, 0], 0).into() };
    let started = Instant::now();
    let attempt = |options| {
        let socket = UdpSocket::bind(any).map_err(reach)?;
        let mut transfer = Transfer {
            socket,
            server: name.clone(),
            file,
            limit,
            peer: None,
            block_size: PLAIN_BLOCK_SIZE,
            content: Vec::new(),
            last_block: 0,
            options,
            agreed: false,
            started,
            patience,
        };
        transfer.run(address)
    };
    match attempt(true) {
        // Some servers handle options incorrectly: they are asked again without options. The caller verifies the file.
        Err(
            TftpError::Garbage { .. }
            | TftpError::Stopped { .. }
            | TftpError::Refused { code: 0 | 4 | 8, .. },
        ) => attempt(false),
        done => done,
    }
}

struct Transfer<'a> {
    socket: UdpSocket,
    server: String,
    file: &'a str,
    limit: usize,
    /// The transfer id: the server answers from another port, and packets from other ports are ignored (RFC 1350, section 4).
    peer: Option<SocketAddr>,
    block_size: usize,
    content: Vec<u8>,
    last_block: u64,
    /// Options were requested.
    options: bool,
    /// The server's options were received.
    agreed: bool,
    started: Instant,
    patience: Duration,
}

impl Transfer<'_> {
    fn run(&mut self, address: SocketAddr) -> Result<Vec<u8>, TftpError> {
        let mut packet = self.request();
        loop {
            if self.started.elapsed() >= self.patience {
                let (server, file) = (self.server.clone(), self.file.to_owned());
                let (got, limit) = (self.content.len(), self.patience);
                return Err(TftpError::TooSlow { server, file, got, limit });
            }
            let answer = self.exchange(&packet, address)?;
            match answer {
                Packet::Options(options) => {
                    self.agree(&options)?;
                    self.agreed = true;
                    packet = acknowledge(0);
                }
                Packet::Data { data, .. } => {
                    // Some servers use the requested options without confirming them.
                    if self.last_block == 0 && self.options && data.len() > self.block_size {
                        self.block_size = BLOCK_SIZE;
                    }
                    self.last_block = self.last_block.saturating_add(1);
                    let last = data.len() < self.block_size;
                    self.content.extend(data);
                    if self.content.len() > self.limit {
                        return Err(self.too_large());
                    }
                    packet = acknowledge(self.last_block);
                    if last {
                        self.tell(&packet);
                        return Ok(std::mem::take(&mut self.content));
                    }
                }
                Packet::Error { code, says } => {
                    let (server, file) = (self.server.clone(), self.file.to_owned());
                    return Err(TftpError::Refused { server, file, code, says });
                }
            }
        }
    }

    fn request(&self) -> Vec<u8> {
        let size = BLOCK_SIZE.to_string();
        let options = ["blksize", &size, "tsize", "0"].into_iter().filter(|_| self.options);
        let mut packet = vec![0, 1];
        for word in [self.file, "octet"].into_iter().chain(options) {
            packet.extend(word.as_bytes());
            packet.push(0);
        }
        packet
    }

    /// Options that were not requested are ignored, and the size is used only to refuse a file that is too large.
    fn agree(&mut self, options: &[(String, String)]) -> Result<(), TftpError> {
        for (name, value) in options {
            match (name.as_str(), value.parse::<usize>()) {
                ("blksize", Ok(size)) if (8..=BLOCK_SIZE).contains(&size) => self.block_size = size,
                ("blksize", _) => {
                    self.tell(&error_packet(8, "not what was asked for"));
                    return Err(TftpError::Garbage { server: self.server.clone() });
                }
                ("tsize", Ok(size)) if size > self.limit => {
                    return Err(self.too_large());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends a packet until the next one arrives. Repeated older packets are skipped.
    fn exchange(&mut self, packet: &[u8], address: SocketAddr) -> Result<Packet, TftpError> {
        let expected = self.last_block.wrapping_add(1) as u16;
        for _ in 0..TRIES {
            let to = self.peer.unwrap_or(address);
            self.socket.send_to(packet, to).map_err(|e| self.broken(e))?;
            let sent = Instant::now();
            while let Some((from, bytes)) = self.receive(sent)? {
                if self.peer.is_some_and(|peer| peer != from) || from.ip() != address.ip() {
                    // A packet of another transfer, or a forged one.
                    let _ = self.socket.send_to(&error_packet(5, "unknown transfer id"), from);
                    continue;
                }
                match Packet::decode(&bytes) {
                    Some(Packet::Data { block, .. }) if block != expected => {}
                    Some(Packet::Options(_)) if self.agreed || self.last_block > 0 => {}
                    Some(packet) => {
                        self.peer = Some(from);
                        return Ok(packet);
                    }
                    None => {
                        self.peer = Some(from);
                        self.tell(&error_packet(4, "not TFTP"));
                        return Err(TftpError::Garbage { server: self.server.clone() });
                    }
                }
            }
        }
        let server = self.server.clone();
        Err(match self.peer {
            None => TftpError::Silent { server, tries: TRIES },
            Some(_) => TftpError::Stopped { server, file: self.file.to_owned(), got: self.content.len() },
        })
    }

    /// The next packet, or `None` when it is time to send again.
    fn receive(&self, sent: Instant) -> Result<Option<(SocketAddr, Vec<u8>)>, TftpError> {
        let left = RESEND_AFTER.saturating_sub(sent.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        self.socket.set_read_timeout(Some(left)).map_err(|e| self.broken(e))?;
        let mut buffer = vec![0; 65_536];
        match self.socket.recv_from(&mut buffer) {
            Ok((n, from)) => {
                buffer.truncate(n);
                Ok(Some((from, buffer)))
            }
            // The system reports a closed port like this.
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => Err(self.broken(e)),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(None),
            Err(e) => Err(self.broken(e)),
        }
    }

    /// A packet that needs no answer.
    fn tell(&self, packet: &[u8]) {
        if let Some(peer) = self.peer {
            let _ = self.socket.send_to(packet, peer);
        }
    }

    fn broken(&self, source: io::Error) -> TftpError {
        TftpError::Reach { server: self.server.clone(), source }
    }

    fn too_large(&self) -> TftpError {
        self.tell(&error_packet(3, "too large"));
        TftpError::TooLarge { server: self.server.clone(), file: self.file.to_owned(), limit: self.limit }
    }
}

/// A packet that a server sends; its blocks are counted from 1, modulo 65536.
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A block of the file.
    Data { block: u16, data: Vec<u8> },
    /// The options that the server agrees to, names in lower case.
    Options(Vec<(String, String)>),
    /// An error.
    Error { code: u16, says: String },
}

impl Packet {
    /// Decodes a packet; `None` if it is not a packet of a server.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (opcode, rest) = bytes.split_first_chunk::<2>()?;
        match u16::from_be_bytes(*opcode) {
            3 => {
                let (block, data) = rest.split_first_chunk::<2>()?;
                Some(Packet::Data { block: u16::from_be_bytes(*block), data: data.to_vec() })
            }
            5 => {
                let (code, says) = rest.split_first_chunk::<2>()?;
                let says = says.split(|b| *b == 0).next().unwrap_or_default();
                let says = String::from_utf8_lossy(says).chars().filter(|c| !c.is_control()).collect();
                Some(Packet::Error { code: u16::from_be_bytes(*code), says })
            }
            6 => {
                // Some servers end it with more than one NUL.
                let end = rest.iter().rposition(|b| *b != 0)?;
                let mut words = rest.get(..=end)?.split(|b| *b == 0);
                let mut options = Vec::new();
                while let Some(name) = words.next() {
                    let text = |b: &[u8]| String::from_utf8_lossy(b).to_lowercase();
                    options.push((text(name), text(words.next()?)));
                }
                Some(Packet::Options(options))
            }
            _ => None,
        }
    }
}

/// Acknowledges this block.
fn acknowledge(block: u64) -> Vec<u8> {
    let [.., high, low] = block.to_be_bytes();
    vec![0, 4, high, low]
}

/// Ends the transfer.
fn error_packet(code: u8, says: &str) -> Vec<u8> {
    [&[0, 5, 0, code], says.as_bytes(), &[0]].concat()
}
