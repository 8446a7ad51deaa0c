//! The lists of the two clusters between which phones move, from folders or from nodes; and the files for the old cluster.

use std::path::{Path, PathBuf};

use super::advice::migration::{Side, certificates_to_trust, migration};
use super::advice::{Procedure, by, step};
use super::check::read_installed;
use super::error::WorkError;
use super::export::{Format, export};
use super::fetched::{LISTS, Wanted, fetch_all};
use super::next::Next;
use super::operator::Operator;
use crate::cluster::{Connector, NodeAddress, Ports};
use crate::files::OnExisting;
use crate::phone::{Installed, InstalledItl};
use crate::trustlist::VerifiedList;

/// Between which clusters phones move: each a folder with the lists of a TFTP node, or the node.
pub struct Migration<'a> {
    pub from: &'a str,
    pub to: &'a str,
    /// Where files go: the lists of nodes, and the certificates that the old cluster must trust.
    pub out: &'a Path,
    pub ports: Ports,
}

impl Migration<'_> {
    /// The procedures. Nothing changes on a cluster: lists are fetched by TFTP.
    ///
    /// # Errors
    /// If a place is neither a folder nor a node, has no list, or has one that does not verify; if a file cannot be written.
    pub fn plan(
        &self,
        connector: &mut Connector<'_>,
        operator: &dyn Operator,
    ) -> Result<Vec<Procedure>, WorkError> {
        let (from, old) = self.lists(self.from, "from", connector, operator)?;
        let (to, new) = self.lists(self.to, "to", connector, operator)?;
        let side = |folder: &Path, place: &str, lists, name: &str| Side {
            lists,
            ctl: folder.join(LISTS[0]).display().to_string(),
            node: if Path::new(place).is_dir() { name.to_owned() } else { place.to_owned() },
        };
        let certificates = certificates_to_trust(&new.as_ref());
        let written = export(&certificates, self.out, Format::Der, OnExisting::KeepBackup, operator)?;
        let files: Vec<String> = written.into_iter().map(|file| file.file).collect();
        let from = side(&from, self.from, old.as_ref(), "OLD-PUBLISHER");
        let to = side(&to, self.to, new.as_ref(), "NEW-PUBLISHER");
        let mut procedures = migration(&from, &to, &files);
        let of_nodes = [self.from, self.to].iter().all(|place| !Path::new(place).is_dir());
        for procedure in procedures.iter_mut().filter(|way| way.closed.is_none() && way.name != "now") {
            let runs = ["tvs", "bridge", "same-tokens"].contains(&procedure.name);
            let step = match () {
                () if !runs => step(
                    "not as one run: neither the shell nor REST sets the parameter or the mode that it needs",
                ),
                () if old.ctl.is_none() => step("not as one run: the old cluster has no CTL in force"),
                () if !of_nodes => continue,
                () => {
                    let (from, to, way) = (self.from.to_owned(), self.to.to_owned(), procedure.name);
                    by(Next::Migrate { from, to, way }, "all of it as one run, or step by step:", vec![])
                }
            };
            procedure.steps.insert(0, step);
        }
        Ok(procedures)
    }

    /// The folder with the lists of a cluster, and the lists.
    fn lists(
        &self,
        place: &str,
        name: &str,
        connector: &mut Connector<'_>,
        operator: &dyn Operator,
    ) -> Result<(PathBuf, Installed<VerifiedList>), WorkError> {
        let mut folder = PathBuf::from(place);
        if !folder.is_dir() {
            let node: NodeAddress =
                place.parse().map_err(|_| WorkError::NoClusterThere { place: place.to_owned() })?;
            folder = self.out.join(name);
            let wanted = Wanted { alone: true, ..Wanted::lists(&node, self.ports, &folder) };
            fetch_all(&wanted, connector, operator)?;
        }
        let there = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
        let lists = read_installed(there(LISTS[0]).as_deref(), there(LISTS[1]).as_deref())?;
        match lists.ctl.is_none() && matches!(lists.itl, InstalledItl::Unknown) {
            true => Err(WorkError::NoClusterThere { place: place.to_owned() }),
            false => Ok((folder, lists)),
        }
    }
}
