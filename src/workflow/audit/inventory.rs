//! The inventory: many clusters, a publisher and an account each, as TOML.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::judge::ExpectedToken;
use super::report::Target;
use crate::cluster::{ConnectOptions, Connector, NodeAddress, SshAddress};
use crate::files;
use crate::workflow::config::parse;
use crate::workflow::{Operator, PinSource, WorkError, display_name, read_certificate};

/// The most clusters of an inventory.
const MOST: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inventory {
    #[serde(rename = "cluster")]
    clusters: Vec<InventoryCluster>,
}

/// A cluster of the inventory. Paths are relative to the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct InventoryCluster {
    name: String,
    node: Address<NodeAddress>,
    user: Option<String>,
    /// Never the password itself.
    pub password_source: Option<PinSource>,
    identity: Option<PathBuf>,
    jump: Option<Address<SshAddress>>,
    #[serde(default)]
    legacy_ssh: bool,
    /// SAST names, or certificate files.
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(skip)]
    folder: PathBuf,
}

/// An address as text.
#[derive(Debug)]
struct Address<T>(T);

impl<'de, T: FromStr> Deserialize<'de> for Address<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Address).map_err(|_| D::Error::custom("not the address of a node"))
    }
}

/// Reads an inventory. No error repeats a value of it: somebody may have written a password there.
pub fn read_inventory(path: &Path) -> Result<Vec<InventoryCluster>, WorkError> {
    let wrong = |why: String| WorkError::NotAnInventory { file: display_name(path), why };
    let text = files::read_text(path)?;
    let read: Inventory = parse(&text).map_err(|(line, why)| wrong(format!("line {line}: {why}")))?;
    let mut clusters = read.clusters;
    if clusters.is_empty() || clusters.len() > MOST {
        return Err(wrong(format!("it has {} clusters; from 1 to {MOST} are allowed", clusters.len())));
    }
    let mut names = BTreeSet::new();
    for cluster in &mut clusters {
        cluster.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let problem = match &mut cluster.password_source {
            _ if !names.insert(cluster.name.clone()) => "this name is there twice",
            None if cluster.identity.is_none() => "it has neither password-source nor identity",
            Some(PinSource::File(file)) => {
                *file = cluster.folder.join(&*file);
                continue;
            }
            None | Some(PinSource::Env(_)) => continue,
            // Clusters are asked in no fixed order, which would mix up the lines of a descriptor; and nobody is asked.
            Some(_) => "password-source must be env:VAR or file:PATH",
        };
        return Err(wrong(format!("{}: {problem}", cluster.name)));
    }
    Ok(clusters)
}

impl InventoryCluster {
    /// The cluster, reached as the inventory says, else as `common` says.
    pub fn target<'a>(
        &self,
        common: &ConnectOptions,
        operator: &'a dyn Operator,
    ) -> Result<Target<'a>, WorkError> {
        let common = common.clone();
        let options = ConnectOptions {
            user: self.user.clone().or(common.user),
            password_beside_key: self.password_source.is_some(),
            identity: self.identity.as_ref().map(|file| self.folder.join(file)).or(common.identity),
            legacy: common.legacy || self.legacy_ssh,
            jump: self.jump.as_ref().map(|jump| jump.0.clone()).or(common.jump),
            ..common
        };
        let (name, tokens) = (self.name.clone(), self.tokens()?);
        Ok(Target { name, tokens, ..Target::new(&self.node.0, Connector::new(options, operator)) })
    }

    /// The tokens that its CTL should have.
    fn tokens(&self) -> Result<Vec<ExpectedToken>, WorkError> {
        let token = |token: &String| {
            let file = self.folder.join(token);
            if !file.exists() {
                return Ok(ExpectedToken { name: token.clone(), certificate: None });
            }
            let certificate = read_certificate(&file)?;
            Ok(ExpectedToken { name: certificate.sast_name(), certificate: Some(certificate) })
        };
        self.tokens.iter().map(token).collect()
    }
}
