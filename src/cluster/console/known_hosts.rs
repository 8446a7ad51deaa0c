//! The known host keys, in OpenSSH's format: with markers, patterns, hashed names and certificate authorities.

use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{self, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};
use sha1::Sha1;

use crate::cluster::address::SshAddress;
use crate::cluster::error::ConsoleError;
use crate::files;

/// The largest known_hosts file that is read, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// The lines about one host.
pub(super) struct KnownHosts {
    address: SshAddress,
    lines: Vec<(usize, Entry)>,
}

/// Adds a key to the known host keys: the operator confirmed it.
pub(in crate::cluster) fn learn(
    key: &str,
    known_hosts: &Path,
    address: &SshAddress,
) -> Result<(), ConsoleError> {
    let (host, port) = (&address.host, address.port);
    let key = PublicKey::from_openssh(key).map_err(keys::Error::from);
    key.and_then(|key| keys::known_hosts::learn_known_hosts_path(host, port, &key, known_hosts)).map_err(
        |e| {
            let why = format!("{} cannot be written: {e}", known_hosts.display());
            ConsoleError::Connect { node: host.clone(), why }
        },
    )
}

impl KnownHosts {
    /// The lines about a host. Without a file there are no lines; a line that cannot be read is skipped, as in OpenSSH.
    pub(super) fn of(address: &SshAddress, path: &Path) -> Self {
        let bytes = files::read_limited(path, LARGEST).unwrap_or_default();
        let host = address.host.to_lowercase();
        let name = if address.port == 22 { host.clone() } else { format!("[{host}]:{}", address.port) };
        let lines = String::from_utf8_lossy(&bytes)
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with('#'))
            .filter_map(|(at, line)| {
                let entry: Entry = line.split_whitespace().collect::<Vec<_>>().join(" ").parse().ok()?;
                is_about(entry.host_patterns(), &name).then_some((at.saturating_add(1), entry))
            })
            .collect();
        KnownHosts { address: address.clone(), lines }
    }

    fn marked(&self, marker: Option<Marker>) -> impl Iterator<Item = (usize, &PublicKey)> {
        let marked = move |(_, entry): &&(usize, Entry)| entry.marker().copied() == marker;
        self.lines.iter().filter(marked).map(|(line, entry)| (*line, entry.public_key()))
    }

    /// The keys of the host itself.
    pub(super) fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.marked(None).map(|(_, key)| key)
    }

    /// Whether an authority may certify the host.
    pub(super) fn has_authority(&self) -> bool {
        self.marked(Some(Marker::CertAuthority)).next().is_some()
    }

    /// Whether the key that the host shows is known, or certified by a known authority.
    pub(super) fn judge(&self, shown: &PublicKeyOrCertificate) -> Result<(), ConsoleError> {
        let node = self.address.host.clone();
        let (key, certificate) = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => (key.clone(), None),
            PublicKeyOrCertificate::Certificate(c) => (PublicKey::from(c.public_key().clone()), Some(c)),
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let line_of = |marker, data: &KeyData| {
            self.marked(marker).find(|(_, known)| known.key_data() == data).map(|(line, _)| line)
        };
        let authority = certificate.map(Certificate::signature_key);
        let revoked = [Some(key.key_data()), authority].into_iter().flatten();
        let revoked = revoked.filter_map(|data| line_of(Some(Marker::Revoked), data)).next();
        if let Some(line) = revoked {
            return Err(ConsoleError::RevokedHostKey { node, fingerprint, line });
        }
        if let Some(certificate) = certificate
            && line_of(Some(Marker::CertAuthority), certificate.signature_key()).is_some()
        {
            let fault = self.fault(certificate);
            return fault.map_or(Ok(()), |why| Err(ConsoleError::HostCertificate { node, why }));
        }
        // A key of another type than the known one counts as another key.
        match (line_of(None, key.key_data()), self.marked(None).next()) {
            (Some(_), _) => Ok(()),
            (None, Some((line, _))) => Err(ConsoleError::ChangedHostKey { node, fingerprint, line }),
            (None, None) => {
                let (address, key) = (self.address.clone(), key.to_openssh().unwrap_or_default());
                Err(ConsoleError::UnknownHostKey { address, fingerprint, key })
            }
        }
    }

    /// What is wrong with a host certificate whose authority is known.
    fn fault(&self, certificate: &Certificate) -> Option<String> {
        let host = self.address.host.to_lowercase();
        let names = certificate.valid_principals();
        if certificate.cert_type() != CertType::Host {
            Some("it is a user's".to_owned())
        } else if !names.iter().any(|name| fits(name.to_lowercase().as_bytes(), host.as_bytes())) {
            Some(format!(
                "it is for {}",
                if names.is_empty() { "no host".to_owned() } else { names.join(", ") }
            ))
        } else if certificate.critical_options().iter().next().is_some() {
            Some("it has a critical option".to_owned())
        } else {
            let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
            certificate
                .validate([&authority])
                .is_err()
                .then(|| "it is not valid now, or its signature is wrong".to_owned())
        }
    }
}

/// Whether a line is about a host: a pattern matches, and no negated pattern matches.
fn is_about(patterns: &HostPatterns, host: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => {
            let any = |no: bool| {
                let of_kind = patterns.iter().filter(move |p| p.starts_with('!') == no);
                of_kind
                    .map(|p| p.trim_start_matches('!').to_lowercase())
                    .any(|p| fits(p.as_bytes(), host.as_bytes()))
            };
            any(false) && !any(true)
        }
        HostPatterns::HashedName { salt, hash } => {
            let hashed = Hmac::<Sha1>::new_from_slice(salt);
            hashed.is_ok_and(|hashed| hashed.chain_update(host).verify_slice(hash).is_ok())
        }
    }
}

/// `*` matches any text, `?` one character.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', after @ ..], _) => {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|rest| fits(after, rest)))
        }
        ([b'?', after @ ..], [_, rest @ ..]) => fits(after, rest),
        ([first, after @ ..], [same, rest @ ..]) => first == same && fits(after, rest),
        _ => false,
    }
}
