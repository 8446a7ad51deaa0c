//! Reading a file by TFTP: RFC 1350, with the options of RFC 2347 to 2349. Ours, since no kept crate reads.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant};

/// Asked for; fits an Ethernet frame. In bytes.
const BLOCK_SIZE: usize = 1428;
/// What a server uses that knows no options. In bytes.
const PLAIN_BLOCK_SIZE: usize = 512;
/// A packet is sent again after this.
const RESEND_AFTER: Duration = Duration::from_millis(1000);
/// And so many times in all.
const TRIES: u32 = 5;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TftpServer {
    /// Host name or address.
    pub host: String,
    /// UDP port; 69.
    pub port: u16,
}

impl fmt::Display for TftpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.port == 69 { f.write_str(&self.host) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

/// Why a file could not be read by TFTP.
#[derive(Debug, thiserror::Error)]
pub enum TftpError {
    /// The host name has no address, or no packet can be sent.
    #[error("{server} cannot be reached")]
    Reach {
        /// The server.
        server: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No answer.
    #[error("{server} does not answer (asked {tries} times)")]
    Silent {
        /// The server.
        server: String,
        /// How often it was asked.
        tries: u32,
    },
    /// The transfer stopped.
    #[error("{server} stopped sending {file} after {got} bytes")]
    Stopped {
        /// The server.
        server: String,
        /// The file.
        file: String,
        /// Bytes that came.
        got: usize,
    },
    /// The server refused.
    #[error("{server} does not give {file}: {says} (TFTP error {code})")]
    Refused {
        /// The server.
        server: String,
        /// The file.
        file: String,
        /// The error code of RFC 1350, section 5; 1 is "file not found".
        code: u16,
        /// Its words.
        says: String,
    },
    /// Larger than what is read.
    #[error("{file} on {server} has more than {limit} bytes")]
    TooLarge {
        /// The server.
        server: String,
        /// The file.
        file: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A packet that is none.
    #[error("{server} sent a packet that is not TFTP")]
    Garbage {
        /// The server.
        server: String,
    },
    /// The server announced another size than it sent.
    #[error("{server} announced {announced} bytes of {file} and sent {got}")]
    OtherSize {
        /// The server.
        server: String,
        /// The file.
        file: String,
        /// What it said.
        announced: usize,
        /// What came.
        got: usize,
    },
}

impl TftpError {
    /// Whether the server is there and simply has no such file.
    pub fn is_not_found(&self) -> bool {
        matches!(self, TftpError::Refused { code: 1, .. })
    }
}

/// A packet that a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A block of the file.
    Data {
        /// Its number, from 1, modulo 65536.
        block: u16,
        /// The bytes.
        data: Vec<u8>,
    },
    /// The options that the server agrees to, names in lower case.
    Options(Vec<(String, String)>),
    /// A refusal.
    Error {
        /// The code.
        code: u16,
        /// The words.
        says: String,
    },
}

impl Packet {
    /// Decodes a packet; `None` if it is not one that a server sends.
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
                let mut words = rest.strip_suffix(&[0])?.split(|b| *b == 0);
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

/// Reads a whole file, at most `limit` bytes.
pub fn get(server: &TftpServer, file: &str, limit: usize) -> Result<Vec<u8>, TftpError> {
    let name = server.to_string();
    let reach = |source| TftpError::Reach { server: name.clone(), source };
    let address = (server.host.as_str(), server.port)
        .to_socket_addrs()
        .map_err(reach)?
        .next()
        .ok_or_else(|| reach(io::ErrorKind::AddrNotAvailable.into()))?;
    let any: SocketAddr = if address.is_ipv6() { ([0_u16; 8], 0).into() } else { ([0, 0, 0, 0], 0).into() };
    let socket = UdpSocket::bind(any).map_err(reach)?;
    let mut transfer = Transfer {
        socket,
        server: name.clone(),
        file,
        limit,
        peer: None,
        block_size: PLAIN_BLOCK_SIZE,
        announced: None,
        content: Vec::new(),
        last_block: 0,
    };
    transfer.run(address)
}

struct Transfer<'a> {
    socket: UdpSocket,
    server: String,
    file: &'a str,
    limit: usize,
    /// The transfer id: the server answers from a port of its own, and nobody else may (RFC 1350, section 4).
    peer: Option<SocketAddr>,
    block_size: usize,
    announced: Option<usize>,
    content: Vec<u8>,
    last_block: u64,
}

impl Transfer<'_> {
    fn run(&mut self, address: SocketAddr) -> Result<Vec<u8>, TftpError> {
        let mut packet = self.request();
        loop {
            let answer = self.exchange(&packet, address)?;
            match answer {
                Packet::Options(options) => {
                    self.agree(&options)?;
                    packet = acknowledge(0);
                }
                Packet::Data { data, .. } => {
                    self.last_block = self.last_block.saturating_add(1);
                    let last = data.len() < self.block_size;
                    self.content.extend(data);
                    if self.content.len() > self.limit {
                        self.tell(&error_packet(3, "too large"));
                        return Err(self.too_large());
                    }
                    packet = acknowledge(self.last_block);
                    if last {
                        self.tell(&packet);
                        return self.finish();
                    }
                }
                Packet::Error { code, says } => {
                    let (server, file) = (self.server.clone(), self.file.to_owned());
                    return Err(TftpError::Refused { server, file, code, says });
                }
            }
        }
    }

