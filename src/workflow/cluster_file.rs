//! `cluster.toml`: what `ctl create` makes a first list from.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::trustlist::{Function, Style};

/// The whole file. Paths are relative to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClusterFile {
    /// `ctl` (default) or `itl`.
    #[serde(default)]
    pub kind: Kind,
    /// FILENAME of the header; default `CTLFile.tlv` or `ITLFile.tlv`.
    pub file_name: Option<String>,
    /// `mixed` (default) or `non-secure`.
    #[serde(default)]
    pub mode: FileMode,
    /// How server records are written; default as the CTL Client does, in an ITL as CUCM does.
    pub style: Option<FileStyle>,
    /// The servers, in the order of the list.
    #[serde(default, rename = "server")]
    pub servers: Vec<Server>,
    /// Spare tokens whose certificates are at hand as files.
    #[serde(default, rename = "token")]
    pub tokens: Vec<TokenEntry>,
}

/// CTL or ITL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Certificate trust list.
    #[default]
    Ctl,
    /// Identity trust list.
    Itl,
}

/// The cluster's security mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileMode {
    /// CCM+TFTP records carry certificates.
    #[default]
    Mixed,
    /// CCM+TFTP records are emptied.
    NonSecure,
}

/// How server records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileStyle {
    /// Host names, the certificate's own signature in tag 8.
    Cucm,
    /// Dotted addresses, no tag 8.
    CtlClient,
}

impl From<FileStyle> for Style {
    fn from(style: FileStyle) -> Self {
        match style {
            FileStyle::Cucm => Style::Cucm,
            FileStyle::CtlClient => Style::CtlClient,
        }
    }
}

/// One server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// `CCM+TFTP`, `CAPF`, `TFTP`, `CCM`, `APP-SERVER`, `TVS` or a number.
    #[serde(deserialize_with = "function")]
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
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// Its certificate file, DER or PEM.
    pub certificate: PathBuf,
}

/// Reads a function by name, case aside, or by number.
pub fn parse_function(text: &str) -> Option<Function> {
    let named = Function::NAMED.into_iter().find(|f| f.to_string().eq_ignore_ascii_case(text));
    named.or_else(|| text.parse().ok().map(Function))
}

fn function<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Function, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_function(&text).ok_or_else(|| {
        let names = Function::NAMED.map(|f| f.to_string()).join(", ");
        serde::de::Error::custom(format!("{text:?} is not a function: {names}, or a number"))
    })
}
