//! Fetches the files that nodes serve into a folder, and checks whether all nodes have the same ones.

use std::path::Path;

use serde::Serialize;

use super::{Operator, View, WorkError};
use crate::cluster::{Connector, NodeAddress, NodeFile, Ports, fetch};
use crate::files::{self, OnExisting};
use crate::phone::{Installed, InstalledItl};
use crate::trustlist::{TrustList, VerifiedList, printable};

/// The lists that a TFTP node serves.
pub const LISTS: [&str; 2] = ["CTLFile.tlv", "ITLFile.tlv"];

/// Which files are fetched, from which node or, unless `alone`, from all nodes of its cluster, and where they are kept.
pub struct Wanted<'a> {
    pub names: Vec<String>,
    pub node: &'a NodeAddress,
    pub alone: bool,
    pub ports: Ports,
    /// Let the shell print a file that cannot be fetched in any other way.
    pub dump: bool,
    pub folder: &'a Path,
    pub existing: OnExisting,
}

impl<'a> Wanted<'a> {
    /// The lists of all nodes; files that are there get another name.
    pub fn lists(node: &'a NodeAddress, ports: Ports, folder: &'a Path) -> Self {
        let (names, existing) = (LISTS.map(str::to_owned).into(), OnExisting::KeepBackup);
        Wanted { names, node, alone: false, ports, dump: false, folder, existing }
    }
}

/// The cluster that phones go to.
pub struct OtherCluster {
    /// Its publisher.
    pub node: NodeAddress,
    /// What it serves.
    pub lists: Installed<VerifiedList>,
}

/// The lists that a node serves, as far as they verify. Nothing is written.
pub fn served_lists(node: &NodeAddress, ports: Ports) -> Result<Installed<VerifiedList>, WorkError> {
    let get = |name| Ok::<_, WorkError>(fetch(node.host().unwrap_or_default(), ports, name)?);
    let list = |name| Ok::<_, WorkError>(get(name)?.and_then(|file| TrustList::decode(file.bytes).ok()));
    let [ctl, itl] = LISTS;
    let itl = list(itl)?.and_then(|itl| InstalledItl::of(&itl).ok()).unwrap_or_default();
    Ok(Installed { ctl: list(ctl)?.and_then(|ctl| ctl.verify().ok()), itl })
}

/// The files that were kept, and the problems.
#[derive(Debug, Default, Serialize)]
pub struct Fetched {
    /// Which nodes have another file, or none.
    pub differing: Vec<String>,
    pub unverified: Vec<String>,
    pub written: Vec<FetchedFile>,
}

impl Fetched {
    /// Whether this file was written.
    pub fn wrote(&self, path: &Path) -> bool {
        self.written.iter().any(|file| Path::new(&file.file) == path)
    }
}

/// A file that was kept; its checksum hexadecimal.
#[derive(Debug, Serialize)]
pub struct FetchedFile {
    by: String,
    bytes: usize,
    file: String,
    kept_old_as: Option<String>,
    md5: String,
    node: String,
    says: String,
}

/// Fetches each file from every node, and keeps one; if possible, one that verifies.
pub fn fetch_all(
    wanted: &Wanted<'_>,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<Fetched, WorkError> {
    let nodes = connector.nodes(wanted.node, wanted.alone)?;
    files::make_folder(wanted.folder)?;
    let mut fetched = Fetched::default();
    let work = operator.long_work(
        &format!("Fetching from {} nodes", nodes.len()),
        Some(nodes.len().saturating_mul(wanted.names.len())),
    );
    for name in &wanted.names {
        let (mut found, mut without) = (Vec::new(), Vec::new());
        for node in &nodes {
            match NodeFile::get(node, name, wanted.ports, wanted.dump, connector)? {
                Some(of_node) => found.push(of_node),
                None => {
                    operator.note(&format!("{node}: no {name}"));
                    without.push(format!("{node} has no {name}"));
                }
            }
            work.one_done();
        }
        // If no node has it, the nodes do not differ.
        let Some(kept) = found.iter().find(|f| f.signer.is_ok()).or(found.first()) else { continue };
        fetched.differing.append(&mut without);
        // A file that does not verify gets another name, so that it is not mistaken for a valid list.
        let stem = name.strip_suffix(".tlv").filter(|_| kept.signer.is_err());
        let out = stem.map_or_else(|| name.clone(), |stem| format!("{stem}.unverified.tlv"));
        let out = wanted.folder.join(out);
        out.parent().map_or(Ok(()), files::make_folder)?;
        let written = files::write_new(&out, &kept.bytes, wanted.existing)?;
        let file = FetchedFile {
            by: kept.by.to_string(),
            bytes: kept.bytes.len(),
            file: out.display().to_string(),
            kept_old_as: written.backup.map(|path| path.display().to_string()),
            md5: kept.md5(),
            node: kept.node.to_string(),
            says: kept.says(),
        };
        let FetchedFile { by, bytes, file: path, md5, node, says, .. } = &file;
        if stem.is_some() {
            fetched.unverified.push(format!("{name} of {node}, kept as {path}"));
        }
        operator.show(&View::Text(&format!(
            "{path}   {bytes} bytes from {node} by {by}, {}, MD5 {md5}",
            printable(says)
        )))?;
        for other in found.iter().filter(|other| other.node != kept.node) {
            let (node, says) = (&other.node, printable(&other.says()));
            let another =
                format!("{node} has another {name} than {}: MD5 {}, {says}", kept.node, other.md5());
            if other.bytes == kept.bytes {
                operator.note(&format!("{node}: the same {name}"));
            } else if name.starts_with("ITL") && other.signer.is_ok() {
                operator.note(&format!("{another}; each TFTP server signs its own ITL"));
            } else {
                fetched.differing.push(another);
            }
        }
        fetched.written.push(file);
    }
    Ok(fetched)
}