    fn finish(&mut self) -> Result<Vec<u8>, TftpError> {
        let content = std::mem::take(&mut self.content);
        match self.announced {
            Some(announced) if announced != content.len() => Err(TftpError::OtherSize {
                server: self.server.clone(),
                file: self.file.to_owned(),
                announced,
                got: content.len(),
            }),
            _ => Ok(content),
        }
    }

    fn request(&self) -> Vec<u8> {
        let mut packet = vec![0, 1];
        for word in [self.file, "octet", "blksize", &BLOCK_SIZE.to_string(), "tsize", "0"] {
            packet.extend(word.as_bytes());
            packet.push(0);
        }
        packet
    }

    fn agree(&mut self, options: &[(String, String)]) -> Result<(), TftpError> {
        for (name, value) in options {
            let number = value.parse::<usize>().ok();
            match (name.as_str(), number) {
                ("blksize", Some(size)) if (8..=BLOCK_SIZE).contains(&size) => self.block_size = size,
                ("tsize", Some(size)) if size > self.limit => {
                    self.tell(&error_packet(3, "too large"));
                    return Err(self.too_large());
                }
                ("tsize", size) => self.announced = size,
                _ => {
                    self.tell(&error_packet(8, "not what was asked for"));
                    return Err(TftpError::Garbage { server: self.server.clone() });
                }
            }
        }
        Ok(())
    }

    /// Sends a packet until the one that follows it comes. Older blocks that come again are passed over.
    fn exchange(&mut self, packet: &[u8], address: SocketAddr) -> Result<Packet, TftpError> {
        let expected = self.last_block.wrapping_add(1) as u16;
        for _ in 0..TRIES {
            let to = self.peer.unwrap_or(address);
            self.socket.send_to(packet, to).map_err(|e| self.broken(e))?;
            let give_up = Instant::now().checked_add(RESEND_AFTER);
            while let Some((from, bytes)) = self.receive(give_up)? {
                if self.peer.is_some_and(|peer| peer != from) || from.ip() != address.ip() {
                    // Somebody else's transfer, or somebody who would like it to be ours.
                    let _ = self.socket.send_to(&error_packet(5, "unknown transfer id"), from);
                    continue;
                }
                match Packet::decode(&bytes) {
                    Some(Packet::Data { block, .. }) if block != expected => {}
                    Some(Packet::Options(_)) if self.last_block > 0 => {}
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

    /// The next packet, or none before the time is over.
    fn receive(&self, give_up: Option<Instant>) -> Result<Option<(SocketAddr, Vec<u8>)>, TftpError> {
        let left = give_up.map_or(RESEND_AFTER, |end| end.saturating_duration_since(Instant::now()));
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
            // A port that is closed answers so, where the system passes it on.
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
        TftpError::TooLarge { server: self.server.clone(), file: self.file.to_owned(), limit: self.limit }
    }
}

fn acknowledge(block: u64) -> Vec<u8> {
    let [.., high, low] = block.to_be_bytes();
    vec![0, 4, high, low]
}

fn error_packet(code: u8, says: &str) -> Vec<u8> {
    [&[0, 5, 0, code], says.as_bytes(), &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        assert_eq!(Packet::decode(&[0, 3, 0, 7, 1, 2]), Some(Packet::Data { block: 7, data: vec![1, 2] }));
        let error = Packet::Error { code: 1, says: "File not found".into() };
        assert_eq!(Packet::decode(b"\0\x05\0\x01File not found\0"), Some(error));
        let options = vec![("blksize".into(), "1428".into()), ("tsize".into(), "5728".into())];
        assert_eq!(Packet::decode(b"\0\x06BLKSIZE\x001428\0tsize\x005728\0"), Some(Packet::Options(options)));
        for wrong in [&b""[..], b"\0", b"\0\x01x\0octet\0", b"\0\x06blksize\0", b"\0\x03\0", b"\xff\xff\0\0"]
        {
            assert_eq!(Packet::decode(wrong), None, "{wrong:?}");
        }
    }
}
