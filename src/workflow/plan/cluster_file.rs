//! `cluster.toml`: what `ctl create` makes a first list from.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use crate::cluster::SecurityMode;
use crate::trustlist::{Function, ListKind, Style, is_file_name};

/// The whole file. Paths are relative to it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClusterFile {
    /// `ctl` (default) or `itl`.
    #[serde(default, serialize_with = "kind_name")]
    pub kind: ListKind,
    /// FILENAME of the header; default `CTLFile.tlv` or `ITLFile.tlv`.
    pub file_name: Option<String>,
    /// `mixed` (default) or `non-secure`.
    #[serde(default)]
    pub mode: SecurityMode,
    /// How server records are written: `cucm` (host names, the certificate's own signature in tag 8) or `ctl-client`
    /// (dotted addresses, no tag 8); default as the CTL Client does, in an ITL as CUCM does.
    pub style: Option<Style>,
    /// The servers, in the order of the list.
    #[serde(default, rename = "server")]
    pub servers: Vec<Server>,
    /// Spare tokens whose certificates are at hand as files.
    #[serde(default, rename = "token")]
    pub tokens: Vec<TokenEntry>,
}

/// What a cluster file says that no list can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum ClusterFileError {
    #[error("file-name {name:?} is not a plain file name")]
    NotAFileName { name: String },
    #[error("file-name {name:?} does not end in .tlv, so it would not be read as a trust list")]
    NotAList { name: String },
    #[error("file-name {name:?} is the name of {is}, but kind is {kind:?}")]
    OtherKind { name: String, is: &'static str, kind: &'static str },
    #[error("the {which} [[server]], {function}, has neither address nor host")]
    Nowhere { which: String, function: String },
}

impl ClusterFile {
    /// FILENAME of the list.
    pub fn list_name(&self) -> &str {
        self.file_name.as_deref().unwrap_or(match self.kind {
            ListKind::Ctl => "CTLFile.tlv",
            ListKind::Itl => "ITLFile.tlv",
        })
    }

    /// What the file alone tells, without certificates and tokens.
    pub fn check(&self) -> Result<(), ClusterFileError> {
        let name = self.list_name().to_owned();
        if !is_file_name(&name) {
            return Err(ClusterFileError::NotAFileName { name });
        }
        if !name.to_lowercase().ends_with(".tlv") {
            return Err(ClusterFileError::NotAList { name });
        }
        if self.kind != ListKind::of_file_name(&name) {
            let (is, kind) = match self.kind {
                ListKind::Ctl => ("an ITL", "ctl"),
                ListKind::Itl => ("a CTL", "itl"),
            };
            return Err(ClusterFileError::OtherKind { name, is, kind });
        }
        let mut servers = self.servers.iter().enumerate();
        match servers.find(|(_, server)| server.place().is_none()) {
            // Phones find the records of an ITL by their certificates.
            Some((at, server)) if self.kind == ListKind::Ctl => {
                let words = ["first", "second", "third"].map(str::to_owned);
                let which =
                    words.into_iter().nth(at).unwrap_or_else(|| format!("{}th", at.saturating_add(1)));
                Err(ClusterFileError::Nowhere { which, function: server.function.to_string() })
            }
            _ => Ok(()),
        }
    }
}

impl Server {
    /// Where it is: its address, else its host.
    pub fn place(&self) -> Option<String> {
        let address = self.address.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
        address.or_else(|| self.host.clone().filter(|host| !host.is_empty()))
    }
}

/// One server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// `CCM+TFTP`, `CAPF`, `TFTP`, `CCM`, `APP-SERVER`, `TVS` or a number.
    #[serde(deserialize_with = "function", serialize_with = "function_name")]
    pub function: Function,
    /// Its IPv4 address; may be left out in an ITL.
    pub address: Option<Ipv4Addr>,
    /// Its host name, for records in CUCM's style.
    pub host: Option<String>,
    /// Its certificate file, DER or PEM; not needed for CCM+TFTP in non-secure mode.
    pub certificate: Option<PathBuf>,
    /// Write the certificate's SHA-1 instead of the certificate.
    #[serde(default)]
    pub hash_only: bool,
}

/// A spare token known by its certificate file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// Its certificate file, DER or PEM.
    pub certificate: PathBuf,
}

/// Reads a function by name, case aside, or by number.
pub fn parse_function(text: &str) -> Option<Function> {
    let named = Function::NAMED.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    named.map_or_else(|| text.parse().ok().map(Function), |(function, _)| Some(*function))
}

fn function<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Function, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_function(&text).ok_or_else(|| {
        let names = Function::NAMED.map(|(_, name)| name).join(", ");
        serde::de::Error::custom(format!("{text:?} is not a function: {names}, or a number"))
    })
}

fn function_name<S: Serializer>(function: &Function, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(function)
}

fn kind_name<S: Serializer>(kind: &ListKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&kind.label().to_lowercase())
}
