//! Where a node is: `HOST`, `ssh://user@host:port`, `serial:/dev/ttyUSB0?baud=9600`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A node's console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeAddress {
    /// Over SSH.
    Ssh(SshAddress),
    /// Over a serial line.
    Serial(SerialAddress),
}

/// A node over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAddress {
    /// The administrator, where named.
    pub user: Option<String>,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A node over a serial line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialAddress {
    /// The device.
    pub device: PathBuf,
    /// Bits per second.
    pub baud: u32,
}

/// Text that is not the address of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a node: write HOST, ssh://user@host:port, serial:/dev/ttyUSB0?baud=9600 or serial:COM3"
)]
pub struct NotAnAddress(pub String);

impl FromStr for NodeAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if let Some(rest) = text.strip_prefix("serial:") {
            return serial(rest).map(NodeAddress::Serial).ok_or_else(|| NotAnAddress(text.to_owned()));
        }
        let rest = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
        ssh(rest).map(NodeAddress::Ssh).ok_or_else(|| NotAnAddress(text.to_owned()))
    }
}

impl FromStr for SshAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.parse() {
            Ok(NodeAddress::Ssh(ssh)) => Ok(ssh),
            _ => Err("write [USER@]HOST[:PORT]"),
        }
    }
}

fn serial(rest: &str) -> Option<SerialAddress> {
    let (device, query) = rest.split_once('?').unwrap_or((rest, "baud=9600"));
    let baud = query.strip_prefix("baud=")?.parse().ok().filter(|b| *b > 0)?;
    (!device.is_empty()).then(|| SerialAddress { device: PathBuf::from(device), baud })
}

fn ssh(rest: &str) -> Option<SshAddress> {
    let (user, at) = match rest.rsplit_once('@') {
        Some((user, at)) => (Some(user.to_owned()).filter(|u| !u.is_empty()), at),
        None => (None, rest),
    };
    let (host, port) = match at.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
        None => match at.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (at, None),
        },
    };
    let port = port.map_or(Some(22), |p| p.parse().ok().filter(|p| *p != 0))?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    // Other programs would read a host that begins with a dash as an option.
    if host.is_empty() || host.starts_with('-') || host.contains(odd) {
        return None;
    }
    Some(SshAddress { user, host: host.to_owned(), port })
}

impl NodeAddress {
    /// The host, for TFTP, HTTP and TVS; a serial line has none.
    pub fn host(&self) -> Option<&str> {
        match self {
            NodeAddress::Ssh(ssh) => Some(&ssh.host),
            NodeAddress::Serial(_) => None,
        }
    }
}

/// The short name; with `#` the URL of an SSH host.
impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeAddress::Ssh(ssh) if f.alternate() => {
                let at = if ssh.host.contains(':') { format!("[{}]", ssh.host) } else { ssh.host.clone() };
                let user = ssh.user.iter().map(|user| format!("{user}@")).collect::<String>();
                write!(f, "ssh://{user}{at}:{}", ssh.port)
            }
            NodeAddress::Ssh(ssh) if ssh.port == 22 => f.write_str(&ssh.host),
            NodeAddress::Ssh(ssh) => write!(f, "{}:{}", ssh.host, ssh.port),
            NodeAddress::Serial(serial) => write!(f, "{}", serial.device.display()),
        }
    }
}
